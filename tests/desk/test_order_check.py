"""What is said of an order before it is sent is what the engine says of it when it is, and its money is the engine's and the exchange's."""

from decimal import Decimal
from typing import Any

import pytest

from tests.engine.tickets.stage import CALL, PERP, PUT, Stage, buy, holding, perpetual, sell
from tests.engine.tickets.test_accepting import REFUSED
from trader.config.ticket import TicketList
from trader.desk.order_check import TicketCheck, check_tickets, summed
from trader.domain.clock import Now
from trader.domain.margin import PORTFOLIO, MarginTerms
from trader.engine import records as rec
from trader.pricing.margin import perpetual_liquidation
from trader.venue.core.margin import liquidation_prices

D = Decimal


def checked(stage: Stage, *tickets: dict[str, Any], leverage: str | None = None) -> tuple[TicketCheck, ...]:
    listed = TicketList.model_validate({"tickets": list(tickets)})
    contracts = {one.symbol: one for one, _ in stage.chain}
    leverages = {} if leverage is None else {PERP: D(leverage)}
    return check_tickets(stage.state, Now(stage.wall, stage.market), listed, contracts, leverages)


@pytest.fixture
def stage() -> Stage:
    """Prices, positions and balance are known; an order of another contract has ended."""
    made = Stage()
    made.order(buy(PUT, 1, limit_price="150"))
    made.take_up()
    made.cancel(everything=True)
    made.serve_cancels()
    made.moved()
    return made


@pytest.mark.parametrize(
    ("ticket", "code", "field", "words"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_the_engine_refuses_is_said_before(
    stage: Stage, ticket: dict[str, Any], code: str, field: str, words: str
) -> None:
    (found,) = checked(stage, ticket)
    told = {one.code: one for one in found.problems}
    assert code in told and told[code].field == field and words in told[code].sentence
    stage.order(ticket)
    stage.finish(3, fill=False)  # a contract that is not listed is looked for once more
    assert stage.of(rec.TicketRefused)[-1].code == code


@pytest.mark.parametrize(
    "ticket",
    [
        buy(),
        sell(CALL, 3),
        buy(limit_price="90000"),
        buy(limit_price="99000", post_only=True),
        {**buy(), "order_type": "stop_market", "stop_price": "101000"},
        {**buy(), "order_type": "trailing_stop", "trail_usd": "500"},
        {**buy(), "order_type": "take_profit_market", "stop_price": "99000"},
        buy(stop_loss={"price": "95000"}, take_profit={"price": "105000"}),
        buy(quantity=10, work="twap", orders={"entry_slices": 5}),
    ],
)
def test_what_the_engine_takes_has_no_problem(stage: Stage, ticket: dict[str, Any]) -> None:
    (found,) = checked(stage, ticket)
    assert found.problems == () and found.cost is not None
    command = stage.order(ticket)
    assert stage.acks(command)[0].status == "accepted"


def test_a_ticket_on_the_other_side_is_told_and_may_be_reduced() -> None:
    stage = holding()
    assert [one.code for one in checked(stage, sell())[0].problems] == ["OPPOSITE_RUN"]
    assert checked(stage, sell(reduce_only=True))[0].problems == ()
    assert [one.code for one in checked(stage, sell(quantity=6, reduce_only=True))[0].problems] == ["MORE_THAN_HELD"]


def test_the_orders_of_a_list_share_one_balance(stage: Stage) -> None:
    shown = stage.state.shown["BTC"]
    assert shown.available is not None
    most = 1
    while not checked(stage, sell(CALL, most * 2))[0].problems:
        most *= 2
    first, second = checked(stage, sell(CALL, most), sell(PUT, most))
    assert first.problems == () and first.cost is not None and first.cost.free_after is not None
    assert first.cost.free_after < shown.available
    assert [one.code for one in second.problems] == ["MARGIN_INSUFFICIENT"]


def test_an_order_that_is_refused_was_taken_off_the_free_balance_of_its_list(stage: Stage) -> None:
    told = checked(stage, buy(limit_price="99000"), buy(limit_price="10"))
    assert told[0].problems == () and told[1].problems and told[0].cost is not None
    whole = summed(told, (), stage.state, "", "BTC")
    assert whole.free_after == told[0].cost.free_after and not whole.ok


@pytest.mark.parametrize(
    ("ticket", "role", "sign"),
    [
        (buy(), "taker", 0),
        (buy(limit_price="99000"), "maker", 1),
        (buy(limit_price="100010"), "taker", 0),
        (buy(limit_price="99000", time_in_force="ioc"), "taker", 1),
        (sell(limit_price="101000"), "maker", 1),
        (buy(limit_price="100100"), "taker", -1),
        ({**buy(), "order_type": "stop_limit", "stop_price": "101000", "limit_price": "101100"}, "taker", 1),
    ],
)
def test_role_and_distance(stage: Stage, ticket: dict[str, Any], role: str, sign: int) -> None:
    cost = checked(stage, ticket)[0].cost
    assert cost is not None and cost.role == role
    assert (cost.distance or D(0)).compare(D(0)) == sign
    rate = D("0.0002") if role == "maker" else D("0.0005")
    assert cost.fee == cost.price * 5 * D("0.001") * rate * D("1.18")  # GST on it


@pytest.mark.parametrize("quantity", [-7, 7])
@pytest.mark.parametrize("leverage", [1, 10, 50, 200])
def test_a_perpetual_is_liquidated_where_the_exchange_says(quantity: int, leverage: int) -> None:
    contract, entry = perpetual(), D(100_000)
    share = max(D(1) / leverage, contract.initial_margin_pct / 100)
    margin = share * entry * abs(quantity) * contract.contract_value
    told = liquidation_prices(contract, quantity, entry, margin, D(99_000)).liquidation
    ours = perpetual_liquidation(
        entry_price=entry,
        side_sign=1 if quantity > 0 else -1,
        initial_share=share,
        maintenance_margin_pct=contract.maintenance_margin_pct,
    )
    assert ours == told


def test_only_what_can_be_liquidated_has_a_price_for_it(stage: Stage) -> None:
    def price(ticket: dict[str, Any]) -> Decimal | None:
        cost = checked(stage, ticket, leverage="10")[0].cost
        assert cost is not None
        return cost.liquidation_price

    assert price(buy(CALL)) is None
    short = price(sell(CALL))
    assert short is not None and short > 205
    perp = price(buy())
    assert perp is not None and 90_000 < perp < 91_000
    stage.state = stage.state.__class__(
        **{name: getattr(stage.state, name) for name in stage.state.__struct_fields__ if name != "margin"},
        margin=MarginTerms(mode=PORTFOLIO),
    )
    assert price(sell(CALL)) is None and price(buy()) is None
