"""The page Logs: filters in the address, repeated lines folded, one line in full, and what an empty list hides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.desk.test_logs import ORDER, Folder, row
from tests.panel.conftest import ENTRY
from tests.panel.fake_desk import HOSTILE, FakeDesk
from trader.desk.logs.looking import Logs
from trader.panel import logs_list, service

Open = Callable[..., Any]
LOGS = "pages/logs.py"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder = Folder(tmp_path)
    folder.add(
        row(0, "quiet", level="DEBUG", logger="trader.exchange.delta.http"),
        row(1, "[abcde default] entered", run_id="abcdefghij"),
        *(row(number, f"[abcde default] status reported: {number}", run_id="abcdefghij") for number in range(2, 6)),
        row(6, f"{HOSTILE} {ORDER}", level="ERROR", logger="trader.exchange.delta.http"),
        row(7, "[ ?] from before", level="WARNING"),
    )
    return folder


@pytest.fixture
def opened(open_panel: Open, log: Folder, monkeypatch: pytest.MonkeyPatch) -> Open:
    """The page as an address asks for it; `open_panel` puts things back."""
    desk = FakeDesk("holding")
    desk.logs = Logs(log.home)
    monkeypatch.setattr(service, "desk", lambda: desk)

    def opener(**asked: str) -> Any:
        at = AppTest.from_file(ENTRY, default_timeout=20)
        at.switch_page(LOGS)
        for name, value in asked.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception, at.exception
        return at

    return opener


def said(at: Any) -> str:
    (found,) = [one.value for one in at.markdown if "lg-said" in one.value]
    return str(found).replace("&#58;", ":").split(">")[1].split("<")[0]


def texts(at: Any) -> list[str]:
    return [] if not at.dataframe else list(at.dataframe[0].value["Text"])


def test_lines_are_listed_newest_first_with_reports_folded_and_runs_by_their_names(opened: Open) -> None:
    at = opened()
    table = at.dataframe[0].value
    assert [text.split(":")[0][:14] for text in table["Text"]] == [
        "[ ?] from befo",
        "<img src=x one",
        "status reporte",
        "entered",
    ]
    assert list(table["Run"]) == ["", "", "default abcde", "default abcde"]
    assert list(table["×"]) == ["", "", "4", ""] and list(table["Level"]) == ["▲ warning", "✖ error", "info", "info"]
    assert table["Time (IST)"][0] == "30 Nov 11:30:07"
    assert said(at) == "7 of 8 lines back to 2026-11-30 11:30:00 IST. Hidden: 1 below the level."


@pytest.mark.parametrize(("asked", "count"), [
    ({"log_level": "Debug"}, 5),
    ({"log_level": "Warning"}, 2),
    ({"log_run": "abcdefghij"}, 3),
    ({"log_part": "exchange"}, 1),
    ({"log_text": "ENTERED"}, 1),
    ({"log_from": "2026-11-30 11:30:06"}, 2),
    ({"log_to": "2026-11-30 11:30:01"}, 1),
    ({"log": "Summary"}, 0),
])  # fmt: skip
def test_filters_are_taken_from_the_address(opened: Open, asked: dict[str, str], count: int) -> None:
    assert len(texts(opened(**asked))) == count


def test_an_empty_list_says_what_it_hides_and_where_nothing_is_logged_how_that_comes(opened: Open, log: Folder) -> None:
    at = opened(log_text="nothing of the kind", log_level="Warning")
    assert said(at) == "None of 8 lines back to 2026-11-30 11:30:00 IST. Hidden: 6 below the level, 2 without the text."
    at.text_input(key="log_text").set_value("before").run()
    assert texts(at) == ["[ ?] from before"]
    assert "Nothing has been logged yet" in said(opened(log="Summary"))


def test_a_time_that_is_none_is_said_beside_the_fields(opened: Open) -> None:
    at = opened(log_from="soon")
    assert any("From must be a time like" in one.value.replace("\\", "") for one in at.markdown) and not at.dataframe


def test_a_line_is_opened_with_its_json_and_leads_around_itself_and_to_its_order(opened: Open) -> None:
    at = opened()
    at.selectbox(key=f"log_open_{at.session_state['log_reads']}").select_index(1).run()
    assert not at.exception
    (code,) = at.code
    assert '"logger": "trader.exchange.delta.http"' in code.value
    (link,) = at.get("page_link")
    assert link.proto.label.replace("\\", "") == ORDER and "order" in str(link.proto)
    at.button(key="log_around").click().run()
    assert (
        at.text_input(key="log_from").value == "2026-11-30 11:29:36"
        and at.segmented_control(key="log_level").value == "Debug"
    )
    assert len(texts(at)) == 5


def test_following_shows_what_is_written_and_offers_no_row_to_pick(opened: Open, log: Folder) -> None:
    at = opened(log_follow="true")
    assert not at.selectbox and len(texts(at)) == 4
    log.add(row(20, "new"))
    log.put_aside()
    log.add(row(21, "newer"))
    at.run()
    assert texts(at)[:2] == ["newer", "new"] and len(texts(at)) == 6


def test_off_the_list_stands_still_until_it_is_read_again(opened: Open, log: Folder) -> None:
    at = opened()
    log.add(row(20, "new"))
    at.run()
    assert len(texts(at)) == 4
    at.button(key="log_again").click().run()
    assert texts(at)[0] == "new"


def test_further_back_is_read_on_demand(opened: Open, log: Folder) -> None:
    log.add(*(row(100 + number) for number in range(250)))
    at = opened()
    assert len(texts(at)) == 200 and "further back was not looked at" in said(at)
    at.button(key="log_older").click().run()
    assert len(texts(at)) == 254 and not [one for one in at.button if one.key == "log_older"]


def test_the_order_of_a_link_is_open_on_the_page_of_orders(open_panel: Open) -> None:
    at, _ = open_panel("holding", page="pages/orders.py")
    at.query_params["order"] = "k3fa-1CE1"
    at.run()
    assert not at.exception and at.selectbox(key="or_pick").value == "k3fa-1CE1"


def test_cards_escape_what_is_hostile() -> None:
    from trader.desk.logs.lines import of_detailed

    made = logs_list._cards([of_detailed(row(1, HOSTILE).encode())])
    assert "<img" not in made and "&lt;img" in made
