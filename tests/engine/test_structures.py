"""Structures of any legs, from entry to flat: protection first and last, cover, ratios, what is refused before it is sent."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.boards import CONDOR, LONG_PUT, RATIO, Board, custom, entering, holding, structured
from tests.engine.scene import EXPIRY, D, Phase, finish
from trader.config.preset import Preset
from trader.desk.timeline import markers
from trader.domain.fill import FillKind
from trader.domain.instrument import Kind
from trader.domain.order import OrderType, Purpose, Side
from trader.engine import records as rec
from trader.engine.events import ClockTicked
from trader.engine.gate import check_order

FLY = structured("iron_fly")
STRADDLE = structured("short_straddle")
BACK_SPREAD = custom(("A", "call", "sell", 1, "strike", "101000"), ("B", "call", "buy", 2, "strike", "103000"))
DEBIT = custom(("A", "call", "buy", 1, "strike", "100000"), ("B", "call", "sell", 1, "strike", "103000"))
ALL = [CONDOR, FLY, STRADDLE, RATIO, LONG_PUT, BACK_SPREAD, DEBIT]
NAMES = ["condor", "fly", "straddle", "ratio", "long put", "back spread", "debit spread"]


def sides(board: Board, *purposes: Purpose) -> list[tuple[str, str]]:
    return [(intent.leg, intent.side.value) for intent in board.sent(*purposes)]


@pytest.mark.parametrize("config", ALL, ids=NAMES)
def test_every_structure_is_entered_held_and_closed_to_flat(config: Preset) -> None:
    board = holding(config)
    assert {leg.key: board.run.open_quantity(leg.key) for leg in board.run.legs} == {
        plan.key: config.strategy.quantity * plan.ratio for plan in config.structure.legs
    }
    assert board.run.naked_since is None
    board.stop()
    finish(board)
    assert board.phase is Phase.DONE and board.run.flat_by_fills
    assert not any(board.exchange.positions().values())
    assert set(board.alerts()) <= {"stop_beyond_liquidation"}
    assert board.refolded() == board.run_bytes()


@pytest.mark.parametrize("config", ALL, ids=NAMES)
def test_profit_and_loss_equal_the_cash_that_changed_hands(config: Preset) -> None:
    board = holding(config)
    board.stop()
    finish(board)
    cash = sum((fill.cash_flow(D("0.001")) for fill in board.exchange.fills), D(0))
    fees = sum((fill.commission or D(0) for fill in board.exchange.fills), D(0))
    assert board.run.finished is not None
    assert (board.run.finished.realized_pnl, board.run.finished.fees) == (cash - fees, fees)


def test_wings_are_complete_before_a_short_leg_is_sold_and_both_shorts_go_at_once() -> None:
    board = entering(CONDOR)
    assert board.due_legs() == ["LC", "LP"]
    board.trade("LC")
    intent = board.accept("LP")
    board.fill(intent.client_order_id, 1)
    assert "C" not in board.due_legs()
    board.fill(intent.client_order_id)
    assert [leg for leg in board.due_legs() if leg in ("C", "P")] == ["C", "P"]


def test_a_wing_that_cannot_be_had_ends_the_entry_with_no_short_sold() -> None:
    board = entering(structured("iron_condor", orders={"retries": 0, "market_fallback": False, "timeout_secs": 5}))
    board.trade("LC")
    board.accept("LP")
    for _ in range(40):
        board.prices()
        board.serve(fill=board.phase is Phase.EXITING)
    finish(board)
    assert board.run.exit_reason == "unwind"
    assert sides(board, Purpose.ENTRY) == [("LC", "buy"), ("LP", "buy")]
    assert ("LC", "sell") in sides(board, Purpose.UNWIND)
    assert any("could not be bought" in r.text for r in board.records if isinstance(r, rec.AlertRaised))
    assert board.run.exit_detail.endswith("closing what was entered")


def test_a_short_leg_beside_its_long_one_is_not_naked() -> None:
    board = entering(CONDOR)
    board.trade("LC")
    board.trade("LP")
    board.trade("C")  # and the put is not sold yet
    assert board.run.naked_since is None
    assert board.view.naked is None
    board.pass_time(700)
    board.prices()
    assert "naked_leg" not in board.alerts()


def test_shorts_are_bought_back_before_what_covers_them_is_sold_each_kind_by_itself() -> None:
    board = holding(CONDOR)
    board.stop()
    assert board.due_legs() == ["C", "P"]
    put = board.accept("P")
    board.fill(put.client_order_id, 1)
    board.prices()
    assert not {"LC", "LP"} & {intent.leg for intent in board.sent(Purpose.EXIT)}
    board.fill(put.client_order_id)
    board.prices()
    assert "LP" in board.due_legs() and "LC" not in board.due_legs()
    steps = board.view.steps
    assert any("until what it covers is closed" in step for step in steps), steps
    finish(board)
    assert board.phase is Phase.DONE


def test_an_exit_order_of_unknown_fate_keeps_its_cover() -> None:
    board = holding(CONDOR)
    board.stop()
    board.trade("P")
    call = board.lose("C", accepted=True)
    board.fill(call.client_order_id, 1, told=False)
    board.prices()
    assert "LC" not in {intent.leg for intent in board.sent(Purpose.EXIT)}


def test_a_short_leg_held_to_settlement_keeps_its_cover_and_everything_else_goes_on() -> None:
    board = holding(structured("iron_condor", exits={"settle_within_mins": 1440}))
    board.stop()
    board.trade("P")
    board.pass_time((EXPIRY - board.wall).total_seconds() - 3600)
    board.feed(ClockTicked)
    call = board.leg("C").symbol
    for _ in range(60):
        board.marks[call], board.asks[call], board.bids[call] = D("0.5"), None, None
        board.prices()
        board.serve(fill=False) if any(i.leg == "C" for i in board.submits()) else board.serve()
    run = board.run
    assert set(run.kept) == {"C"} and run.is_kept
    assert [leg.key for leg in run.held] == ["LC", "C"]
    assert "LC" not in {intent.leg for intent in board.sent(Purpose.EXIT)}
    for key in ("C", "LC"):
        leg = board.leg(key)
        expired = replace(
            next(iter(board.exchange.fills)), fill_id=f"settle-{key}", venue_order_id="x", client_order_id=None
        )
        fill = replace(
            expired,
            symbol=leg.symbol,
            side=leg.side.opposite,
            quantity=2,
            price=D(0),
            commission=D(0),
            kind=FillKind.SETTLEMENT,
            ts_event=EXPIRY,
        )
        board.exchange.fills.append(fill)
    for order in board.exchange.orders.values():
        order.state = "closed" if order.state == "open" else order.state
    board.pass_time(3700)
    for _ in range(20):
        board.pass_time(2)
        board.feed(ClockTicked)
        board.serve(fill=False)
    assert board.phase is Phase.DONE and board.run.flat_by_fills


@pytest.mark.parametrize("gone", ["C", "LP"], ids=["a short leg", "a cover"])
def test_a_leg_closed_elsewhere_ends_the_position(gone: str) -> None:
    board = holding(CONDOR)
    leg = board.leg(gone)
    board.exchange.foreign[leg.symbol] = -leg.side.sign * 2
    for _ in range(20):
        board.prices(after=1)
        board.read_account()
        if board.phase is Phase.EXITING:
            break
    assert board.run.exit_reason == "leg_closed" and leg.symbol in board.run.exit_detail
    finish(board)
    assert board.phase is Phase.DONE
    assert not any(i.leg == gone for i in board.sent(Purpose.EXIT))
    held = board.exchange.positions()
    assert not any(held.values()), held


def test_half_a_cover_gone_elsewhere_ends_the_position_too() -> None:
    board = holding(CONDOR)
    board.exchange.foreign[board.leg("LC").symbol] = -1
    for _ in range(20):
        board.prices(after=1)
        board.read_account()
        if board.phase is Phase.EXITING:
            break
    assert board.run.exit_reason == "leg_closed"


def test_a_ratio_sold_in_its_ratio_is_even_and_one_contract_beyond_it_is_not() -> None:
    board = entering(RATIO)
    assert {i.leg: i.quantity for i in board.submits()} == {"C": 10, "P": 20}
    call, put = board.accept("C"), board.accept("P")
    board.fill(put.client_order_id, 2)
    assert board.run.naked_since is not None
    board.fill(call.client_order_id, 1)
    assert board.run.naked_since is None
    board.fill(put.client_order_id, 1)  # half a unit ahead: less than one contract of the other leg
    assert board.run.naked_since is None or board.run.naked_since == board.wall
    board.fill(call.client_order_id)
    assert board.run.naked_since is not None
    board.fill(put.client_order_id)
    assert board.run.naked_since is None and board.phase is Phase.HOLDING


def order(board: Board, key: str, purpose: Purpose, quantity: int) -> Any:
    intent = next(i for i in board.sent() if i.leg == key)
    entry, leg = purpose is Purpose.ENTRY, board.leg(key)
    return replace(
        intent,
        client_order_id=f"{intent.client_order_id[:-1]}z",
        purpose=purpose,
        quantity=quantity,
        side=leg.side if entry else leg.side.opposite,
        reduce_only=not entry,
        order_type=OrderType.MARKET,
        limit_price=None,
    )


def test_the_gate_lets_no_short_out_beyond_its_cover_and_no_cover_from_under_a_short() -> None:
    board = entering(CONDOR)
    board.trade("LC")
    intent = replace(order(board, "LC", Purpose.ENTRY, 1), leg="C")
    short = board.leg("C")
    intent = replace(intent, symbol=short.symbol, product_id=short.product_id, side=Side.SELL)
    board.prices(after=2)
    assert check_order(board.state, board.run, intent, board.now) is None
    put = board.leg("P")
    intent = replace(intent, leg="P", symbol=put.symbol, product_id=put.product_id)
    denied = check_order(board.state, board.run, intent, board.now)
    assert denied is not None and (denied.code, denied.detail) == ("NOT_COVERED", "puts short without cover=1, leg=P")

    board = holding(CONDOR)
    board.prices(after=2)
    denied = check_order(board.state, board.run, order(board, "LC", Purpose.EXIT, 1), board.now)
    assert denied is not None and denied.code == "NOT_COVERED"
    assert check_order(board.state, board.run, order(board, "C", Purpose.EXIT, 2), board.now) is None


def test_more_longs_than_shorts_need_may_be_sold_by_the_gate() -> None:
    board = holding(BACK_SPREAD)
    board.prices(after=2)
    assert check_order(board.state, board.run, order(board, "B", Purpose.EXIT, 2), board.now) is None
    denied = check_order(board.state, board.run, order(board, "B", Purpose.EXIT, 3), board.now)
    assert denied is not None and denied.code == "NOT_COVERED"


def test_a_long_wing_bought_and_marked_at_one_hundred_shows_its_spread_and_fee_once() -> None:
    board = entering(LONG_PUT)
    symbol = board.leg("LP").symbol
    board.trade("LP", price="100", commission="0.01")
    board.marks[symbol], board.bids[symbol], board.asks[symbol] = D(100), D(98), D(102)
    board.prices()
    view, (leg,) = board.view, board.view.legs
    fee = leg.fee_to_close
    assert fee is not None and leg.closing_px == 98
    assert leg.pnl == -(D(2) * 2 * D("0.001")) - fee - D("0.01")
    assert (view.pnl, view.pnl_mark, view.spread_to_close) == (leg.pnl, D("-0.01"), D("0.004"))
    assert view.margin == 0


def test_percentages_of_a_debit_are_of_the_most_that_can_be_lost_and_the_picture_says_so() -> None:
    board = holding(DEBIT)
    run, view = board.run, board.view
    assert run.premium < 0 and (run.basis, run.basis_name) == (-run.premium, "max loss")
    assert (view.basis, view.basis_name, view.premium) == (run.basis, "max loss", run.premium)
    assert view.max_loss_usd == -run.basis
    board.prices(spot=95_000)
    board.prices(spot=94_000)
    board.prices(spot=94_000)
    assert (view.pnl is not None and board.phase is Phase.HOLDING) or board.run.exit_reason == "max_loss"


def test_an_exit_of_a_debit_names_its_basis() -> None:
    board = holding(custom(*_rows(DEBIT), exits={"max_loss_pct": "50"}))
    for _ in range(5):
        board.prices(spot=96_000)
    assert board.run.exit_reason == "max_loss"
    assert "% of the most that can be lost" in board.run.exit_detail


def _rows(config: Preset) -> list[tuple[str, str, str, int, str, str]]:
    return [(leg.key, leg.kind, leg.side, leg.ratio, leg.by, leg.value) for leg in config.strategy.legs]


def chosen(config: Preset, change: Callable[[Board], None] = lambda board: None) -> tuple[str, ...]:
    board = Board()
    board.start(config)
    change(board)
    board.read_chain()
    assert not board.run.legs
    return board.watch.why_not


LISTED = {(Kind.CALL, 101_000), (Kind.CALL, 103_500), (Kind.PUT, 99_000), (Kind.PUT, 96_500)}


def near_wings(board: Board) -> None:
    """Wings by delta whose quotes say they are further out than the legs they protect, at strikes inside of them."""
    board.chain = [
        (one, replace(quote, greeks=replace(quote.greeks, delta=0.04)))
        if one.strike in (101_000, 99_000) and quote.greeks is not None
        else (one, quote)
        for one, quote in board.chain
        if (one.kind, one.strike) in LISTED
    ]


REFUSED = {
    "wings inside their shorts": (
        structured("iron_condor", wings_by="delta", wing_delta_min="0.03", wing_delta_max="0.06"),
        near_wings,
        "strikes: the wing LC at 101,000 would lie inside C at 103,500, the leg it protects",
    ),
    "one contract twice": (
        custom(("A", "call", "sell", 1, "strike", "103000"), ("B", "call", "buy", 1, "distance", "3")),
        lambda board: None,
        "strikes: A and B would be the same contract, C-BTC-103000-160125",
    ),
    "a debit without a bound": (
        custom(("A", "call", "buy", 1, "strike", "100000"), ("B", "call", "sell", 2, "strike", "105000")),
        lambda board: None,
        "strikes: the legs bring no credit (-2.16 USD at the touch) and what they can lose has no bound",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_legs_that_make_no_position_are_refused_in_one_sentence(name: str) -> None:
    config, change, sentence = REFUSED[name]
    assert chosen(config, change) == (sentence,)


def test_both_exits_of_a_long_leg_are_sales_at_the_bid_and_never_below_what_is_accepted() -> None:
    board = holding(structured("one_leg", leg_kind="put", leg_side="buy", risk={"exit_limit_pct": "10"}))
    leg = board.leg("LP")
    board.stop()
    (intent,) = board.submits()
    quote = board.state.market.quotes[leg.symbol]
    assert quote.bid is not None and intent.side is Side.SELL and intent.reduce_only
    assert intent.limit_price is not None and quote.bid * D("0.97") <= intent.limit_price <= quote.bid
    board.accept("LP")
    board.bids[leg.symbol] = D(1)  # nobody who is worth meeting
    for _ in range(20):
        board.prices()
        board.serve(fill=False)
    assert quote.mark is not None
    least = min(i.limit_price for i in board.sent(Purpose.EXIT) if i.limit_price is not None)
    assert least >= quote.mark * D("0.89"), least
    assert "unoffered:LP" in board.alerts()


def test_a_worthless_wing_is_held_to_its_settlement_and_says_so() -> None:
    board = holding(structured("one_leg", leg_kind="put", leg_side="buy", exits={"settle_within_mins": 1440}))
    symbol = board.leg("LP").symbol
    board.pass_time((EXPIRY - board.wall).total_seconds() - 3600)
    board.marks[symbol], board.bids[symbol] = D("0.5"), None
    for _ in range(40):
        board.prices()
        board.serve(fill=False)
    assert board.phase is Phase.EXITING and "LP" in board.run.kept
    assert board.run.kept["LP"].is_long and "nobody bids for it" in board.view.legs[0].kept


def test_the_marks_of_a_chart_tell_what_was_entered_and_what_was_closed_again() -> None:
    board = holding(CONDOR)
    board.stop()
    finish(board)
    told = [(mark.kind, mark.text.split(" ")[0]) for mark in markers(board.records) if mark.kind in ("entry", "exit")]
    assert told == [
        *[("entry", "Bought")] * 2,
        *[("entry", "Sold")] * 2,
        *[("exit", "Bought"), ("exit", "Bought")],  # back
        *[("exit", "Sold")] * 2,  # again
    ]


@pytest.mark.parametrize(
    ("ask", "counted"), [(D(210), D(210)), (None, D("5E+307"))], ids=["offered", "offered by nobody"]
)
def test_an_absurd_mark_of_a_long_leg_breaks_no_rule(ask: Decimal | None, counted: Decimal) -> None:
    board = holding(LONG_PUT)
    symbol = board.leg("LP").symbol
    board.marks[symbol], board.bids[symbol], board.asks[symbol] = D("1E+308"), D(180), ask
    board.prices()
    (leg,) = board.view.legs
    assert leg.closing_px == 180 and board.phase is Phase.HOLDING
    assert leg.counted_px is not None and leg.counted_px == counted
    board.prices()
    assert not any(alert.startswith("rules_failed") for alert in board.alerts())


def recovered_with_wings_alone() -> Board:
    """Restarted on a copy of the journal that knows nothing of the short legs, and stopped."""
    board = entering(CONDOR)
    board.trade("LC")
    board.trade("LP")
    sold = next(n for n, r in enumerate(board.records) if isinstance(r, rec.OrderIntended) and r.intent.leg == "C")
    del board.records[sold:]
    board.restart()
    board.stop()
    board.prices()
    return board


def test_after_a_restart_wings_stay_until_the_account_has_told_what_they_cover() -> None:
    """The journal may be an older copy that knows nothing of the short legs. Without any read they go after half a minute."""
    board = recovered_with_wings_alone()
    assert board.phase is Phase.EXITING and board.submits() == []
    board.pass_time(31)
    board.prices()
    assert {(intent.leg, intent.side) for intent in board.submits()} == {("LC", Side.SELL), ("LP", Side.SELL)}


def test_once_the_account_was_read_wings_alone_are_sold() -> None:
    board = recovered_with_wings_alone()
    board.read_account(asked=board.wall)
    board.prices()
    assert {intent.leg for intent in board.submits()} == {"LC", "LP"}
