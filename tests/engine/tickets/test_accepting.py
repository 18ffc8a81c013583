"""An order command: what goes out, what is refused and how that is said, and that it is done once."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import EXPIRY, SPOT, UNREAD, greeks
from tests.engine.scene import holding as run_holding
from tests.engine.several import take
from tests.engine.tickets.stage import CALL, PERP, PUT, Phase, Stage, buy, holding, perp_quote, perpetual, sell, staged
from trader.config.account_limits import AccountLimits, read_limits
from trader.config.ticket import TicketRequest
from trader.domain.errors import ConfigError
from trader.domain.order import OrderSnapshot, OrderStatus, OrderType, Purpose, Side, TimeInForce
from trader.domain.outcome import Rejected, Unknown
from trader.engine import beside, orders
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import durable
from trader.engine.ids import client_order_id, ticket_id_for
from trader.engine.records import Level
from trader.engine.tickets.accept import order_phrase

D = Decimal


def limited(stage: Stage, **changes: Any) -> None:
    limits = AccountLimits(**changes)
    stage.feed(ev.LimitsCommand, command_id="l", limits=limits.document(), issued_by="tester")


@pytest.mark.parametrize(
    ("ticket", "kind", "limit", "tif", "post_only"),
    [
        (buy(), OrderType.MARKET, None, TimeInForce.IOC, False),
        (sell(CALL, 3), OrderType.MARKET, None, TimeInForce.IOC, False),
        (buy(limit_price="99000"), OrderType.LIMIT, D(99000), TimeInForce.GTC, False),
        (buy(limit_price="99000", post_only=True), OrderType.LIMIT, D(99000), TimeInForce.GTC, True),
        (sell(PUT, 2, limit_price="204.5", time_in_force="ioc"), OrderType.LIMIT, D("204.5"), TimeInForce.IOC, False),
    ],
)
def test_an_order_goes_out_as_it_was_asked_for(
    ticket: dict[str, Any], kind: OrderType, limit: Decimal | None, tif: TimeInForce, post_only: bool
) -> None:
    stage = Stage()
    stage.order(ticket)
    (intent,) = stage.submits()
    assert (intent.symbol, intent.side, intent.quantity) == (ticket["symbol"], ticket["side"], ticket["quantity"])
    assert (intent.order_type, intent.limit_price, intent.time_in_force) == (kind, limit, tif)
    assert (intent.post_only, intent.reduce_only, intent.leg) == (post_only, False, "T")
    (ack,) = stage.acks()
    assert ack.status == "accepted" and ack.detail == f"accepted: {stage.ticket().run_id} " + (
        f"{ticket['side']} {ticket['quantity']} {ticket['symbol']}"
    )
    assert stage.ticket().phase is Phase.ENTERING


# What is wrong → code, field, words of the sentence.
REFUSED: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("unknown", buy("C-BTC-1-160125"), "UNKNOWN_CONTRACT", "symbol", "lists no contract"),
    ("no contract's name", buy("what"), "UNKNOWN_CONTRACT", "symbol", "lists no contract"),
    ("off tick", buy(limit_price="99000.3"), "PRICE_OFF_TICK", "limit_price", "tick of 0.5"),
    ("a protection off tick", buy(stop_loss={"price": "99000.3"}), "PRICE_OFF_TICK", "stop_loss.price", "tick of 0.5"),
    ("too high a bid", buy(limit_price="106000"), "PRICE_OUTSIDE_COLLAR", "limit_price", "too far beyond the market"),
    ("too low an offer", sell(limit_price="94000"), "PRICE_OUTSIDE_COLLAR", "limit_price", "too far beyond the market"),
    ("under the band", buy(limit_price="80000"), "PRICE_OUTSIDE_BAND", "limit_price", "takes no order at such a price"),
    ("over the band", sell(limit_price="120000"), "PRICE_OUTSIDE_BAND", "limit_price", "no order at such a price"),
    ("the contract's maximum", buy(quantity=1001), "CONTRACT_MAXIMUM", "quantity", "1000"),
    ("the balance", sell(CALL, 9000), "MARGIN_INSUFFICIENT", "quantity", "free="),
    ("the account's largest order", buy(CALL, 10_001), "ACCOUNT_ORDER_SIZE", "quantity", "order_contracts=10000"),
    ("stop loss above a long", buy(stop_loss={"price": "101000"}), "PROTECTION_ON_WRONG_SIDE", "stop_loss.price", "below"),
    ("take profit below a long", buy(take_profit={"price": "99000"}), "PROTECTION_ON_WRONG_SIDE", "take_profit.price", "above"),
    ("stop loss below a short", sell(stop_loss={"price": "99000"}), "PROTECTION_ON_WRONG_SIDE", "stop_loss.price", "above"),
    ("a stop that is met", {**buy(), "order_type": "stop_market", "stop_price": "99000"}, "TRIGGER_ALREADY_MET", "stop_price", "met already"),
    ("more slices than contracts", buy(work="twap", orders={"entry_slices": 10}), "TOO_MANY_SLICES", "orders.entry_slices", "at least one"),
    ("nothing to reduce", sell(reduce_only=True), "NOTHING_TO_REDUCE", "quantity", "tickets hold 0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("ticket", "code", "field", "words"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_a_refusal_names_its_code_its_field_and_says_one_sentence(
    ticket: dict[str, Any], code: str, field: str, words: str
) -> None:
    stage = Stage()
    stage.order(ticket)
    assert not stage.submits()
    (refused,) = stage.of(rec.TicketRefused)
    assert (refused.code, refused.field) == (code, field), refused
    assert words in refused.detail
    (ack,) = stage.acks()
    assert ack.status == "refused" and f"{code}: {field}: " in ack.detail
    assert all(run.phase is Phase.DONE for run in stage.state.runs.values())


def test_a_resting_limit_far_on_the_passive_side_is_taken() -> None:
    stage = Stage()
    stage.order(buy(limit_price="90000"), sell(CALL, 1, limit_price="300"))
    assert [intent.limit_price for intent in stage.submits()] == [D(90000), D(300)]


def test_a_refused_ticket_does_not_hide_the_good_ones() -> None:
    stage = Stage()
    stage.order(buy(), buy(limit_price="99000.3"), sell(CALL, 2))
    assert [intent.symbol for intent in stage.submits()] == [PERP, CALL]
    (ack,) = stage.acks()
    assert ack.status == "accepted"
    good = [stage.ticket(number=number).run_id for number in (0, 2)]
    assert ack.detail.startswith(f"accepted: {good[0]} buy 5 BTCUSD, {good[1]} sell 2 {CALL}; refused: ")
    assert "PRICE_OFF_TICK: limit_price: " in ack.detail


def test_contracts_prices_and_account_are_read_once_for_a_whole_list() -> None:
    stage = Stage()
    stage.order(*(buy(limit_price=f"{99000 - number}") for number in range(5)), serve=False)
    assert [type(e) for e in stage.due] == [ef.ReadChain, ef.ReadAccount]
    stage.read()
    assert len(stage.submits()) == 5


def test_the_same_command_again_changes_nothing() -> None:
    stage = Stage()
    stage.order(buy(), command_id="once")
    before = len(stage.records)
    stage.order(buy(), command_id="once")
    assert len(stage.records) == before and len(stage.submits()) == 1
    assert len({ack.detail for ack in stage.acks("once")}) == 1


def test_a_second_press_is_refused_unless_it_has_a_key_of_its_own_or_comes_later() -> None:
    stage = Stage()
    stage.order(buy())
    stage.order(buy())
    assert "DUPLICATE" in stage.acks("order-2")[0].detail
    stage.order(buy(), key="mine")
    assert stage.acks("order-3")[0].status == "accepted"
    stage.moved(after=6)
    stage.order(buy())
    assert stage.acks("order-4")[0].status == "accepted"


def test_two_alike_in_one_list_are_meant() -> None:
    stage = Stage()
    stage.order(buy(), buy())
    assert len(stage.submits()) == 2


@pytest.mark.parametrize(
    ("level", "code"),
    [(Level.PAUSED, "TRADING_PAUSED"), (Level.REDUCING, "TRADING_REDUCING"), (Level.HALTED, "TRADING_HALTED")],
)
def test_nothing_goes_out_while_trading_is_not_active(level: Level, code: str) -> None:
    stage = Stage()
    order = {Level.PAUSED: "pause", Level.REDUCING: "reduce", Level.HALTED: "kill"}[level]
    stage.feed(ev.LevelCommand, command_id="level", level=rec.OperatorLevel(order), issued_by="tester")
    stage.order(buy())
    assert not stage.submits() and code in stage.acks("order-1")[0].detail


def theirs(stage: Stage) -> None:
    """Another installation's order rests in a contract that no ticket here is in, and no stream has told of it."""
    name = client_order_id(
        installation="wxyz9999", epoch=7, run_id="otherrun00", leg="P", purpose=Purpose.ENTRY, attempt=0
    )
    rests = OrderSnapshot(
        venue_order_id="9", client_order_id=name, symbol=PUT, product_id=2, side=Side.SELL, quantity=1, leaves_qty=1,
        limit_price=D(900), avg_px=None, venue_state="open",
    )  # fmt: skip
    stage.exchange.others.append(rests)


