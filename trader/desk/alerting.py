"""Alerts as faces see them: each with whether, by whom and when it was acknowledged. Safe from any thread."""

import threading
from collections import deque
from itertools import islice

from trader.domain.errors import ConfigError
from trader.journal import Acknowledgements, AlertRow, Journal
from trader.journal.alerts import LOUD, needs_acknowledging

_KEPT = 1000  # newest alerts of any level


class AlertBook:
    """One account's alerts. Neither an alert nor its acknowledgement ever changes, so only new ones are read."""

    def __init__(self, journal: Journal, account: str) -> None:
        self._journal = journal
        self._account = account
        self._lock = threading.Lock()
        self._acks = Acknowledgements()
        self._kept: deque[AlertRow] = deque(maxlen=_KEPT)  # newest first
        self._read_to: tuple[int, int] | None = None  # number of a record and of a command
        self._told_last: tuple[AlertRow, ...] = ()

    def newest(self, limit: int) -> tuple[AlertRow, ...]:
        """Warnings and errors, newest first, acknowledged or not."""
        return tuple(islice((alert for alert in self._told() if alert.level in LOUD), limit))

    def everything(self) -> tuple[AlertRow, ...]:
        """Information too, newest first."""
        return self._told()

    def open(self) -> tuple[AlertRow, ...]:
        """Warnings and errors nobody has acknowledged, newest first."""
        return tuple(alert for alert in self._told() if needs_acknowledging(alert))

    def body(self, which: tuple[int, ...] | None) -> dict[str, object]:
        """What an ``ack`` command says: these alerts, or every one there is by now.

        Raises:
            ConfigError: One of them does not exist on this account.
        """
        there = {alert.seq for alert in self._told()}
        if which is None:
            return {"up_to": max(there, default=0)}
        unknown = sorted(set(which) - there)
        if unknown:
            raise ConfigError(f"There is no alert {unknown[0]}; `python -m trader alerts --all` lists them")
        return {"alerts": sorted(set(which))}

    def _told(self) -> tuple[AlertRow, ...]:
        """All that are kept, newest first, with their acknowledgements."""
        newest = self._journal.newest()
        with self._lock:
            if self._read_to is not None and newest.record <= self._read_to[0] and newest.command <= self._read_to[1]:
                return self._told_last
            for row_id, row in self._journal.commands_of_kind(self._account, "ack", self._acks.last_id):
                self._acks.add(row_id, row)
            last = self._kept[0].seq if self._kept else 0
            new = self._journal.alerts(_KEPT, account=self._account, after_seq=last)
            self._kept.extendleft(reversed(new))
            self._told_last = tuple(self._acks.told(alert) for alert in self._kept)
            self._read_to = newest.record, newest.command
            return self._told_last
