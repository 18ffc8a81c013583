"""History: one clock, money with two faces, and the table that stays whatever is asked for."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from tests.analytics.results import result
from tests.panel.fake_desk import FakeDesk
from trader.desk import PnlSeries
from trader.panel import charts, past, run_report

Open = Callable[..., Any]
HISTORY = "pages/history.py"
START = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
RUN = "k3fa-20261120-1"


def test_unknown_run_is_said_with_the_table_still_there(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=HISTORY)
    at.query_params["run"] = "zzz"
    at.run()
    assert not at.exception and "There is no run zzz." in [warning.value.replace("\\", "") for warning in at.warning]
    assert len(at.dataframe[0].value) == 15


def test_a_run_is_opened_and_left_by_buttons_where_there_is_no_room_for_a_table(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=HISTORY)
    at.button(key=f"hist_open_{RUN}").click().run()
    assert {metric.label: metric.value for metric in at.metric}["Realised P&L"] == "+\u2060$41.20 · +48.9\u00a0%"
    at.button(key="hist_all").click().run()
    assert not at.metric and at.button(key=f"hist_open_{RUN}")


def test_the_days_stand_below_the_runs_with_the_wallets_word(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=HISTORY)
    assert at.expander[-1].label.replace("\\", "") == "Days: 20 Nov −\u2060$9.50"
    (days,) = [one.value for one in at.markdown if "Indian days" in one.value]
    assert re.findall('data-label="Wallet">(.*?)<', days) == [
        "so far",
        "differs by -2.235 USD; besides deposit +500",
        "agrees",
    ]
    assert re.findall('data-label="Made".*?>(.*?)<', days) == ["−\u2060$9.50", "−\u2060$21.00", "+\u2060$41.20"]
    assert re.findall('data-label="Runs sold".*?>(.*?)<', days) == ["1", "2", "1"]


def test_empty_history_offers_the_start(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=HISTORY)
    assert [link.proto.label for link in at.get("page_link")] == ["Start a paper trade now"]


def test_the_first_run_of_a_session_began_at_the_time_of_another_clock() -> None:
    run = FakeDesk("holding").past()[0]
    row = past.untraded_table([run]).iloc[0]
    assert (row["Start (IST)"], row["End (IST)"]) == ("2026-11-20 09:30:00", "2026-11-20 16:30:00")
    apart = msgspec.structs.replace(run, created_market=None, finished_market=None)
    assert past.ended(apart) == apart.finished_at, "a run that never knew the exchange's time stays on one clock too"
    assert past.ended(msgspec.structs.replace(run, finished_market=None)) is None


def test_a_loss_of_355_hundredths_of_a_cent_was_shown_as_4_cents() -> None:
    run = result(1, Decimal("-0.0355"), START, premium=Decimal("0.28"), basis=Decimal("0.28"))
    formats = past._formats([run])
    assert formats["P&L"](-0.0355) == "−\u2060$0.0355" and formats["P&L %"](-12.7) == "−12.7\u00a0%"
    assert "−\u2060$0.0355 · −12.7\u00a0%" in past._line(run)
    larger = msgspec.structs.replace(run, premium=Decimal(30))
    assert past._formats([larger])["P&L"](-2.48) == "−\u2060$2.48"


def test_tables_of_a_run_are_on_the_charts_clock(open_panel: Open) -> None:
    _, desk = open_panel("holding")
    report = desk.report(RUN)
    line = msgspec.structs.replace(report.lines[0], created_at=START)
    _, rows = run_report.orders_rows([line], report.orders)
    assert "2026-11-21 09:30:00" in rows[0][0].replace("&#58;", ":")


def series(minutes: list[float | None], *, gaps: list[tuple[datetime, datetime]] | None = None) -> PnlSeries:
    count = len(minutes)
    at: list[datetime | None] = [START + timedelta(minutes=i) for i in range(count)]
    return PnlSeries(
        wall=[START - timedelta(days=400) + timedelta(seconds=i) for i in range(count)],
        market=at,
        pnl=minutes,
        pnl_pct=[None if value is None else value * 10 for value in minutes],
        spot=[90_000.0] * count,
        level_usd=[None] * count,
        max_loss_usd=[-10.0] * count,
        max_profit_usd=[8.0] * count,
        gaps=gaps or [],
    )


def test_chart_times_were_numbers_that_each_browser_read_in_its_own_zone() -> None:
    figure = charts.pnl_figure(run_report.chart_columns(series([1.0, 2.0])), [charts.Mark(START, "entry", "Sold 1")])
    for trace in figure.data:
        assert trace.x[0] == "2026-11-21 09:30:00.000", trace.name


def test_points_from_before_the_exchanges_time_was_known_are_not_drawn_years_away() -> None:
    found = series([None, 1.0, 2.0])
    found.market[0] = None
    columns = run_report.chart_columns(found)
    assert columns.at == [START + timedelta(minutes=1), START + timedelta(minutes=2)] and columns.pct == [10.0, 20.0]
    found.market[:] = [None] * 3
    assert run_report.chart_columns(found).at == found.wall


def test_time_nobody_watched_was_drawn_as_a_line() -> None:
    gap = (START + timedelta(minutes=1), START + timedelta(minutes=2))
    columns = run_report.chart_columns(series([1.0, 2.0, 7.0, 8.0], gaps=[gap]))
    figure = charts.pnl_figure(columns, places=2)
    pnl = next(trace for trace in figure.data if trace.name == "P&L")
    assert list(pnl.y) == [1.0, 2.0, None, 7.0, 8.0] and pnl.connectgaps is False
    assert list(pnl.text) == [
        "+\u2060$1.00 · +10.0\u00a0%", "+\u2060$2.00 · +20.0\u00a0%", "–", "+\u2060$7.00 · +70.0\u00a0%", "+\u2060$8.00 · +80.0\u00a0%",
    ]  # fmt: skip
    [band] = figure.layout.shapes
    assert (band.x0, band.x1) == ("2026-11-21 09:31:00.000", "2026-11-21 09:32:00.000") and band.name == "Not watched"
    words = run_report.chart_words(columns, 2)
    assert words.endswith("last +\u2060$8.00 · +80.0\u00a0%; not watched for 1 stretch")


def test_the_report_called_the_purpose_of_an_order_e_and_gave_prices_and_fees_other_decimals_than_the_legs() -> None:
    report = FakeDesk("done").report(RUN)
    _, orders = run_report.orders_rows(report.lines, report.orders)
    assert {row[1] for row in orders} <= {"entry", "exit"}
    _, fills = run_report.fills_rows(report.trades)
    assert fills and all(re.fullmatch(r"\d+\.\d\d", row[4]) and re.fullmatch(r"\$\d+\.\d{4}", row[5]) for row in fills)


def test_a_run_is_told_with_verdict_waterfall_both_volatilities_and_what_differed(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=HISTORY)
    at.query_params["run"] = RUN
    at.run()
    assert not at.exception
    said = " ".join(one.value.replace("\\", "") for one in at.markdown)
    assert "Kept 41.20 USD, +48.9 % of the net credit" in said and "The residual is 0.2 % of the $188.00" in said
    assert ">IV out<" in said and "strategy.quantity" in said and "quantity=100, max=200" in said
    assert len(at.get("plotly_chart")) == 3
    labels = [one.proto.label for one in at.get("download_button")]
    assert labels == [
        "Report as HTML",
        "Report as CSV",
        "Report of its day as HTML",
        "Recorded prices and greeks as CSV",
    ]


def test_spot_and_volatilities_are_drawn_over_the_time_of_the_profit() -> None:
    report = FakeDesk("done").report(RUN)
    at, spot, ivs = run_report.market_columns(report)
    figure = charts.market_figure(at, "BTC", spot, ivs, [], revision="r")
    assert [trace.name for trace in figure.data] == ["BTC", *(f"IV {leg.key}" for leg in report.legs)]
    assert {len(trace.x) for trace in figure.data} == {len(at)} and 40 < figure.data[1].y[0] < 50
