"""What can be asked of Delta beyond the ports: the whole of its orders, market and account endpoints."""
