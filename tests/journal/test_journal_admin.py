"""verify finds what is wrong and says so; export and backup give everything back."""

import json
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.journal.samples_of_records import MARKET, WALL, fill_recorded, intent, leg_terms, run_created, run_finished
from trader.config.settings import Settings
from trader.desk import journal_admin
from trader.domain.errors import JournalError
from trader.domain.fill import Channel
from trader.domain.order import OrderStatus
from trader.engine import records as r
from trader.journal import Journal
from trader.journal.verifying import Verification, backup, verify


def booked(fill_id: str, channel: Channel = Channel.STREAM, quantity: int = 10) -> r.FillRecorded:
    made = fill_recorded("run-0000000001", fill_id, "sdaaaa-1", quantity)
    return replace(made, fill=replace(made.fill, channel=channel))


@pytest.fixture
def sqlite_journal(sqlite_url: str) -> Path:
    journal = Journal.open(sqlite_url)
    created = run_created("run-0000000001")
    created = r.decode_record(r.encode_record(created).replace('"config":{"strategy":{"quantity":10}}', '"config":{}'))
    order = r.OrderIntended(
        run_id="run-0000000001", wall=created.wall, intent=intent("run-0000000001", "sdaaaa-1"), reference=None
    )
    journal.append([created, order], lease=None)
    journal.append([run_finished("run-0000000001", "0")], lease=None)
    journal.close()
    return Path(sqlite_url.removeprefix("sqlite:///"))


def spoil(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        triggers = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def failed(found: Verification) -> list[str]:
    return [f"{finding.check}: {finding.words}" for finding in found.findings if not finding.ok]


def test_a_whole_journal_passes_every_check(sqlite_url: str, sqlite_journal: Path) -> None:
    found = verify(sqlite_url)
    assert found.ok and (found.records, found.runs) == (3, 1)
    assert [finding.check for finding in found.findings] == [
        "database",
        "sequence",
        "records",
        "runs",
        "fills",
        "orders",
        "wallet",
        "days",
    ]


@pytest.mark.parametrize(
    ("statement", "check", "words"),
    [
        ("DELETE FROM orders", "sequence", "missing"),
        ('UPDATE orders SET body = \'{"kind":"nonsense"}\'', "records", "cannot be read"),
        (
            "UPDATE runs SET body = replace(body, '\"0\"', '\"5.5\"') WHERE kind = 'run_finished'",
            "runs",
            "finished with 5.5",
        ),
        ("DELETE FROM runs WHERE kind = 'run_created'", "runs", "does not begin with its creation"),
        ("UPDATE sequence SET last_seq = 2", "sequence", "counter stands at 2"),
    ],
)
def test_each_kind_of_damage_is_found(
    sqlite_url: str, sqlite_journal: Path, statement: str, check: str, words: str
) -> None:
    spoil(sqlite_journal, statement)
    found = verify(sqlite_url)
    assert not found.ok
    assert any(text.startswith(f"{check}: ") and words in text for text in failed(found)), failed(found)


def test_a_fill_or_an_order_id_booked_twice_is_found(sqlite_url: str, sqlite_journal: Path) -> None:
    spoil(
        sqlite_journal,
        "DROP INDEX ux_orders_intent",
        "INSERT INTO orders SELECT 4, account, run_id, kind, wall, market, cause, client_order_id, leg, symbol, body FROM orders",
        "UPDATE sequence SET last_seq = 4",
    )
    assert any("the same client order id twice" in text for text in failed(verify(sqlite_url)))


def told(filled: int, status: OrderStatus = OrderStatus.FILLED) -> r.OrderResolved:
    return r.OrderResolved(
        run_id="run-0000000001", wall=WALL, client_order_id="sdaaaa-1", status=status, filled_qty=filled
    )


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([told(10)], ""),
        ([told(10), booked("s1"), booked("1", Channel.REST)], "20 of sdaaaa-1 are booked, the exchange executed 10"),
        ([booked("s1"), booked("1", Channel.REST)], "20 of sdaaaa-1 are booked, the order was for 10"),
        ([told(4, OrderStatus.CANCELLED), booked("s1", quantity=4), booked("1", Channel.REST, 4)], "executed 4"),
        ([told(4, OrderStatus.PARTIALLY_FILLED), booked("s1", quantity=4)], ""),
    ],
)
def test_an_execution_booked_once_from_each_channel_was_called_right(
    sqlite_url: str, records: list[r.AnyRecord], words: str
) -> None:
    journal = Journal.open(sqlite_url)
    created = run_created("run-0000000001")
    created = r.decode_record(r.encode_record(created).replace('"config":{"strategy":{"quantity":10}}', '"config":{}'))
    chosen = r.LegsChosen(run_id="run-0000000001", wall=WALL, legs=(leg_terms(),), spot=Decimal(1), exit_at=MARKET)
    order = r.OrderIntended(
        run_id="run-0000000001", wall=WALL, intent=intent("run-0000000001", "sdaaaa-1"), reference=None
    )
    journal.append([created, chosen, order, *records], lease=None)
    journal.close()
    found = failed(verify(sqlite_url))
    assert (words in " ".join(found)) if words else found == []


