"""The journal: append-only records of intents, facts and decisions; the truth that everything else is folded from.

This package knows tables, transactions and the lease. It does not know what the records mean for a run: that fold is
the engine's. One writer per account (the lease holder) appends; every process may read and insert command rows.
"""

from trader.journal.alerts import Acknowledgements
from trader.journal.commands import Command, CommandMark, CommandRow
from trader.journal.lease import Lease, LeaseLost
from trader.journal.store import Journal
from trader.journal.views import AlertRow, FillRow, OrderRow, RunSummary, Sample

__all__ = [
    "Acknowledgements",
    "AlertRow",
    "Command",
    "CommandMark",
    "CommandRow",
    "FillRow",
    "Journal",
    "Lease",
    "LeaseLost",
    "OrderRow",
    "RunSummary",
    "Sample",
]
