"""Open positions: reading them, their margin, closing them, and their brackets."""

from typing import Any

from trader.domain.instrument import Instrument
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.market.instants import to_us
from trader.venue.wire.account_rows import position_row
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.fields import decimal, flag, integer, needed_integer, nested, real_flag
from trader.venue.wire.filters import of_contracts, product_of
from trader.venue.wire.order_body import bracket_change_of, position_bracket_of, symbol_of
from trader.venue.wire.text import plain_or_none


def positions(call: Call) -> Answer:
    """GET /v2/positions, real time: one object by product id, an array by underlying."""
    product_id = integer(call.query, "product_id")
    underlying = call.query.get("underlying_asset_symbol")
    if (product_id is None) == (underlying is None):
        raise bad_schema("product_id", "give exactly one of product_id and underlying_asset_symbol")
    by_id = call.exchange.products.by_id
    if product_id is not None:
        return Answer(_brief(call, product_of(call, product_id)))
    held = [by_id[h.product_id] for h in call.account.holdings.values()]
    return Answer([_brief(call, i) for i in held if i.underlying == underlying])


def _brief(call: Call, instrument: Instrument) -> dict[str, Any]:
    held = call.account.holdings.get(instrument.symbol)
    return {
        "product_id": instrument.product_id,
        "product_symbol": instrument.symbol,
        "size": held.size if held else 0,
        "entry_price": plain_or_none(held.entry_price) if held else None,
        "timestamp": to_us(call.now),
    }


def margined(call: Call) -> Answer:
    """GET /v2/positions/margined: open positions, as they were a moment ago."""
    concerned = of_contracts(call)
    seen = call.account.positions_as_of(call.now, call.exchange.settings.margined_lag_secs)
    return Answer(
        [position_row(call.exchange, call.account, held, call.now) for held in seen if concerned(held.product_id)]
    )


def change_margin(call: Call) -> Answer:
    """POST /v2/positions/change_margin: `delta_margin` USD in (positive) or out."""
    instrument = product_of(call, needed_integer(call.body, "product_id"))
    delta = decimal(call.body, "delta_margin")
    if delta is None or delta == 0:
        raise bad_schema("delta_margin", "is required and not 0")
    holding = call.exchange.positions.change_margin(call.account, instrument, delta, call.now)
    return Answer(position_row(call.exchange, call.account, holding, call.now))


def auto_topup(call: Call) -> Answer:
    """PUT /v2/positions/auto_topup."""
    instrument = product_of(call, needed_integer(call.body, "product_id"))
    wanted = real_flag(call.body, "auto_topup")
    holding = call.exchange.positions.set_auto_topup(call.account, instrument, wanted, call.now)
    return Answer(position_row(call.exchange, call.account, holding, call.now))


def close_all(call: Call) -> Answer:
    """POST /v2/positions/close_all: market orders for the positions of the account's margin mode, when its flag is set.

    The documentation asks for `user_id`; clients leave it out, so it is only checked where given. `product_ids` narrows.
    """
    account, body = call.account, call.body
    user_id = integer(body, "user_id")
    if user_id is not None and user_id != account.user_id:
        raise Refused("unauthorized", status=401)
    flags = {"isolated": flag(body, "close_all_isolated"), "portfolio": flag(body, "close_all_portfolio")}
    listed = body.get("product_ids")
    wanted: set[int] | None = None
    if listed is not None:
        if not isinstance(listed, list) or not all(isinstance(i, int) for i in listed):
            raise bad_schema("product_ids", "must be a list of whole numbers")
        wanted = set(listed)
    if flags[account.margin_mode]:
        call.exchange.positions.close_all(account, call.now, product_ids=wanted)
    return Answer(None)


def place_bracket(call: Call) -> Answer:
    """POST /v2/orders/bracket: stop loss and take profit for an open position."""
    instrument = call.exchange.products.tradable(symbol_of(call))
    bracket = position_bracket_of(
        call.body, nested(call.body, "stop_loss_order"), nested(call.body, "take_profit_order")
    )
    call.exchange.bracket_position(call.account, instrument, bracket, call.now)
    return Answer(None)


def edit_bracket(call: Call) -> Answer:
    """PUT /v2/orders/bracket: new bracket fields of an entry order that is still live."""
    order = call.account.orders.get(needed_integer(call.body, "id"))
    if order is None or order.bracket_order or order.symbol != symbol_of(call):
        raise Refused("open_order_not_found")
    call.exchange.edit_bracket(call.account, order, call.now, **bracket_change_of(call.body))
    return Answer(None)
