"""Another exchange's public market data: received, recorded, relayed and replayed. Orders never go this way."""
