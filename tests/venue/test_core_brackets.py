"""Brackets in the core: legs of entries and of positions, one ending the other, amendments."""

from decimal import Decimal as D
from typing import Any

import pytest

from tests.venue.test_core_orders import Trader
from tests.venue.test_core_stops import stop
from tests.venue.venue_market import CALL, PERPETUAL, Clock, HandMarket
from trader.domain.order import OrderType, TimeInForce
from trader.venue.core.exchange import Exchange
from trader.venue.core.records import BracketTerms, Order, StopKind
from trader.venue.core.refusal import Refused


def bracket(loss: str | None = None, profit: str | None = None, **fields: Any) -> BracketTerms:
    return BracketTerms(
        stop_loss_price=D(loss) if loss else None, take_profit_price=D(profit) if profit else None, **fields
    )


def legs(trader: Trader) -> dict[StopKind, Order]:
    found = [o for o in trader.account.live_orders if o.bracket_order]
    assert len({o.stop.kind for o in found if o.stop}) == len(found)
    return {o.stop.kind: o for o in found if o.stop is not None}


def test_legs_appear_with_the_fill_and_close_the_position_that_was_opened(exchange: Exchange, trader: Trader) -> None:
    entry = trader.place("sell", 30, "399", bracket=bracket("450", "300"))  # 20 at once, 10 rest
    pair = legs(trader)
    for leg in pair.values():
        assert (leg.state, leg.side.value, leg.size, leg.reduce_only, leg.parent_id) == (
            "pending",
            "buy",
            20,
            True,
            entry.id,
        )
    assert pair[StopKind.STOP_LOSS].stop.price == 450  # type: ignore[union-attr]
    assert pair[StopKind.TAKE_PROFIT].stop.price == 300  # type: ignore[union-attr]


def test_legs_grow_with_later_fills_of_their_entry(
    exchange: Exchange, market: HandMarket, trader: Trader, clock: Clock
) -> None:
    trader.place("sell", 30, "399", bracket=bracket("450"))
    ids = [leg.id for leg in legs(trader).values()]
    market.set_book(CALL, bids=[(D(399), 4)], asks=[(D(401), 20)])
    clock.tick()
    assert [(leg.id, leg.size) for leg in legs(trader).values()] == [(ids[0], 24)]


@pytest.mark.parametrize(("mark", "ends"), [("450", StopKind.STOP_LOSS), ("300", StopKind.TAKE_PROFIT)])
def test_one_leg_closes_the_position_and_the_other_is_cancelled(
    trader: Trader, clock: Clock, mark: str, ends: StopKind
) -> None:
    trader.place("sell", 20, "399", bracket=bracket("450", "300"))
    pair = legs(trader)
    clock.tick(mark=mark)
    other = pair[StopKind.TAKE_PROFIT if ends is StopKind.STOP_LOSS else StopKind.STOP_LOSS]
    assert pair[ends].state == "closed" and other.state == "cancelled"
    assert trader.account.position_size(CALL) == 0 and not legs(trader)


def test_filled_leg_ends_its_sibling_though_other_contracts_stay_open(
    exchange: Exchange, market: HandMarket, trader: Trader, clock: Clock
) -> None:
    trader.place("sell", 5, "399")
    trader.place("sell", 10, "399", bracket=bracket("450", "300"))
    clock.tick(mark="300")
    assert not legs(trader)
    assert trader.account.position_size(CALL) == -5


def test_closing_the_position_by_hand_cancels_the_legs_and_a_part_shrinks_them(trader: Trader) -> None:
    trader.place("sell", 20, "399", bracket=bracket("450", "300"))
    trader.place("buy", 5, "401")
    assert {leg.size for leg in legs(trader).values()} == {15}
    trader.place("buy", 15, "401")
    assert not legs(trader)


def test_limit_leg_rests_after_its_trigger_and_the_profit_leg_still_wins(
    market: HandMarket, trader: Trader, clock: Clock
) -> None:
    trader.place("sell", 20, "399", bracket=bracket("450", "300", stop_loss_limit_price=D("390")))
    pair = legs(trader)
    clock.tick(mark="450")
    assert pair[StopKind.STOP_LOSS].state == "open", "its limit is below the asks"
    clock.tick(mark="300")
    assert pair[StopKind.TAKE_PROFIT].state == "closed"
    assert pair[StopKind.STOP_LOSS].state == "cancelled"


def test_bracket_of_an_ioc_entry_covers_what_was_filled(trader: Trader) -> None:
    trader.place("sell", 30, "399", time_in_force=TimeInForce.IOC, bracket=bracket("450"))
    assert [leg.size for leg in legs(trader).values()] == [20]


def test_entry_that_never_fills_has_no_legs(trader: Trader, exchange: Exchange) -> None:
    entry = trader.place("sell", 5, "410", bracket=bracket("450"))
    assert not legs(trader)
    exchange.cancel(trader.account, entry, exchange.now)
    assert not exchange.pending


