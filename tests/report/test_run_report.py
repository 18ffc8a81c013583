"""The report of a run: the same money everywhere, whatever has happened to the run, and no text that becomes anything else."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.api.client import Client, serving
from tests.engine.scene import done
from tests.report import stage
from trader.cli.app import app, main
from trader.config.settings import load_settings
from trader.desk import Desk, NotPossible
from trader.domain.order import Side
from trader.engine import records as rec
from trader.journal import Journal
from trader.report.run_csv import run_csv
from trader.report.run_html import run_html

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
HOSTILE = '<script>alert(1)</script>=HYPERLINK("http://evil.example")'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("report") / "home"
    found.mkdir()
    journal = Journal.open(f"sqlite:///{found}/journal.db")
    records = stage.written(journal, list(done().records), "ra")
    stage.sampled(journal, records, "ra")
    stage.written(journal, stage.stopped_before_a_fill(), "rb")
    killed = stage.written(journal, stage.killed_while_holding(), "rc")
    stage.sampled(journal, killed, "rc")
    stage.written(journal, list(done().records), "rd", preset=HOSTILE)
    journal.close()
    return found


@pytest.fixture(scope="module")
def desk(home: Path) -> Iterator[Desk]:
    opened = Desk(load_settings(environ={"TRADER_HOME": str(home)}))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def api(desk: Desk) -> Iterator[Client]:
    with serving(desk) as client:
        yield client


@pytest.fixture
def cli(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADER_HOME", str(home))
    return CliRunner()


@pytest.mark.parametrize("run_id", ["ra", "rc"])
def test_money_is_equal_in_journal_desk_html_csv_command_line_and_api(
    desk: Desk, api: Client, cli: CliRunner, run_id: str
) -> None:
    records = [record for _, record in desk._journal().records(run_id)]
    end = next(one for one in records if isinstance(one, rec.RunFinished))
    legs = {leg.key: leg for one in records if isinstance(one, rec.LegsChosen) for leg in one.legs}
    fills = [one for one in records if isinstance(one, rec.FillRecorded)]
    flows = sum((one.fill.cash_flow(legs[one.leg].contract_value) for one in fills), Decimal(0))
    fees = sum((one.fill.commission or Decimal(0) for one in fills), Decimal(0))
    assert (end.realized_pnl, end.fees) == (flows - fees, fees)

    assert cli.invoke(app, ["report", "run", run_id, "--html", "r.html"]).exit_code == 0
    assert cli.invoke(app, ["report", "run", run_id, "--csv", "r.csv"]).exit_code == 0
    page, sheet = stage.Page(Path("r.html").read_text()), stage.read_sections(Path("r.csv").read_text())
    document = json.loads(cli.invoke(app, ["report", "run", run_id, "--json"]).output)
    assert api.get(f"/v1/runs/{run_id}/report") == document
    summary = {row["field"]: row["value"] for row in sheet["summary"]}
    sold = {one["side"]: Decimal(0) for one in sheet["fills"]}
    for one in sheet["fills"]:
        sold[one["side"]] += Decimal(one["cash"])
    pnl = {
        "html": page.amount("Realised P&L"),
        "html's attribution": page.amount("Result"),
        "desk's legs": sum((leg.pnl or Decimal(0) for leg in desk.report(run_id).legs), Decimal(0)),
        "csv": Decimal(summary["realized_pnl"]),
        "csv's fills": sum(sold.values()) - sum(Decimal(one["fee"]) for one in sheet["fills"]),
        "csv's legs": sum(Decimal(one["pnl"]) for one in sheet["legs"]),
        "json": Decimal(document["summary"]["realized_pnl"]),
        "json's result": Decimal(document["result"]["pnl"]),
        "json's attribution": Decimal(document["attribution"]["pnl"]),
        "json's trades": sum(Decimal(one["cash"]) - Decimal(one["fee"]) for one in document["trades"]),
    }
    assert {name: value for name, value in pnl.items() if value != end.realized_pnl} == {}
    assert page.amount("Fees") == Decimal(summary["fees"]) == Decimal(document["summary"]["fees"]) == fees


def test_every_execution_is_told_whole(desk: Desk) -> None:
    for row, trade in zip(
        stage.read_sections(run_csv(desk.report("ra")))["fills"], desk.report("ra").trades, strict=True
    ):
        assert (row["client_order_id"], row["venue_order_id"], row["fill_id"]) == (
            trade.client_order_id,
            trade.venue_order_id,
            trade.fill_id,
        )
        assert (Decimal(row["price"]), Decimal(row["fee"]), int(row["quantity"])) == (
            trade.price,
            trade.fee,
            trade.quantity,
        )
        assert (row["fee_currency"], row["role"], row["run_id"], row["algorithm"]) == ("USD", "taker", "ra", "chase")
        assert row["side"] in list(Side) and row["symbol"] and row["at"].endswith("+00:00")


def test_a_verdict_says_what_came_out_why_and_what_the_market_did(desk: Desk) -> None:
    assert desk.report("ra").verdict == (
        "Lost 0.0960 USD, -12.0 % of the net credit, in 5 s: Stop & Exit. BTC +0.1 %. "
        "C 104,000 sold at 200.00, bought back at 214.00. P 96,000 sold at 200.00, bought back at 214.00."
    )


def test_a_run_that_was_stopped_before_it_sold_has_a_report(desk: Desk, cli: CliRunner) -> None:
    report = desk.report("rb")
    assert report.verdict == "Ended without a trade: Stop & Exit." and report.told is None and report.trades == ()
    page = stage.Page(run_html(report, NOW))
    assert "Ended without a trade" in page.text and "Where the P&L came from" not in page.text
    assert stage.read_sections(run_csv(report)).keys() >= {"summary", "orders", "timeline", "configuration"}
    assert "Ended without a trade" in cli.invoke(app, ["report", "run", "rb"]).output


def test_a_runner_that_died_in_the_middle_stands_in_the_report(desk: Desk) -> None:
    report = desk.report("rc")
    causes = {event.cause for event in report.timeline}
    assert report.told is not None and len(report.trades) == 4 and "user" in causes
    sides = [trade.side for trade in report.trades]
    assert sides == ["sell", "sell", "buy", "buy"]
    page = stage.Page(run_html(report, NOW))
    assert [name for name, _ in page.tags].count("svg") == 1 and report.verdict in page.text.replace("\u00a0", " ")


@pytest.mark.parametrize("run_id", ["ra", "rb", "rc", "rd"])
def test_html_loads_nothing_runs_nothing_and_closes_every_tag(desk: Desk, run_id: str) -> None:
    text = run_html(desk.report(run_id), NOW)
    page = stage.Page(text)
    names = {name for name, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "base", "form", "a"}
    loaded = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href") or name.startswith("on")]  # fmt: skip
    assert loaded == [] and "default-src 'none'" in text and "@page" in text
    for name in names - {"meta"}:
        assert text.count(f"<{name}>") + text.count(f"<{name} ") == text.count(f"</{name}>"), name


def test_a_hostile_preset_name_stays_text(desk: Desk, cli: CliRunner) -> None:
    report = desk.report("rd")
    assert "<script" not in run_html(report, NOW)
    summary = {row["field"]: row["value"] for row in stage.read_sections(run_csv(report))["summary"]}
    assert summary["preset"] == HOSTILE
    assert cli.invoke(app, ["report", "run", "rd"]).exit_code == 0


def test_the_configuration_is_told_as_what_differs_from_the_preset(desk: Desk) -> None:
    report = desk.report("ra")
    changed = {one.field: (one.before, one.after) for one in report.changed}
    assert changed["strategy.quantity"] == ("1", "2") and report.compared_with == "Preset default as it stands now."
    assert desk.report("rd").changed == () and "no preset" in desk.report("rd").compared_with


def test_what_the_gate_compared_before_the_first_order_is_told(desk: Desk) -> None:
    assert "quantity=2" in desk.report("ra").entry_checks["QUANTITY_EXCEEDS_MAXIMUM"]


def test_the_volatility_of_each_leg_is_at_the_instants_of_the_chart(desk: Desk) -> None:
    report = desk.report("ra")
    assert report.ivs.keys() == report.iv_out.keys() == {"C", "P"}
    assert all(len(column) == len(report.series.wall) for column in report.ivs.values())


def test_last_is_the_run_that_ended_last(cli: CliRunner) -> None:
    document = json.loads(cli.invoke(app, ["report", "run", "last", "--json"]).output)
    assert document["summary"]["run_id"] in ("ra", "rb", "rc", "rd")


def test_an_unknown_run_is_one_sentence(desk: Desk, api: Client, cli: CliRunner) -> None:
    with pytest.raises(NotPossible, match=r"There is no run nope\."):
        desk.report("nope")
    assert main(["report", "run", "nope"]) == 1
    assert api.ask("GET", "/v1/runs/nope/report").status_code == 404


def test_two_forms_at_once_are_refused(cli: CliRunner) -> None:
    assert cli.invoke(app, ["report", "run", "ra", "--json", "--csv", "x"]).exit_code == 2
