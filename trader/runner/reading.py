"""Composes the exchange's read verbs into the engine's two questions: the chain, and the state of the account."""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from trader.domain.clock import Now
from trader.domain.errors import ExchangeError, RateLimited
from trader.domain.fill import Fill
from trader.engine.effects import ReadAccount, ReadChain
from trader.engine.events import AccountRead, ChainRead
from trader.exchange.gateway import Gateway

_LEAP = timedelta(seconds=60)


def read_chain(gateway: Gateway, effect: ReadChain, now: Callable[[], Now]) -> ChainRead:
    """Listed contracts and quotes of an underlying; what the exchange or the network does ends up in `error`."""
    try:
        quotes = gateway.tickers(effect.underlying)
        instruments = gateway.instruments(effect.underlying)
        spot = next((q.spot for q in quotes if q.spot is not None), None) or gateway.spot(effect.underlying)
    except ExchangeError as error:
        return ChainRead(at=now(), run_id=effect.run_id, error=str(error), retry_after_secs=_retry_after(error))
    return ChainRead(at=now(), run_id=effect.run_id, instruments=tuple(instruments), quotes=tuple(quotes), spot=spot)


def newest_mark(event: ChainRead) -> datetime | None:
    """The youngest exchange time a chain carries; one far ahead of every other of its rows is not believed."""
    stamps = sorted(q.ts_mark for q in event.quotes if q.ts_mark is not None)
    while len(stamps) > 1 and stamps[-1] - stamps[-2] > _LEAP:
        stamps.pop()
    return stamps[-1] if stamps else None


def read_account(gateway: Gateway, effect: ReadAccount, asked: datetime, now: Callable[[], Now]) -> AccountRead:
    """One reconciliation read. Members read before something failed are kept; the rest stay None, and `error` says why.

    Fills are read last, so that no position in the same answer is younger than the fills that explain it.
    """
    read = _read_members(gateway, effect, AccountRead(at=now(), run_id=effect.run_id, asked=asked))
    return replace(read, at=now())


def _read_members(gateway: Gateway, effect: ReadAccount, read: AccountRead) -> AccountRead:
    gateway = gateway.for_exit() if effect.for_exit else gateway
    products = effect.product_ids or None
    try:
        lookups = {coid: gateway.lookup(coid) for coid in effect.lookups}
        read = replace(read, lookups=lookups)
        if effect.whole:
            read = replace(read, open_orders=tuple(gateway.open_orders()), whole=True)
        elif products is not None:
            read = replace(read, open_orders=tuple(gateway.open_orders(products)))
        if products is None:
            read = replace(read, open_orders=read.open_orders or (), fills=(), history=())
        else:
            if effect.lookups or effect.history:
                read = replace(read, history=tuple(gateway.order_history(effect.since, products)))
        read = replace(read, positions=tuple(gateway.positions(effect.underlying)))
        if products is not None:
            fills = [_with_order(gateway, effect, fill) for fill in gateway.fills(effect.since, products)]
            read = replace(read, fills=tuple(fills))
        read = replace(read, available_usd=gateway.wallet().available)
        settled = {symbol: gateway.settlement_price(symbol) for symbol in effect.settled_symbols}
        return replace(read, settlements={symbol: price for symbol, price in settled.items() if price is not None})
    except ExchangeError as error:
        return replace(read, error=f"{type(error).__name__}: {error}", retry_after_secs=_retry_after(error))


def _retry_after(error: ExchangeError) -> float | None:
    """Seconds the rate limit asks us to stay away; None where it did not speak."""
    return error.retry_after_secs if isinstance(error, RateLimited) else None


def _with_order(gateway: Gateway, effect: ReadAccount, fill: Fill) -> Fill:
    """Fills over REST carry no client order id: an order we do not know by its id is looked up, so that a fill of a lost
    order of ours is recognised. Settlement and the like carry ids that name no order."""
    if fill.client_order_id is not None or fill.venue_order_id in effect.known_order_ids:
        return fill
    if not effect.lookups or not fill.venue_order_id.isdigit():
        return fill
    order = gateway.lookup_by_id(fill.venue_order_id)
    return fill if order is None else replace(fill, client_order_id=order.client_order_id)
