"""LG1–LG4: liquidation. LG1 where the preset refuses it, no run sells what would be liquidated before its maximum loss fires; where it
warns, a person is told, and only then. LG2 with the guard on, and prices that do not leap over it, no leg is liquidated before an
exit was decided. LG3 the ladder tells the price at which the exchange liquidates each leg, as it was read last. LG4 the
guard fires near a liquidation alone.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.engine.viewing import build_view
from trader.pricing.black76 import SECS_PER_YEAR, price_and_greeks
from trader.pricing.fees import GST
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.quotes import is_credible
from trader.simulation.triggers import TriggerRules, most_lost
from trader.venue.core.records import FillRow

_SLACK_PCT = 4  # of the way to the liquidation
_LOST_SLACK = 1.15  # our curve and the engine's differ by less
_LOST_PCT = 4.0
_MODELLED = (
    0.15  # of the mark: what its volatility says of it differs by less, unless the two were told of two instants
)
_SHOWN_SECS = 20.0  # after the last fill the exchange's own price has been read
_EVERY_SECS = 5
_PRICED_SECS = 2.6


class LiquidationRules:
    """By the exchange's own liquidation price, and a curve of the oracle's own."""

    def __init__(self, evidence: Evidence, triggers: TriggerRules) -> None:
        self._evidence = evidence
        self._triggers = triggers
        self._near: dict[
            tuple[str, str], list[float]
        ] = {}  # run and leg → when prices beyond its guard were heard, in a row
        self._warned: set[str] = set()
        self._spots: deque[tuple[float, Decimal]] = deque(maxlen=64)  # of each of the last seconds
        self._seen = 0

    def booted(self) -> None:
        self._near.clear()

    # ------------------------------------------------------------ before the sale

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        match record:
            case rec.AlertRaised(code="stop_beyond_liquidation"):
                self._warned.add(record.run_id)
            case rec.PhaseChanged(phase=Phase.ENTERING) if run is not None and not run.orders:
                self._check_entry(run)
            case rec.ExitDecided(reason="liquidation_guard") if run is not None:
                self._check_guard(run, record)
            case _:
                pass

    def _check_entry(self, run: RunNote) -> None:
        quotes = {leg.key: self._evidence.heard.newest.get(leg.symbol) for leg in run.legs}
        usable = {key: quote for key, quote in quotes.items() if quote is not None and is_credible(quote)}
        if len(usable) < len(run.legs) or self._evidence.is_late() or not self._evidence.world.is_isolated:
            return
        if not all(self._is_modelled(leg, usable[leg.key]) for leg in run.legs):
            return
        found = list(self._lost_at_liquidation(run, usable))
        least, most = min(found, default=None), float(run.preset.exits.max_loss_pct)
        if least is None:
            return
        is_told = run.run_id in self._warned
        if least * _LOST_SLACK + _LOST_PCT < most and not (run.preset.risk.liquidation == "warn" and is_told):
            text = f"run {run.run_id} is entered, {least:.0f} % are lost at a liquidation, the maximum loss is {most:.0f} %"
            self._evidence.report("LG1", text)
        if is_told and least > most * _LOST_SLACK + _LOST_PCT:
            self._evidence.report(
                "LG1", f"warned of a liquidation at {least:.0f} % lost, the maximum loss is {most:.0f} %"
            )

    def _is_modelled(self, leg: LegTerms, quote: Quote) -> bool:
        """Whether the mark is what its volatility says: else the exchange has told them of two instants."""
        assert quote.mark is not None
        worth = self._worth(leg, quote, float(self._evidence.world.venue.market.spot("BTC")), 0.0)
        return abs(worth - float(quote.mark)) <= _MODELLED * float(quote.mark) + float(leg.tick_size)

    def _lost_at_liquidation(self, run: RunNote, quotes: dict[str, Quote]) -> Iterator[float]:
        """% of the basis that all legs together have lost where each short one is liquidated, now and at the exit."""
        spot = float(self._evidence.world.venue.market.spot("BTC"))
        premium = sum((_sold_at(run, leg, quotes[leg.key]) * _units(leg) for leg in run.legs), Decimal(0))
        basis = premium if premium > 0 else most_lost(run.legs, {leg.key: leg.quantity for leg in run.legs}, premium)
        if basis is None or basis <= 0 or run.exit_at is None:
            return
        now = self._evidence.world.agenda.now
        for leg in run.legs:
            if leg.side is Side.BUY:
                continue
            price = (
                float(_sold_at(run, leg, quotes[leg.key])) + spot * float(leg.margin_pct - leg.maintenance_pct) / 100
            )
            for ahead in (0.0, max((run.exit_at - now).total_seconds() - 1, 0.0)):
                at = self._spot_of(leg, quotes[leg.key], price, spot, ahead)
                takes = 0.0
                for one in run.legs:
                    quote, units = quotes[one.key], float(_units(one))
                    worth, sold = self._worth(one, quote, at, ahead), float(_sold_at(run, one, quote))
                    fees = _fee(one, sold, spot) + _fee(one, worth, at)
                    takes += worth * units + (self._spread(one, quote, spot, ahead) + fees) * abs(units)
                yield (takes - float(premium)) / float(basis) * 100

    def _spot_of(self, leg: LegTerms, quote: Quote, price: float, spot: float, ahead: float) -> float:
        """The spot at which a leg is worth that."""
        low, high = (spot, spot * 1.5) if leg.kind is Kind.CALL else (spot * 0.5, spot)
        for _ in range(40):
            middle = (low + high) / 2
            is_beyond = self._worth(leg, quote, middle, ahead) > price
            low, high = (low, middle) if is_beyond is (leg.kind is Kind.CALL) else (middle, high)
        return (low + high) / 2

    def _worth(self, leg: LegTerms, quote: Quote, spot: float, ahead: float) -> float:
        years = ((leg.expiry - self._evidence.world.agenda.now).total_seconds() - ahead) / SECS_PER_YEAR
        return price_and_greeks(spot, float(leg.strike), quote.mark_iv or 0.0, max(years, 0.0), leg.kind)[0]

    def _spread(self, leg: LegTerms, quote: Quote, spot: float, ahead: float) -> float:
        """USD per unit that closing costs beside the mark, less where the touch is the better price; it goes with the worth that time
        takes away."""
        touch = quote.ask if leg.side is Side.SELL else quote.bid
        if touch is None or quote.mark is None:
            return 0.0
        now, then = self._worth(leg, quote, spot, 0.0), self._worth(leg, quote, spot, ahead)
        return float((quote.mark - touch) * leg.side.sign) * (min(then / now, 1.0) if now > 0 else 1.0)

    # ------------------------------------------------------------ while it is held

    def priced(self) -> None:
        """Prices were heard."""
        for run in self._evidence.notes.structures():
            guard = run.preset.exits.liquidation_guard_pct
            for leg in run.legs:
                gone = self._gone_pct(run, leg) if guard and run.phase is Phase.HOLDING else None
                if gone is None or gone < guard + _SLACK_PCT:
                    self._near.pop((run.run_id, leg.key), None)
                else:
                    self._near.setdefault((run.run_id, leg.key), []).append(self._evidence.secs)

    def _gone_pct(self, run: RunNote, leg: LegTerms) -> Decimal | None:
        """How much of the way to its liquidation the mark of a short leg has gone; None where that cannot be told."""
        liquidation = self._liquidation(leg)
        sold = [fill for key, fill in run.fills.values() if key == leg.key and fill.side is leg.side]
        if (
            liquidation is None
            or not self._evidence.world.is_isolated
            or not sold
            or leg.side is Side.BUY
            or not run.net(leg.key)
        ):
            return None
        if not self._evidence.heard.usable(leg.symbol):
            return None
        entry = sum((fill.price * fill.quantity for fill in sold), Decimal(0)) / sum(fill.quantity for fill in sold)
        mark = self._evidence.heard.newest[leg.symbol].mark
        return None if mark is None or liquidation <= entry else (mark - entry) / (liquidation - entry) * 100

    def _liquidation(self, leg: LegTerms) -> Decimal | None:
        """The exchange's own price, where the position is the run's alone."""
        venue, runs = self._evidence.world.venue, self._evidence.notes.runs.values()
        sharing = sum(any(one.symbol == leg.symbol for one in run.legs) and bool(run.orders) for run in runs)
        others = {row.client_order_id for row in venue.account.fills if row.symbol == leg.symbol}
        if sharing != 1 or not others <= {coid for run in runs for coid in run.orders}:
            return None
        return venue.core.liquidation(venue.account, leg.symbol).liquidation

    def _check_guard(self, run: RunNote, record: rec.ExitDecided) -> None:
        gone = [pct for leg in run.legs if (pct := self._gone_pct(run, leg)) is not None]
        guard = run.preset.exits.liquidation_guard_pct
        if self._evidence.is_late() or len(gone) < sum(leg.side is Side.SELL for leg in run.legs):
            return
        if not guard or (gone and max(gone) < guard - _SLACK_PCT):
            self._evidence.report(
                "LG4", f"run {run.run_id} leaves ({record.detail}), {max(gone, default=0):.0f} % gone"
            )

    # ------------------------------------------------------------ what the exchange does

    def watch(self) -> None:
        """What it has liquidated since the last look."""
        swept = self._evidence.world.venue.swept
        for row in swept[self._seen :]:
            for run in self._evidence.notes.structures():
                for leg in run.legs:
                    if leg.symbol == row.symbol and run.phase is Phase.HOLDING:
                        self._check_liquidated(run, leg, row)
        self._seen = len(swept)

    def _check_liquidated(self, run: RunNote, leg: LegTerms, row: FillRow) -> None:
        heard = self._near.get((run.run_id, leg.key), [])
        need = run.preset.exits.confirmations + 2
        healthy, secs = self._evidence.healthy_for(), self._evidence.secs
        apart = [later - earlier for earlier, later in pairwise([*heard, secs])]
        if len(heard) >= need and max(apart) <= _PRICED_SECS and healthy > secs - heard[0]:
            text = f"{leg.symbol} is liquidated at {row.price}, its guard was passed {secs - heard[0]:.0f} s before"
            self._evidence.report("LG2", f"run {run.run_id}: {text}")

    def every_second(self, healthy: float) -> None:
        world = self._evidence.world
        if not world.plan.liquidates:
            return
        self._spots.append((self._evidence.secs, world.venue.market.spot("BTC")))
        if not world.is_isolated or int(self._evidence.secs) % _EVERY_SECS:
            return
        shell = world.current
        for run in self._evidence.notes.structures():
            last = max((o.ended for o in run.orders.values()), default=0.0)
            settled = min(self._evidence.secs - last, healthy, self._evidence.secs - run.phase_secs) > _SHOWN_SECS
            if shell is not None and settled and run.phase is Phase.HOLDING and run.run_id in shell.state.runs:
                view = build_view(shell.state, shell.state.runs[run.run_id], shell.now())
                self._check_shown(run, view.ladder, shell.holdings_heard.get(run.run_id, 0.0))

    def _check_shown(self, run: RunNote, ladder: object, read: float) -> None:
        """The exchange's price moves with the index, by the maintenance margin: what was read is as old as the read."""
        spots = [spot for at, spot in self._spots if at > read - 1]
        shown = {rung.leg: rung.at_mark for rung in ladder if rung.code == "liquidation"}  # type: ignore[attr-defined]
        for leg in run.legs:
            true = self._liquidation(leg)
            if true is None or leg.side is Side.BUY or not run.net(leg.key):
                continue
            told = shown.get(leg.key)
            since = (true + (spots[-1] - spot) * leg.maintenance_pct / 100 for spot in spots)
            if told is None or min(abs(told - price) for price in since) > true / 50:
                text = f"{leg.symbol} is liquidated at {true:.2f}, the ladder tells {told}"
                self._evidence.report("LG3", f"run {run.run_id}: {text}", run.run_id)


def _fee(leg: LegTerms, price: float, spot: float) -> float:
    """USD per unit, tax included."""
    rate, cap = float(leg.fee_rate) * spot, float(leg.fee_cap if leg.fee_cap is not None else 1) * price
    return min(rate, cap) * float(1 + GST)


def _units(leg: LegTerms) -> Decimal:
    """Units of the underlying that are sold (bought: negative)."""
    return -leg.side.sign * leg.quantity * leg.contract_value


def _sold_at(run: RunNote, leg: LegTerms, quote: Quote) -> Decimal:
    assert quote.mark is not None
    touch = quote.bid if leg.side is Side.SELL else quote.ask
    return touch if run.preset.orders.entry_reference == "touch" and touch else quote.mark
