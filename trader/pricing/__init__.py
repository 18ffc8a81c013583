"""Option arithmetic: Black-76, implied volatility, fees, margin, payoff. Pure: no I/O, no clock.

`black76`, `implied_vol`, `fees`, `margin` and `payoff` need the standard library only. `chain` is the
vectorised twin of the first (numpy, scipy); nothing imports it on behalf of a process that must stay small.
"""
