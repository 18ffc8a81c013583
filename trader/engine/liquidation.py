"""Where the exchange would take a short leg over, the exit ahead of that, and whether a maximum loss comes first.

With isolated margin each short option stands on its own: it is liquidated by its own mark, whatever the rest of the run has
made. In portfolio mode no leg has such a price; what counts there is the margin of the whole account.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

import msgspec

from trader.config.preset import Exits, Preset
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.domain.wording import plain
from trader.engine.entry_cost import EntryCost
from trader.engine.records import LegTerms
from trader.engine.spot_curve import Curve, OpenLeg, Standing, shortly_before, spot_of_mark
from trader.engine.state import HUNDRED, ZERO, Market, Run, State
from trader.pricing.implied_vol import credible_vol
from trader.pricing.margin import short_option_liquidation


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A short leg, by its mark in USD per unit: what it was sold at, where it is liquidated, and where `liquidation_guard_pct` closes
    the run before that (None = off). `told`: by the exchange; else it is our estimate."""

    entry: Decimal
    price: Decimal
    guard: Decimal | None
    told: bool

    def gone_pct(self, mark: Decimal) -> Decimal:
        """How much of the way from the entry to the liquidation the mark has gone, %."""
        way = self.price - self.entry
        return (mark - self.entry) / way * HUNDRED if way > 0 else HUNDRED * (mark >= self.price)


def limit_of(exits: Exits, leg: LegTerms, entry: Decimal, spot: Decimal, told: Decimal | None = None) -> Limit:
    """Of a short leg sold at `entry` while spot stood at `spot`. Margin rates that contradict each other leave no margin."""
    price = told
    if price is None:
        price = short_option_liquidation(
            entry_price=entry,
            spot=spot,
            initial_margin_pct=leg.margin_pct,
            maintenance_margin_pct=min(leg.maintenance_pct, leg.margin_pct),
        ).liquidation_price
    share = exits.liquidation_guard_pct / HUNDRED
    guard = entry + max(price - entry, ZERO) * share if share else None
    return Limit(entry=entry, price=price, guard=guard, told=told is not None)


def limits_of(state: State, run: Run) -> dict[str, Limit]:
    """Of every open short leg, by its key; none in portfolio mode."""
    if not state.account.is_isolated(run.underlying):
        return {}
    watch = state.watches.get(run.run_id)
    told = {} if watch is None else watch.liquidation
    found: dict[str, Limit] = {}
    for leg in run.held:
        ledger = run.ledger(leg.key)
        spot = run.spot_at_entry or state.market.spots.get(run.underlying)
        if leg.side is Side.SELL and ledger.entered and spot:
            entry = ledger.entered_value / ledger.entered
            found[leg.key] = limit_of(run.preset.exits, leg, entry, spot, told.get(leg.symbol))
    return found


def near_liquidation(run: Run, limits: Mapping[str, Limit], market: Market) -> str:
    """Which leg's mark has gone as far towards its liquidation as the guard lets it, in words; empty while none has."""
    for key, limit in limits.items():
        leg = run.leg(key)
        quote = market.quotes.get(leg.symbol)
        if limit.guard is None or quote is None or quote.mark is None or quote.mark < limit.guard:
            continue
        return (
            f"{leg.symbol}: the mark {_plain(quote.mark)} has gone {limit.gone_pct(quote.mark):.0f} % of the way from "
            f"{_plain(limit.entry)} to its liquidation at {_plain(limit.price)} ({source(limit)}); "
            f"exits.liquidation_guard_pct is {_plain(run.preset.exits.liquidation_guard_pct)}"
        )
    return ""


def source(limit: Limit) -> str:
    """Whose number it is."""
    return "told by the exchange" if limit.told else "estimate"


# ------------------------------------------------------------------------------------------------- before the sale


class TooLate(NamedTuple):
    """A leg that would be liquidated before the maximum loss fires: in words, and what to change."""

    words: str
    change: str

    @property
    def refusal(self) -> str:
        """The whole sentence, for an entry that is not made."""
        return f"{self.words}; {self.change}, or risk.liquidation to warn"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A short leg at its liquidation: the spot of it, how much of the basis all legs together have lost there, and the spot at which
    the preset's maximum loss fires on that side (None: at none within reach). `when`: in words."""

    leg: LegTerms
    limit: Limit
    spot: float
    lost_pct: float
    stop: float | None
    when: str


