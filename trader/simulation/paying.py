"""CT14: what closing pays for. No bid climbs where nobody offers, none is above what the preset accepts, a leg is held to its
settlement only where it may be, is closed when it is offered again, and a book without offers never halts the account."""

from decimal import Decimal

from trader.domain.order import OrderIntent, Purpose, Side
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote

_TICKS = 20  # always accepted above the mark
_LOOKBACK_SECS = 20.0
_BUY_SECS = 8.0  # as long as any exit may take to be tried
_FRESH_SECS = 4.5
_SEEN_SECS = 2.5  # the book is looked at with the market's rhythm


class PayingRules:
    """Judges prices by what the runner has heard within the last seconds, halts by what stood in the book."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._offered: dict[tuple[str, str], float] = {}  # (run, leg): since when a held leg is offered worthwhile
        self._asks: dict[str, list[tuple[float, Quote]]] = {}
        self._no_ask: dict[str, float] = {}

    def heard(self, quotes: tuple[Quote, ...]) -> None:
        """The runner is about to hear these."""
        secs = self._evidence.secs
        for quote in quotes:
            known = [(at, old) for at, old in self._asks.get(quote.symbol, ()) if secs - at <= _LOOKBACK_SECS]
            self._asks[quote.symbol] = [*known, (secs, quote)]

    def booted(self) -> None:
        self._asks.clear()
        self._offered.clear()

    # ------------------------------------------------------------ at the commit

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        match record:
            case rec.OrderIntended(intent=intent) if run is not None and record.cause != "recovery":
                self._check_price(run, intent)
            case rec.LegKept() if run is not None:
                self._check_kept(run, record)
            case rec.LevelChanged(code=code) if "order_throttle" in code.split()[-1:]:
                self._check_halt(record)
            case _:
                pass

    def _check_price(self, run: RunNote, intent: OrderIntent) -> None:
        price, recent = intent.limit_price, self._asks.get(intent.symbol, [])
        if price is None or intent.purpose in (Purpose.ENTRY, Purpose.CLOSE) or not recent or self._evidence.is_late():
            return
        secs, (at, newest) = self._evidence.secs, recent[-1]
        if newest.mark is None or newest.mark < 0 or secs - at > _FRESH_SECS:
            return
        preset, leg = run.preset, run.leg(intent.leg)
        marks = [quote.mark for _, quote in recent if quote.mark is not None]
        most = max(m + max(m * preset.risk.exit_limit_pct / 100, _TICKS * leg.tick_size) for m in marks)
        if leg.side is Side.BUY:
            least = min(m - max(m * preset.risk.exit_limit_pct / 100, _TICKS * leg.tick_size) for m in marks)
            if price < least:
                self._evidence.report("CT14", f"{intent.client_order_id} takes {price}, at least {least} is accepted")
            if not any(quote.bid for at, quote in recent if secs - at <= _BUY_SECS):
                step = max(max(marks) * preset.orders.slippage_pct / 100, leg.tick_size) + leg.tick_size
                if price < max(min(marks) - step, leg.tick_size):
                    text = f"{intent.client_order_id} offers {price} although nobody bids; marks {min(marks)} to {max(marks)}"
                    self._evidence.report("CT14", text)
            return
        if price > most:
            self._evidence.report("CT14", f"{intent.client_order_id} pays {price}, at most {most} is accepted")
        if any(quote.ask for at, quote in recent if secs - at <= _BUY_SECS):
            return
        step = max(max(marks) * preset.orders.slippage_pct / 100, leg.tick_size) + leg.tick_size
        if price > max(marks) + step:
            text = f"{intent.client_order_id} bids {price} although nobody offers; marks {min(marks)} to {max(marks)}"
            self._evidence.report("CT14", text)

    def _check_kept(self, run: RunNote, record: rec.LegKept) -> None:
        preset, leg = run.preset, run.leg(record.leg)
        left = (leg.expiry - self._evidence.world.agenda.now).total_seconds() / 60
        if left > preset.exits.settle_within_mins + 0.1:
            self._evidence.report("CT14", f"{leg.symbol} is held to its settlement {left:.0f} min before it")
        if run.phase is not Phase.EXITING:
            self._evidence.report("CT14", f"{leg.symbol} is held to its settlement while {run.phase}")
        recent = [quote for _, quote in self._asks.get(leg.symbol, ())]
        if recent and all(self._is_worth_buying(run, leg, quote) for quote in recent) and not self._evidence.is_late():
            self._evidence.report("CT14", f"{leg.symbol} is held to its settlement though offered at {recent[-1].ask}")

    def _check_halt(self, record: rec.LevelChanged) -> None:
        """Halted for fruitless orders: of some leg one at least must have met an offer, or been refused for another reason.
        Orders that could not be recorded when they were sent say nothing of when that was, so nothing of what was offered."""
        if self._evidence.is_late():
            return
        for run in self._evidence.notes.unresolved():
            if run.phase is Phase.EXITING and self._is_fruitless_for_want_of_offers(run):
                self._evidence.report("CT14", f"halted though nobody had offered: {record.reason}")

    def _is_fruitless_for_want_of_offers(self, run: RunNote) -> bool:
        closing = [o for o in run.orders.values() if o.intent.purpose is not Purpose.ENTRY]
        weather = ("no_liquidity_for_market_order", "limit_price_out_of_price_band")
        if any(o.intent.purpose is Purpose.ENTRY and o.open for o in run.orders.values()):
            return False
        symbols = {o.intent.symbol for o in closing}
        empty_for = [self._evidence.secs - self._no_ask.get(symbol, self._evidence.secs) for symbol in symbols]
        begun = min((o.secs for o in closing), default=self._evidence.secs)
        refused = any(o.status == "rejected" and o.code not in weather for o in closing)
        return bool(closing) and not refused and min(empty_for) >= self._evidence.secs - begun - _SEEN_SECS

    # ------------------------------------------------------------ every second

    def every_second(self, healthy: float) -> None:
        session, secs = self._evidence.world, self._evidence.secs
        exiting = [run for run in self._evidence.notes.unresolved() if run.phase is Phase.EXITING]
        if not exiting:
            self._no_ask.clear()
            self._offered.clear()
        for run in exiting:
            for leg in run.legs:
                if leg.symbol not in session.venue.core.products.live:
                    continue
                depth = session.venue.market.depth(leg.symbol)
                if depth.asks if leg.side is Side.SELL else depth.bids:
                    self._no_ask.pop(leg.symbol, None)
                else:
                    self._no_ask.setdefault(leg.symbol, secs)
                key = (run.run_id, leg.key)
                recent = [quote for at, quote in self._asks.get(leg.symbol, ()) if secs - at <= _BUY_SECS]
                exits = run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
                tried = any(o.open or o.secs > secs - _BUY_SECS for o in exits)
                held = leg.key in run.kept and run.net(leg.key) != 0
                wanted = held and recent and all(self._is_worth_buying(run, leg, q) for q in recent)
                if not wanted or tried:
                    self._offered.pop(key, None)
                elif min(secs - self._offered.setdefault(key, secs), healthy) > _BUY_SECS:
                    self._evidence.report("CT14", f"{leg.symbol} is held though offered at {recent[-1].ask}")

    def _is_worth_buying(self, run: RunNote, leg: LegTerms, quote: Quote) -> bool:
        """Clearly: what is asked is within what the preset accepts for its worth."""
        preset = run.preset
        if quote.mark is None or quote.mark <= 0:
            return False
        if leg.side is Side.BUY:
            bid = quote.bid or Decimal(0)
            return bid * (1 + preset.risk.exit_limit_pct / 100) > quote.mark * Decimal("1.01")
        if not quote.ask:
            return False
        return quote.ask * Decimal("1.01") < quote.mark * (1 + preset.risk.exit_limit_pct / 100)
