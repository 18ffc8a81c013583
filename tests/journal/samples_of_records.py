"""One record of every type, as a run of one strangle would leave them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from trader.domain.fill import Channel, Fill
from trader.domain.foreign import Foreign
from trader.domain.instrument import Kind
from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, Side
from trader.engine import records as r

WALL = datetime(2026, 6, 1, 4, 0, 0, 123456, tzinfo=UTC)
MARKET = datetime(2021, 6, 21, 4, 0, tzinfo=UTC)
EXPIRY = datetime(2021, 6, 22, 12, tzinfo=UTC)
CALL = "C-BTC-36000-220621"
FOREIGN = Foreign(kind="position", symbol="BTCUSD", quantity=-3)


def run_created(run_id: str, *, market: datetime | None = MARKET, underlying: str = "BTC") -> r.RunCreated:
    return r.RunCreated(
        run_id=run_id,
        wall=WALL,
        market=market,
        cause="user",
        env="paper",
        account="paper",
        preset="default",
        config={"strategy": {"quantity": 10}},
        config_hash="0123456789abcdef",
        underlying=underlying,
        start_now=True,
        command_id=f"start-{run_id}",
    )


def run_finished(run_id: str, pnl: str, *, market: datetime | None = MARKET) -> r.RunFinished:
    return r.RunFinished(
        run_id=run_id,
        wall=WALL,
        market=market,
        exit_reason="time",
        realized_pnl=Decimal(pnl),
        fees=Decimal("0.20"),
    )


def intent(run_id: str, client_order_id: str, quantity: int = 10) -> OrderIntent:
    return OrderIntent(
        client_order_id=client_order_id,
        run_id=run_id,
        leg="C",
        purpose=Purpose.ENTRY,
        attempt=0,
        symbol=CALL,
        product_id=101,
        side=Side.SELL,
        quantity=quantity,
        order_type=OrderType.LIMIT,
        limit_price=Decimal("391.0"),
    )


def order_intended(run_id: str, client_order_id: str, quantity: int = 10) -> r.OrderIntended:
    return r.OrderIntended(
        run_id=run_id, wall=WALL, intent=intent(run_id, client_order_id, quantity), reference=Decimal("391.5")
    )


def fill_recorded(
    run_id: str, fill_id: str, client_order_id: str | None = "o-1", quantity: int = 10, commission: str | None = None
) -> r.FillRecorded:
    fill = Fill(
        fill_id=fill_id,
        venue_order_id="700",
        client_order_id=client_order_id,
        symbol=CALL,
        product_id=101,
        side=Side.SELL,
        quantity=quantity,
        price=Decimal("391.0"),
        commission=None if commission is None else Decimal(commission),
        ts_event=MARKET,
    )
    return r.FillRecorded(run_id=run_id, wall=WALL, market=MARKET, cause="exchange", leg="C", fill=fill)


def leg_terms() -> r.LegTerms:
    return r.LegTerms(
        key="C",
        symbol=CALL,
        product_id=101,
        kind=Kind.CALL,
        strike=Decimal(36000),
        expiry=EXPIRY,
        side=Side.SELL,
        quantity=10,
        contract_value=Decimal("0.001"),
        tick_size=Decimal("0.1"),
        fee_rate=Decimal("0.0001"),
        fee_cap=None,
        delta=0.125,
        bid=Decimal("391"),
        ask=Decimal("395"),
        mark=None,
    )


def phase(run_id: str, to: r.Phase, reason: str = "") -> r.PhaseChanged:
    return r.PhaseChanged(run_id=run_id, wall=WALL, market=MARKET, phase=to, reason=reason)


def alert(run_id: str, text: str) -> r.AlertRaised:
    return r.AlertRaised(run_id=run_id, wall=WALL, level="warning", code="spot_move", text=text)


TICKET = {"symbol": CALL, "side": "sell", "quantity": 3, "order_type": "limit", "limit_price": "112.5"}


def one_of_each(run_id: str) -> list[r.AnyRecord]:
    """Every record type once, in an order a run could have left."""
    base = {"run_id": run_id, "wall": WALL, "market": MARKET}
    return [
        run_created(run_id),
        r.ScheduleFixed(**base, entry_at=MARKET, exit_at=MARKET + timedelta(hours=7), warning="late"),
        r.LegsChosen(**base, legs=(leg_terms(),), spot=Decimal("35012.5"), exit_at=MARKET + timedelta(hours=7)),
        phase(run_id, r.Phase.ENTERING),
        order_intended(run_id, f"{run_id}-1"),
        r.OrderDenied(**base, intent=intent(run_id, f"{run_id}-2"), code="QUANTITY_EXCEEDS_MAXIMUM", detail="15 > 10"),
        r.OrderResolved(
            **base, client_order_id=f"{run_id}-1", status=OrderStatus.ACCEPTED, venue_order_id="700", filled_qty=0
        ),
        r.CancelIntended(**base, client_order_id=f"{run_id}-1", reason="timeout"),
        fill_recorded(run_id, f"{run_id}-f1", f"{run_id}-1"),
        r.FillConfirmed(
            **base,
            client_order_id=f"{run_id}-1",
            channel=Channel.REST,
            fill_id=f"rest:700:{run_id}-f1",
            price=Decimal("111.7"),
            quantity=2,
        ),
        r.FillCosted(**base, fill_id=f"{run_id}-f1", commission=Decimal("0.0417")),
        r.PositionObserved(**base, symbol=CALL, quantity=-10),
        r.Trailed(**base, peak_pnl=Decimal("1.6"), peak_pct=Decimal("40.9"), level_pct=Decimal(0)),
        r.StatusReported(
            **base,
            premium=Decimal("4.9"),
            pnl=Decimal("1.5"),
            pct=Decimal("30.6"),
            basis="credit",
            level_pct=Decimal(0),
            spot=Decimal("35012.5"),
            thresholds=(r.Threshold(code="max_loss", at_pct=Decimal(-100), away_pct=Decimal("-130.6")),),
        ),
        r.SpreadGuarded(
            **base, since={"C": MARKET}, reason="max_loss", pct=Decimal("-112.4"), counted_pct=Decimal("-96.1")
        ),
        r.BesideConfirmed(**base, foreign=(FOREIGN,), command_id="beside-1", issued_by="cli"),
        r.StopRequested(**base, command_id="stop-1"),
        r.ExitDecided(**base, reason="manual", detail="asked for", pnl=Decimal("1.5")),
        r.LegKept(
            **base,
            leg="C",
            symbol=CALL,
            until=EXPIRY,
            worth=Decimal("0.003"),
            closing=Decimal("0.0093"),
            is_offered=True,
        ),
        r.LegReleased(**base, leg="C", symbol=CALL, reason="it is offered at 0.4"),
        r.TicketRefused(**base, symbol=CALL, code="PRICE_OFF_TICK", field="limit_price", detail="1.03 is off the tick"),
        r.CancelRequested(**base, reason="cancelled (cli)", command_id="cancel-1"),
        r.TicketAmended(**base, ticket=TICKET, command_id="amend-1", issued_by="cli"),
        r.ClosingSet(**base, closing=r.ClosingOrder(name="Rab", order_type=OrderType.MARKET), command_id="order-1"),
        r.ClosingDropped(**base, name="Rab", reason="it has filled"),
        r.PositionAdopted(**base, symbol=CALL, quantity=3, price=Decimal("111.5"), issued_by="cli"),
        r.FundingBooked(**base, leg="T", amount=Decimal("-0.05"), at=base["wall"]),
        r.ClosingMoved(**base, leg="T", symbol=CALL, side=Side.BUY, quantity=-3, price=Decimal("98"), other="b" * 10),
        alert(run_id, "spot moved 2.1 %"),
        r.LevelChanged(**base, account="paper", level=r.Level.PAUSED, reason="lunch", issued_by="cli"),
        r.LimitsSet(**base, account="paper", limits={"schema": 1, "open_runs": 4}, issued_by="cli"),
        r.MarginObserved(**base, account="paper", mode="isolated", portfolios=(), default_auto_topup=False),
        r.LossLocked(**base, account="paper", day=date(2021, 6, 21), reason="lost too much"),
        r.LossWarned(**base, account="paper", day=date(2021, 6, 21), week=None),
        r.DayMarked(**base, day=date(2021, 6, 20), pnl=Decimal(0), carried=Decimal(0)),
        r.DayCompared(**base, account="paper", day=date(2021, 6, 20), until=MARKET, difference=Decimal(0)),
        run_finished(run_id, "1.4766"),
        r.WalletCompared(**base, since=MARKET, lines={"cashflow": Decimal("1.6")}, difference=Decimal(0)),
    ]
