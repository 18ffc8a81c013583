"""What people see of one leg: prices, P&L at cost to close and at mark, and the greeks of the position it makes."""

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import NamedTuple

from trader.domain.clock import Now
from trader.domain.quote import Greeks, Quote
from trader.engine.liquidation import Limit
from trader.engine.records import LegTerms, Phase
from trader.engine.shown import places, shown
from trader.engine.state import GREEKS_AGE, HUNDRED, ZERO, Market, Run, age_slack
from trader.engine.valuation import closing_cost, closing_fee, closing_price, guarded_price, leg_banked, staleness
from trader.engine.view import LegView
from trader.pricing.black76 import greeks, year_fraction
from trader.pricing.implied_vol import credible_vol


class _Money(NamedTuple):
    """As in `LegView`; all None where the leg cannot be priced, all but the P&L at mark where nobody offers it."""

    pnl: Decimal | None = None
    closing_px: Decimal | None = None
    counted_px: Decimal | None = None
    fee_to_close: Decimal | None = None
    pnl_mark: Decimal | None = None


class _Position(NamedTuple):
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None


def leg_view(
    run: Run,
    leg: LegTerms,
    market: Market,
    now: Now,
    kept: str,
    progress: str,
    waits: Mapping[str, float],
    limit: Limit | None,
) -> LegView:
    """One leg as seen at `now`. `kept`: why it is held to its settlement; `progress`: how many slices have filled; in words.
    `waits`: seconds for which the spread guard binds legs, by key; `limit`: where it is liquidated, if it can be."""
    quote = market.quotes.get(leg.symbol)
    ledger = run.ledger(leg.key)
    spot = market.spots.get(run.underlying)
    money = _money(run, leg, market, now, waits) if ledger.entered else _Money()
    position = _position(run, leg, market, now)
    return LegView(
        key=leg.key,
        symbol=leg.symbol,
        side=leg.side.value,
        quantity=leg.quantity,
        filled_quantity=ledger.entered,
        open_quantity=ledger.open,
        strike=leg.strike,
        expiry=leg.expiry,
        avg_px=_average(ledger.entered_value, ledger.entered),
        exit_px=_average(ledger.closed_value, ledger.closed),
        mark=quote.mark if quote is not None else None,
        bid=quote.bid if quote is not None else None,
        ask=quote.ask if quote is not None else None,
        delta=quote.greeks.delta if quote is not None and quote.greeks is not None else None,
        iv=quote.mark_iv if quote is not None else None,
        pnl=money.pnl,
        distance_pct=float((leg.strike - spot) / spot * HUNDRED) if spot else None,
        price_age_s=_age_secs(quote, market),
        fresh=not staleness(market, now, leg.symbol),
        kept=kept,
        progress=progress,
        ratio=leg.ratio,
        why=leg.why,
        contract_value=leg.contract_value,
        bid_size=quote.bid_size if quote is not None else None,
        ask_size=quote.ask_size if quote is not None else None,
        closing_px=money.closing_px,
        counted_px=money.counted_px,
        guard_secs=None if money.counted_px is None or money.closing_px is None else waits.get(leg.key),
        fees_paid=ledger.fees if ledger.entered or ledger.closed else None,
        fee_to_close=money.fee_to_close,
        pnl_mark=money.pnl_mark,
        iv_at_entry=leg.iv,
        position_delta=position.delta,
        position_gamma=position.gamma,
        position_theta=position.theta,
        position_vega=position.vega,
        liquidation_px=None if limit is None else places(limit.price, 2),
        liquidation_told=limit is not None and limit.told,
        guard_px=None if limit is None or limit.guard is None else places(limit.guard, 2),
    )


def usable_quote(run: Run, leg: LegTerms, market: Market, now: Now) -> tuple[Quote, Decimal] | None:
    """The leg's quote and spot, where both are good enough to be counted with."""
    quote, spot = market.quotes.get(leg.symbol), market.spots.get(run.underlying)
    if quote is None or spot is None or spot <= 0 or staleness(market, now, leg.symbol):
        return None
    return quote, spot


def usable_vol(quote: Quote) -> float | None:
    """The implied volatility of the mark, where it is a number that prices something."""
    return credible_vol(quote.mark_iv)


def greeks_now(run: Run, leg: LegTerms, market: Market, now: Now) -> Greeks | None:
    """The option's greeks: the exchange's own while they are fresh, else Black-76 at the mark's implied volatility."""
    usable = usable_quote(run, leg, market, now)
    if usable is None or leg.has_expired(now.market):
        return None
    quote, spot = usable
    told, newest = quote.greeks, market.newest
    if told is not None and quote.ts_greeks is not None and newest is not None:
        numbers = (told.delta, told.gamma, told.theta, told.vega)
        if newest - quote.ts_greeks <= GREEKS_AGE + age_slack(now) and all(map(isfinite, numbers)):
            return told
    vol = usable_vol(quote)
    if vol is None or now.market is None:
        return None
    return greeks(float(spot), float(leg.strike), vol, year_fraction(now.market, leg.expiry), leg.kind)


def _average(value: Decimal, quantity: int) -> Decimal | None:
    """The mean price of `quantity` contracts that came to `value`; None of none."""
    return value / quantity if quantity else None


def _money(run: Run, leg: LegTerms, market: Market, now: Now, waits: Mapping[str, float]) -> _Money:
    open_quantity = run.open_quantity(leg.key)
    banked = leg_banked(run, leg)
    if open_quantity <= 0:
        return _Money(pnl=banked, fee_to_close=ZERO, pnl_mark=banked)
    usable = usable_quote(run, leg, market, now)
    if usable is None:
        return _Money()
    quote, spot = usable
    price = closing_price(leg, quote)
    if quote.mark is None:
        return _Money()
    return _Money(
        pnl=None if price is None else banked - closing_cost(leg, open_quantity, price, spot),
        closing_px=price,
        counted_px=_counted_px(run, leg, quote, waits),
        fee_to_close=None if price is None else closing_fee(leg, open_quantity, price, spot),
        pnl_mark=banked + leg.side.sign * quote.mark * open_quantity * leg.contract_value,
    )


def _counted_px(run: Run, leg: LegTerms, quote: Quote, waits: Mapping[str, float]) -> Decimal | None:
    """What exits at a loss count instead of the touch, while the guard binds; always where nobody offers it."""
    touch = closing_price(leg, quote)
    if run.phase is not Phase.HOLDING or (touch is not None and leg.key not in waits):
        return None
    price = guarded_price(leg, quote, run.preset.exits.spread_guard_pct)
    return None if price == touch else price


def _position(run: Run, leg: LegTerms, market: Market, now: Now) -> _Position:
    """What is open of the leg, signed: a short call has negative delta and earns theta."""
    open_quantity = run.open_quantity(leg.key)
    if open_quantity <= 0 or run.phase is Phase.DONE:
        return _Position()
    option = greeks_now(run, leg, market, now)
    if option is None:
        return _Position()
    size = leg.side.sign * open_quantity * float(leg.contract_value)
    return _Position(*(shown(size * greek) for greek in (option.delta, option.gamma, option.theta, option.vega)))


def _age_secs(quote: Quote | None, market: Market) -> float | None:
    """Exchange-time seconds since the older of mark and quote changed hands."""
    stamps = [] if quote is None else [t for t in (quote.ts_mark, quote.ts_quote) if t is not None]
    return (market.newest - min(stamps)).total_seconds() if stamps and market.newest is not None else None
