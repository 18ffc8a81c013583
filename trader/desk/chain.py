"""The chain of one expiry as a person reads it: calls, strike, puts, what was picked, and why the others were not. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.domain.quote import Quote
from trader.engine.leg_view import usable_vol
from trader.engine.selection import listed_expiries

_AROUND = 14  # strikes shown on either side of spot, beside those of picked legs


class ChainSide(msgspec.Struct, frozen=True, kw_only=True):
    """One contract. Prices USD per unit of the underlying, `iv` a fraction per year, greeks as in `trader.domain.quote`,
    `spread_pct` of the mid price; None is not known. `picked`: what is sold or bought of it, in words; `why`: why that strike, or why it is not picked."""

    symbol: str
    bid: Decimal | None = None
    ask: Decimal | None = None
    mark: Decimal | None = None
    iv: float | None = None
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    open_interest: Decimal | None = None
    spread_pct: float | None = None
    bid_size: int | None = None
    ask_size: int | None = None
    picked: str = ""
    why: str = ""


class ChainRow(msgspec.Struct, frozen=True, kw_only=True):
    """One strike; a side that is not listed is None."""

    strike: Decimal
    call: ChainSide | None
    put: ChainSide | None


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """One expiry's strikes around spot, ascending. `atm_iv`: implied volatility at spot, between the strikes on either side of it,
    calls and puts averaged; `hidden`: how many strikes further away are left out."""

    underlying: str
    spot: Decimal | None
    market: datetime | None
    expiry: datetime | None
    expiries: tuple[datetime, ...]
    rows: tuple[ChainRow, ...] = ()
    atm_iv: float | None = None
    hidden: int = 0
    age_secs: float = 0.0  # since the exchange was asked, of this machine's clock
    fault: str = ""  # why it is not younger
    own: datetime | None = None  # the expiry of what is marked, or the one a preset's rule means


def expiry_shown(expiries: Sequence[datetime], wanted: datetime | None, market: datetime | None) -> datetime | None:
    """The wanted expiry where it is listed, else the nearest to come."""
    if wanted in expiries:
        return wanted
    return next((one for one in expiries if market is None or one > market), None)


def build_chain(
    underlying: str,
    instruments: Sequence[Instrument],
    quotes: Mapping[str, Quote],
    *,
    spot: Decimal | None,
    market: datetime | None,
    wanted: datetime | None = None,
    picked: Mapping[str, str] | None = None,
    why: Mapping[str, str] | None = None,
) -> Chain:
    """The chain of the wanted expiry (by default the nearest). `picked` and `why` are words by symbol."""
    expiries = [one for one in listed_expiries(instruments, underlying) if market is None or one > market]
    expiry = expiry_shown(expiries, wanted, market)
    taken, reasons = picked or {}, why or {}
    by_strike: dict[Decimal, dict[Kind, ChainSide]] = {}
    for one in instruments:
        if one.underlying == underlying and one.expiry == expiry and one.strike is not None:
            side = _side(one.symbol, quotes.get(one.symbol), taken.get(one.symbol, ""), reasons.get(one.symbol, ""))
            by_strike.setdefault(one.strike, {})[one.kind] = side
    rows = [
        ChainRow(strike=strike, call=by_strike[strike].get(Kind.CALL), put=by_strike[strike].get(Kind.PUT))
        for strike in sorted(by_strike)
    ]
    shown = _around(rows, spot)
    return Chain(
        underlying=underlying, spot=spot, market=market, expiry=expiry, expiries=tuple(expiries), rows=tuple(shown),
        atm_iv=at_the_money(rows, spot), hidden=len(rows) - len(shown),
    )  # fmt: skip


def _side(symbol: str, quote: Quote | None, picked: str, why: str) -> ChainSide:
    if quote is None:
        return ChainSide(symbol=symbol, picked=picked, why=why or "no quote")
    greeks = quote.greeks
    return ChainSide(
        symbol=symbol,
        bid=quote.bid,
        ask=quote.ask,
        mark=quote.mark,
        iv=usable_vol(quote),
        delta=None if greeks is None else greeks.delta,
        gamma=None if greeks is None else greeks.gamma,
        theta=None if greeks is None else greeks.theta,
        vega=None if greeks is None else greeks.vega,
        open_interest=quote.open_interest,
        spread_pct=_spread_pct(quote),
        bid_size=quote.bid_size,
        ask_size=quote.ask_size,
        picked=picked,
        why=why,
    )


def _spread_pct(quote: Quote) -> float | None:
    if quote.mid is None or quote.mid <= 0 or quote.ask is None or quote.bid is None:
        return None
    return float((quote.ask - quote.bid) / quote.mid * 100)


def _around(rows: list[ChainRow], spot: Decimal | None) -> list[ChainRow]:
    """The strikes next to spot, and out to any that was picked."""
    if spot is None or len(rows) <= 2 * _AROUND + 1:
        return rows
    middle = min(range(len(rows)), key=lambda number: abs(rows[number].strike - spot))
    taken = [number for number, row in enumerate(rows) if any(one and one.picked for one in (row.call, row.put))]
    first = max(min([middle - _AROUND, *(number - 2 for number in taken)]), 0)
    last = min(max([middle + _AROUND, *(number + 2 for number in taken)]), len(rows) - 1)
    return rows[first : last + 1]


def at_the_money(rows: Sequence[ChainRow], spot: Decimal | None) -> float | None:
    """Implied volatility at spot: straight between the two strikes around it, calls and puts averaged at each."""
    if spot is None:
        return None
    known = [(float(row.strike), vol) for row in rows if (vol := _mean_vol(row)) is not None]
    at = float(spot)
    below = max((one for one in known if one[0] <= at), default=None)
    above = min((one for one in known if one[0] > at), default=None)
    if below is None or above is None:
        return None
    share = (at - below[0]) / (above[0] - below[0])
    return below[1] + (above[1] - below[1]) * share


def _mean_vol(row: ChainRow) -> float | None:
    vols = [side.iv for side in (row.call, row.put) if side is not None and side.iv is not None]
    return sum(vols) / len(vols) if vols else None
