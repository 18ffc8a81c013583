"""The chart of a run's report: P&L with its limits and what happened, spot, and the implied volatility of each leg."""

from trader.desk import PnlSeries, RunReport
from trader.report import document as doc
from trader.report import figures as fig
from trader.report.html import Html, tag
from trader.report.svg import Line, Mark, Panel, chart

_IV_COLOURS = ("blue", "violet", "amber", "up")


def run_chart(report: RunReport, places: int) -> Html | None:
    """None where nothing was recorded."""
    series = report.series
    known = [i for i, at in enumerate(series.market) if at is not None] or range(len(series.wall))

    def only(column: list[float | None]) -> list[float | None]:
        return [column[i] for i in known]

    at = [series.market[i] or series.wall[i] for i in known]
    pnl = [
        Line("P&L", "pnl", only(series.pnl)),
        Line("Max profit", "profit", only(series.max_profit_usd), step=True),
        Line("Max loss", "loss", only(series.max_loss_usd), step=True),
        Line("Trailing level", "trail", only(series.level_usd), step=True),
    ]
    ivs = [
        Line(key, f"iv{i % 4}", [None if v is None else v * 100 for v in only(column)])
        for i, (key, column) in enumerate(report.ivs.items())
    ]
    marks = [Mark(one.at, one.kind, one.text) for one in report.markers]
    drawn = chart(
        at,
        (
            Panel("P&L, cost to close, fees in (USD)", 160, pnl, lambda v: fig.dollars(v, places), marks),
            Panel(f"{report.summary.underlying} (USD)", 62, [Line("Spot", "spot", only(series.spot))], _spot),
            Panel("Implied volatility (%)", 62, ivs, lambda v: fig.percent(v)),
        ),
        series.gaps,
        words=_chart_words(series, places),
    )
    if drawn is None:
        return None
    names = [
        (line.name, colour)
        for line, colour in zip(pnl, ("blue", "up", "down", "amber"), strict=True)
        if any(value is not None for value in line.values)
    ]
    names += [(f"IV {key}", _IV_COLOURS[i % 4]) for i, key in enumerate(report.ivs)]
    shapes = {"entry": ("▼ entry", "down"), "exit": ("▲ exit", "up"), "decision": ("◆ decision", "amber")}
    names += [shapes[kind] for kind in shapes if any(mark.kind == kind for mark in marks)]
    return doc.section("P&L over time", tag("div", drawn, class_="wide"), doc.legend(names))


def _spot(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def _chart_words(series: PnlSeries, places: int) -> str:
    known = [value for value in series.pnl if value is not None]
    if not known:
        return "P&L over time: not known"
    low, high = fig.dollars(min(known), places, signed=True), fig.dollars(max(known), places, signed=True)
    return f"P&L over time: between {low} and {high}, last {fig.dollars(known[-1], places, signed=True)}"
