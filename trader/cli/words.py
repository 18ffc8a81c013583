"""A run in plain lines for a terminal. The numbers are the desk's; nothing is computed here."""

from decimal import Decimal
from typing import TYPE_CHECKING

from trader.cli.output import ist, table, usd

if TYPE_CHECKING:
    from trader.desk import Status
    from trader.engine.view import RunView

_ALERTS = 5


def run_lines(status: "Status") -> list[str]:
    """Environment, runner, the run with its legs, the newest alerts."""
    lines = [f"{status.env.upper()} · account {status.account} · {_runner(status)}"]
    if status.run is None:
        first = "First paper trade" if status.env == "paper" else "The first one"
        return [*lines, f"No run yet. {first}: python -m trader start --preset default --now"]
    lines += one_run(status.run)
    others = [run for run in status.runs if run.run_id != status.run.run_id]
    for run in others:
        lines += ["", *one_run(run)]
    shown = {None, status.run.run_id, *(run.run_id for run in others)}
    alerts = [alert for alert in status.alerts if alert.run_id in shown][:_ALERTS]
    return [*lines, *(f"{alert.level} {ist(alert.wall)}: {alert.text}" for alert in alerts)]


def _runner(status: "Status") -> str:
    runner = status.runner
    if not runner.alive:
        heard = (
            ""
            if runner.heartbeat_age_s is None
            else f", last heard {_ago(runner.heartbeat_age_s)} ago: what follows is old"
        )
        return f"runner NOT ALIVE{heard}"
    age = "" if runner.heartbeat_age_s is None else f", heartbeat {runner.heartbeat_age_s:.1f} s ago"
    return f"runner alive ({runner.host}{age})"


def _ago(secs: float) -> str:
    return f"{secs:.1f} s" if secs < 120 else f"{secs / 60:.0f} min" if secs < 7200 else f"{secs / 3600:.1f} h"


def one_run(run: "RunView") -> list[str]:
    """One run: what it is doing, then its money, its times and its legs."""
    lines = [f"Run {run.run_id} · {run.underlying} · {run.preset} · {run.words or run.phase}"]
    if run.phase == "done":
        lines.append(
            f"realised {usd(run.realized_pnl)}, fees {usd(run.fees, signed=False)}, exit reason {run.exit_reason}, flat {run.flat}"
        )
    else:
        lines.append(
            f"P&L {usd(run.pnl)} ({_pct(run.pnl_pct)} of {usd(run.premium, signed=False)}), peak {usd(run.peak_pnl)}, "
            f"trailing stop at {_pct(run.trailing_level)}, flat {run.flat}"
        )
        lines.append(f"entry {ist(run.entry_at)}, exit {ist(run.exit_at)}, spot {_plain(run.spot)}")
    if run.legs:
        head = ["leg", "side", "filled", "open", "avg px", "mark", "bid", "ask", "delta", "P&L"]
        rows = [
            [leg.symbol, leg.side, f"{leg.filled_quantity}/{leg.quantity}", str(leg.open_quantity)]
            + [_plain(price) for price in (leg.avg_px, leg.mark, leg.bid, leg.ask)]
            + ["–" if leg.delta is None else f"{leg.delta:+.3f}", usd(leg.pnl)]
            for leg in run.legs
        ]
        lines += table(head, rows)
    lines += [f"waiting: {reason}" for reason in run.why_not]
    return lines + [f"· {step}" for step in run.steps]


def _pct(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:+.1f} %"


def _plain(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:f}"
