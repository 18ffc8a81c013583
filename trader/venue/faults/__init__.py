"""Faults on demand: what the local exchange does wrong when a test asks for it. Nothing here is loaded without a control port."""
