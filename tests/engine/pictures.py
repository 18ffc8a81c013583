"""A held strangle in markets made by Black-76, so that what a picture says can be checked against the model it is said from."""

import functools
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from tests.engine.scene import CALL, EXPIRY, OPENING, PUT, D, holding, secs
from trader.domain.clock import Now
from trader.domain.fill import Fill
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine.fold import evolve
from trader.engine.records import FillRecorded
from trader.engine.state import Market, Run, State
from trader.engine.valuation import Valuation, fresh_value
from trader.engine.view import RunView
from trader.engine.viewing import build_view
from trader.pricing.black76 import price_and_greeks, year_fraction

SOLD_AT = OPENING + secs(10)
VOL = 0.5
STRIKE = {"C": 104_000.0, "P": 96_000.0}
KIND = {"C": Kind.CALL, "P": Kind.PUT}
NAME = {"C": CALL, "P": PUT}


@functools.cache
def held_state() -> State:
    return holding().state


def quoted(
    key: str, at: datetime, *, spot: float = 100_000.0, vol: float = VOL, ask_above: float = 5.0, bid_below: float = 5.0
) -> Quote:
    """A leg's quote by the model, around its mark."""
    value, greeks = price_and_greeks(spot, STRIKE[key], vol, year_fraction(at, EXPIRY), KIND[key])
    mark = max(D(f"{value:.8f}"), D("0.1"))
    return Quote(
        symbol=NAME[key],
        mark=mark,
        bid=max(mark - D(str(bid_below)), D("0.1")),
        ask=mark + D(str(ask_above)),
        bid_size=7,
        ask_size=9,
        greeks=greeks,
        mark_iv=vol,
        ts_mark=at,
        ts_quote=at,
        ts_greeks=at,
    )


def market_of(call: Quote | None, put: Quote | None, *, spot: float, at: datetime) -> Market:
    quotes = {quote.symbol: quote for quote in (call, put) if quote is not None}
    return Market(quotes=quotes, spots={"BTC": D(str(spot))}, newest=at, heard=at)


def model_market(at: datetime, *, spot: float = 100_000.0, vol: float = VOL, ask_above: float = 5.0) -> Market:
    call, put = (quoted(key, at, spot=spot, vol=vol, ask_above=ask_above) for key in "CP")
    return market_of(call, put, spot=spot, at=at)


def fill(key: str, side: Side, quantity: int, price: Decimal, commission: Decimal | None, name: str) -> Fill:
    return Fill(
        fill_id=name,
        venue_order_id="1",
        client_order_id=None,
        symbol=NAME[key],
        product_id=1,
        side=side,
        quantity=quantity,
        price=price,
        commission=commission,
        ts_event=SOLD_AT,
    )


def run_with(fills: Iterable[tuple[str, Fill]], **changes: object) -> Run:
    """The held run with other fills and whatever else is to differ."""
    (run,) = held_state().runs.values()
    legs = tuple(replace(leg, iv=VOL) for leg in run.legs)
    made = replace(run, legs=legs, fills={}, ledgers={}, held=())
    state = State(installation="abcd1234", epoch=1, env="paper", account_key="acc", runs={run.run_id: made})
    for key, fill in fills:
        state = evolve(state, FillRecorded(run_id=run.run_id, wall=OPENING, leg=key, fill=fill))
    return replace(state.runs[run.run_id], **{"naked_since": None, **changes})


def strangle(quantity: int = 100, *, call: str = "300", put: str = "300", **changes: object) -> Run:
    """Both legs sold at these prices, for 0.01 USD each."""
    sold = [
        (key, fill(key, Side.SELL, quantity, D(price), D("0.01"), f"sold-{key}"))
        for key, price in (("C", call), ("P", put))
    ]
    return run_with(sold, **changes)


def seen(run: Run, market: Market, at: datetime | None = None) -> RunView:
    """The picture at a market's own instant, or at another of the exchange's time."""
    now = Now(market.heard or OPENING, at or market.newest)
    return build_view(replace(held_state(), market=market, runs={run.run_id: run}), run, now)


def valued(run: Run, market: Market) -> Valuation:
    valuation, flaw = fresh_value(run, market, Now(market.heard or OPENING, market.newest))
    assert valuation is not None, flaw
    return valuation


def later(hours: float) -> datetime:
    return OPENING + timedelta(hours=hours)
