"""The protocol soak: the real runner and the real venue under a steady flood of messages, and what must hold afterwards."""
