"""Over the HTTP API: programs that trade through the desk's gate, journal and runner."""
