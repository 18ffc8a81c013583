"""What every exchange client is made of: keys, budget, clock, transport, caches, rows and figures. Knows no exchange."""
