"""The part of the desk that makes reports: one run in full, one Indian day held against the exchange."""
