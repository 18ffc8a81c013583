"""Runnable examples, one for each capability: over the exchange client, and over the HTTP API. See README.md beside this file."""
