"""The books: orders, trades, positions, balances and events of the whole account, which every face reads."""
