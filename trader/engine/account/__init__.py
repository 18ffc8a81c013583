"""The account apart from its runs: what is read of it, whose what is, and what it may do in all."""