def stop_beyond(
    preset: Preset,
    legs: Sequence[LegTerms],
    quotes: Mapping[str, Quote],
    cost: EntryCost,
    spot: Decimal,
    market: datetime,
    exit_at: datetime | None,
) -> TooLate | None:
    """Whether the maximum loss comes too late for a leg that is sold now; of several the one that bears least."""
    taken = liquidations(preset, legs, quotes, cost, spot, market, exit_at)
    if isinstance(taken, str):
        return TooLate(taken, "choose strikes with one")
    first = min(taken, key=lambda one: one.lost_pct, default=None)
    most = preset.exits.max_loss_pct
    if first is None or first.lost_pct >= most:
        return None
    fires = "at no spot within reach" if first.stop is None else f"only at spot {first.stop:,.0f}"
    words = (
        f"{first.leg.symbol} would be liquidated at spot {first.spot:,.0f} {first.when} (its mark at {first.limit.price:,.1f}, "
        f"estimate), and exits.max_loss_pct ({_plain(most)} %) fires {fires}"
    )
    nearer = Decimal(str(first.lost_pct)).quantize(Decimal(1), ROUND_FLOOR)
    return TooLate(words, f"set it to {nearer} or less" if nearer > 0 else "choose strikes of less premium")


def liquidations(
    preset: Preset,
    legs: Sequence[LegTerms],
    quotes: Mapping[str, Quote],
    cost: EntryCost,
    spot: Decimal,
    market: datetime,
    exit_at: datetime | None,
) -> list[Taken] | str:
    """Each short leg sold now, at its liquidation now and shortly before the exit, when what the other legs have gained holds a
    stop back longest; by the run's own curve of P&L against spot. Or why that is not known."""
    if cost.basis <= 0 or all(leg.side is Side.BUY for leg in legs):
        return []
    standing = _standing(legs, quotes, cost, spot, market)
    if isinstance(standing, str):
        return standing
    basis = float(cost.basis)
    level = -basis * float(preset.exits.max_loss_pct) / 100
    instants = [(market, "now")]
    if exit_at is not None:
        instants.append((shortly_before(exit_at, market), "shortly before the exit"))
    found = []
    for when, words in instants:
        curve = Curve(standing, when)
        low, high = curve.range_above(level)
        for leg, open_leg in zip(legs, standing.legs, strict=True):
            if leg.side is Side.BUY:
                continue
            limit = limit_of(preset.exits, leg, cost.legs[leg.key].price, spot)
            at = spot_of_mark(open_leg, standing, when, float(limit.price))
            if at is not None:
                stop = high if leg.kind is Kind.CALL else low
                lost = -curve(at) / basis * 100
                found.append(Taken(leg=leg, limit=limit, spot=at, lost_pct=lost, stop=stop, when=words))
    return found


def _standing(
    legs: Sequence[LegTerms], quotes: Mapping[str, Quote], cost: EntryCost, spot: Decimal, market: datetime
) -> Standing | str:
    """What would be held the moment all legs are filled at their first limit prices, or why it cannot be judged."""
    held = []
    for leg in legs:
        quote = quotes[leg.symbol]
        vol = credible_vol(quote.mark_iv)
        if vol is None:
            return f"where {leg.symbol} would be liquidated is not known without an implied volatility"
        held.append(
            OpenLeg(
                kind=leg.kind,
                strike=float(leg.strike),
                expiry=leg.expiry,
                vol=vol,
                size=float(-leg.side.sign * leg.quantity * leg.contract_value),
                closing=float(cost.legs[leg.key].closing),
                fee_rate=float(leg.fee_rate),
                fee_cap=None if leg.fee_cap is None else float(leg.fee_cap),
                mark=None if quote.mark is None else float(quote.mark),
            )
        )
    return Standing(legs=tuple(held), spot=float(spot), banked=float(cost.premium - cost.fees), now=market)


def _plain(value: Decimal) -> str:
    """No more digits than a hundredth, and none that say nothing."""
    return plain(Decimal(f"{value:.2f}"))  # `round` has no answer to an absurd mark
