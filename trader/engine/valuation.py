"""What it would cost to close now: the one P&L that decisions, screens and reports share while a position is open."""

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite

import msgspec

from trader.domain.clock import Now
from trader.domain.fill import FillKind
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine.records import LegTerms
from trader.engine.state import (
    HUNDRED,
    SILENCE_SECS,
    ZERO,
    Market,
    Run,
    oldest,
    seconds_since,
)
from trader.pricing.fees import futures_commission, option_commission, option_liquidation_fee
from trader.pricing.margin_mode import OptionHeld

_GUARD_TICKS = 5
_SILENCE = timedelta(seconds=SILENCE_SECS)

Evidence = tuple[datetime | None, ...]


class Valuation(msgspec.Struct, frozen=True, kw_only=True):
    """Cost to close of everything open. `pnl` is USD: cash so far, minus closing cost, minus paid and closing fees;
    `pct` is of the run's basis (0 of a ticket, which has none). `unoffered`: symbols of short legs that nobody offers; they are counted where the spread guard
    ends, so that a loss is still seen, and what the profit is, is not known."""

    pnl: Decimal
    pct: Decimal
    unoffered: tuple[str, ...] = ()


def staleness(
    market: Market,
    now: Now,
    symbol: str,
    *,
    adds_risk: bool = False,
    need_greeks: bool = False,
    side: Side = Side.SELL,
) -> str:
    """Why a symbol's prices may not be used for a decision, in words; empty when they are fresh. `adds_risk`: for an entry; with
    `need_greeks` for one of a structure, on that side."""
    quote = market.quotes.get(symbol)
    if quote is None:
        return f"{symbol}: no price yet"
    if market.heard is None or now.wall - market.heard > _SILENCE:
        return f"{symbol}: market data silent for {seconds_since(market.heard, now.wall):.0f} s"
    newest = market.newest
    if newest is None or quote.mark is None or quote.mark <= 0 or quote.ts_mark is None:
        return f"{symbol}: no mark price"
    if (adds_risk or need_greeks) and now.market is not None and now.rate <= 1:
        # Risk is added on what is young now, not on what was young when the stream last spoke. A venue that runs faster
        # than the wall clock is left to the silence rule: what it publishes apart is minutes of its own time.
        newest = max(newest, now.market)
    mark_age, quote_age, greeks_age = oldest(now.rate)
    if newest - quote.ts_mark > mark_age:
        return f"{symbol}: mark is {(newest - quote.ts_mark).total_seconds():.0f} s old"
    if quote.ts_quote is None or newest - quote.ts_quote > quote_age:
        return f"{symbol}: bid and ask are stale"
    if need_greeks and (quote.greeks is None or quote.ts_greeks is None or newest - quote.ts_greeks > greeks_age):
        return f"{symbol}: greeks are stale or absent"
    return _unenterable(quote, side) if need_greeks else ""


def _unenterable(quote: Quote, side: Side) -> str:
    """Why fresh prices are no base for adding risk: a crossed book or one without a side that is needed, a delta that is no
    number. What is bought has to be offered; that nobody bids for it is the market's view of a far wing."""
    bid = quote.bid or ZERO if side is Side.BUY else quote.bid
    if bid is None or quote.ask is None or not (0 < quote.ask >= bid and (bid > 0 or side is Side.BUY)):
        return f"{quote.symbol}: bid and ask make no book"
    if quote.greeks is None or not isfinite(quote.greeks.delta):
        return f"{quote.symbol}: delta is not a number"
    return ""


def closing_price(leg: LegTerms, quote: Quote) -> Decimal | None:
    """USD per unit at which a leg is closed now: the ask to buy back what is short, the bid to sell what is long. None where
    nobody offers what is short; what nobody bids for brings nothing, and that is known."""
    if leg.side is Side.BUY:
        return max(quote.bid or ZERO, ZERO)
    return quote.ask if quote.ask is not None and quote.ask > 0 else None


def guarded_price(leg: LegTerms, quote: Quote, spread_guard_pct: Decimal) -> Decimal | None:
    """The same, but no further from the mark than the guard (at least 5 ticks), and that far where nobody offers what is short:
    what the exits at a loss count for a while (`trader.engine.spread_guard`). A move of the mark counts in full."""
    if quote.mark is None:
        return None
    guard = max(quote.mark * spread_guard_pct / HUNDRED, _GUARD_TICKS * leg.tick_size)
    touch = closing_price(leg, quote)
    if leg.side is Side.SELL:
        return quote.mark + guard if touch is None else min(touch, quote.mark + guard)
    least = quote.mark - guard if not quote.ask else min(quote.mark - guard, quote.ask)
    return max(touch or ZERO, least)  # no mark makes it worth more than others ask for it


