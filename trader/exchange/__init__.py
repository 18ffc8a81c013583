"""The ways to an exchange: the gateway verbs every caller uses, and the clients that speak an exchange's protocol."""