def test_a_backup_is_whole_private_and_never_overwrites(sqlite_url: str, sqlite_journal: Path, tmp_path: Path) -> None:
    running = Journal.open(sqlite_url)  # as beside a live runner: part of it is still in the write-ahead log
    running.append([run_created("run-0000000002")], lease=None)
    target = tmp_path / "copy" / "journal.db"
    target.parent.mkdir(mode=0o700)
    backup(sqlite_url, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copy = Journal.open(f"sqlite:///{target}", create=False)
    assert copy.records() == running.records() and len(copy.records()) == 4
    copy.close()
    running.close()
    with pytest.raises(JournalError, match="cannot be made"):
        backup(sqlite_url, target)


def test_a_servers_journal_is_left_to_its_own_tools(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="pg_dump"):
        backup("postgresql://somebody@127.0.0.1/desk", tmp_path / "copy.db")


def test_the_export_gives_every_record_back(sqlite_url: str, sqlite_journal: Path, tmp_path: Path) -> None:
    settings = Settings(TRADER_HOME=sqlite_journal.parent)
    lines = list(journal_admin.export_lines(settings))
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    assert [json.loads(line)["kind"] for line in lines] == ["run_created", "order_intended", "run_finished"]
    assert journal_admin.export_to(settings, tmp_path / "all.jsonl") == 3
    assert (tmp_path / "all.jsonl").read_text().splitlines() == lines


def test_the_commands_answer_in_words_in_json_and_by_exit_code(clean_environment: Path) -> None:
    def trader(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "trader", *arguments], capture_output=True, text=True, timeout=60)

    missing = trader("journal", "verify")
    assert missing.returncode == 1 and "There is no journal" in missing.stderr
    Journal.open(f"sqlite:///{clean_environment / 'journal.db'}").close()
    found = json.loads(trader("journal", "verify", "--json").stdout)
    assert found["ok"] is True and found["records"] == 0
    assert json.loads(trader("journal", "backup", "copy.db", "--json").stdout)["file"] == "copy.db"
    assert trader("journal", "backup", "copy.db").returncode == 1
    assert trader("journal", "export").stdout == ""
    spoil(clean_environment / "journal.db", "UPDATE sequence SET last_seq = 7")
    wrong = trader("journal", "verify")
    assert wrong.returncode == 1 and "FAIL  sequence" in wrong.stdout


def marked(pnl: str, carried: str) -> r.DayMarked:
    return r.DayMarked(
        run_id="run-0000000001", wall=WALL, market=MARKET, day=MARKET.date(), pnl=Decimal(pnl), carried=Decimal(carried)
    )


@pytest.mark.parametrize(
    ("marks", "carried", "findings"),
    [
        ([("-20", "0"), ("-26", "-20")], "-26", []),
        ([("-20", "0"), ("-26", "-19")], "-26", ["days: the days of 1 do not add up: run-0000000001: record 4"]),
        ([("-20", "0")], "0", ["days: the days of 1 do not add up: run-0000000001: record 4"]),
    ],
    ids=["they add up", "a mark forgets", "the end forgets"],
)
def test_the_days_of_a_run_add_up_to_its_result(
    sqlite_url: str, marks: list[tuple[str, str]], carried: str, findings: list[str]
) -> None:
    journal = Journal.open(sqlite_url)
    created = run_created("run-0000000001")
    created = r.decode_record(r.encode_record(created).replace('"config":{"strategy":{"quantity":10}}', '"config":{}'))
    legs = r.LegsChosen(run_id="run-0000000001", wall=WALL, legs=(leg_terms(),), spot=Decimal(35000), exit_at=MARKET)
    end = replace(run_finished("run-0000000001", "0"), carried=Decimal(carried))
    made = [created, legs, *(marked(*mark) for mark in marks), end]
    journal.append(made, lease=None)
    journal.close()
    found = verify(sqlite_url)
    assert failed(found) == findings
    assert findings or "2 marks at midnight" in next(f.words for f in found.findings if f.check == "days")


def test_a_day_that_differs_from_the_wallet_is_found(sqlite_url: str, sqlite_journal: Path) -> None:
    journal = Journal.open(sqlite_url)
    day = r.DayCompared(
        run_id="", wall=WALL, account="paper", day=MARKET.date(), until=MARKET, difference=Decimal("-2.235")
    )
    journal.append([day, replace(day, difference=None, why="unread")], lease=None, account="paper")
    journal.close()
    assert failed(verify(sqlite_url)) == [
        "wallet: the exchange's ledger shows more or less than was told: 21 Jun: -2.235 USD"
    ]
