"""The Chain & payoff page in all its states, and the charts' specifications."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from streamlit.elements.echarts_chart import _normalize_spec, _serialize_option

from tests.desk.positions import LONG_PUT, STRANGLE, STRUCTURES, position
from tests.panel import fake_chain, test_pages
from tests.panel.fake_desk import HOSTILE
from tests.panel.test_bar import said
from trader.config.preset import Exits, Preset
from trader.desk import fires, margin_shock, outcomes, payoff, spot_map, what_if
from trader.desk.payoff import deviation
from trader.panel import chain_board, chain_charts, chain_page, chain_table, payoff_chart, sell_now, service

Open = Callable[..., Any]
PAGE = "pages/chain.py"
NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    chain_page._chains.clear()
    sell_now._seen.clear()


# ------------------------------------------------------------------------------------------------- the page


def test_without_a_run_it_shows_what_the_preset_in_use_would_trade(open_panel: Open) -> None:
    at, _ = open_panel("empty", page=PAGE)
    assert at.selectbox(key="chain_what").value == "default"
    text = said(at)
    for words in (
        "You start at",
        "Sell 1 C",
        "Max loss",
        "Liquidation",
        "Option chain",
        "Realised against implied",
        "|Δ|",
    ):
        assert words in text, words
    assert "P&L if closed" not in text


def test_what_a_run_holds_comes_first_and_the_bar_says_the_same_pnl(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=PAGE)
    assert at.selectbox(key="chain_what").value == "held: k3fa-20261121-1"
    text = said(at)
    assert "P&L if closed" in text and "Sold 100 C" in text and "Trailing stop" in text
    at.selectbox(key="chain_what").set_value("conservative").run()
    assert "You start at" in said(at) and not at.exception


def test_while_pnl_is_not_known_it_says_so_and_the_chain_stands(open_panel: Open) -> None:
    at, _ = open_panel("entering", page=PAGE)
    text = said(at)
    assert "P&L is not known now" in text and "Option chain" in text


def test_a_preset_that_finds_no_strike_says_why(open_panel: Open) -> None:
    at, desk = open_panel("empty", page=PAGE)
    narrow = desk.stored["default"].model_dump()
    narrow["strategy"] |= {"delta_min": Decimal("0.45"), "delta_max": Decimal("0.50")}
    desk.stored["default"] = Preset.model_validate(narrow)
    at.run()
    assert "no call with |delta| 0.45 to 0.50 has a bid" in said(at) and not at.exception


def test_an_exchange_that_does_not_answer_leaves_the_run_and_says_why_there_is_no_chain(open_panel: Open) -> None:
    at, desk = open_panel("empty", page="pages/history.py")
    desk.scenario, desk.chain_fault = "holding", HOSTILE
    service.forget()
    at.switch_page(PAGE).run()
    text = said(at)
    assert "P&L if closed" in text and "The exchange cannot be asked; it is tried again every 5 s" in text
    assert "<img" not in test_pages.said(at) and not at.exception


def test_a_journal_that_cannot_be_read_is_said(open_panel: Open) -> None:
    at, desk = open_panel("empty", page="pages/history.py")
    desk.scenario = "unreachable"
    service.forget()
    at.switch_page(PAGE).run()
    assert not at.exception and "the journal cannot be read" in said(at)


def test_the_sliders_move_what_if_and_the_line_of_later(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=PAGE)
    assert "±0 points" in said(at)
    at.slider(key="chain_iv").set_value(10).run()
    at.slider(key="chain_move").set_value(2.5).run()
    at.slider(key="chain_hours").set_value(1.5).run()
    text = said(at)
    assert "+10 points" in text and "93,515" in text and not at.exception


def test_an_hour_that_has_gone_by_is_not_asked_for(open_panel: Open) -> None:
    """The exit comes nearer while the slider stands: its value must stay within what is left."""
    at, _ = open_panel("holding", page=PAGE)
    at.session_state["chain_hours"] = 90.0
    at.run()
    assert not at.exception and at.slider(key="chain_hours").value <= 7.1


@pytest.mark.parametrize(("by", "amount", "words"), [("share", 50.0, "At most"), ("max_loss", 500.0, "At most"), ("margin", 0.001, "margin")])  # fmt: skip
def test_the_sizer_counts_contracts_and_orders_nothing(open_panel: Open, by: str, amount: float, words: str) -> None:
    at, desk = open_panel("empty", page=PAGE)
    at.selectbox(key="chain_size_by").set_value(by).run()
    at.number_input(key="chain_size_amount").set_value(amount).run()
    assert words in said(at) and desk.asked == [] and not at.exception


# ------------------------------------------------------------------------------------------------- its charts


def sent(spec: dict[str, Any]) -> int:
    return len(_serialize_option(_normalize_spec(spec)[0]))


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_structure_can_be_drawn(name: str) -> None:
    one = position(STRUCTURES[name])
    marks, sigma = fires(one), deviation(one)
    curves = payoff(one, marks)
    spec = payoff_chart.spec(one, curves, marks, sigma)
    named = {series.get("name") for series in spec["series"]}
    assert {"Now, cost to close", "At expiry"} <= named
    frame = spec["dataset"][0]["source"].to_pandas()
    here = frame["spot"].sub(float(one.spot)).abs().idxmin()
    assert frame["now"][here] == pytest.approx(one.pct(float(one.pnl)), abs=0.05)
    html = str(chain_board.head("Iron condor", one, what_if(one), outcomes(one), sigma)) + str(
        chain_board.fires_table(one, marks)
    )
    assert html.count("<tr") >= 7 and "None" not in html
    assert chain_board.shock_table(one, margin_shock(one), None)
    assert chain_board.what_if_table(one, what_if(one, hours=1), what_if(one))
    assert "now" in payoff_chart.in_words(one, marks)


def test_the_basis_is_said_where_a_percentage_stands() -> None:
    long = position(LONG_PUT)
    html = str(chain_board.head("One leg", long, what_if(long), outcomes(long), deviation(long)))
    assert "the most that can be lost" in html and "net credit" not in html
    short = position(STRANGLE)
    assert "the net credit" in str(chain_board.fires_table(short, fires(short)))


def test_a_liquidation_nearer_than_the_stop_is_warned_of() -> None:
    one = position(STRANGLE, exits=Exits(max_loss_pct=Decimal(150)))
    assert "before the max loss (below and above)" in str(chain_board.fires_table(one, fires(one)))
    safe = position(STRANGLE, exits=Exits(max_loss_pct=Decimal(30)))
    assert "cp-warn" not in str(chain_board.fires_table(safe, fires(safe)))


def test_the_map_is_in_indian_time_and_its_colours_change_at_the_exits() -> None:
    one = position(STRANGLE)
    seen = spot_map(one)
    spec = chain_charts.map_spec(one, seen)
    assert (spec["xAxis"]["data"][0], spec["xAxis"]["data"][-1]) == ("09:30", "17:30")
    pieces = spec["visualMap"]["pieces"]
    assert [piece.get("gte") for piece in pieces] == [None, -60.0, -30.0, 0.0, 40.0, 80.0]
    assert [piece.get("lt") for piece in pieces] == [-60.0, -30.0, 0.0, 40.0, 80.0, None]
    assert len(pieces) == len(chain_charts.KEYS)
    over = replace(one, exit_at=NOW + timedelta(hours=20))
    assert chain_charts.map_spec(over, spot_map(over))["xAxis"]["data"][-1] == "02 Jun 05:30"
    assert "if spot stands still" in chain_charts.map_words(one, seen)


def test_what_a_second_and_what_half_a_minute_send_is_little() -> None:
    one = position(STRUCTURES["condor"])
    marks = fires(one)
    curves = payoff(one, marks)
    assert sent(payoff_chart.spec(one, curves, marks, deviation(one))) < 9_000
    assert sent(chain_charts.map_spec(one, spot_map(one))) < 60_000
    chain = fake_chain.chain(Preset(), Preset(), None, NOW)
    assert len(str(chain_table.table(chain)).encode()) < 30_000


def test_the_smile_marks_what_is_picked() -> None:
    chain = fake_chain.chain(Preset(), Preset(), None, NOW)
    spec = chain_charts.smile_spec(chain)
    assert [one["name"] for one in spec["series"]] == ["Calls", "Calls picked", "Puts", "Puts picked"]
    assert spec["series"][1]["data"][0][2] == "sell 1"
    assert json.dumps(spec) and "at the money" in chain_charts.smile_words(chain)


def test_a_table_row_has_the_call_outwards_the_strike_and_the_put_outwards() -> None:
    chain = fake_chain.chain(Preset(), Preset(), None, NOW)
    html = str(chain_table.table(chain))
    assert html.count("<tr") == len(chain.rows) + 1
    row = next(part for part in html.split("<tr") if 'class="m"' in part)
    assert row.count("<td") == 14 and row.count('scope="row"') == 1
    assert html.count("Sell 1") == 2
