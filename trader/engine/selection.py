"""Which contracts a preset's structure means now: an expiry, and for each leg a strike that is liquid enough to trade."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from trader.config.preset import Preset
from trader.config.strategy import Strategy
from trader.domain.expiry import IST, ist_date
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.domain.quote import Quote, usual_spot
from trader.domain.structure import ByDelta, ByWidth, LegPlan, Structure
from trader.engine.basis import most_lost
from trader.engine.records import LegTerms
from trader.engine.strikes import Chain, Listed, find
from trader.pricing.smile import Smile

_FRIDAY = 4
_LEEWAY_TICKS = 5  # of a cheap option a percentage is less than its tick
_OWN_LEGS = "custom"  # one may mean a long leg nearer the money than the short one; in a named structure it protects


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """All legs of the structure in its order, or none and the reasons why nothing qualifies."""

    legs: tuple[LegTerms, ...]
    expiry: datetime | None
    reasons: tuple[str, ...]
    smile: Smile | None = None  # of the expiry, where there are legs


def listed_expiries(instruments: Iterable[Instrument], underlying: str) -> list[datetime]:
    """Expiry instants (UTC) listed for an underlying's options, earliest first."""
    return sorted({i.expiry for i in instruments if i.underlying == underlying and i.expiry is not None and i.tradable})


