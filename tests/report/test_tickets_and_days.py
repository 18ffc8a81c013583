"""Reports of single orders and of days, without an exchange to ask: what is known is told, and the rest is not said to agree."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from tests.api.client import serving
from tests.desk.books.stages import Written
from tests.desk.conftest import desk, journal, settings  # noqa: F401
from tests.engine.tickets.stage import buy
from tests.report.stage import Page, read_sections
from trader.cli.app import app, main
from trader.config.settings import Settings
from trader.desk import Desk
from trader.journal import Journal
from trader.report.day_csv import day_csv
from trader.report.day_html import day_html
from trader.report.run_csv import run_csv
from trader.report.run_html import run_html

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.fixture
def ticket(journal: Journal) -> str:  # noqa: F811
    """A single order of two executions, at 09:30 IST of 15 January 2025."""
    stage = Written(journal)
    stage.order(buy(quantity=5, limit_price="100020", reason='=cmd|" /C calc"!A0'))
    intent = stage.take_up()
    stage.fill(intent.client_order_id, 2, price="100010", commission="0.03")
    stage.fill(intent.client_order_id, 3, price="100020", commission="0.05")
    stage.write()
    return intent.run_id


def test_a_single_order_has_a_report_with_its_algorithm(desk: Desk, ticket: str) -> None:  # noqa: F811
    report = desk.report(ticket)
    assert [(one.algorithm, one.is_ticket, one.fee) for one in report.trades] == [
        ("once", True, Decimal("0.03")),
        ("once", True, Decimal("0.05")),
    ]
    assert report.compared_with == "A single order; it has no preset." and report.verdict == "Not finished: holding."
    assert "single order" in Page(run_html(report, NOW)).text
    assert len(read_sections(run_csv(report))["fills"]) == 2


def test_a_day_is_told_as_far_as_it_is_known_where_no_exchange_can_be_asked(desk: Desk, ticket: str) -> None:  # noqa: F811
    day = desk.report(ticket).trades[0].at.date()
    report = desk.day_report(day)
    assert not report.is_sound and report.verdict == (
        "Made 0.00 USD with 1 single order. Not compared: Executions and fees, Orders, Wallet."
    )
    (run,) = report.runs
    assert (run.run_id, run.is_ticket, run.traded, run.fees) == (ticket, True, 5, Decimal("0.08"))
    page, sheet = Page(day_html(report)), read_sections(day_csv(report))
    assert page.text.count("not compared") == 3
    assert {row["what"]: row["verdict"] for row in sheet["audit"]}["Wallet"] == "unread"
    assert sum(Decimal(row["fee"]) for row in sheet["fills"]) == page.amount("Fees") == report.fees


def test_command_line_and_api_tell_the_same_day(
    desk: Desk, settings: Settings, ticket: str, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setenv("TRADER_HOME", str(settings.home))
    day = str(desk.report(ticket).trades[0].at.date())
    told = CliRunner().invoke(app, ["report", "day", day, "--json"])
    assert told.exit_code == 1, "what could not be compared is no success"
    document = json.loads(told.stdout)
    with serving(desk) as api:
        found = api.get(f"/v1/days/{day}/report")
    assert found | {"made_at": ""} == document | {"made_at": ""} and found["fees"] == "0.08"
    lines = CliRunner().invoke(app, ["report", "day", day]).stdout
    assert "?    Wallet: The exchange's ledger could not be read" in lines and ticket in lines
    assert main(["report", "day", day, "--html", "day.html"]) == 1 and "Day report" in Path("day.html").read_text()


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2999-01-01", "day must be 20"),
        ("2026-13-01", "DAY must be a day like 2026-03-02, today or yesterday, was '2026-13-01'"),
        ("tomorrow", "DAY must be a day like"),
    ],
)
def test_a_day_there_is_not_is_refused_in_a_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], day: str, words: str  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setenv("TRADER_HOME", str(settings.home))
    assert main(["report", "day", day]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(("day", "status"), [("2999-01-01", 422), ("2026-02-30", 422), ("nothere", 422)])
def test_the_api_refuses_a_day_there_is_not(desk: Desk, day: str, status: int) -> None:  # noqa: F811
    with serving(desk) as api:
        assert api.ask("GET", f"/v1/days/{day}/report").status_code == status


def test_a_report_with_nothing_known_is_still_a_page(desk: Desk, ticket: str) -> None:  # noqa: F811
    report = replace(desk.report(ticket), trades=(), lines=(), timeline=(), legs=(), changed=(), entry_checks={})
    assert Page(run_html(report, NOW)).text
