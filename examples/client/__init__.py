"""Over the exchange client: programs of your own, without runner and journal."""