def resumed(stage: Stage) -> None:
    stage.feed(ev.LevelCommand, command_id="r", level=rec.OperatorLevel.RESUME, issued_by="tester")


@pytest.mark.parametrize("before", ["nothing", "a held ticket", "a resume"])
def test_another_installation_is_seen_before_an_order_goes_out_whatever_contract_it_trades(before: str) -> None:
    stage = Stage() if before == "nothing" else holding()
    if before == "a held ticket":
        for _ in range(13):
            stage.moved(after=5)
    theirs(stage)
    if before == "a resume":
        stage.feed(ev.LevelCommand, command_id="p", level=rec.OperatorLevel.PAUSE, issued_by="tester")
        resumed(stage)
    stage.order(buy(CALL, 3), command_id="late")
    stage.moved()  # tickets have the account read once a second at most
    assert not stage.submits() and "TRADING_HALTED" in stage.acks("late")[0].detail
    assert stage.of(rec.LevelChanged)[-1].code == "foreign_installation:wxyz"
    resumed(stage)
    stage.order(buy(CALL, 3), command_id="again")
    stage.moved()
    assert not stage.submits() and "TRADING_HALTED" in stage.acks("again")[0].detail, "it is still there"


def test_open_orders_that_were_read_a_moment_ago_serve_the_next_ticket_too() -> None:
    stage = holding()
    stage.moved(after=5)
    stage.all_effects.clear()
    stage.order(buy(CALL, 3), serve=False, command_id="next")
    assert stage.submits() and not any(isinstance(e, ef.ReadAccount) for e in stage.all_effects)


