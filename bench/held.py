"""A held strangle made from records alone, for measuring the engine and the journal without a venue."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trader.config.preset import Preset
from trader.domain.clock import Now
from trader.domain.fill import Fill
from trader.domain.instrument import Kind
from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, Side
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.events import AccountRead, Booted
from trader.engine.fold import evolve
from trader.engine.records import Phase
from trader.engine.state import State
from trader.engine.step import step

# Half past ten in India on a Tuesday; exits so wide that only a stop ends a run.
PRESET = Preset.model_validate(
    {
        "strategy": {"quantity": 10},
        "schedule": {"entry_time_ist": "10:31", "exit_time_ist": "16:30"},
        # A leap of the flood is one print beyond the maximum loss: seen, decided on and not confirmed, so nothing is recorded of it.
        "exits": {
            "max_loss_pct": 1000,
            "max_profit_pct": 100,
            "trailing_enabled": False,
            "liquidation_guard_pct": 0,
            "spread_guard_secs": 0,
            "confirmations": 10,
        },
        # The flood's prices stand still while the venue's move on: concede quickly, so that the entry fills.
        "orders": {"timeout_secs": 1, "slippage_pct": 5},
        "risk": {"max_runs_per_day": 50, "daily_loss_limit_usd": 10_000_000, "liquidation": "warn"},
    }
)
BEGIN = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
EXPIRY = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
RUN = "bench00001"
_QUANTITY = 100


def _leg(key: str, strike: int, product_id: int) -> rec.LegTerms:
    return rec.LegTerms(
        key=key,
        symbol=f"{key}-BTC-{strike}-040326",
        product_id=product_id,
        kind=Kind.CALL if key == "C" else Kind.PUT,
        strike=Decimal(strike),
        expiry=EXPIRY,
        side=Side.SELL,
        quantity=_QUANTITY,
        contract_value=Decimal("0.001"),
        tick_size=Decimal("0.1"),
        fee_rate=Decimal("0.0001"),
        fee_cap=Decimal("0.035"),
        delta=0.12,
        bid=Decimal(200),
        ask=Decimal(205),
        mark=Decimal(202),
    )


LEGS = (_leg("C", 80_000, 101), _leg("P", 74_000, 102))


def records(fills: int = 2) -> list[rec.AnyRecord]:
    """What the journal holds of a run that sold both legs, in so many orders of one fill each."""
    made: list[rec.AnyRecord] = [
        rec.RunCreated(
            run_id=RUN,
            wall=BEGIN,
            market=BEGIN,
            env="paper",
            account="paper",
            preset=PRESET.name,
            config=PRESET.model_dump(mode="json"),
            config_hash=PRESET.config_hash,
            underlying="BTC",
            start_now=True,
            command_id="bench",
        ),
        rec.ScheduleFixed(run_id=RUN, wall=BEGIN, entry_at=BEGIN, exit_at=BEGIN + timedelta(hours=6)),
        rec.LegsChosen(run_id=RUN, wall=BEGIN, legs=LEGS, spot=Decimal(77_000), exit_at=BEGIN + timedelta(hours=6)),
        rec.PhaseChanged(run_id=RUN, wall=BEGIN, phase=Phase.ENTERING),
    ]
    for number in range(fills):
        made += _sale(LEGS[number % 2], number, _QUANTITY * 2 // fills)
    return [*made, rec.PhaseChanged(run_id=RUN, wall=BEGIN, phase=Phase.HOLDING)]


def _sale(leg: rec.LegTerms, number: int, quantity: int) -> list[rec.AnyRecord]:
    coid, venue_id = f"bench-{leg.key}{number}", str(1000 + number)
    intent = OrderIntent(
        client_order_id=coid,
        run_id=RUN,
        leg=leg.key,
        purpose=Purpose.ENTRY,
        attempt=number // 2,
        symbol=leg.symbol,
        product_id=leg.product_id,
        side=Side.SELL,
        quantity=quantity,
        order_type=OrderType.LIMIT,
        limit_price=Decimal(200),
    )
    fill = Fill(
        fill_id=f"fill-{leg.key}{number}",
        venue_order_id=venue_id,
        client_order_id=coid,
        symbol=leg.symbol,
        product_id=leg.product_id,
        side=Side.SELL,
        quantity=quantity,
        price=Decimal(200),
        commission=Decimal("0.09"),
        ts_event=BEGIN,
    )
    return [
        rec.OrderIntended(run_id=RUN, wall=BEGIN, intent=intent, reference=Decimal(200)),
        rec.OrderResolved(
            run_id=RUN, wall=BEGIN, client_order_id=coid, status=OrderStatus.ACCEPTED, venue_order_id=venue_id
        ),
        rec.FillRecorded(run_id=RUN, wall=BEGIN, leg=leg.key, fill=fill),
        rec.OrderResolved(run_id=RUN, wall=BEGIN, client_order_id=coid, status=OrderStatus.FILLED, filled_qty=quantity),
    ]


def state(fills: int = 2) -> State:
    """The engine's state of that run, its account just read and in agreement."""
    made = State(installation="abcd", epoch=1, env="paper", account_key="paper")
    for record in records(fills):
        made = evolve(made, record)
    at = Now(BEGIN, BEGIN)
    made, _ = step(made, Booted(at=at))
    # A read of the account was of one run before an account had several.
    of = {"runs": (RUN,)} if "runs" in AccountRead.__struct_fields__ else {"run_id": RUN}
    made, _ = step(made, AccountRead(at=at, **of, asked=BEGIN, positions=None, open_orders=(), fills=()))
    return made


def quote(leg: rec.LegTerms, at: datetime, number: int) -> Quote:
    """The leg's prices at an instant: quiet, so that no rule fires."""
    wobble = Decimal(number % 7) / 10
    return Quote(
        symbol=leg.symbol,
        mark=Decimal(200) + wobble,
        bid=Decimal(199) + wobble,
        ask=Decimal(202) + wobble,
        bid_size=1000,
        ask_size=1000,
        spot=Decimal(77_000),
        ts_mark=at,
        ts_quote=at,
        ts_greeks=at,
    )
