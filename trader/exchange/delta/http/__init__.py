"""Requests to Delta: endpoints, signatures, refusals and the client that sends them."""
