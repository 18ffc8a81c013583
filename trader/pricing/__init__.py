"""Option arithmetic: Black-76, implied volatility, fees, margin, payoff. Pure: no I/O, no clock.

`black76`, `implied_vol`, `fees`, `margin` and `payoff` need the standard library only. `chain` and `implied_vol_chain`
are the vectorised twins (numpy, scipy); nothing imports them on behalf of a process that must stay small.
"""
