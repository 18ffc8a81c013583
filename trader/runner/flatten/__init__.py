"""Closing everything of ours with neither panel nor runner nor, where it is lost, the journal.

Deliberately apart from the engine: plain loops over the gateway's verbs, so that whatever keeps the runner from closing a
position does not keep this from it. What it shares with the house are values, identifiers and the journal's records.
"""

from trader.runner.flatten.flattening import Report, flatten

__all__ = ["Report", "flatten"]
