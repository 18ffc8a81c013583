"""Figures and tables are made of columns alone."""

from datetime import UTC, datetime, timedelta

from tests.panel.fake_desk import FakeDesk
from trader.panel import charts, tables

START = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


def series() -> charts.Pnl:
    at = [START + timedelta(minutes=i) for i in range(4)]
    return charts.Pnl(at, [None, 1.0, None, -2.0], [None, None, 0.0, 0.0], [-10.0] * 4, [8.0] * 4)


def test_chart_draws_pnl_its_limits_and_what_happened() -> None:
    marks = [charts.Mark(START + timedelta(minutes=2), "entry", "Sold <b>1</b>"), charts.Mark(START, "decision", "x")]
    figure = charts.pnl_figure(series(), marks, revision="run-1")
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces) == ["Max profit", "Trailing level", "Max loss", "P&L", "Sold", "Decision"]
    assert list(traces["P&L"].y) == [None, 1.0, None, -2.0]
    assert traces["P&L"].x[0] == "2026-11-21 09:30:00.000"
    assert list(traces["Sold"].y) == [1.0] and list(traces["Decision"].y) == [0.0]
    assert traces["Sold"].text[0] == "Sold &lt;b&gt;1&lt;/b&gt;"
    assert figure.layout.uirevision == "run-1"


def test_limits_send_only_where_they_change() -> None:
    at = [START + timedelta(seconds=i) for i in range(1000)]
    limit = [-10.0] * 500 + [-20.0] * 500
    figure = charts.pnl_figure(charts.Pnl(at, [1.0] * 1000, [None] * 1000, limit, [8.0] * 1000))
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces["Max loss"].y) == [-10.0, -20.0, -20.0] and len(traces["Max profit"].y) == 2
    assert len(figure.to_json()) < 50_000


def test_chart_leaves_out_what_was_never_known() -> None:
    figure = charts.pnl_figure(series()._replace(trailing=[None] * 4))
    assert "Trailing level" not in [trace.name for trace in figure.data]


def test_limits_are_steps_because_they_hold_until_changed() -> None:
    figure = charts.pnl_figure(series())
    assert {trace.line.shape for trace in figure.data if trace.name != "P&L"} == {"hv"}


def test_times_of_orders_say_when_the_page_has_another_clock() -> None:
    run = FakeDesk("holding").status().run
    assert run is not None
    assert [tables.orders_table(run.orders, wall=wall).columns[0] for wall in (False, True)] == [
        "Time (IST)",
        "Time (IST, wall)",
    ]
