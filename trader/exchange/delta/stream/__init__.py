"""Delta's two WebSocket streams: the connection, what they say, and quotes kept current from it."""
