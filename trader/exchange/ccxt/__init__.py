"""Exchanges this program has no client of its own for, through ccxt, which is optional."""
