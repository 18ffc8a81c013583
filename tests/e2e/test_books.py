"""The books over the real wire: with tickets, a run and other people's things on, every number is the exchange's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import START, Rig, await_value, preset, start_venue
from trader.desk import Desk
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.engine.records import Phase
from trader.venue.clock import MarketClock

PERP = "BTCUSD"
SPEED = 5.0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    server = start_venue(speed=SPEED)
    made = Rig(server, tmp_path)
    yield made
    made.halt()
    server.stop()


@pytest.fixture
def desk(rig: Rig) -> Iterator[Desk]:
    opened = rig.desk()
    yield opened
    opened.close()


def index(rig: Rig) -> Decimal:
    return rig.gateway.spot("BTC")


def strange(rig: Rig, quantity: int, price: Decimal | None) -> None:
    """An order of another program on the same account."""
    product = next(one for one in rig.gateway.instruments("BTC") if one.symbol == PERP)
    rig.gateway.submit(
        OrderIntent(
            client_order_id=f"other-{quantity}", run_id="", leg="", purpose=Purpose.ENTRY, attempt=0, symbol=PERP,
            product_id=product.product_id, side=Side.BUY, quantity=quantity,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT, limit_price=price,
        )
    )  # fmt: skip


@contextmanager
def standing_market(rig: Rig) -> Iterator[None]:
    """The market's time stands still: between two reads, however far apart on a busy machine, no price moves."""
    server = rig.venue
    assert server._clock is not None
    instant = server._clock.now() + timedelta(seconds=1)
    server._clock = MarketClock(instant, speed=SPEED, end=instant)
    await_value(lambda: server.exchange.now == instant or None, 30, "the market at the instant where it stands")
    try:
        yield
    finally:
        server._clock = MarketClock(instant, speed=SPEED)


@pytest.mark.slow
def test_every_number_of_the_books_is_the_exchanges(rig: Rig, desk: Desk) -> None:
    rig.boot()
    rig.start(preset(strategy={"quantity": 20}, schedule={"entry_time_ist": "10:31", "exit_time_ist": "16:30"}))
    rig.await_view(lambda v: v.phase is Phase.HOLDING, 60, "holding")
    low = (index(rig) * Decimal("0.985")).quantize(Decimal(1))
    rig.order(
        {"symbol": PERP, "side": "buy", "quantity": 10, "order_type": "market", "stop_loss": {"price": str(low)}},
        {"symbol": PERP, "side": "buy", "quantity": 3, "order_type": "limit", "limit_price": str(low)},
    )
    await_value(lambda: len(desk.orders(state="working").orders) == 2 or None, 30, "a resting order and a stop loss")
    strange(rig, 4, None)
    strange(rig, 5, low)

    # Orders: both ids, filled, left, prices.
    theirs = {one.venue_order_id: one for one in rig.gateway.open_orders()}
    history = {one.venue_order_id: one for one in rig.gateway.order_history(START - timedelta(hours=1))}
    ours = await_value(
        lambda: ((page := desk.orders(limit=500).orders) and all(one.fees is not None for one in page) and page) or None,
        30, "every fee",
    )  # fmt: skip
    assert len(ours) >= 5 and {one.client_order_id for one in ours}.isdisjoint({"other-4", "other-5"})
    for line in ours:
        assert line.venue_order_id is not None and line.answer_secs is not None
        row = theirs.get(line.venue_order_id) or history[line.venue_order_id]
        assert (row.client_order_id, row.symbol, row.side.value) == (line.client_order_id, line.symbol, line.side)
        assert (row.filled_qty, row.leaves_qty) == (line.filled, line.quantity - line.filled)
        assert row.status.value == line.status and row.stop_price == line.stop_price
        if line.filled:
            assert row.avg_px == line.avg_px and row.paid_commission == line.fees and line.fill_secs is not None

    # Trades: price, fee, role.
    fills = [one for one in rig.gateway.fills(None) if one.venue_order_id in {line.venue_order_id for line in ours}]
    told = desk.trades(limit=500).trades
    assert sorted((one.symbol, one.quantity, one.price, one.fee, one.role) for one in told) == sorted(
        (one.symbol, one.quantity, one.price, one.commission, one.role) for one in fills
    )

    # Positions: the exchange's net, ours by run and ticket, and the rest.
    def priced() -> Any:
        now = {one.symbol: one for one in desk.positions().positions}
        return now if len(now) == 3 and all(p.pnl_mark is not None for one in now.values() for p in one.parts) else None

    def book() -> Any:
        now = {one.symbol: one for one in desk.positions().positions}
        rows = {one.symbol: one for one in rig.gateway.margin_terms().positions}
        same = set(now) == set(rows) and all(
            (line.net, line.entry_price, line.mark, line.margin, line.liquidation_price, line.realised)
            == (row.quantity, row.entry_price, row.mark, row.margin, row.liquidation_price, row.realized_pnl)
            for line, row in ((now[symbol], rows[symbol]) for symbol in rows)
        )
        return now if same and len(now) == 3 else None

    [part] = await_value(priced, 30, "every part priced")[PERP].parts
    assert part.is_ticket and part.quantity == 10 and part.opened_at is not None
    assert part.realised == -part.fees and part.pnl_mark == part.realised + part.unrealised
    with standing_market(rig):
        now = await_value(book, 30, "positions equal to the exchange's rows")
    perp = now.pop(PERP)
    assert (perp.net, perp.ours, perp.foreign) == (14, 10, 4) and perp.kind == "perpetual"
    assert perp.leverage == rig.gateway.leverage(
        next(i for i in rig.gateway.instruments("BTC") if i.symbol == PERP).product_id
    )
    assert perp.unrealised == (perp.mark - perp.entry_price) * 14 * perp.contract_value
    assert [(part.is_ticket, part.quantity) for part in perp.parts] == [(True, 10)] and perp.stop_loss == (low,)
    assert all(line.foreign == 0 and [part.is_ticket for part in line.parts] == [False] for line in now.values())
    what_if = desk.position_of(PERP, perp.entry_price + 1000)
    assert what_if is not None and what_if.at_price == 14000 * perp.contract_value
    assert desk.position_of("ETHUSD") is None

    # Balances.
    def money() -> Any:
        [one] = desk.balances().balances
        row = rig.gateway.wallet()
        same = (one.total, one.free, one.locked, one.equity) == (
            row.balance,
            row.available,
            row.blocked_margin,
            row.equity,
        )
        return one if same else None

    with standing_market(rig):
        balance = await_value(money, 30, "balances equal to the wallet's")
    assert balance.currency == "USD" and balance.total == balance.free + balance.locked
    assert balance.order_margin + balance.position_margin + balance.commission == balance.locked

    # What is not ours is said; nothing of ours differs.
    report = desk.sync()
    assert [(one.code, one.symbol) for one in report.differences] == [
        ("POSITION_FOREIGN", PERP), ("ORDER_FOREIGN", PERP),
    ] and not report.in_step  # fmt: skip
    assert report.differences[0].sentence == f"+4 of +14 {PERP} are of no run or ticket here."

    # Statistics are the runner's, events have everything once.
    kinds = [one.kind for one in desk.events(limit=500).events]
    assert kinds.count("order_filled") == len(told) and kinds.count("position_opened") == 3
