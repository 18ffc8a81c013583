"""Market sources of the local exchange: synthetic and recorded. They make prices; matching and money live elsewhere."""
