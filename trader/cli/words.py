"""A run in plain lines for a terminal. The numbers are the desk's; nothing is computed here."""

from decimal import Decimal
from typing import TYPE_CHECKING

from trader.cli.output import ist, table, usd
from trader.domain.exit_reason import exit_label
from trader.domain.margin import mode_words
from trader.domain.wording import done_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.desk import Day, Happening, Status
    from trader.domain.statistics import Statistics
    from trader.engine.view import RunView

_HAPPENED = 6
_RESULTS = 3


def run_lines(status: "Status") -> list[str]:
    """Environment, runner, what is so now, the run with its legs, what happened lately."""
    level = "" if status.trading[0] == "ACTIVE" else f" · trading {status.trading[0]}"
    lines = [f"{status.env.upper()} · account {status.account} · {_runner(status)}{level}"]
    lines += [f"! {' '.join(line.split())}" for line in status.situation if not _is_headline(line, status)]
    if status.margin is not None:
        topup = {None: "not told", True: "on", False: "off"}[status.margin.default_auto_topup]
        lines.append(f"margin mode {mode_words(status.margin.mode)}; auto top-up of new positions {topup}")
    if status.run is None:
        first = "First paper trade" if status.env == "paper" else "The first one"
        lines.append(f"No run yet. {first}: python -m trader start --preset default --now")
    else:
        lines += one_run(status.run)
        for run in status.runs:
            if run.run_id != status.run.run_id:
                lines += ["", *one_run(run)]
    if status.day is not None and (status.day.results or status.day.runs_made):
        lines += _day(status.day)
    if status.runner.alive and status.ops is not None and status.ops.client is not None:
        lines.append(_client(status.ops.client))
    lines += [_happening(one) for one in status.happened[:_HAPPENED]]
    if status.open_alerts:
        lines.append(f"{len(status.open_alerts)} to acknowledge: python -m trader alerts")
    return lines


def _day(day: "Day") -> list[str]:
    """What counts for the day's limits, and how the newest runs of it came out."""
    limit = "" if day.loss_limit is None else f" of the preset's loss limit {usd(day.loss_limit, signed=False)}"
    most = "" if day.runs_most is None else f" of {day.runs_most}"
    runs = f"{day.runs_made}{most} {'run' if day.runs_made == 1 and day.runs_most in (None, 1) else 'runs'}"
    split = f"realised {usd(day.realised)}, open {usd(day.open_today)}"
    lines = [f"{day.date:%d %b}: {usd(day.total)}{limit} ({split}), {runs}"]
    for one in day.results[:_RESULTS]:
        share = "" if one.pnl_pct is None else f" ({_pct(one.pnl_pct)})"
        lines.append(
            f"{ist(one.at)}  {exit_label(one.reason)}: {usd(one.pnl)}{share}, {one.underlying} {one.preset}, {one.run_id}"
        )
    return lines


def _client(figures: "Statistics") -> str:
    """The runner's connection in short; `check` and `status --json` tell more."""
    failed = sum(row.errors for row in figures.endpoints)
    slowest = max((row.p95_ms for row in figures.endpoints if row.p95_ms is not None), default=None)
    return (
        f"exchange: {figures.calls} calls, {failed} failed, {figures.rate_limited} told to slow down"
        + (f", slowest endpoint p95 {slowest:.0f} ms" if slowest is not None else "")
        + f"; {sum(figures.reconnections.values())} reconnections; {figures.quota_left:,} weight units left"
    )


def _is_headline(line: str, status: "Status") -> bool:
    """Whether the run's own line says the same."""
    return status.run is not None and bool(status.run.words) and status.run.words in line


def _happening(one: "Happening") -> str:
    number = "" if one.alert is None or one.level == "info" else f" #{one.alert}"
    seen = " [acknowledged]" if one.acked_at is not None else ""
    often = f" ({one.times} times)" if one.times > 1 else ""
    return f"{ist(one.at)}  {one.level}{number}: {' '.join(one.text.split())}{often}{seen}"


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


def still_open(runs: "Iterable[RunView]") -> list[str]:
    """Legs that are not closed, with their contracts, and which of them are held to their settlement and why."""
    return [
        f"{leg.symbol} {leg.open_quantity}{f' {leg.kept}' if leg.kept else ''}"
        for run in runs
        for leg in run.legs
        if leg.open_quantity
    ]


def one_run(run: "RunView") -> list[str]:
    """One run: what it is doing, then its money, its times and its legs."""
    lines = [f"Run {run.run_id} · {run.underlying} · {run.preset} · {run.words or run.phase}"]
    if run.phase == "done":
        lines.append(
            f"realised {usd(run.realized_pnl)}, fees {usd(run.fees, signed=False)}, exit reason {exit_label(run.exit_reason or 'unknown')}, flat {run.flat}"
        )
    else:
        lines.append(
            f"P&L {usd(run.pnl)} ({_pct(run.pnl_pct)} of {_basis(run)}), peak {usd(run.peak_pnl)}, "
            f"trailing stop at {_pct(run.trailing_level)}, flat {run.flat}"
        )
        lines.append(f"entry {ist(run.entry_at)}, exit {ist(run.exit_at)}, spot {_plain(run.spot)}")
    if run.legs:
        head = ["leg", "side", "filled", "open", "avg px", "mark", "bid", "ask", "delta", "P&L"]
        rows = [
            [leg.symbol, leg.side, done_of(leg.filled_quantity, leg.quantity), str(leg.open_quantity)]
            + [_plain(price) for price in (leg.avg_px, leg.mark, leg.bid, leg.ask)]
            + ["–" if leg.delta is None else f"{leg.delta:+.3f}", usd(leg.pnl)]
            for leg in run.legs
        ]
        lines += table(head, rows)
    lines += [f"waiting: {reason}" for reason in run.why_not]
    lines += _ahead(run)
    if not set(run.foreign) <= set(run.beside):
        lines.append("to see and confirm what is not of any run here: python -m trader beside")
    return lines + [f"· {step}" for step in run.steps]


def _basis(run: "RunView") -> str:
    """What the percentage is of: a net credit is its figure alone."""
    words = usd(run.premium if run.basis is None else run.basis, signed=False)  # a picture of an older version has none
    return f"{words}, the most that can be lost" if run.basis_name == "max loss" else words


def _ahead(run: "RunView") -> list[str]:
    """Which exits are in reach, and what Stop would do now."""
    if run.phase == "done":
        return []
    from trader.desk import guard_words, reach_of_run, stop_words, unoffered_words

    return [
        *filter(None, [guard_words(run) or unoffered_words(run), reach_of_run(run)]),
        f"Stop & Exit now: {stop_words(run)}",
    ]


def _pct(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:+.1f} %"


def _plain(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:f}"
