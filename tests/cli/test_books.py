"""orders, trades, positions, events, stats and account on the command line: tables of 80 columns, JSON, one sentence for nonsense."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.desk.books.stages import Written
from tests.desk.conftest import KEY, SECRET, announce
from tests.engine.tickets.stage import CALL, PERP, buy
from trader.cli.app import main
from trader.config.settings import load_settings
from trader.journal import Journal, Sample
from trader.report.trades_csv import COLUMNS
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

Said = pytest.CaptureFixture[str]


def run(capsys: Said, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def stage(clean_environment: Path) -> Iterator[Written]:
    """A ticket that holds, one that rests, one that was refused."""
    settings = load_settings(environ={"TRADER_HOME": str(clean_environment)})
    journal = Journal.open(settings.journal_url)
    made = Written(journal)
    made.order(buy(quantity=5, reason="breakout", stop_loss={"price": "95000"}))
    made.traded(price="100010")
    made.take_up()
    made.moved()
    made.order(buy(CALL, quantity=2, limit_price="200"))
    made.take_up()
    made.order(buy(limit_price="99000.3"))
    made.write()
    yield made
    journal.close()


@pytest.fixture
def venue(clean_environment: Path) -> Iterator[VenueServer]:
    market = SyntheticMarket(SyntheticSettings(seed=3, start=datetime(2026, 3, 3, 5, 0, tzinfo=UTC)))
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=5_550_001)
    server = VenueServer(market, VenueSettings(credentials=(credential,), speed=1.0))
    server.start()
    announce(load_settings(environ={"TRADER_HOME": str(clean_environment)}), server)
    yield server
    server.stop()


COMMANDS = (("orders",), ("trades",), ("positions",), ("events",), ("stats",))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_everything_fits_80_columns_and_is_told_as_json_too(
    stage: Written, capsys: Said, command: tuple[str, ...]
) -> None:
    code, out, err = run(capsys, *command)
    assert (code, err) == (0, "") and out and all(len(line) <= 80 for line in out.splitlines() if line[0] != "!")
    code, out, _ = run(capsys, *command, "--json")
    assert code == 0 and isinstance(json.loads(out), dict)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("orders", "No such order."),
        ("trades", "No such trade."),
        ("events", "No such event."),
        ("positions", "No position."),
    ],
)
def test_a_new_account_has_nothing_and_says_so(clean_environment: Path, capsys: Said, command: str, words: str) -> None:
    assert words in run(capsys, command)[1]


def test_orders_are_listed_filtered_and_told_one_by_one(stage: Written, capsys: Said) -> None:
    rows = json.loads(run(capsys, "orders", "--json")[1])["orders"]
    assert [(row["symbol"], row["status"]) for row in rows] == [
        (CALL, "accepted"),
        (PERP, "accepted"),
        (PERP, "filled"),
    ]
    assert [row["closing"] for row in rows] == ["", "L", ""]
    out = run(capsys, "orders", "--state", "ended")[1].splitlines()
    assert len(out) == 2 and "buy 5/5" in out[1] and "100010" in out[1]
    page = json.loads(run(capsys, "orders", "--limit", "1", "--json")[1])
    assert f"--cursor {page['next']}" in run(capsys, "orders", "--limit", "1")[1]
    code, out, _ = run(capsys, "orders", rows[2]["client_order_id"])
    assert code == 0 and "buy 5 BTCUSD: filled, 5 filled, 0 left" in out and "breakout; asked by asha (cli)" in out
    assert [line.split()[4] for line in out.splitlines() if " s  " in line] == [
        "intended",
        "accepted",
        "filled",
        "confirmed",
    ]


def test_trades_as_csv_are_those_that_match_and_a_head_where_none_does(stage: Written, capsys: Said) -> None:
    told = list(csv.DictReader(io.StringIO(run(capsys, "trades", "--csv")[1])))
    assert [(one["symbol"], one["quantity"], one["price"], one["algorithm"]) for one in told] == [
        (PERP, "5", "100010", "once")
    ]
    assert run(capsys, "trades", "--csv", "--until", "2001-01-01")[1] == ",".join(COLUMNS) + "\n"
    code, _, words = run(capsys, "trades", "--csv", "--json")
    assert code == 2 and "--csv" in words and "goes without --json" in words


def test_trades_and_events_by_day(stage: Written, capsys: Said) -> None:
    assert stage.market is not None
    day = f"{stage.market:%Y-%m-%d}"
    assert len(json.loads(run(capsys, "trades", "--since", day, "--until", day, "--json")[1])["trades"]) == 1
    assert json.loads(run(capsys, "trades", "--until", "2001-01-01", "--json")[1])["trades"] == []
    out = run(capsys, "events", "--kind", "position_opened")[1]
    assert "position_opened     BTCUSD 5 at 100010 → holds +5; exchange: br" in out
    assert "risk_failed" in run(capsys, "events", "--kind", "risk_failed")[1]


def test_positions_without_an_exchange_are_ours_and_say_so(stage: Written, capsys: Said) -> None:
    code, out, _ = run(capsys, "positions")
    assert code == 0 and out.startswith("! ") and "BTCUSD  not known  (ours +5)" in out
    assert "+5 at 100010" in out and "stop loss 95000" in out


def test_positions_and_balances_of_the_exchange(venue: VenueServer, stage: Written, capsys: Said) -> None:
    code, out, _ = run(capsys, "positions", PERP, "--json")
    found = json.loads(out)
    assert code == 0 and (found["net"], found["ours"], found["foreign"]) == (0, 5, -5)
    code, out, _ = run(capsys, "positions", "--sync")
    assert code == 1
    assert "POSITION_MISSING: The exchange shows 0 BTCUSD, runs and tickets hold +5 by the books." in out
    differ = json.loads(run(capsys, "positions", "--sync", "--json")[1])["differences"]
    assert [(one["code"], one["symbol"]) for one in differ] == [
        ("POSITION_MISSING", PERP), ("ORDER_MISSING", CALL), ("ORDER_MISSING", PERP),
    ]  # fmt: skip
    code, out, _ = run(capsys, "account")
    assert code == 0 and out.splitlines()[1].split() == ["USD", "10000", "10000", "0", "10000"]
    assert json.loads(run(capsys, "account", "show", "--json")[1])["balances"][0]["free"] == "10000"


def test_an_old_run_is_archived(stage: Written, tmp_path: Path, capsys: Said) -> None:
    refused = next(run for run in stage.state.runs.values() if run.refused is not None).run_id
    stage.journal.sample([Sample(run_id=refused, wall=stage.wall)])
    assert "nothing was archived" in run(capsys, "journal", "archive", "--before", "2001-01-01", str(tmp_path / "a"))[2]
    code, out, _ = run(capsys, "journal", "archive", "--before", "2026-12-31", str(tmp_path / "old.gz"), "--json")
    assert code == 0 and json.loads(out)["samples"] == 1 and stage.journal.samples(refused) == []
    assert run(capsys, "journal", "archive", "--before", "2026-12-31", str(tmp_path / "old.gz"))[0] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("orders", "nope"), "There is no order 'nope' of this account; `python -m trader orders` lists them"),
        (("orders", "--state", "open"), "--state must be one of working, ended, all, was 'open'"),
        (("orders", "--status", "dead"), "status must be one of created"),
        (("orders", "--cursor", "-1"), "cursor must be `next` of the page before, was '-1'"),
        (("orders", "--limit", "501"), "must be at most 500, was 501"),
        (("trades", "--since", "yesterday"), "--since must be a day like 2026-03-03 or an instant like"),
        (("trades", "--until", "9999-12-31"), "--until must be a day"),
        (("events", "--since", "2026-03-03T09:15"), "--since must be a day"),
        (("events", "--kind", "boom"), "kind must be one of order_created"),
        (("positions", "--at", "5"), "goes with a contract"),
        (("positions", "BTCUSD", "--at", "nan"), "--at must be a number, was 'nan'"),
        (("positions", "BTCUSD", "--at", "-5"), "--at must be at least 0, was -5"),
        (("positions", "BTCUSD", "--sync"), "goes without a contract"),
        (("positions", "NOPE"), "There is no position in 'NOPE'; `python -m trader positions` lists them"),
        (("journal", "archive", "--before", "soon", "old.gz"), "--before must be a day like 2026-03-03, was 'soon'"),
        (("stats", "--hours", "0"), "must be at least 1, was 0"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_nonsense_is_one_sentence(
    clean_environment: Path, capsys: Said, arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert code != 0 and out == "" and words in err and err.count("\n") == 1
