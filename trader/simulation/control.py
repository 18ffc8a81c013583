"""Rules about control: CT1–CT10, I15, I16, DU1. Some are judged when something is committed, the rest every second."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from trader.config.preset import Preset
from trader.domain.order import OrderIntent, Purpose
from trader.domain.quote import Quote
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.pricing.fees import option_commission
from trader.simulation.notes import RunNote
from trader.simulation.streams import NO_ANSWER_SECS
from trader.simulation.venue import is_desks

if TYPE_CHECKING:
    from trader.simulation.oracle import Oracle
    from trader.simulation.shell import Shell

_STOP_SECS = 1.3  # rows are polled every tick; a second of grace is the supervisor's rhythm
_FIRST_EXIT_SECS = 6.5  # two for a cancel's answer, the rest for refusals before it
_NEXT_TRY_SECS = 8.0
_TIME_EXIT_SECS = 3.5
_AFTER_BOOT_SECS = 5.5
_TRIGGER_SECS = 3.0
_MARGIN_PCT = Decimal("0.5")  # our arithmetic and the engine's may differ by rounding, never by this
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_PRICE_REASONS = frozenset({"max_loss", "max_profit", "trailing_stop", "breakeven"})


class ControlRules:
    """What has to happen, and how soon."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._watched = ""  # the run whose prices are being followed
        self._marks: dict[str, deque[tuple[float, Decimal]]] = {}
        self._newest: dict[str, Quote] = {}
        self._heard: dict[str, float] = {}
        self._sighted = 0.0
        self._spot = Decimal(0)
        self._streak: tuple[str, int, float] = ("", 0, 0.0)
        self._pcts: list[Decimal] = []
        self._stamps: dict[str, tuple[datetime, datetime]] = {}  # the newest heard, mark and quote
        self._peak: dict[str, Decimal] = {}
        self._presets: dict[str, Preset] = {}
        self._naked: dict[str, float] = {}
        self._read_after: dict[str, tuple[float, float]] = {}
        self._time_heard: float | None = None

    def recent_marks(self, symbol: str) -> list[Decimal]:
        """Marks told or true within the last seconds."""
        secs = self._oracle.secs
        found = [m for at, m in self._marks.get(symbol, ()) if secs - at <= 20 and m > 0]
        market = self._oracle.session.venue.market
        if symbol in self._oracle.session.venue.core.products.live:
            found.append(market.option_stats(symbol).mark)
        return found

    def knows_time(self, secs: float) -> bool:
        """Whether the present runner had heard the exchange's time by then; before, it cannot know of an expiry."""
        return self._time_heard is not None and self._time_heard < secs

    def booted(self, shell: Shell) -> None:
        self._time_heard = None
        self._newest.clear()
        self._stamps.clear()
        self._heard.clear()
        self._streak = ("", 0, 0.0)
        self._pcts.clear()
        # What a runner saw and could not record before it died nobody knows: the journal's peak counts.
        self._peak = {run.run_id: run.peak for run in self._oracle.notes.unresolved() if run.peak is not None}

    # ------------------------------------------------------------ prices as the runner hears them

    def priced(self, shell: Shell, quotes: tuple[Quote, ...], spot: Decimal) -> None:
        if shell is not self._oracle.session.current or shell.paused:
            return
        secs = self._oracle.secs
        self._time_heard = secs if self._time_heard is None else self._time_heard
        self._spot = spot if spot > 0 else self._spot
        younger = self._younger(quotes)
        for quote in quotes:
            self._newest[quote.symbol] = quote
            self._heard[quote.symbol] = secs
            if quote.mark is not None:
                self._marks.setdefault(quote.symbol, deque(maxlen=16)).append((secs, quote.mark))
        run = self._oracle.notes.newest()
        if run is None or run.phase is not Phase.HOLDING:
            return
        held = [leg for leg in run.legs if run.net(leg.key) != 0]
        if not held or not all(self._usable(leg.symbol) for leg in held):
            return
        self._sighted = secs
        if {leg.symbol for leg in held} <= younger:
            self._evaluate(run, held)

    def _younger(self, quotes: Iterable[Quote]) -> set[str]:
        """Symbols whose mark and quote are both newer than any heard before: with an older one an evaluation is no fresh one."""
        younger = set()
        for quote in quotes:
            if quote.ts_mark is None or quote.ts_quote is None:
                continue
            mark, quoted = self._stamps.get(quote.symbol, (_LONG_AGO, _LONG_AGO))
            if quote.ts_mark > mark and quote.ts_quote > quoted:
                younger.add(quote.symbol)
            self._stamps[quote.symbol] = max(mark, quote.ts_mark), max(quoted, quote.ts_quote)
        return younger

    def chain_heard(self, event: ev.ChainRead) -> None:
        if event.error:
            return
        secs = self._oracle.secs
        self._younger(event.quotes)
        if event.quotes and self._time_heard is None:
            self._time_heard = secs
        for quote in event.quotes:
            old = self._newest.get(quote.symbol)
            if old is None or old.ts_mark is None or (quote.ts_mark is not None and quote.ts_mark > old.ts_mark):
                self._newest[quote.symbol], self._heard[quote.symbol] = quote, secs
            if quote.mark is not None:
                self._marks.setdefault(quote.symbol, deque(maxlen=16)).append((secs, quote.mark))
        run = self._oracle.notes.newest()
        if run is not None and run.phase is Phase.HOLDING:
            held = [leg for leg in run.legs if run.net(leg.key) != 0]
            if held and all(self._usable(leg.symbol) for leg in held):
                self._sighted = secs

    def _usable(self, symbol: str, *, entry: bool = False) -> bool:
        """Fresh and sane enough to decide on; stricter where risk is added."""
        quote = self._newest.get(symbol)
        if quote is None or quote.mark is None or quote.mark <= 0 or quote.ts_mark is None or quote.ts_quote is None:
            return False
        now = self._oracle.session.agenda.now
        age = (now - quote.ts_mark).total_seconds()
        if (
            age > 7.8 or self._oracle.secs - self._heard[symbol] > 7.5
        ):  # 5 s, as of a message up to 2 s ago, and the way
            return False
        if not entry:
            return True
        if quote.greeks is None or not isfinite(quote.greeks.delta):
            return False
        return quote.bid is not None and quote.ask is not None and 0 < quote.bid <= quote.ask

    def _preset(self, run: RunNote) -> Preset:
        found = self._presets.get(run.run_id)
        if found is None:
            found = self._presets[run.run_id] = Preset.model_validate(run.config)
        return found

    def _pnl_pct(self, run: RunNote, held: list[LegTerms]) -> Decimal | None:
        """Cost to close everything now, % of premium; by the oracle's own sum."""
        premium = total = Decimal(0)
        terms = {leg.key: leg for leg in run.legs}
        for key, fill in run.fills.values():
            cash = -fill.side.sign * fill.price * fill.quantity * terms[key].contract_value
            total += cash - (fill.commission or 0)
            premium += cash if fill.side is terms[key].side else 0
        if premium <= 0:
            return None
        guard_pct = self._preset(run).exits.spread_guard_pct
        for leg in held:
            quote = self._newest[leg.symbol]
            assert quote.mark is not None
            guard = max(quote.mark * (100 + guard_pct) / 100, quote.mark + 5 * leg.tick_size)
            price = min(quote.ask, guard) if quote.ask else guard
            size = abs(run.net(leg.key))
            fee = option_commission(
                rate=leg.fee_rate,
                cap=leg.fee_cap,
                spot=self._spot,
                price=price,
                quantity=size,
                contract_value=leg.contract_value,
            )
            total -= price * size * leg.contract_value + fee
        return total / premium * 100

    def _evaluate(self, run: RunNote, held: list[LegTerms]) -> None:
        """CT7: the same rule true on consecutive fresh evaluations must lead to an exit."""
        pct = self._pnl_pct(run, held)
        if pct is None or any(f.commission is None for _, f in run.fills.values()):
            return
        if run.run_id != self._watched:
            self._watched, self._streak, self._pcts = run.run_id, ("", 0, 0.0), []
        self._pcts.append(pct)
        exits = self._preset(run).exits
        need = max(exits.confirmations, 2)
        if len(self._pcts) >= 2:
            low = min(self._pcts[-2:])
            self._peak[run.run_id] = max(self._peak.get(run.run_id, low), low)
        kind = ""
        if pct <= -exits.max_loss_pct - _MARGIN_PCT:
            kind = "max_loss"
        elif pct >= exits.max_profit_pct + _MARGIN_PCT:
            kind = "max_profit"
        elif exits.trailing_enabled:
            peak = self._peak.get(run.run_id, Decimal(-1000)) - _MARGIN_PCT
            levels = [t.stop_pct for t in exits.trailing_tiers if peak >= t.peak_pct]
            if levels and pct <= levels[-1] - _MARGIN_PCT:
                kind = "trailing"
        last, count, _ = self._streak
        if not kind:
            self._streak = ("", 0, 0.0)
        elif kind != last:
            self._streak = (kind, 1, self._oracle.secs)
        elif count + 1 <= need:
            self._streak = (kind, count + 1, self._oracle.secs)

    # ------------------------------------------------------------ at the commit

    def before(self, record: rec.AnyRecord) -> None:
        run = self._oracle.notes.runs.get(record.run_id)
        if run is None:
            return
        match record:
            case rec.OrderIntended(intent=intent) if intent.purpose is Purpose.ENTRY and record.cause != "recovery":
                self._check_fresh(run, intent)
            case rec.Trailed():
                fell = run.peak is not None and record.peak_pct < run.peak
                loosened = run.level is not None and (record.level_pct is None or record.level_pct < run.level)
                if fell or loosened:
                    self._oracle.report("CT9", f"trail {run.peak}/{run.level} → {record.peak_pct}/{record.level_pct}")
            case rec.ExitDecided():
                self._check_decision(run, record)
            case rec.OrderIntended(intent=intent) if record.cause != "recovery":
                self._check_exit_collar(run, intent)
            case _:
                pass

    def _check_exit_collar(self, run: RunNote, intent: OrderIntent) -> None:
        """I10 for exits: within the preset's collar of a mark, doubled for each attempt beyond its limit attempts."""
        price = intent.limit_price
        if price is None or intent.purpose is Purpose.ENTRY or self._written_late():
            return
        preset, leg = self._preset(run), run.leg(intent.leg)
        made = len(run.leg_orders(intent.leg, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN))
        wider = 2 ** min(max(made - preset.orders.retries, 0), 6)
        told, newest = self._marks.get(intent.symbol, ()), self._newest.get(intent.symbol)
        if newest is None or newest.mark is None or newest.ts_mark is None:
            return  # without a fresh mark an exit goes all the same, and the exchange's band rules
        if (self._oracle.session.agenda.now - newest.ts_mark).total_seconds() > 4.5:
            return
        width = preset.risk.price_collar_pct / 100 * wider
        marks = [mark for at, mark in told if self._oracle.secs - at <= 20]
        if not any(abs(price - mark) <= max(mark * width, 5 * leg.tick_size * wider) for mark in marks):
            self._oracle.report("I10", f"{intent.client_order_id}: price {price} outside the exits' collar of {marks}")

    def _written_late(self) -> bool:
        """Whether what is being committed was decided earlier, while nothing could be written."""
        shell = self._oracle.session.current
        return shell is not None and shell.degraded

    def _check_fresh(self, run: RunNote, intent: OrderIntent) -> None:
        first = not run.leg_orders(intent.leg, Purpose.ENTRY) and not any(run.net(leg.key) for leg in run.legs)
        for leg in run.legs if first else [run.leg(intent.leg)]:
            other = self._oracle.session.venue.other_since
            if other is not None and self._read_since(other):
                self._oracle.report("I9", f"{intent.client_order_id} although another installation's order was read")
            if not run.orders and self._knows_stream_down():
                self._oracle.report(
                    "N11", f"{intent.client_order_id} begins an entry while the account's stream is down"
                )
            if not self._usable(leg.symbol, entry=True):
                quote = self._newest.get(leg.symbol)
                self._oracle.report(
                    "I15", f"{intent.client_order_id} sells on {quote} heard at {self._heard.get(leg.symbol)}"
                )
        left = (run.leg(intent.leg).expiry - self._oracle.session.agenda.now).total_seconds()
        if left <= 0:
            self._oracle.report("I15", f"{intent.client_order_id} sells an expired contract")

    def _knows_stream_down(self) -> bool:
        """Whether the present runner has been told for a while that its private stream says nothing."""
        session = self._oracle.session
        since, shell = session.stream.down_since, session.current
        if since is None or shell is None:
            return False
        login = NO_ANSWER_SECS if session.stream.silent else 2 * session.latency
        return self._oracle.secs > max(since, shell.booted_at + login, session.resumed_at) + 0.05

    def _read_since(self, secs: float) -> bool:
        """Whether the present runner has heard of the open orders well after this instant."""
        shell = self._oracle.session.current
        return shell is not None and shell.orders_heard > secs + 5.0

    def _check_decision(self, run: RunNote, record: rec.ExitDecided) -> None:
        repeated = record.reason == run.exit_reason and "F4" in self._oracle.session.faults.last_of
        if run.exits_decided and not repeated:
            self._oracle.report("CT8", f"a second exit decision: {record.reason} after {run.exit_reason}")
        if record.reason in _PRICE_REASONS and not self._written_late():
            for leg in run.legs:
                if run.net(leg.key) != 0 and not self._usable(leg.symbol):
                    self._oracle.report("CT10", f"{record.reason} decided on {self._newest.get(leg.symbol)}")

    def finished(self, record: rec.RunFinished) -> None:
        """CT1 and I16 at the moment of DONE."""
        session = self._oracle.session
        run = self._oracle.notes.runs[record.run_id]
        report, account = self._oracle.report, session.venue.account
        symbols = {leg.symbol for leg in run.legs}
        for order in account.open_orders.values():
            if order.symbol in symbols and is_desks(order.client_order_id):
                report("CT1", f"done, but {order.client_order_id} still works")
        if any(o.open for o in run.orders.values()):
            report("CT1", "done with an unresolved intent in the journal")
        if not run.orders:
            return
        ours = [o for o in account.orders.values() if o.client_order_id in run.orders]
        ended = max(((o.updated_at - session.agenda.start).total_seconds() for o in ours), default=0.0)
        shell = session.current
        for verb in ("positions", "open_orders"):
            read = shell.gateway.successes.get(verb, -1.0) if shell is not None else -1.0
            if read < ended:
                report(
                    "I16",
                    f"done at {self._oracle.secs:.1f}, our last order ended at {ended:.1f}, {verb} read {read:.1f}",
                )
        others = [row for row in account.fills if row.symbol in symbols and row.client_order_id not in run.orders]
        decided = record.market if self._written_late() and record.market is not None else session.agenda.now
        lately = any((decided - row.created_at).total_seconds() < 15 for row in others)
        if lately or session.faults.last_of.get("H4", -100.0) > self._oracle.secs - 15:
            return  # a person traded after the last read: what stands now is not what was read
        for leg in run.legs:
            held = account.position_size(leg.symbol)
            if held and f"{leg.symbol} {held:+d}" not in record.foreign:
                report("CT1", f"done, but the exchange shows {held} of {leg.symbol} (said: {record.foreign or 'flat'})")

    # ------------------------------------------------------------ every second

    def every_second(self) -> None:
        healthy = self._oracle.healthy_for()
        session = self._oracle.session
        if healthy > _STOP_SECS:
            for row in session.journal.pending():
                if row.kind == "stop" and self._oracle.secs - row.issued > _STOP_SECS:
                    self._oracle.report("CT2", f"Stop of {row.issued:.1f} is not recorded", row.command_id)
        for run in self._oracle.notes.unresolved():
            self._check_stop(run)
            self._check_time(run, healthy)
            self._check_trigger(run, healthy)
            self._check_exit_tried(run, healthy)
            self._check_naked(run, healthy)
            self._check_blind(run, healthy)
            self._check_managed(run, healthy)

    def _check_stop(self, run: RunNote) -> None:
        for row in self._oracle.session.journal.commands.values():
            if row.kind == "stop" and row.answered is not None and row.answered > run.created and run.stop_secs is None:
                self._oracle.report("CT2", f"Stop was answered {row.detail!r}, the run has none")

    def _check_time(self, run: RunNote, healthy: float) -> None:
        if run.exit_at is None or run.phase is Phase.EXITING:
            return
        late = (self._oracle.session.agenda.now - run.exit_at).total_seconds()
        known = self.knows_time(self._oracle.secs - _AFTER_BOOT_SECS)
        if late > _TIME_EXIT_SECS and healthy > _AFTER_BOOT_SECS and known:
            self._oracle.report("CT8", f"{run.phase} {late:.1f} s after the exit time")

    def _check_trigger(self, run: RunNote, healthy: float) -> None:
        kind, count, since = self._streak
        if (
            run.run_id != self._watched
            or run.phase is not Phase.HOLDING
            or not kind
            or count < max(self._preset(run).exits.confirmations, 2)
        ):
            return
        waited = self._oracle.secs - since
        if waited > _TRIGGER_SECS and healthy > waited + 0.5:
            self._oracle.report("CT7", f"{kind} true for {waited:.1f} s without an exit")

    def _check_exit_tried(self, run: RunNote, healthy: float) -> None:
        """CT5: every open leg's exit is tried, soon and again, whatever happens to the other."""
        if run.phase is not Phase.EXITING or run.exit_secs is None:
            return
        account, now = self._oracle.session.venue.account, self._oracle.session.agenda.now
        for leg in run.legs:
            net, held = run.net(leg.key), account.position_size(leg.symbol)
            if net == 0 or net * held <= 0 or now >= leg.expiry:
                continue
            if run.positions.get(leg.symbol) == 0:
                continue  # the last read found nothing to close (I7); what a person has opened since is not known yet
            exits = run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
            if any(o.open or o.reported > o.filled for o in exits) or leg.key in run.kept:
                continue  # what is held to its settlement has a rule of its own (CT14)
            last = max((o.ended for o in exits), default=run.exit_secs)
            limit = _NEXT_TRY_SECS if exits else _FIRST_EXIT_SECS
            if min(self._oracle.secs - last, healthy) > limit:
                self._oracle.report(
                    "CT5", f"{leg.symbol}: {held} open, no exit tried for {self._oracle.secs - last:.1f} s"
                )

    def _check_naked(self, run: RunNote, healthy: float) -> None:
        """CT6: one leg alone is being completed or closed, and not for long."""
        account = self._oracle.session.venue.account
        held = [
            self._oracle.orders.net(run.run_id, leg.symbol) if account.position_size(leg.symbol) else 0
            for leg in run.legs
        ]
        now = self._oracle.session.agenda.now
        if sum(size != 0 for size in held) != 1 or any(now >= leg.expiry for leg in run.legs):
            self._naked.pop(run.run_id, None)
            return
        since = self._naked.setdefault(run.run_id, self._oracle.secs)
        lasting = self._oracle.secs - since
        limit = 45 if since < self._oracle.session.quiet_from else 25  # where reads failed, noticing took longer
        shell = self._oracle.session.current
        read = shell.gateway.successes.get("positions", 0.0) if shell is not None else 0.0
        if run.phase is Phase.HOLDING and min(lasting, healthy) > limit and read > since + 14:
            self._oracle.report("CT6", f"one leg alone for {lasting:.0f} s while holding")
        if run.phase is Phase.ENTERING and not any(o.open for o in run.orders.values()):
            last = max((o.ended for o in run.orders.values()), default=since)
            told = self._first_read_after(run, last)
            if told is not None and min(self._oracle.secs - told, lasting, healthy) > _NEXT_TRY_SECS:
                self._oracle.report("CT6", f"one leg alone, nothing tried for {self._oracle.secs - last:.0f} s")
        session = self._oracle.session
        legs = {leg.symbol for leg in run.legs}
        if any(o.symbol in legs and o.client_order_id not in run.orders for o in account.open_orders.values()):
            return  # the exchange lets no exit of ours meet another's order of this account, and that one is not ours to end
        quiet = self._oracle.secs - session.quiet_from
        if not session.faults.active and min(lasting, quiet, healthy) > self._preset(run).risk.naked_leg_secs:
            self._oracle.report("CT6", f"one leg alone for {lasting:.0f} s on a healthy exchange")

    def _first_read_after(self, run: RunNote, last: float) -> float | None:
        """When the fills were first read to their end after this instant: before, nobody knows what an order has done."""
        shell = self._oracle.session.current
        read = shell.fully_read if shell is not None else 0.0
        known = self._read_after.get(run.run_id)
        if known is not None and known[0] == last:
            return known[1]
        if read <= last:
            return None
        self._read_after[run.run_id] = (last, read)
        return read

    def _check_blind(self, run: RunNote, healthy: float) -> None:
        """CT10: what cannot be priced for too long is closed."""
        if run.phase is not Phase.HOLDING:
            return
        blind = self._oracle.secs - max(self._sighted, run.phase_secs)
        if min(blind, healthy) > self._preset(run).exits.blind_exit_secs + 12:
            self._oracle.report("CT10", f"holding blind for {blind:.0f} s")

    def _check_managed(self, run: RunNote, healthy: float) -> None:
        """DU1: soon after a boot the exchange hears from us again."""
        shell: Any = self._oracle.session.current
        if shell is None or shell.epoch < 2 or run.phase is Phase.WAITING:
            return
        if healthy > 10 and not shell.gateway.attempts:
            self._oracle.report("DU1", f"{run.phase} and nothing asked 10 s after the restart")
