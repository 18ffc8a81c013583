"""Plausible numbers that agree with one another, for the fake desk's run: what the engine would say of such a strangle."""

import math
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from trader.desk import Day, DayResult
from trader.engine.records import Phase
from trader.engine.view import Corridor, LegView, NakedView, NearestStop, Outlook, Rung, RunView, Safety

SIZE = Decimal("0.001")
STOP_LOW, STOP_HIGH = 88_140.0, 94_020.0
D = Decimal


def with_numbers(run: RunView, now: datetime) -> RunView:
    """The run with everything its picture says about it beside its P&L."""
    if run.phase in (Phase.WAITING, Phase.DONE):
        return replace(run, quantity=100, contract_value=SIZE)
    held = run.pnl is not None and run.premium is not None and run.spot is not None
    legs = tuple(_leg(leg, run, held) for leg in run.legs)
    fees, spread = D("1.18"), D("2.42")
    run = replace(
        run,
        legs=legs,
        quantity=100,
        contract_value=SIZE,
        notional=None if run.spot is None else run.spot / 10,
        naked=NakedView(key="P", symbol=run.legs[1].symbol, since=now - timedelta(seconds=4.2), limit_secs=30.0,
                        worst_usd=D("-7.80")) if run.phase is Phase.ENTERING else None,
        safety=Safety(app_stop=run.phase is Phase.HOLDING, exchange_stops=0, dead_man=False, read_at=now - timedelta(seconds=2)),
    )  # fmt: skip
    if not held:
        return run
    assert run.pnl is not None and run.spot is not None
    spot = float(run.spot)
    return replace(
        run,
        pnl_mark=run.pnl + fees + spread,
        fees_to_close=fees,
        spread_to_close=spread,
        peak_at=now - timedelta(minutes=38),
        net_delta=-0.0016,
        net_gamma=-2e-6,
        net_theta=61.2,
        net_vega=-4.1,
        margin=D("1840.50"),
        nearest_stop=NearestStop(name="trailing stop", spot=STOP_HIGH, move=STOP_HIGH - spot,
                                 move_pct=(STOP_HIGH / spot - 1) * 100, sigmas=1.2),
        corridor=_corridor(float(run.pnl), spot),
        outlook=Outlook(decayed_pct=33.4, by_time_pct=21.0, still_pnl=D("41.15"), best_pct=52.3, exit_at=run.exit_at),
        ladder=tuple(_rung(rung, run.pnl) for rung in run.ladder),
    )  # fmt: skip


def _leg(leg: LegView, run: RunView, held: bool) -> LegView:
    call = leg.key == "C"
    pnl = None
    if held and run.pnl is not None:
        wave = D(str(round(3 * math.sin(float(run.pnl) * 7), 3)))
        pnl = run.pnl / 2 + (wave if call else -wave)
    return replace(
        leg,
        pnl=pnl,
        contract_value=SIZE,
        bid_size=120,
        ask_size=140,
        closing_px=leg.ask,
        fees_paid=D("1.15"),
        fee_to_close=D("0.59"),
        pnl_mark=None if pnl is None else pnl + D("1.80"),
        iv_at_entry=0.431 if call else 0.492,
        position_delta=-0.0094 if call else 0.0078,
        position_gamma=-1e-6,
        position_theta=30.4 if call else 30.8,
        position_vega=-2.0 if call else -2.1,
    )


def _corridor(pnl: float, spot: float) -> Corridor:
    spots = tuple(85_400.0 + 180 * i for i in range(61))
    there = tuple(round(pnl - ((at - spot) / 2900) ** 2 * 24, 4) for at in spots)
    return Corridor(
        spots=spots,
        pnl=there,
        pnl_pct=tuple(round(value / 84.2 * 100, 2) for value in there),
        stop_low=STOP_LOW,
        stop_high=STOP_HIGH,
        half_low=88_900.0,
        half_high=93_300.0,
        breakeven_low=85_690.0,
        breakeven_high=95_810.0,
    )


_CODES = {
    "exit time": "time",
    "max loss": "max_loss",
    "max profit": "max_profit",
    "trailing stop": "trailing_stop",
    "before expiry": "expiry",
}


def _rung(rung: Rung, pnl: Decimal) -> Rung:
    signed = None if rung.at_pnl is None else rung.at_pnl - pnl
    pct = None if rung.at_pct is None else rung.at_pct - pnl / D("84.20") * 100
    reach = {
        "max_loss": (85_010.0, 97_350.0),
        "trailing_stop": (87_300.0, 94_890.0),
        "max_profit": (89_900.0, 92_400.0),
    }
    low, high = reach.get(_CODES[rung.name], (None, None))
    return replace(rung, code=_CODES[rung.name], distance_usd=signed, distance_pct=pct, exit_low=low, exit_high=high)


def day(run: RunView | None, now: datetime) -> Day:
    """Two runs were stopped, this one is the third; nothing yet before the first run."""
    results: list[DayResult] = []
    if run is not None:
        results = [
            _ended(now - timedelta(hours=hours), pnl, pct)
            for hours, pnl, pct in ((5, "-13.90", "-22.7"), (7, "-13.60", "-16.2"))
        ]
        if run.phase is Phase.DONE:
            results.insert(0, DayResult(run_id=run.run_id, preset=run.preset, underlying="BTC", at=now, reason="manual",
                                        pnl=run.realized_pnl, pnl_pct=D("37.8")))  # fmt: skip
    return Day(
        date=now.date(),
        realised=sum((result.pnl for result in results if result.pnl is not None), D(0)),
        open=run.pnl if run is not None else D(0),
        runs_made=0 if run is None else 2,
        runs_most=3,
        loss_limit=D(500),
        results=tuple(results),
    )


def _ended(at: datetime, pnl: str, pct: str) -> DayResult:
    return DayResult(run_id=f"k3fa-{at:%H%M}", preset="aggressive", underlying="BTC", at=at, reason="max_loss", pnl=D(pnl),
                     pnl_pct=D(pct))  # fmt: skip
