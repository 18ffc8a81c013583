"""The exchange itself, in memory: products, books, matching, accounts, margin, fees and settlement.

No I/O, no clock, no threads: every method is told the market time. The wire servers and a virtual-clock simulation
drive the same `Exchange`.
"""