@pytest.mark.parametrize(
    ("side", "terms", "code"),
    [
        ("sell", bracket(), "bad_schema"),
        ("sell", bracket("450", trail_amount=D(10)), "bad_schema"),
        ("sell", bracket(stop_loss_limit_price=D(450), profit="300"), "bad_schema"),
        ("sell", bracket("450", take_profit_limit_price=D(300)), "bad_schema"),
        ("sell", bracket("450.03"), "bad_schema"),
        ("sell", bracket("380"), "position_bracket_exist_or_invalid_data"),
        ("sell", bracket(None, "420"), "position_bracket_exist_or_invalid_data"),
        ("buy", bracket("420"), "position_bracket_exist_or_invalid_data"),
        ("buy", bracket(None, "380"), "position_bracket_exist_or_invalid_data"),
    ],
)
def test_bracket_on_the_wrong_side_or_malformed_is_refused(
    trader: Trader, side: str, terms: BracketTerms, code: str
) -> None:
    assert trader.refused(side, 5, "399", bracket=terms) == code
    assert not trader.account.orders


def test_position_bracket_covers_everything_and_only_one_is_allowed(
    exchange: Exchange, trader: Trader, clock: Clock
) -> None:
    instrument = exchange.products.live[CALL]
    with pytest.raises(Refused, match="no_open_position"):
        exchange.bracket_position(trader.account, instrument, bracket("450"), exchange.now)
    trader.place("sell", 15, "399")
    exchange.bracket_position(trader.account, instrument, bracket("450", "300"), exchange.now)
    with pytest.raises(Refused, match="position_bracket_exist_or_invalid_data"):
        exchange.bracket_position(trader.account, instrument, bracket("460"), exchange.now)
    trader.place("sell", 5, "399")
    assert {leg.size for leg in legs(trader).values()} == {20}, "legs close the whole position"
    clock.tick(mark="450")
    assert trader.account.position_size(CALL) == 0 and not legs(trader)
    trader.place("sell", 1, "398")
    exchange.bracket_position(trader.account, instrument, bracket("500"), exchange.now)


def test_position_bracket_whose_trigger_is_met_is_refused(exchange: Exchange, trader: Trader) -> None:
    trader.place("sell", 15, "399")
    for terms in (bracket("400"), bracket(None, "400")):
        with pytest.raises(Refused):
            exchange.bracket_position(trader.account, exchange.products.live[CALL], terms, exchange.now)
    assert not legs(trader)


def test_amended_bracket_of_a_live_entry_replaces_its_legs_under_new_ids(exchange: Exchange, trader: Trader) -> None:
    entry = trader.place("sell", 30, "399", bracket=bracket("450", "300"))
    before = {leg.id for leg in legs(trader).values()}
    exchange.edit_bracket(trader.account, entry, exchange.now, stop_loss_price=D(480))
    pair = legs(trader)
    assert before.isdisjoint(leg.id for leg in pair.values())
    assert pair[StopKind.STOP_LOSS].stop.price == 480 and pair[StopKind.TAKE_PROFIT].stop.price == 300  # type: ignore[union-attr]
    exchange.edit_bracket(trader.account, entry, exchange.now, trail_amount=D(60))
    assert legs(trader)[StopKind.STOP_LOSS].stop.trail == 60  # type: ignore[union-attr]
    exchange.cancel(trader.account, entry, exchange.now)
    with pytest.raises(Refused, match="open_order_not_found"):
        exchange.edit_bracket(trader.account, entry, exchange.now, stop_loss_price=D(490))


def test_trailing_bracket_on_a_perpetual_follows_and_closes(
    exchange: Exchange, market: HandMarket, trader: Trader, clock: Clock
) -> None:
    trader.place("buy", 10, "66005", symbol=PERPETUAL, bracket=bracket(trail_amount=D(-500)))
    (leg,) = legs(trader).values()
    clock.tick(mark="66100", symbol=PERPETUAL)
    assert leg.stop is not None and leg.order_type is OrderType.MARKET
    assert leg.stop.price == 65600
    clock.tick(mark="65600", symbol=PERPETUAL)
    assert leg.state == "closed" and trader.account.position_size(PERPETUAL) == 0


def test_bracket_of_a_waiting_entry_is_judged_by_its_trigger(exchange: Exchange, trader: Trader, clock: Clock) -> None:
    entry = trader.place("buy", 5, None, stop=stop("450"), bracket=bracket("430", "500"))
    assert not legs(trader), "nothing is open yet"
    exchange.edit_bracket(trader.account, entry, exchange.now, stop_loss_price=D(440))
    with pytest.raises(Refused, match="position_bracket_exist_or_invalid_data"):
        exchange.edit_bracket(trader.account, entry, exchange.now, stop_loss_price=D(460))
    clock.tick(mark="450")
    assert entry.state == "closed"
    assert {leg.stop.price for leg in legs(trader).values() if leg.stop} == {D(440), D(500)}
