"""Public market data endpoints."""

from collections.abc import Collection
from datetime import date, datetime

from trader.domain.instrument import Instrument
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.market.instants import to_us
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.candles import SPARKLINE_SYMBOLS_MAX, candle_rows, sparkline
from trader.venue.wire.catalogue import asset_row, index_row, product_row
from trader.venue.wire.fields import contract_kinds, integer, words
from trader.venue.wire.paging import noted, page
from trader.venue.wire.product_order import ProductOrder
from trader.venue.wire.quotes import l2_row, trade_row
from trader.venue.wire.tickers import ticker_row

_SYMBOLS_MAX = 10
_TRADES = 50
_DAYS_WALL_SECS = 0.25  # what one list of tickers may spend on figures of the day nobody asked for before
_EXPIRED_STATES = {"expired", "settled"}
_STATES = {"upcoming", "live", *_EXPIRED_STATES}
# Types of the exchange's list, whether or not this one lists any.
_CONTRACT_TYPES = frozenset(
    "call_options put_options perpetual_futures futures move_options spot spreads options_combos interest_rate_swaps "
    "turbo_call_options turbo_put_options".split()
)


def assets(call: Call) -> Answer:
    """GET /v2/assets."""
    underlyings = call.exchange.market.underlyings
    return Answer([asset_row(symbol, underlyings) for symbol in ("USD", *underlyings)])


def indices(call: Call) -> Answer:
    """GET /v2/indices."""
    underlyings = call.exchange.market.underlyings
    return Answer([index_row(underlying, underlyings) for underlying in underlyings])


def products(call: Call) -> Answer:
    """GET /v2/products: live contracts unless `states` says otherwise, those that are traded most first."""
    kinds = contract_kinds(_known(call, "contract_types", _CONTRACT_TYPES))
    states = set(_known(call, "states", _STATES) or ["live"])
    day = _day(call, "expiry", "%Y-%m-%d")
    listed: list[Instrument] = []
    if "live" in states:
        listed += call.exchange.products.live.values()
    if states & _EXPIRED_STATES:
        listed += [gone.instrument for gone in call.exchange.products.expired.values()]
    chosen = [i for i in listed if (kinds is None or i.kind in kinds) and (day is None or _expires(i, day))]
    order = ProductOrder(call.exchange, noted(call.query))
    rows, meta = page(order.sorted(chosen), order.key, call.query, default=100, maximum=1000, note=order.note)
    return Answer([product_row(call.exchange, i, call.tape.listed_since(i)) for i in rows], meta)


def product(call: Call) -> Answer:
    """GET /v2/products/{symbol}."""
    found = _named(call, call.path["symbol"])
    if found is None:
        raise Refused("product_not_found", status=404)
    return Answer(product_row(call.exchange, found, call.tape.listed_since(found)))


def tickers(call: Call) -> Answer:
    """GET /v2/tickers; with an expiry date and an underlying it is the option chain."""
    kinds = contract_kinds(_known(call, "contract_types", _CONTRACT_TYPES))
    underlyings = words(call.query, "underlying_asset_symbols")
    day = _day(call, "expiry_date", "%d-%m-%Y")
    call.tape.begin_batch(_DAYS_WALL_SECS)
    return Answer(
        [
            ticker_row(call.exchange, call.tape, i)
            for i in call.exchange.products.live.values()
            if (kinds is None or i.kind in kinds)
            and (underlyings is None or i.underlying in underlyings)
            and (day is None or _expires(i, day))
        ]
    )


def ticker(call: Call) -> Answer:
    """GET /v2/tickers/{symbol}: one, or an array for a comma list of at most ten."""
    symbols = call.path["symbol"].split(",")
    if len(symbols) > _SYMBOLS_MAX:
        raise bad_schema("symbol", f"at most {_SYMBOLS_MAX} symbols")
    rows = [ticker_row(call.exchange, call.tape, _live(call, symbol), fresh=True) for symbol in symbols]
    return Answer(rows if len(rows) > 1 else rows[0])


def l2_orderbook(call: Call) -> Answer:
    """GET /v2/l2orderbook/{symbol}."""
    depth = integer(call.query, "depth")
    if depth is not None and depth < 1:
        raise bad_schema("depth", "must be above 0")
    return Answer(l2_row(call.exchange, _live(call, call.path["symbol"]).symbol, depth))


def trades(call: Call) -> Answer:
    """GET /v2/trades/{symbol}: the last trades, newest first."""
    instrument = _live(call, call.path["symbol"])
    return Answer([trade_row(instrument.symbol, each) for each in call.tape.newest(instrument, _TRADES)])


def candles(call: Call) -> Answer:
    """GET /v2/history/candles: newest first, at most 2,000."""
    return Answer(candle_rows(call.exchange, call.tape, call.query))


def sparklines(call: Call) -> Answer:
    """GET /v2/history/sparklines: closes of the last day by symbol; symbols nobody knows are left out."""
    symbols = words(call.query, "symbols")
    if symbols is None:
        raise bad_schema("symbols", "is required")
    if len(symbols) > SPARKLINE_SYMBOLS_MAX:
        raise bad_schema("symbols", f"at most {SPARKLINE_SYMBOLS_MAX} symbols")
    found = {symbol: sparkline(call.exchange, call.tape, symbol) for symbol in symbols}
    return Answer({symbol: points for symbol, points in found.items() if points is not None})


def settings(call: Call) -> Answer:
    """GET /v2/settings: server (market) time in microseconds."""
    return Answer({"server_time": to_us(call.now), "under_maintenance": "false"})


def _known(call: Call, name: str, vocabulary: Collection[str]) -> list[str] | None:
    """A comma list of the exchange's own words."""
    listed = words(call.query, name)
    unknown = sorted(set(listed or ()) - set(vocabulary))
    if unknown:
        raise bad_schema(name, f"must be of: {', '.join(sorted(vocabulary))}; was {unknown[0]}")
    return listed


def _live(call: Call, named: str) -> Instrument:
    found = _named(call, named)
    live = None if found is None else call.exchange.products.live.get(found.symbol)
    if live is None:
        raise Refused("product_not_found", status=404)
    return live


def _named(call: Call, named: str) -> Instrument | None:
    """A contract by its symbol; a number in its place is a product id, which the exchange's own clients send."""
    found = call.exchange.products.find(named)
    if found is None and named.isascii() and named.isdigit():
        found = call.exchange.products.by_id.get(int(named))
    return found


def _expires(instrument: Instrument, day: date) -> bool:
    return instrument.expiry is not None and instrument.expiry.date() == day


def _day(call: Call, name: str, form: str) -> date | None:
    value = call.query.get(name)
    if value is None:
        return None
    try:
        return datetime.strptime(value, form).date()
    except ValueError:
        spelled = form.replace("%Y", "YYYY").replace("%m", "MM").replace("%d", "DD")
        raise bad_schema(name, f"must look like {spelled}") from None
