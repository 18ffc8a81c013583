"""The engine and the local exchange's core in one process on a virtual clock: seeded faults, an oracle, shrinking.

Real here: `step`, the fold, the records' encoding, the account and chain reads, the market clock and the exchange core.
Simulated: time, network, disk, process life and people. No thread, no socket, no sleep, no file.
"""