def choose_expiry(strategy: Strategy, expiries: list[datetime], market: datetime) -> tuple[datetime | None, str]:
    """The listed expiry a rule means at `market`, or None with one sentence.

    today / next_day: the Indian calendar date. nearest: the first far enough away. weekly: the first Friday after today;
    monthly: the first last Friday of a month after today. A date names itself. All must be at least `min_hours_to_expiry`
    away. What expires today is never meant by `weekly` or `monthly`: it has the gamma of a day, not of a week.
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
        return day.weekday() == _FRIDAY and day > today
    if rule == "monthly":
        return day.weekday() == _FRIDAY and day > today and (day + timedelta(days=7)).month != day.month
    return day == date.fromisoformat(rule)


def choose_legs(
    preset: Preset,
    instruments: Iterable[Instrument],
    quotes: Mapping[str, Quote],
    market: datetime,
    spot: Decimal | None = None,
) -> Selection:
    """Pick the contracts of a preset's structure at `market` (exchange time). `spot`: by default what the quotes tell.

    Each leg's selector says which strikes of the expiry it may have, the best first; the first that is liquid enough on the
    side it is entered on is taken. What does not fit together as a whole is refused.
    """
    strategy, structure = preset.strategy, preset.structure
    listed = [i for i in instruments if i.underlying == strategy.underlying and i.expiry is not None and i.tradable]
    expiry, why = choose_expiry(strategy, listed_expiries(listed, strategy.underlying), market)
    if expiry is None:
        return Selection(legs=(), expiry=None, reasons=(why,))
    of_expiry = tuple(Listed(i, quotes.get(i.symbol)) for i in listed if i.expiry == expiry and i.strike is not None)
    chain = Chain(
        listed=of_expiry,
        spot=spot if spot is not None else usual_spot(one.quote for one in of_expiry if one.quote is not None),
        market=market,
        expiry=expiry,
    )
    chosen: dict[str, LegTerms] = {}
    reasons: dict[str, str] = {}
    for plan in sorted(structure.legs, key=lambda plan: isinstance(plan.selector, ByWidth)):
        if isinstance(plan.selector, ByWidth) and plan.selector.of in reasons:
            continue  # what it is measured from is what is missing
        found = _choose_leg(preset, chain, plan, {key: leg.strike for key, leg in chosen.items()})
        if isinstance(found, str):
            alone = sum(one.kind is plan.kind for one in structure.legs) == 1
            reasons[plan.key] = found if alone else f"{plan.key}: {found}"
        else:
            chosen[plan.key] = found
    if not reasons:
        legs = tuple(chosen[plan.key] for plan in structure.legs)
        flaw = _misfit(structure, legs)
        if flaw:
            return Selection(legs=(), expiry=expiry, reasons=(flaw,))
        return Selection(legs=legs, expiry=expiry, reasons=(), smile=chain.smile())
    return Selection(
        legs=(), expiry=expiry, reasons=tuple(reasons[plan.key] for plan in structure.legs if plan.key in reasons)
    )


def _choose_leg(preset: Preset, chain: Chain, plan: LegPlan, strikes: Mapping[str, Decimal]) -> LegTerms | str:
    """The leg, or why none qualifies."""
    found = find(chain, plan, strikes)
    if isinstance(found, str):
        return found
    refused = []
    for one, why in found:
        quote = one.quote
        if quote is None or one.delta is None:
            flaw = "no quote" if quote is None else "no greeks"
        else:
            flaw = liquidity_flaw(preset.strategy, quote, plan.side, one.contract.tick_size)
        if not flaw and quote is not None:
            return leg_terms(plan, preset.strategy.quantity, one.contract, quote, why)
        refused.append(f"{one.contract.symbol}: {flaw}")
    rule = plan.selector
    where = f" in |delta| {rule.low}-{rule.high}" if isinstance(rule, ByDelta) else ""
    return f"no {plan.kind}{where} is liquid enough: {'; '.join(refused[:3])}"


def _misfit(structure: Structure, legs: tuple[LegTerms, ...]) -> str:
    """Why legs that each qualify make no position together, in one sentence; empty when they do."""
    for place, leg in enumerate(legs):
        for other in legs[place + 1 :]:
            if other.symbol == leg.symbol:
                return f"{leg.key} and {other.key} would be the same contract, {leg.symbol}"
    for wing, short in [(w, s) for w in legs for s in legs if w.side is Side.BUY and s.side is Side.SELL]:
        out = 1 if wing.kind is Kind.CALL else -1
        if structure.name != _OWN_LEGS and wing.kind is short.kind and (wing.strike - short.strike) * out <= 0:
            return (
                f"the wing {wing.key} at {wing.strike.normalize():,f} would lie inside {short.key} at "
                f"{short.strike.normalize():,f}, the leg it protects"
            )
    premium = sum((touch_flow(leg, leg.quantity) for leg in legs), Decimal(0))
    if premium <= 0 and most_lost([(leg, leg.quantity) for leg in legs], premium) is None:
        return f"the legs bring no credit ({premium:.2f} USD at the touch) and what they can lose has no bound"
    return ""


def touch_flow(leg: LegTerms, quantity: int) -> Decimal:
    """USD that entering contracts of a leg at the touch of its quote brings; negative: takes."""
    touch = leg.bid if leg.side is Side.SELL else leg.ask
    return -leg.side.sign * (touch or Decimal(0)) * quantity * leg.contract_value


def liquidity_flaw(strategy: Strategy, quote: Quote, side: Side = Side.SELL, tick_size: Decimal = Decimal(0)) -> str:
    """Why a quote is not good enough to enter on, in words; empty when it is. What is sold is judged by its bid and spread,
    what is bought by its offer: for a far wing nobody may bid, and a tick is much of its price."""
    if side is Side.SELL and (quote.bid is None or quote.bid <= 0):
        return "no bid"
    if quote.ask is None or quote.ask <= 0:
        return "no ask"
    if quote.bid is not None and quote.ask < quote.bid:
        return f"crossed book (bid {quote.bid} above ask {quote.ask})"
    if quote.mark is None or quote.mark <= 0:
        return "no mark price"
    if side is Side.BUY:
        leeway = max(quote.mark * strategy.max_spread_pct / 200, _LEEWAY_TICKS * tick_size)
        if quote.ask > quote.mark + leeway:
            return f"ask {quote.ask} too far above the mark {quote.mark}"
        if (quote.ask_size or 0) < strategy.min_bid_size:
            return f"ask size {quote.ask_size or 0} below {strategy.min_bid_size}"
    else:
        assert quote.bid is not None
        spread_pct = (quote.ask - quote.bid) / ((quote.ask + quote.bid) / 2) * 100
        if spread_pct > strategy.max_spread_pct:
            return f"spread {spread_pct:.1f} % above {strategy.max_spread_pct} %"
        if (quote.bid_size or 0) < strategy.min_bid_size:
            return f"bid size {quote.bid_size or 0} below {strategy.min_bid_size}"
    if strategy.min_open_interest > 0 and (quote.open_interest or Decimal(0)) < strategy.min_open_interest:
        return f"open interest {quote.open_interest or 0} below {strategy.min_open_interest}"
    return ""


def leg_terms(plan: LegPlan, quantity: int, instrument: Instrument, quote: Quote, why: str = "") -> LegTerms:
    """Pin an option's terms and the quote it was chosen on, for a preset's quantity. Needs strike, expiry and greeks."""
    assert instrument.strike is not None and instrument.expiry is not None and quote.greeks is not None
    return LegTerms(
        key=plan.key,
        symbol=instrument.symbol,
        product_id=instrument.product_id,
        kind=instrument.kind,
        strike=instrument.strike,
        expiry=instrument.expiry,
        side=plan.side,
        quantity=quantity * plan.ratio,
        contract_value=instrument.contract_value,
        tick_size=instrument.tick_size,
        fee_rate=instrument.taker_rate,
        fee_cap=instrument.fee_cap,
        margin_pct=instrument.initial_margin_pct,
        maintenance_pct=instrument.maintenance_margin_pct,
        delta=quote.greeks.delta,
        bid=quote.bid,
        ask=quote.ask,
        mark=quote.mark,
        iv=quote.mark_iv,
        ratio=plan.ratio,
        rank=plan.rank,
        why=why,
    )