@pytest.mark.parametrize("how", ["of its own contracts alone", "not at all"])
def test_an_order_waits_for_all_open_orders(how: str) -> None:
    stage = Stage()
    stage.order(buy(), serve=False)
    stage.read_chain(run_id=stage.ticket().run_id)
    stage.read_account(**({"open_orders": UNREAD} if how == "not at all" else {"whole": False}))
    assert not stage.submits() and stage.ticket().phase is Phase.WAITING
    stage.moved()
    assert stage.submits()


def test_production_asks_for_the_phrase() -> None:
    stage = Stage()
    stage.state = type(stage.state)(
        **{**{f: getattr(stage.state, f) for f in stage.state.__struct_fields__}, "env": "production"}
    )
    stage.order(buy())
    assert stage.acks()[0].status == "refused" and "TRADE LIVE acc 5" in stage.acks()[0].detail
    stage.order(buy(), confirm="TRADE LIVE acc 5")
    assert stage.acks("order-2")[0].status == "accepted"
    pair = [TicketRequest.model_validate(one) for one in (buy(), sell(quantity=3, reduce_only=True))]
    assert order_phrase("acc", pair) == "TRADE LIVE acc 5"


def test_what_is_no_list_of_orders_is_refused_by_its_fields() -> None:
    stage = Stage()
    stage.order(buy(quantity=0), buy(nonsense=1))
    (ack,) = stage.acks()
    assert ack.status == "refused" and "tickets[0].quantity" in ack.detail and "nonsense" in ack.detail
    assert not stage.records


