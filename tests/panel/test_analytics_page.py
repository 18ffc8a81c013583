"""Analytics and the list of History: filters in the address, what there is without a run, and figures to the cent."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.analytics.results import result
from tests.panel.fake_desk import FakeDesk
from tests.panel.fake_results import SAMPLED, told
from tests.panel.seen import read
from trader.analytics.board import build_board
from trader.analytics.choosing import RunFilter
from trader.analytics.performance import FEW
from trader.desk.analytics.results import Told
from trader.domain.errors import JournalError
from trader.panel import analytics_charts, analytics_page, compare, past, run_filter

Open = Callable[..., Any]
ANALYTICS, HISTORY = "pages/analytics.py", "pages/history.py"
D = Decimal
AT = datetime(2026, 11, 3, 8, tzinfo=UTC)


def cards(at: AppTest) -> dict[str, tuple[str, str]]:
    """Value and note of each card, by its name."""
    found = {}
    for one in at.markdown:
        for label, value, note in re.findall(
            r"<div>([^<]*)</div><b[^>]*>([^<]*)</b><div[^>]*>([^<]*)</div>", one.value
        ):
            found[label.replace("&amp;", "&")] = (value.replace("&#58;", ":"), note.replace("&#58;", ":"))
    return found


def asked_by(at: AppTest, **address: Any) -> AppTest:
    for name, value in address.items():
        at.query_params[name] = value
    return at.run()


def warnings(at: AppTest) -> list[str]:
    return [one.value.replace("\\", "").replace("\u2060", "") for one in at.warning]


def test_the_figures_are_the_desks_to_the_cent(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=ANALYTICS)
    figures = desk.analytics.figures().figures
    shown = cards(at)
    assert shown["Net P&L"][0] == f"+\u2060${figures.total:,.2f}" and "n 23" in shown["Net P&L"][1]
    assert shown["Win rate"][0] == f"{figures.win_rate * 100:.1f}\u00a0%" and "95 %: " in shown["Win rate"][1]
    assert shown["Profit factor"][0] == f"{figures.profit_factor:.2f}"
    assert shown["Fees"][1].startswith(f"of the premium · ${figures.fees:,.2f}")
    assert shown["Max drawdown"][0] == f"−\u2060${-figures.drawdown.usd:,.2f}"


def test_ratios_of_few_runs_are_not_told(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=ANALYTICS)
    asked_by(at, capital="500")
    assert len(desk.past()) < FEW and cards(at)["Sharpe"] == ("n too small", "n 23, from 30 runs on")
    assert "n too small for an interval" in cards(at)["Expectancy"][1]


def test_ratios_need_a_capital_and_are_the_desks(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=ANALYTICS)
    desk.analytics.more = SAMPLED
    assert cards(at.run())["Sharpe"] == ("–", "needs the capital: give it in the filter")
    figures = desk.analytics.figures(capital=D(2000)).figures
    value, note = cards(asked_by(at, capital="2000"))["Sharpe"]
    assert value == f"{figures.sharpe:.2f}" and note.startswith(f"Sortino {figures.sortino:.2f} · Calmar ")


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ({"from": "2026-11-10", "to": "2026-11-12"}, {"since": "2026-11-10", "until": "2026-11-12"}),
        ({"result": "lost"}, {"outcome": "lost"}),
        ({"preset": "conservative"}, {"presets": ("conservative",)}),
        ({"exit": ["max_loss", "breakeven"]}, {"reasons": ("max_loss", "breakeven")}),
        ({"version": "c41f07", "result": "won"}, {"configurations": ("c41f07",), "outcome": "won"}),
        ({"kind": "all"}, {"kinds": "all"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("page", [ANALYTICS, HISTORY])
def test_the_address_filters_both_pages_alike(
    open_panel: Open, page: str, address: dict[str, Any], wanted: dict[str, Any]
) -> None:
    at, desk = open_panel("holding", page=page)
    desk.analytics.more = SAMPLED
    asked_by(at, **address)
    days = {name: datetime.fromisoformat(wanted[name]).date() for name in ("since", "until") if name in wanted}
    figures = desk.analytics.figures(RunFilter(**(wanted | days))).figures
    assert not at.exception and not at.warning and figures.runs > 0
    if page == HISTORY:
        assert past.totals(figures).replace("\u2060", "").replace("\u00a0", " ") in read(at)
        assert len(at.dataframe[0].value) == min(figures.runs, past.PAGE)
    else:
        assert cards(at)["Win rate"][1].startswith(f"{figures.won} of {figures.runs} ·")


def test_a_field_that_is_changed_changes_the_address_and_forgets_the_page(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=HISTORY)
    asked_by(at, page="2")
    at.multiselect(key="rf_exit").set_value(["max_loss"]).run()
    assert at.query_params["exit"] == "max_loss" and "page" not in at.query_params
    at.selectbox(key="rf_result").set_value("won").run()
    assert at.query_params["result"] == "won"
    assert set(at.dataframe[0].value["Ended by"]) == {"max loss"}
    at.multiselect(key="rf_exit").set_value([]).run()
    assert "exit" not in at.query_params


WRONG = (
    ({"from": "bad"}, "from=bad is no day from 2020-01-01 to 2099-12-31: it is left out."),
    ({"from": "1812-01-01"}, "from=1812-01-01 is no day from 2020-01-01 to 2099-12-31: it is left out."),
    ({"from": "2026-11-12", "to": "2026-11-10"}, "to=2026-11-10 lies before from=2026-11-12: it is left out."),
    ({"preset": "zzz"}, "preset=zzz: no finished run has that. It is left out."),
    ({"result": "draw"}, "result=draw: it is won or lost. It is left out."),
    ({"account": "zzz"}, "account=zzz: this journal has no such account. It is left out."),
    ({"exit": "<script>"}, "exit=<script>: no finished run has that. It is left out."),
    ({"kind": "zzz"}, "kind=zzz: it is one of runs, orders, all"),
)


@pytest.mark.parametrize(("address", "words"), WRONG, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("page", [ANALYTICS, HISTORY])
def test_an_address_that_cannot_be_is_told_in_a_sentence(
    open_panel: Open, page: str, address: dict[str, Any], words: str
) -> None:
    at, _ = open_panel("holding", page=page)
    asked_by(at, **address)
    assert not at.exception and any(words in one for one in warnings(at)), warnings(at)
    assert at.get("dataframe") or cards(at)  # what there is stands there all the same


@pytest.mark.parametrize(
    ("page", "address", "words"),
    [
        (ANALYTICS, {"capital": "-5"}, "capital=-5 is no amount from 0.01 to 1e12 USD: it is left out."),
        (ANALYTICS, {"capital": "NaN"}, "capital=NaN is no amount"),
        (ANALYTICS, {"unit": "eur"}, "unit=eur is neither usd nor pct: days are in USD."),
        (HISTORY, {"page": "minus"}, "page=minus is no page: this is the first."),
        (HISTORY, {"page": "9" * 30}, "is no page: this is the first."),
        (HISTORY, {"sort": "colour"}, "The list cannot be sorted by colour desc: the run that ended last is first."),
        (HISTORY, {"run": "zzz"}, "There is no run zzz."),
        (HISTORY, {"run": "zzz", "with": "yyy"}, "There is no run zzz that has ended and traded."),
    ],
    ids=str,
)
def test_a_page_of_its_own_address_that_cannot_be(
    open_panel: Open, page: str, address: dict[str, str], words: str
) -> None:
    at, _ = open_panel("holding", page=page)
    asked_by(at, **address)
    assert not at.exception and any(words in one for one in warnings(at)), warnings(at)
    assert page == ANALYTICS or len(at.dataframe[0].value) == past.PAGE


def test_without_a_run_the_page_shows_a_sample_and_says_so(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=ANALYTICS)
    assert "**SAMPLE.**" in warnings(at)[0] and cards(at)["Net P&L"][1].startswith("n 90")
    charts = [one.proto for one in at.get("plotly_chart")]
    assert charts and all('"text":"SAMPLE"' in one.spec.replace(" ", "") for one in charts)
    assert not at.get("download_button")


def test_one_run_is_enough_for_every_part(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=ANALYTICS)
    desk.analytics.more = (told(FakeDesk("holding").past()[0]),)
    at.run()
    assert not at.exception and not at.warning
    assert cards(at)["Win rate"][1].startswith("1 of 1 ·") and len(at.get("plotly_chart")) >= 9
    at.switch_page(HISTORY).run()
    assert not at.exception and len(at.dataframe[0].value) == 1 and "1 run ·" in read(at)


def test_a_filter_that_leaves_nothing_says_so_and_gives_a_way_back(open_panel: Open) -> None:
    for page, key in ((ANALYTICS, "an_clear"), (HISTORY, "hist_clear")):
        at, _ = open_panel("holding", page=page)
        asked_by(at, **{"from": "2030-01-01"})
        assert "No finished run matches the filter." in read(at)
        at.button(key=key).click().run()
        assert "from" not in at.query_params and "No finished run matches" not in read(at)


def test_runs_that_are_still_being_read_are_counted(open_panel: Open) -> None:
    for page in (ANALYTICS, HISTORY):
        at, desk = open_panel("holding", page=page)
        desk.analytics.missing = 4321
        at.run()
        assert "4,321 runs that have ended are still to come" in read(at)
        asked_by(at, account="zzz")  # no account: that nothing of it is to come says nothing of this one
        assert "4,321 runs" in read(at) and not at.exception
        desk.analytics.missing = 0
        at.run()
        assert "still to come" not in read(at)


@pytest.mark.parametrize("page", [ANALYTICS, HISTORY])
def test_a_journal_that_cannot_be_read_is_a_sentence(
    open_panel: Open, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    at, desk = open_panel("holding", page=page)

    def broken(account: str | None = None) -> None:
        raise JournalError("The journal cannot be read: disk I/O error.")

    monkeypatch.setattr(desk.analytics, "results", broken)
    at.run()
    assert not at.exception and "disk I/O error" in read(at) and "cannot be read" in at.error[0].value


# ---------------------------------------------------------------- the list


def test_the_order_is_that_of_all_runs_and_not_of_the_page(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=HISTORY)
    desk.analytics.more = SAMPLED
    asked_by(at, sort="pnl", order="asc")
    found = list(at.dataframe[0].value["P&L"])
    everything = sorted(float(one.result.pnl) for one in desk.analytics.results().runs)
    assert found == everything[: past.PAGE]
    at.selectbox(key="hist_sort").set_value("fees").run()
    assert at.query_params["sort"] == "fees" and at.query_params["order"] == "asc"


def test_a_stop_that_was_passed_and_fees_stand_in_percent_of_the_premium() -> None:
    one = result(1, D(-11), AT, exit_reason="max_loss", level_pct=D(-100), premium=D(10), basis=D(10), fees=D("0.45"))
    row = past.summary_table([one]).iloc[0]
    assert (row["Past stop"], row["Fees %"], row["P&L %"]) == (10.0, 4.5, -110.0)
    assert past.summary_table([result(2, D(3), AT)]).iloc[0]["Past stop"] is None


def test_runs_that_never_traded_are_listed_apart(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=HISTORY)
    desk.analytics.never = desk.past()[:2]
    asked_by(at, kind="untraded")
    assert "2 runs ended without a trade" in read(at) and len(at.dataframe[0].value) == 2
    assert list(at.dataframe[0].value.columns) == [
        "Start (IST)",
        "End (IST)",
        "Preset",
        "Underlying",
        "Ended by",
        "Run",
    ]


def test_only_runs_that_never_traded_do_not_look_like_none(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=HISTORY)
    desk.analytics.never = FakeDesk("holding").past()[:2]
    at.run()
    at.button(key="hist_untraded").click().run()
    assert at.query_params["kind"] == "untraded" and len(at.dataframe[0].value) == 2


def test_two_runs_are_compared_on_one_clock(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=HISTORY)
    first, second = (one.run_id for one in desk.past()[:2])
    asked_by(at, run=first, **{"with": second})
    assert not at.exception and [one.value for one in at.subheader][-1] == "Two runs compared"
    _, rows = compare.rows([desk.analytics.told(name).result for name in (first, second)], ["a", "b"])
    assert rows[0] == ["P&L", "+\u2060$41.20 · +48.9\u00a0%", "+\u2060$28.20 · +33.5\u00a0%"]
    at.button(key="hist_all").click().run()
    assert "run" not in at.query_params and "with" not in at.query_params


# ---------------------------------------------------------------- export


def test_the_export_has_every_run_exactly_and_no_formula(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=ANALYTICS)
    odd = result(7, D("0.1234567"), AT, preset="=cmd()", fees=D("0.0001"))
    desk.analytics.more = (Told(result=odd, parts=SAMPLED[0].parts),)
    at.run()
    asked = run_filter.Asked(RunFilter(since=AT.date() - timedelta(days=1)), None, "runs", None, "")
    text = analytics_page.table_text(asked)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(set(text.splitlines()[0].split(","))) == len(rows[0])  # no two columns of one name
    wanted = [one.result for one in desk.analytics.results().runs if asked.wanted.matches(one.result)]
    assert len(rows) == len(wanted) > 5
    assert [D(row["pnl"]) for row in rows] == [one.pnl for one in wanted]
    (mine,) = [row for row in rows if row["run_id"] == odd.run_id]
    assert (mine["pnl"], mine["fees"], mine["preset"]) == ("0.1234567", "0.0001", "'=cmd()")


def test_a_name_from_outside_is_no_markup_in_a_chart() -> None:
    runs = [(result(n, D(n), AT, preset="<b>x</b>", exit_reason="<img src=x>"), SAMPLED[0].parts) for n in range(3)]
    board = build_board(runs)
    for figure in (
        analytics_charts.bars(board.versions, 2),
        analytics_charts.boxes(board.exits, [one.label for one in board.exits]),
        analytics_charts.calendar(board, in_percent=False, places=2),
        analytics_charts.equity(board, False, 2),
    ):
        text = figure.to_json().replace("\\u003c", "<")
        assert "<b>x" not in text and "<img" not in text
