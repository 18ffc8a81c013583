"""Runs as they stand in the journal: records read once and kept, views folded from them by the engine's own fold."""

import threading
from collections import OrderedDict
from datetime import datetime
from typing import NamedTuple

from trader.config.pinned import pinned_preset
from trader.config.preset import Preset
from trader.desk.outcome import Outcome, build_outcome
from trader.desk.situation import SHOWN
from trader.domain.clock import Now
from trader.domain.wording import refusal_words
from trader.engine.fold import fold
from trader.engine.records import (
    AnyRecord,
    LegsChosen,
    LegTerms,
    LevelChanged,
    LimitsSet,
    LossLocked,
    RunCreated,
    RunFinished,
)
from trader.engine.state import Run, State
from trader.engine.tickets.viewing import build_ticket
from trader.engine.view import OrderView, RunView, TicketView
from trader.engine.viewing import build_view
from trader.journal import Journal, OrderRow

_RUNS_KEPT = 16


class AccountRuns(NamedTuple):
    """An account's runs that are not resolved, oldest first, or else the one that ended last; its single orders that are not;
    its newest change of level, and its newest decisions of any kind, newest first."""

    unresolved: tuple[str, ...]
    tickets: tuple[str, ...]
    ended_last: str | None
    levels: tuple[LevelChanged, ...]
    decided: tuple[LevelChanged | LimitsSet | LossLocked, ...]


class RunBook:
    """Records of the runs looked at last. Records never change, so only new ones are read again. Thread-safe."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, tuple[AnyRecord, ...]]] = (
            OrderedDict()
        )  # read up to which number, and what
        self._accounts: dict[str, tuple[int, AccountRuns]] = {}
        self._presets: dict[str, Preset] = {}  # of the runs looked at last

    def records(self, run_id: str) -> tuple[AnyRecord, ...]:
        """Everything recorded of a run so far, in order; empty when there is no such run.

        Raises:
            JournalError: The journal cannot be read.
        """
        newest = self._journal.newest().record
        with self._lock:
            after, known = self._kept.get(run_id, (0, ()))
        if known and newest <= after:
            return known
        found = self._journal.records(run_id, after)
        if not found and not known:
            return ()
        known = known + tuple(record for _, record in found)
        after = max(after, newest, found[-1][0] if found else 0)
        with self._lock:
            # Another thread may have read further meanwhile; the longer history is the right one.
            if len(self._kept.get(run_id, (0, ()))[1]) <= len(known):
                self._kept[run_id] = (after, known)
            self._kept.move_to_end(run_id)
            while len(self._kept) > _RUNS_KEPT:
                self._kept.popitem(last=False)
        return known

    def of_account(self, account: str) -> AccountRuns:
        """Which runs an account has, and how its level was changed.

        Raises:
            JournalError: The journal cannot be read.
        """
        newest = self._journal.newest().record
        read_to, told = self._accounts.get(account, (-1, None))
        if told is None or newest > read_to:
            unresolved = self._journal.unresolved_runs(account, tickets=False)
            tickets = [one for one in self._journal.unresolved_runs(account) if one not in unresolved]
            ended = [] if unresolved else self._journal.runs(limit=1, account=account, finished=True)
            levels = self._journal.level_changes(account, 1)
            told = AccountRuns(
                tuple(unresolved),
                tuple(tickets),
                ended[0].run_id if ended else None,
                tuple(record for _, record in levels),
                tuple(self._journal.account_decisions(account, SHOWN)),
            )
            self._accounts[account] = (newest, told)
        return told

    def created(self, run_id: str) -> RunCreated | None:
        """The run's first record."""
        return _created(self.records(run_id))

    def preset(self, run_id: str, records: tuple[AnyRecord, ...] | None = None) -> Preset | None:
        """The configuration the run pinned; its `records` are read where they are not handed in."""
        preset = self._presets.get(run_id)
        if preset is None and (created := _created(self.records(run_id) if records is None else records)) is not None:
            preset = pinned_preset(created.config)
            kept = self._presets if len(self._presets) < _RUNS_KEPT else {}
            self._presets = {**kept, run_id: preset}
        return preset

    def terms(self, run_id: str) -> tuple[LegTerms, ...]:
        """The legs as they were chosen last; none before that."""
        found = (one.legs for one in reversed(self.records(run_id)) if isinstance(one, LegsChosen))
        return next(found, ())

    def view(self, run_id: str, wall: datetime) -> RunView | None:
        """The run as its records tell it, without live prices. None when there is no such run."""
        records = self.records(run_id)
        folded = _folded(run_id, records)
        if folded is None:
            return None
        return build_view(*folded, _newest(records, wall))

    def ticket(self, run_id: str, wall: datetime) -> TicketView | None:
        """A single order as its records tell it, without live prices. None when there is none of that id."""
        records = self.records(run_id)
        folded = _folded(run_id, records)
        if folded is None or folded[1].ticket is None:
            return None
        return build_ticket(*folded, _newest(records, wall))

    def outcome(self, run_id: str) -> Outcome | None:
        """What a finished run left. None while it is not finished, and for one that sold nothing."""
        records = self.records(run_id)
        folded = _folded(run_id, records)
        return None if folded is None else build_outcome(folded[1], records)


def order_view(row: OrderRow) -> OrderView:
    """An order as its records tell it, and what the gate let it pass on."""
    return OrderView(
        client_order_id=row.intent.client_order_id,
        leg=row.intent.leg,
        purpose=row.intent.purpose.name.lower(),
        side=row.intent.side.value,
        quantity=row.intent.quantity,
        filled_quantity=row.filled_quantity,
        limit_price=row.intent.limit_price,
        status=row.status,
        message=refusal_words(row.code, row.message),
        wall=row.wall,
        passed=row.passed,
    )


def _newest(records: tuple[AnyRecord, ...], wall: datetime) -> Now:
    """Now, by the exchange's time as the records know it last."""
    return Now(wall, next((record.market for record in reversed(records) if record.market is not None), None))


def ended(records: tuple[AnyRecord, ...]) -> datetime | None:
    """When the run was finished (this machine's clock); None while it is not."""
    return next((one.wall for one in reversed(records) if isinstance(one, RunFinished)), None)


def _created(records: tuple[AnyRecord, ...]) -> RunCreated | None:
    return records[0] if records and isinstance(records[0], RunCreated) else None


def _folded(run_id: str, records: tuple[AnyRecord, ...]) -> tuple[State, Run] | None:
    """An empty account of the run's, and the run as its records make it."""
    if not records or not isinstance(records[0], RunCreated):
        return None
    first = records[0]
    empty = State(installation="", epoch=0, env=first.env, account_key=first.account)
    return empty, fold(empty, list(records)).runs[run_id]
