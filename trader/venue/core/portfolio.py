"""Portfolio margin of an account's holdings and resting orders; the arithmetic is `trader.pricing.portfolio`."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.pricing.black76 import year_fraction
from trader.pricing.portfolio import Line, PortfolioMargin, portfolio_of
from trader.venue.core.account import Account
from trader.venue.core.records import Order
from trader.venue.market.base import MarketSource

_NAUGHT = Decimal(0)


def portfolio_margin(
    market: MarketSource,
    live: Mapping[str, Instrument],
    account: Account,
    now: datetime,
    *,
    without: Order | None = None,
    extra: tuple[str, int] | None = None,
    index: str | None = None,
) -> PortfolioMargin:
    """Margin of an account's holdings and resting orders (`without` one of them, with `extra` signed contracts).

    Orders count where they make it worse: all buys, or all sells, or none filled. `index` restricts to one underlying.
    """
    held = {symbol: h.size for symbol, h in account.holdings.items()}
    if extra is not None:
        held[extra[0]] = held.get(extra[0], 0) + extra[1]
    buys, sells, commission = _ordered(market, live, account, without)
    variants = [held, _merged(held, buys), _merged(held, sells)] if buys or sells else [held]
    found = [_of(market, live, account, now, sizes, commission, index) for sizes in variants]
    # Resting orders change neither cash nor what positions would bring, only the margin.
    worst = max(found, key=lambda m: m.im_without_ucf)
    return msgspec.structs.replace(worst, ucf=found[0].ucf)


def _ordered(
    market: MarketSource, live: Mapping[str, Instrument], account: Account, without: Order | None
) -> tuple[dict[str, int], dict[str, int], Decimal]:
    sums: dict[Side, dict[str, int]] = {Side.BUY: {}, Side.SELL: {}}
    commission = sum((h.commission for h in account.holdings.values()), _NAUGHT)
    for order in account.open_orders.values():
        if order is without or order.reduce_only or order.symbol not in live:
            continue
        side = sums[order.side]
        side[order.symbol] = side.get(order.symbol, 0) + order.side.sign * order.unfilled_size
        commission += order.unit_commission * order.unfilled_size
    return sums[Side.BUY], sums[Side.SELL], commission


def _merged(held: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return {symbol: held.get(symbol, 0) + more.get(symbol, 0) for symbol in held.keys() | more.keys()}


def _of(
    market: MarketSource,
    live: Mapping[str, Instrument],
    account: Account,
    now: datetime,
    sizes: Mapping[str, int],
    commission: Decimal,
    index: str | None,
) -> PortfolioMargin:
    by_underlying: dict[str, list[Line]] = {}
    for symbol, size in sorted(sizes.items()):
        instrument = live.get(symbol)
        if instrument is not None and size and index in (None, instrument.underlying):
            by_underlying.setdefault(instrument.underlying, []).append(_line(market, account, instrument, size, now))
    return portfolio_of(
        ((float(market.spot(underlying)), lines) for underlying, lines in by_underlying.items()),
        balance=account.balance,
        commission=commission,
    )


def _line(market: MarketSource, account: Account, instrument: Instrument, size: int, now: datetime) -> Line:
    stats = market.option_stats(instrument.symbol)
    holding = account.holdings.get(instrument.symbol)
    entry = 0.0
    if instrument.kind is Kind.PERPETUAL:
        known = holding.entry_price if holding is not None else None
        entry = float(known if known is not None else stats.mark)
    return Line(
        kind=instrument.kind,
        units=size * float(instrument.contract_value),
        mark=float(stats.mark),
        strike=float(instrument.strike or 0),
        vol=stats.mark_iv,
        years=year_fraction(now, instrument.expiry) if instrument.expiry is not None else 0.0,
        entry=entry,
    )
