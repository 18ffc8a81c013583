"""Which call and which put to sell: the |delta| band nearest its middle, among strikes liquid enough to trade."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from trader.config.preset import Preset, Strategy
from trader.domain.expiry import IST, ist_date
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine.records import LegTerms

_FRIDAY = 4


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The two legs (call, put), or no legs and the reasons why nothing qualifies."""

    legs: tuple[LegTerms, ...]
    expiry: datetime | None
    reasons: tuple[str, ...]


def listed_expiries(instruments: Iterable[Instrument], underlying: str) -> list[datetime]:
    """Expiry instants (UTC) listed for an underlying's options, earliest first."""
    return sorted({i.expiry for i in instruments if i.underlying == underlying and i.expiry is not None and i.tradable})


def choose_expiry(strategy: Strategy, expiries: list[datetime], market: datetime) -> tuple[datetime | None, str]:
    """The listed expiry a rule means at `market`, or None with one sentence.

    today / next_day: the Indian calendar date. nearest: the first far enough away. weekly: the first Friday; monthly: the
    last Friday of its month. A date names itself. All must be at least `min_hours_to_expiry` away.
    """
    earliest = market + timedelta(hours=float(strategy.min_hours_to_expiry))
    far_enough = [e for e in expiries if e >= earliest]
    matching = [e for e in far_enough if _matches(strategy.expiry, e, market)]
    if matching:
        return matching[0], ""
    listed = ", ".join(f"{e.astimezone(IST):%d %b}" for e in expiries) or "none"
    return None, (
        f"no listed expiry matches {strategy.expiry!r} at least {strategy.min_hours_to_expiry} h away (listed: {listed})"
    )


def _matches(rule: str, expiry: datetime, market: datetime) -> bool:
    day = ist_date(expiry)
    today = ist_date(market)
    if rule == "today":
        return day == today
    if rule == "next_day":
        return day == today + timedelta(days=1)
    if rule == "nearest":
        return True
    if rule == "weekly":
        return day.weekday() == _FRIDAY
    if rule == "monthly":
        return day.weekday() == _FRIDAY and (day + timedelta(days=7)).month != day.month
    return day == date.fromisoformat(rule)


def choose_legs(
    preset: Preset,
    instruments: Iterable[Instrument],
    quotes: Mapping[str, Quote],
    market: datetime,
) -> Selection:
    """Pick the call and the put a preset would sell at `market` (exchange time).

    Among the contracts of the expiry the rule means: |delta| inside the band, liquid (bid present, spread, size, open
    interest), nearest to the band's middle; ties go to the strike further out of the money.
    """
    strategy = preset.strategy
    listed = [i for i in instruments if i.underlying == strategy.underlying and i.expiry is not None and i.tradable]
    expiry, why = choose_expiry(strategy, listed_expiries(listed, strategy.underlying), market)
    if expiry is None:
        return Selection(legs=(), expiry=None, reasons=(why,))
    legs: list[LegTerms] = []
    reasons: list[str] = []
    for kind in (Kind.CALL, Kind.PUT):
        candidates = [i for i in listed if i.expiry == expiry and i.kind is kind]
        leg, reason = _choose_leg(preset, candidates, quotes, kind)
        if leg is None:
            reasons.append(reason)
        else:
            legs.append(leg)
    if reasons:
        return Selection(legs=(), expiry=expiry, reasons=tuple(reasons))
    return Selection(legs=tuple(legs), expiry=expiry, reasons=())


def _choose_leg(
    preset: Preset, candidates: list[Instrument], quotes: Mapping[str, Quote], kind: Kind
) -> tuple[LegTerms | None, str]:
    strategy = preset.strategy
    middle = float(strategy.delta_min + strategy.delta_max) / 2
    in_band = 0
    refused: list[str] = []
    best: tuple[float, float, Instrument, Quote] | None = None
    for instrument in candidates:
        quote = quotes.get(instrument.symbol)
        if quote is None or quote.greeks is None:
            continue
        size = abs(quote.greeks.delta)
        if not float(strategy.delta_min) <= size <= float(strategy.delta_max):
            continue
        in_band += 1
        flaw = liquidity_flaw(strategy, quote)
        if flaw:
            refused.append(f"{instrument.symbol}: {flaw}")
            continue
        rank = (abs(size - middle), size, instrument, quote)
        if best is None or rank[:2] < best[:2]:
            best = rank
    if best is None:
        band = f"|delta| {strategy.delta_min}-{strategy.delta_max}"
        if not in_band:
            return None, f"no {kind} has {band} ({len(candidates)} strikes looked at)"
        return None, f"no {kind} in {band} is liquid enough: {'; '.join(refused[:3])}"
    return leg_terms(preset, best[2], best[3]), ""


def liquidity_flaw(strategy: Strategy, quote: Quote) -> str:
    """Why a quote is not good enough to sell on, in words; empty when it is."""
    if quote.bid is None or quote.bid <= 0:
        return "no bid"
    if quote.ask is None:
        return "no ask"
    if quote.ask < quote.bid:
        return f"crossed book (bid {quote.bid} above ask {quote.ask})"
    if quote.mark is None or quote.mark <= 0:
        return "no mark price"
    spread_pct = (quote.ask - quote.bid) / ((quote.ask + quote.bid) / 2) * 100
    if spread_pct > strategy.max_spread_pct:
        return f"spread {spread_pct:.1f} % above {strategy.max_spread_pct} %"
    if (quote.bid_size or 0) < strategy.min_bid_size:
        return f"bid size {quote.bid_size or 0} below {strategy.min_bid_size}"
    if strategy.min_open_interest > 0 and (quote.open_interest or Decimal(0)) < strategy.min_open_interest:
        return f"open interest {quote.open_interest or 0} below {strategy.min_open_interest}"
    return ""


def leg_terms(preset: Preset, instrument: Instrument, quote: Quote) -> LegTerms:
    """Pin an option's terms and the quote it was chosen on. Needs strike, expiry and greeks."""
    assert instrument.strike is not None and instrument.expiry is not None and quote.greeks is not None
    return LegTerms(
        key="C" if instrument.kind is Kind.CALL else "P",
        symbol=instrument.symbol,
        product_id=instrument.product_id,
        kind=instrument.kind,
        strike=instrument.strike,
        expiry=instrument.expiry,
        side=Side.SELL,
        quantity=preset.strategy.quantity,
        contract_value=instrument.contract_value,
        tick_size=instrument.tick_size,
        fee_rate=instrument.taker_rate,
        fee_cap=instrument.fee_cap,
        margin_pct=instrument.initial_margin_pct,
        delta=quote.greeks.delta,
        bid=quote.bid,
        ask=quote.ask,
        mark=quote.mark,
        iv=quote.mark_iv,
    )
