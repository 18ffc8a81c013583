"""Limit chase: where the n-th attempt stands. Pure price arithmetic; the order machine decides when to try again."""

from decimal import Decimal

from trader.config.preset import Preset
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.domain.rounding import ceil_to_tick, floor_to_tick, round_price
from trader.engine.gate import collar
from trader.engine.records import LegTerms
from trader.engine.state import HUNDRED


def entry_reference(preset: Preset, side: Side, quote: Quote) -> Decimal | None:
    """The price the first entry limit stands at: the touch on the other side, the middle or the mark."""
    if preset.orders.entry_reference == "mid":
        return quote.mid
    if preset.orders.entry_reference == "mark":
        return quote.mark
    return quote.bid if side is Side.SELL else quote.ask


def chase_price(
    preset: Preset,
    leg: LegTerms,
    side: Side,
    quote: Quote,
    reference: Decimal,
    concession: int,
    bounds: tuple[Decimal, Decimal] | None = None,
) -> Decimal:
    """The limit after `concession` steps of slippage from `reference` in the filling direction, on tick.

    Never past the collar around the mark (or `bounds` instead) or the exchange's price band: a chase gives up rather than
    chases there.
    """
    # On cheap options a percentage is less than a tick: each step concedes at least one, or a retry would repeat the last.
    share = reference * preset.orders.slippage_pct * concession / HUNDRED
    shift = max(share, concession * leg.tick_size) if share > 0 else share
    price = round_price(reference + side.sign * shift, leg.tick_size, side)
    lowest, highest = price_bounds(preset, leg, quote, price if quote.mark is None else quote.mark, bounds)
    if side is Side.SELL:
        return min(max(price, lowest), highest)
    # Bids are how short positions are closed, also on a mark too old to be judged by: were it absurd as well, the far side of
    # its collar must not raise the bid.
    return max(min(price, highest), quote.band_low or leg.tick_size)


def price_bounds(
    preset: Preset, leg: LegTerms, quote: Quote, mark: Decimal, bounds: tuple[Decimal, Decimal] | None = None
) -> tuple[Decimal, Decimal]:
    """Lowest and highest limit on tick: `bounds`, by default the collar around the mark, inside the price band."""
    low, high = bounds or collar(leg, mark, preset.risk.price_collar_pct)
    if quote.band_low is not None:
        low = max(low, quote.band_low)
    if quote.band_high is not None:
        high = min(high, quote.band_high)
    lowest = max(ceil_to_tick(low, leg.tick_size), leg.tick_size)
    highest = max(floor_to_tick(high, leg.tick_size), leg.tick_size)
    return lowest, highest