def test_what_cannot_be_read_in_time_is_refused() -> None:
    stage = Stage()
    stage.order(buy(), serve=False)
    stage.read_chain(run_id=stage.ticket().run_id, error="timed out", instruments=(), quotes=())
    for _ in range(20):
        stage.tick(1)
    (refused,) = stage.of(rec.TicketRefused)
    assert refused.code == "CONTRACTS_NOT_READ" and "timed out" in refused.detail
    assert stage.acks()[0].status == "refused" and stage.ticket().phase is Phase.DONE


def test_a_price_that_was_young_when_the_stream_last_spoke_is_read_again() -> None:
    stage = Stage()
    stage.order(buy())  # its contracts are read with the prices of all
    stage.pass_time(4.5)
    assert stage.market is not None
    stage.quotes(perp_quote(stage.market))
    stage.pass_time(4.5)
    stage.order(buy(CALL), serve=False)
    assert [intent.symbol for intent in stage.submits()] == [PERP]
    stage.read()
    assert [intent.symbol for intent in stage.submits()] == [PERP, CALL]


@pytest.mark.parametrize("told", [float("nan"), float("inf"), float("-inf")])
def test_a_delta_that_is_no_number_leaves_a_journal_that_can_be_read(told: float) -> None:
    stage = Stage()
    stage.chain = [(one, replace(quoted, greeks=greeks(told), mark_iv=told)) for one, quoted in stage.chain]
    stage.order(buy(CALL))
    (chosen,) = stage.of(rec.LegsChosen)
    assert rec.decode_record(rec.encode_record(chosen)) == chosen


def test_an_order_that_came_too_late_is_refused_and_reduce_only_ones_are_not() -> None:
    stage = Stage()
    stage.order(buy(), barred="It was asked for 300 s ago")
    assert stage.acks()[0].detail == "It was asked for 300 s ago." and not stage.records


def test_an_expired_and_a_halted_contract_are_refused() -> None:
    stage = Stage()
    stage.chain = [(perpetual(trading_status="disrupted_cancel_only"), perp_quote(stage.wall)), *stage.chain[:2]]
    stage.order(buy())
    assert stage.of(rec.TicketRefused)[-1].code == "NOT_TRADABLE"
    stage.pass_time((EXPIRY - stage.wall).total_seconds() + 1)
    stage.order(buy(CALL))
    assert stage.of(rec.TicketRefused)[-1].code in ("CONTRACT_EXPIRED", "UNKNOWN_CONTRACT")


def test_a_contract_in_which_a_run_is_on_the_other_side_is_refused() -> None:
    scene = staged(run_holding())
    scene.order(buy(CALL))
    assert scene.of(rec.TicketRefused)[-1].code == "OPPOSITE_RUN"
    assert scene.of(rec.TicketRefused)[-1].field == "side"
    scene.order(sell(CALL, 1))
    assert [intent.side for intent in scene.submits()] == ["sell"]


