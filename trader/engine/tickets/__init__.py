"""Tickets: single orders by hand or by program. Each is a run of one leg without a strategy; what differs from a structure's run is here."""
