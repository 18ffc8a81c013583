"""Benchmarks: small commands that measure the product beside what the machine allows, in one run.

`python -m bench` runs all of them; `python -m bench.<name> [--json]` one. Linux only: figures of other processes come from
`/proc`.
"""
