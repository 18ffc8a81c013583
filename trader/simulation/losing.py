"""OR1–OR4: losses count what is open, on the day on which it arises. OR1 no entry is decided while realised and open losses of all runs
have reached the share of a limit that bars entries. OR2 every run that is open over an Indian midnight is marked at what it would close
for then, and what its days have made adds up to what it has earned. OR3 a loss that nears a limit is told, and none that does not. OR4
a day's ledger is compared with what was booked on it, to the last digit.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from trader.domain.expiry import ist_date
from trader.domain.order import Purpose
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.records import Phase
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote, monday_of
from trader.simulation.triggers import TriggerRules

_MORE, _MORE_USD = Decimal("1.03"), Decimal("0.03")  # our arithmetic of prices and the engine's differ by less
_LASTING_SECS = 4.0
_WARNED_SECS = 8.0
_MARKED_SECS = 12.0  # after midnight; prices of all legs come every two seconds
_PRICED_USD = Decimal("0.02")
_DAY = timedelta(days=1)


class LossRules:
    """Adds up what all runs have made of a day and of a week, by the oracle's own prices."""

    def __init__(self, evidence: Evidence, triggers: TriggerRules) -> None:
        self._evidence = evidence
        self._triggers = triggers
        self._since: dict[str, float] = {}  # steps of limits that are reached, and since when
        self._ledger: ev.WalletRead | None = None  # the newest whole one that was heard for the sake of days

    def booted(self) -> None:
        self._since.clear()

    def heard(self, event: ev.WalletRead) -> None:
        """A runner is about to hear the ledger of whole days."""
        if event.changes is not None:
            self._ledger = event

    def midnight_secs(self) -> float:
        """When the present Indian day began; seconds as the session counts them."""
        agenda = self._evidence.world.agenda
        return (_begins(ist_date(agenda.now)) - agenda.start).total_seconds()

    def is_day_owed(self) -> bool:
        """Whether something was booked yesterday that was not held against the exchange's ledger yet."""
        yesterday, compared = ist_date(self._evidence.world.agenda.now) - _DAY, self._evidence.notes.compared
        if compared is not None and compared.day >= yesterday:
            return False
        fills = (fill for run in self._evidence.notes.runs.values() for _, fill in run.fills.values())
        return any(fill.ts_event is not None and ist_date(fill.ts_event) == yesterday for fill in fills)

    def lost(self) -> Iterator[tuple[str, Decimal, Decimal, bool]]:
        """Each limit: its name, USD lost, the limit, whether it is locked; nothing while some of it cannot be said."""
        notes, today = self._evidence.notes, ist_date(self._evidence.world.agenda.now)
        opened, monday = Decimal(0), monday_of(today)
        for run in notes.unresolved():
            made = self._made(run)
            if made is None:
                return
            opened += made
        limits = notes.limits
        day = notes.made.get(today, Decimal(0)) + opened
        week = sum((usd for at, usd in notes.made.items() if monday <= at <= today), Decimal(0)) + opened
        yield "daily", -day, limits.daily_loss_usd, notes.locked_day == today
        yield "weekly", -week, limits.weekly_loss_usd, notes.locked_week == monday

    def _made(self, run: RunNote) -> Decimal | None:
        """USD a run has made since its last mark; None where it cannot be priced."""
        if not run.fills:
            return None if any(order.reported for order in run.orders.values()) else Decimal(0)
        if run.phase is not Phase.HOLDING:
            return None  # what is on its way may be known to one and not to the other
        made = self._triggers.pnl_of(run)
        return None if made is None else made - (run.mark.pnl if run.mark is not None else 0)

    # ------------------------------------------------------------ at the commit

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        match record:
            case rec.OrderIntended(intent=intent) if intent.purpose is Purpose.ENTRY and record.cause != "recovery":
                for name in ("daily", "weekly"):
                    lasting = self._evidence.secs - self._since.get(f"{name} bars", self._evidence.secs)
                    if lasting > _LASTING_SECS:
                        words = f"{intent.client_order_id} enters, the {name} loss bars entries for {lasting:.0f} s"
                        self._evidence.report("OR1", words)
            case rec.DayMarked() if run is not None:
                self._check_mark(run, record)
            case rec.RunFinished() if run is not None:
                carried = run.mark.pnl if run.mark is not None else Decimal(0)
                if record.carried != carried:
                    self._evidence.report(
                        "OR2", f"run {run.run_id} carries {record.carried}, its days have made {carried}"
                    )
            case rec.LimitsSet():
                self._since.clear()  # measured against the old ones
            case rec.LossWarned() if not self._evidence.is_late():
                self._check_warning()
            case rec.DayCompared():
                self._check_day(record)
            case _:
                pass

    def _check_mark(self, run: RunNote, record: rec.DayMarked) -> None:
        carried = run.mark.pnl if run.mark is not None else Decimal(0)
        yesterday = ist_date(record.market or record.wall) - _DAY
        if record.carried != carried or record.day != yesterday:
            text = f"run {run.run_id} is marked for {record.day} with {record.carried} carried; {yesterday}, {carried}"
            self._evidence.report("OR2", text)
        found = self._triggers.pnl_of(run) if run.phase is Phase.HOLDING and not run.ticket else None
        if found is None or record.late or self._evidence.is_late():
            return
        if abs(found - record.pnl) > _PRICED_USD + abs(found) * (_MORE - 1):
            self._evidence.report("OR2", f"run {run.run_id} is marked at {record.pnl}, closing it makes {found}")

    def _check_warning(self) -> None:
        """Not on a day that is far from its limit, whatever was seen two seconds ago."""
        share = self._evidence.notes.limits.loss_warn_pct / 200
        found = list(self.lost())
        if found and all(lost < limit * share - _MORE_USD for _, lost, limit, _ in found):
            self._evidence.report("OR3", f"warned of a loss: {[(name, str(lost)) for name, lost, *_ in found]}")

    def _check_day(self, record: rec.DayCompared) -> None:
        event = self._ledger
        if record.difference is None or event is None or event.changes is None or self._evidence.is_late():
            return
        if not self._evidence.world.plan.costs_told:
            return
        last = self._evidence.notes.compared
        start = last.until if last is not None and last.day == record.day - _DAY else _begins(record.day)
        runs = [run for run in self._evidence.notes.runs.values() if not run.is_perpetual]
        booked = [fill for run in runs for _, fill in run.fills.values()]
        products = {
            fill.product_id for fill in booked if fill.ts_event is not None and ist_date(fill.ts_event) == record.day
        }
        products |= {leg.product_id for run in runs if run.finished is None for leg in run.legs if run.net(leg.key)}
        told = sum((run.told_on(record.day) for run in runs), Decimal(0))
        lines = [
            line.amount
            for line in event.changes
            if line.product_id in products and line.created_at is not None and start <= line.created_at < record.until
        ]
        paid = sum(lines, Decimal(0))
        if record.difference != paid - told or sum(record.lines.values(), Decimal(0)) != paid:
            text = f"{record.day}: {record.difference} recorded of {record.lines}, {paid} paid, {told} booked"
            self._evidence.report("OR4", text)
        if abs((record.until - _begins(record.day + _DAY)).total_seconds()) > 20:
            self._evidence.report("OR4", f"{record.day} is cut at {record.until}")

    # ------------------------------------------------------------ every second

    def every_second(self, healthy: float) -> None:
        self._measure()
        limits = self._evidence.notes.limits
        for name in ("daily", "weekly"):
            since = self._since.get(f"{name} warns", self._evidence.secs)
            if limits.loss_warn_pct and min(self._evidence.secs - since, healthy) > _WARNED_SECS:
                self._evidence.report("OR3", f"nobody is told of the {name} loss", name)
        for run in self._evidence.notes.structures():
            self._check_marked(run, healthy)

    def _measure(self) -> None:
        """Since when each step is reached, by prices that are known throughout."""
        limits, reached = self._evidence.notes.limits, set()
        for name, lost, limit, locked in self.lost():
            warned = self._evidence.notes.warned.get(name)
            today = ist_date(self._evidence.world.agenda.now)
            if lost >= limit * limits.loss_bars_pct / 100 * _MORE + _MORE_USD:
                reached.add(f"{name} bars")
            nears = limit * limits.loss_warn_pct / 100 * _MORE + _MORE_USD <= lost < limit
            if nears and not locked and warned != (today if name == "daily" else monday_of(today)):
                reached.add(f"{name} warns")
        self._since = {step: self._since.get(step, self._evidence.secs) for step in reached}

    def _check_marked(self, run: RunNote, healthy: float) -> None:
        """A run that has traded before midnight and can be priced since is marked."""
        now = self._evidence.world.agenda.now
        midnight = _begins(ist_date(now))
        traded = min((fill.ts_event for _, fill in run.fills.values() if fill.ts_event is not None), default=now)
        since = (now - midnight).total_seconds()
        if traded >= midnight or run.phase is not Phase.HOLDING or min(since, healthy) < _MARKED_SECS:
            return
        marked = run.mark.day if run.mark is not None else None
        priced = self._evidence.secs - self._triggers.priced_since(run)
        if marked != ist_date(now) - _DAY and priced > _MARKED_SECS:
            self._evidence.report("OR2", f"run {run.run_id} is open over midnight and not marked", run.run_id)


def _begins(day: date) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T00:00:00+05:30")
