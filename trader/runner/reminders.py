"""Alerts that nobody has acknowledged are said again: critical ones, at an interval, in one line however many there are."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Protocol

from trader.engine.records import AlertRaised, AnyRecord
from trader.journal.alerts import CRITICAL, Acknowledgements
from trader.journal.commands import CommandKind, CommandRow
from trader.journal.views import AlertRow

NAG_SECS = 30.0
_NAMED = 3
_KEPT = 200


class Acks(Protocol):
    """Where acknowledgements are found: the journal."""

    def commands_of_kind(
        self, account: str, kind: CommandKind, after_id: int = 0
    ) -> Iterable[tuple[int, CommandRow]]: ...


class Nagger:
    """Which critical alerts of one account stand unacknowledged, and when to say so again. One thread only."""

    def __init__(self, every_secs: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._every = every_secs
        self._monotonic = monotonic
        self._acks = Acknowledgements()
        self._open: OrderedDict[int, AlertRow] = OrderedDict()
        self._said = monotonic()

    def raised(self, alert: AlertRow) -> None:
        """An alert was recorded."""
        if alert.level != CRITICAL or self._acks.of(alert.seq) is not None:
            return
        if not self._open:
            self._said = self._monotonic()  # it has just been said
        self._open[alert.seq] = alert
        while len(self._open) > _KEPT:
            self._open.popitem(last=False)

    def written(self, seq: int, record: AnyRecord) -> None:
        """A record is on disk; an alert of these is repeated until a person acknowledges it."""
        if isinstance(record, AlertRaised):
            self.raised(
                AlertRow(
                    seq=seq,
                    run_id=record.run_id,
                    wall=record.wall,
                    level=record.level,
                    code=record.code,
                    text=record.text,
                )
            )

    def catch_up(self, journal: Acks, account: str) -> None:
        """Take in what people have acknowledged since the last look."""
        for row_id, command in journal.commands_of_kind(account, "ack", self._acks.last_id):
            self.acknowledged(row_id, command)

    def acknowledged(self, row_id: int, command: CommandRow) -> None:
        """A person has acknowledged some."""
        self._acks.add(row_id, command)
        for seq in [seq for seq in self._open if self._acks.of(seq) is not None]:
            del self._open[seq]

    @property
    def open(self) -> tuple[AlertRow, ...]:
        """Unacknowledged critical alerts, oldest first."""
        return tuple(self._open.values())

    def due(self) -> str:
        """The line to say now; empty when there is nothing to repeat or it is not time yet."""
        now = self._monotonic()
        if not self._open or now - self._said < self._every:
            return ""
        self._said = now
        newest = list(self._open.values())[-_NAMED:][::-1]
        told = " | ".join(f"#{alert.seq} {alert.text}" for alert in newest)
        more = f" | and {len(self._open) - _NAMED} more" if len(self._open) > _NAMED else ""
        count = len(self._open)
        return f"{count} alert{'s' if count > 1 else ''} not acknowledged: {told}{more} (python -m trader alerts)"
