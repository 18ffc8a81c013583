"""The browser panel's helpers: words, numbers, tables and figures, none of which decide anything about trading.

Pages in `pages/` draw what these make of a desk's views. This package knows `trader.desk` and the view values only; it
never touches the exchange, the journal or the engine.
"""
