"""The local exchange: Delta's REST v2 and WebSocket protocol on loopback, over a synthetic or recorded market."""