@pytest.mark.parametrize("ticket", [buy(), sell()])
def test_a_contract_in_which_something_foreign_stands_is_refused(ticket: dict[str, Any]) -> None:
    stage = Stage()
    stage.exchange.foreign = {PERP: -3}
    stage.order(ticket)
    (refused,) = stage.of(rec.TicketRefused)
    assert (refused.code, refused.field) == ("FOREIGN_POSITION", "symbol") and "position=-3" in refused.detail
    stage.order(buy(CALL))
    assert len(stage.submits()) == 1


@pytest.mark.parametrize(
    ("rate", "gone"), [(None, [20, 40, 50]), (12, [12, 24, 36, 48, 50]), (200, [50])], ids=["as it comes", "12", "200"]
)
def test_a_list_goes_out_as_fast_as_the_account_may_send_tickets(rate: int | None, gone: list[int]) -> None:
    stage = Stage()
    if rate is not None:
        limited(stage, ticket_orders_per_second=rate)
    stage.order(*(buy(quantity=1, limit_price=f"{99000 - number}") for number in range(50)))
    seen = [len(stage.submits())]
    while seen[-1] < 50 and len(seen) < 10:
        assert not [ack for ack in stage.acks() if ack.command_id != "l"]
        stage.moved(after=0.5)
        assert len(stage.submits()) == seen[-1], "the second is not over"
        stage.moved(after=0.5)
        seen.append(len(stage.submits()))
    assert seen == gone and stage.acks()[-1].status == "accepted"


@pytest.mark.parametrize(("just_now", "goes"), [(20, True), (29, True), (30, False)])
def test_what_closes_a_ticket_finds_room_in_a_second_full_of_orders(just_now: int, goes: bool) -> None:
    stage = Stage()
    stage.order(buy())
    stage.traded(price="100010")
    stage.moved(after=2)
    times = (stage.wall,) * just_now
    stage.state = replace(stage.state, account=replace(stage.state.account, ticket_times=times))
    before = len(stage.submits())
    stage.close(ticket=stage.ticket().run_id)
    assert (len(stage.submits()) > before) is goes
    stage.moved(after=1)
    assert len(stage.submits()) > before


def test_lowering_the_order_rate_just_after_a_list_breaks_no_promise() -> None:
    stage = Stage()
    stage.order(*(buy(quantity=1, limit_price=f"{99000 - number}") for number in range(20)))
    limited(stage, ticket_orders_per_second=1)
    stage.traded(price="99000")
    assert stage.state.account.trading.level is Level.ACTIVE


def test_a_read_looks_for_each_listed_order_once_however_many_tickets_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, asked = Stage(), []
    limited(stage, ticket_orders_per_second=200)
    stage.order(*(buy(quantity=1, limit_price=f"{99000 - number}") for number in range(30)))
    for intent in stage.submits():
        take(stage, intent)
    monkeypatch.setattr(beside, "find_order", lambda *one: asked.append(one) or orders.find_order(*one))
    stage.read_account()
    assert len(asked) == 30
    assert not any(watch.foreign_orders for watch in stage.state.watches.values())


def test_orders_that_are_on_their_way_have_taken_their_part_of_the_balance() -> None:
    stage = Stage()
    stage.exchange.available = D(300)
    stage.order(sell(CALL, 100), sell(CALL, 100), sell(PUT, 100))  # each about 120 USD
    assert len(stage.submits()) == 2
    assert stage.of(rec.TicketRefused)[-1].code == "MARGIN_INSUFFICIENT"


def test_the_folded_journal_is_the_live_state() -> None:
    stage = Stage()
    stage.order(buy(stop_loss={"price": "99000"}))
    stage.traded(price="100010")
    assert stage.refolded() == durable(stage.run)


def test_the_account_unread_keeps_a_ticket_waiting() -> None:
    stage = Stage()
    stage.order(buy(), serve=False)
    stage.read_chain(run_id=stage.ticket().run_id)
    stage.read_account(positions=UNREAD)
    assert not stage.submits() and stage.ticket().phase is Phase.WAITING
    stage.moved(after=2)
    assert len(stage.submits()) == 1


