"""The trading field's own words as immutable values. Pure: no I/O, no clock, no randomness."""
