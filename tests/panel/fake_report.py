"""What a report tells beyond the run itself: verdict, trades, orders, attribution, configuration."""

import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from trader.analytics.attribution import Attribution
from trader.analytics.result import RunResult
from trader.config.differing import Changed
from trader.desk import FillRow, PnlSeries, RunSummary
from trader.desk.analytics.results import Told
from trader.desk.books.lines import OrderLine, Trade
from trader.engine.view import LegView

D = Decimal


def told(summary: RunSummary, legs: Sequence[LegView], fills: Sequence[FillRow], series: PnlSeries) -> dict[str, Any]:
    """The parts of a `RunReport`; the attribution adds up to the run's result."""
    pnl = summary.realized_pnl or D(0)
    return {
        "verdict": f"Kept {pnl} USD, +48.9 % of the net credit, in 7 h 00 m: exit time reached. BTC +0.4 %.",
        "reason": "exit: exit time (16:30 IST)",
        "told": Told(result=_result(summary), parts=_parts(pnl)),
        "trades": tuple(_trade(summary, row) for row in fills),
        "lines": tuple(_line(summary, row) for row in fills),
        "compared_with": "Preset default as it stands now.",
        "changed": (Changed("strategy.quantity", "Quantity", "1", "100"),),
        "entry_checks": {"QUANTITY_EXCEEDS_MAXIMUM": "quantity=100, max=200"},
        "ivs": {leg.key: [0.45 + 0.02 * math.sin(i / 40 + n) for i in range(len(series.wall))] for n, leg in enumerate(legs)},
        "iv_out": {leg.key: 0.412 for leg in legs},
    }  # fmt: skip


def _parts(pnl: Decimal) -> Attribution:
    known = D("61.5") + D("-3.2") + D("-1.4") + D("-2.31")
    rest = float(pnl - known)
    return Attribution(
        pnl=pnl, theta=61.5, delta=rest - 4.1 - 0.3, gamma=-9.0, vega=13.1, spread=D("-3.2"), slippage=D("-1.4"), exchange=D(0),
        funding=D(0), fees=D("-2.31"), residual=0.3, moved=188.0, longest_gap=timedelta(seconds=96),
        unseen=0.0, misfit=0.0, most_left=0.2, most_left_at=None,
    )  # fmt: skip


def _result(summary: RunSummary) -> RunResult:
    return RunResult(
        run_id=summary.run_id, account="paper", env="paper", preset="default", config_hash=summary.config_hash, structure="short_strangle",
        underlying="BTC", is_ticket=False, entered_at=summary.created_at, ended_at=summary.finished_at or summary.created_at,
        expiry=None, exit_reason=summary.exit_reason or "time", legs=summary.legs, premium=D("84.20"), basis=D("84.20"),
        basis_name="credit", pnl=summary.realized_pnl or D(0), fees=D("2.31"), margin=D(1840), peak_pct=D(60), worst_pct=D(-12),
        level_pct=None, spot_at_entry=D(91020), spot_at_exit=D(91400), iv_at_entry=0.44, slippage_usd=D("1.4"), attempts=4,
        rejected=0, contracts_sent=400, contracts_filled=400, maker_contracts=200, fill_secs=(1.2, 2.5, 0.4, 3.0), risk_passed=4,
        risk_failed=0, naked_secs=1.1, exposure_usd=D(9100),
    )  # fmt: skip


def _trade(summary: RunSummary, row: FillRow) -> Trade:
    fill = row.fill
    return Trade(
        seq=row.seq, fill_id=fill.fill_id, venue_order_id=fill.venue_order_id, client_order_id=fill.client_order_id, run_id=summary.run_id,
        is_ticket=False, preset="default", leg=row.leg, algorithm="chase", symbol=fill.symbol, product_id=fill.product_id,
        side=fill.side.value, quantity=fill.quantity, price=fill.price, fee=fill.commission, fee_currency="USD", role=fill.role,
        kind=fill.kind.value, cash=fill.cash_flow(D("0.001")), at=row.wall, wall=row.wall,
    )  # fmt: skip


def _line(summary: RunSummary, row: FillRow) -> OrderLine:
    fill = row.fill
    fields: dict[str, Any] = dict.fromkeys(OrderLine.__struct_fields__)
    fields |= {
        "seq": row.seq, "client_order_id": fill.client_order_id, "venue_order_id": fill.venue_order_id, "run_id": summary.run_id,
        "is_ticket": False, "preset": "default", "leg": row.leg, "purpose": "entry" if fill.side.value == "sell" else "exit",
        "algorithm": "chase", "closing": "", "symbol": fill.symbol, "side": fill.side.value, "quantity": 100, "filled": 100, "left": 0,
        "order_type": "limit_order", "limit_price": fill.price, "status": "filled", "reference": fill.price, "avg_px": fill.price,
        "created_at": row.wall, "wall": row.wall, "fill_secs": 1.2, "code": "", "message": "", "who": "", "reason": "",
    }  # fmt: skip
    return OrderLine(**fields)