def test_a_ticket_counts_among_the_limits_and_not_among_the_runs() -> None:
    stage = Stage()
    stage.order(sell(CALL, 2))
    stage.traded(price="200")
    assert stage.state.account.runs_by_day == {}
    assert SPOT and ticket_id_for("order-1", 0) == stage.ticket().run_id
    assert stage.ticket().leg_orders("T")[0].status is OrderStatus.FILLED


def test_a_leverage_is_set_before_the_order_goes_out() -> None:
    stage = Stage()
    stage.order(buy(leverage="5"))
    asked = [e for e in stage.all_effects if isinstance(e, ef.SetLeverage)]
    assert [(e.product_id, e.leverage) for e in asked] == [(27, D(5))] and not stage.submits()
    stage.moved()
    stage.feed(ev.LeverageAnswered, run_id=stage.ticket().run_id, product_id=27, leverage=D(5))
    assert len(stage.submits()) == 1 and len(asked) == 1


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (Unknown("timed out"), "LEVERAGE_UNKNOWN"),
        (Rejected("bad_schema"), "LEVERAGE_REFUSED"),
        (None, "LEVERAGE_NOT_SET"),
    ],
)
def test_without_the_leverage_nothing_is_sent(ended: Unknown | Rejected | None, code: str) -> None:
    stage = Stage()
    stage.order(buy(leverage="5"))
    if ended is not None:
        stage.feed(ev.LeverageAnswered, run_id=stage.ticket().run_id, product_id=27, leverage=D(5), ended=ended)
    for _ in range(20):
        stage.moved()
    assert not stage.submits() and stage.of(rec.TicketRefused)[-1].code == code


@pytest.mark.parametrize(("most", "asked"), [(None, "5.5"), (D(20), "20.1")], ids=["as it comes", "as a person set it"])
def test_a_leverage_above_the_accounts_limit_is_refused(most: Decimal | None, asked: str) -> None:
    stage = Stage()
    if most is not None:
        limited(stage, leverage_most=most)
    stage.order(buy(leverage=asked))
    assert stage.of(rec.TicketRefused)[-1].code == "LEVERAGE_TOO_HIGH"
    assert not any(isinstance(e, ef.SetLeverage) for e in stage.all_effects)


@pytest.mark.parametrize(
    ("ticket", "asked"),
    [(buy(), ["3"]), (buy(leverage="2"), ["2"]), (buy(CALL), []), (sell(reduce_only=True), [])],
    ids=["names none", "names one", "an option", "reduce-only"],
)
def test_an_order_that_names_no_leverage_has_the_accounts_usual_one(ticket: dict[str, Any], asked: list[str]) -> None:
    stage = Stage()
    limited(stage, leverage_default=3, leverage_most=4)
    stage.order(ticket)
    set_ = [e.leverage for e in stage.all_effects if isinstance(e, ef.SetLeverage)]
    assert set_ == [D(one) for one in asked]


@pytest.mark.parametrize(("usual", "words"), [("0.5", "leverage_default must be 0"), ("6", "exceeds leverage_most")])
def test_a_usual_leverage_that_is_none_is_refused(usual: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_limits({"schema": 1, "leverage_default": usual})


def test_single_orders_that_are_switched_off_open_nothing_and_close_all_the_same() -> None:
    stage = holding(ticket=buy(stop_loss={"price": "98000"}))
    stage.take_up()
    limited(stage, single_orders=False)
    stage.order(buy(quantity=1))
    assert stage.acks()[-1].status == "refused" and "single_orders" in stage.acks()[-1].detail
    stage.order(sell(quantity=2, limit_price="101000", reduce_only=True))
    assert stage.acks()[-1].status == "accepted"
    stage.close(ticket=stage.ticket().run_id)
    stage.finish()
    assert stage.ticket().phase is Phase.DONE