def closing_cost(leg: LegTerms, quantity: int, price: Decimal, spot: Decimal) -> Decimal:
    """USD that closing `quantity` contracts at `price` takes, commission and GST included: negative where selling what is
    long brings more than that."""
    worth, fee = price * quantity * leg.contract_value, closing_fee(leg, quantity, price, spot)
    return fee + worth if leg.side is Side.SELL else fee - worth


def closing_fee(leg: LegTerms, quantity: int, price: Decimal, spot: Decimal) -> Decimal:
    """USD of commission and GST of trading `quantity` contracts of a leg at `price`."""
    if leg.kind is Kind.PERPETUAL:
        return futures_commission(rate=leg.fee_rate, price=price, quantity=quantity, contract_value=leg.contract_value)
    return option_commission(
        rate=leg.fee_rate,
        cap=leg.fee_cap,
        spot=spot,
        price=price,
        quantity=quantity,
        contract_value=leg.contract_value,
    )


def untold_fees(run: Run, market: Market) -> Decimal:
    """USD that fills whose commission the exchange has not told must have cost, by their contract's rates (GST included; where the
    exchange closed by itself, with its liquidation fee)."""
    if not run.uncosted:
        return ZERO
    spot = market.spots.get(run.underlying) or run.spot_at_entry or ZERO
    total = ZERO
    for booked in run.fills.values():
        if booked.fill.commission is None:
            leg = run.leg(booked.leg)
            price, contracts = booked.fill.price, booked.fill.quantity - booked.costed
            total += booked.cost_so_far + closing_fee(leg, contracts, price, spot)
            if booked.fill.kind is FillKind.LIQUIDATION and leg.kind is not Kind.PERPETUAL:
                total += option_liquidation_fee(
                    spot=spot, price=price, quantity=contracts, contract_value=leg.contract_value
                )
    return total


def leg_banked(run: Run, leg: LegTerms) -> Decimal:
    """USD that a leg's fills have brought so far, less what they are known to have cost."""
    ledger = run.ledger(leg.key)
    return ledger.cash - ledger.fees


def value(run: Run, market: Market, guarded: Collection[str] = ()) -> Valuation | None:
    """The whole run at cost to close, or None when any open leg cannot be priced: whole P&L or none. Legs whose keys are in
    `guarded` are counted no further from the mark than the spread guard, and so is a short one that nobody offers."""
    if run.basis <= 0 and run.ticket is None:
        return None
    total, unoffered = ZERO, []
    spot = market.spots.get(run.underlying)
    for leg in run.legs:
        ledger = run.ledger(leg.key)
        total += ledger.cash - ledger.fees
        if ledger.open <= 0:
            continue
        quote = market.quotes.get(leg.symbol)
        if quote is None or quote.mark is None or spot is None:
            return None
        price = closing_price(leg, quote)
        if price is None:
            unoffered.append(leg.symbol)
        if price is None or leg.key in guarded:
            price = guarded_price(leg, quote, run.preset.exits.spread_guard_pct)
            assert price is not None  # there is a mark
        total -= closing_cost(leg, ledger.open, price, spot)
    pct = total / run.basis * HUNDRED if run.basis else ZERO
    return Valuation(pnl=total, pct=pct, unoffered=tuple(unoffered))


def evidence_of(run: Run, market: Market) -> Evidence:
    """When the prices a valuation would use were made: mark and quote of every open leg, None where there is none. It
    identifies them, so that one print is not counted twice."""
    evidence: list[datetime | None] = []
    for leg in run.held:
        quote = market.quotes.get(leg.symbol)
        evidence += (None, None) if quote is None else (quote.ts_mark, quote.ts_quote)
    return tuple(evidence)


def flaw_of(run: Run, market: Market, now: Now) -> str:
    """Why no valuation of this moment may be decided on, in words; empty when every price is fresh."""
    for leg in run.held:
        if flaw := staleness(market, now, leg.symbol):
            return flaw
    return "" if market.spots.get(run.underlying, ZERO) > 0 else f"{run.underlying}: no index price"


def fresh_value(run: Run, market: Market, now: Now) -> tuple[Valuation | None, str]:
    """A valuation good enough to decide on, or None and why not."""
    flaw = flaw_of(run, market, now)
    return (None, flaw) if flaw else (value(run, market), "")


def option_held(leg: LegTerms, contracts: int, mark: Decimal | None, iv: float | None) -> OptionHeld:
    """So many contracts of a leg, for what they tie up."""
    return OptionHeld(
        kind=leg.kind,
        strike=leg.strike,
        expiry=leg.expiry,
        quantity=leg.side.sign * contracts,
        contract_value=leg.contract_value,
        mark=mark,
        iv=iv,
        margin_pct=leg.margin_pct,
    )
