"""Client for the Delta Exchange protocol (REST v2 and WebSocket), synchronous and threaded.

The same client serves production, testnet and any Delta-speaking server on this machine: only the three URLs differ.
"""
