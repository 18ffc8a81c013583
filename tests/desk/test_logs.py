"""Reading the log files: filters, folding, following, and files that are written and put aside meanwhile."""

import json
import os
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.desk.logs import files
from trader.desk.logs.files import Place, lines_back, open_files, read_place
from trader.desk.logs.lines import detail, joined, words_of
from trader.desk.logs.looking import Logs
from trader.desk.logs.matching import LogQuery
from trader.runner.log_file import DETAILED_LOG, SUMMARY_LOG

AT = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
ORDER = "sd1a2b-abcde-CX01-003-k3l4m5n6"
EVERYTHING = LogQuery(level="debug")


def row(number: int = 0, text: str = "", **fields: Any) -> str:
    at = (AT + timedelta(seconds=number)).isoformat(timespec="milliseconds")
    line = {
        "at": at,
        "level": "INFO",
        "logger": "trader.milestones",
        "thread": "runner",
        "text": text or f"line {number}",
    }
    return json.dumps({**line, **fields}, separators=(",", ":"), ensure_ascii=False)


class Folder:
    """An installation's folder with its detailed log."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "logs").mkdir()
        self.path = home / "logs" / DETAILED_LOG
        self.logs = Logs(home)

    def add(self, *lines: str, end: str = "\n") -> None:
        with self.path.open("a") as file:
            file.write("\n".join(lines) + end)

    def put_aside(self) -> None:
        for number in range(5, 0, -1):
            newer = self.path.with_name(f"{DETAILED_LOG}.{number - 1}") if number > 1 else self.path
            if newer.exists():
                newer.rename(self.path.with_name(f"{DETAILED_LOG}.{number}"))

    def texts(self, query: LogQuery = EVERYTHING, **how: Any) -> list[str]:
        return [line.text for line in self.logs.look(query, **how).lines]


@pytest.fixture
def log(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_no_log_yet_is_an_empty_page(log: Folder) -> None:
    page = log.logs.look(EVERYTHING)
    assert (page.lines, page.newest, page.older, page.looked_at, page.hidden) == ((), None, None, 0, {})
    assert log.logs.file(EVERYTHING) == ""


def test_lines_are_newest_first_and_go_on_in_what_was_put_aside(log: Folder) -> None:
    for part in range(3):
        log.add(*(row(10 * part + number) for number in range(10)))
        log.put_aside()
    log.add(row(30))
    assert log.texts() == [f"line {number}" for number in range(30, -1, -1)]


def test_a_line_says_level_run_component_and_orders(log: Folder) -> None:
    log.add(
        row(
            1,
            f"http POST /v2/orders {ORDER} and {ORDER}",
            level="ERROR",
            logger="trader.exchange.delta.http",
            run_id="abcdefghij",
        )
    )
    (line,) = log.logs.look(EVERYTHING).lines
    assert (line.at, line.level, line.component, line.run_id, line.orders) == (
        AT + timedelta(seconds=1), "error", "exchange", "abcdefghij", (ORDER,)
    )  # fmt: skip
    assert json.loads(detail(line))["logger"] == "trader.exchange.delta.http" and detail(line).count("\n") > 4


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"level": "debug"}, "abcdef"),
        ({"level": "info"}, "bcdef"),
        ({"level": "warning"}, "cd"),
        ({"level": "error"}, "d"),
        ({"runs": ("abcdefghij",)}, "be"),
        ({"runs": ("abcdefghij", "zyxwvutsrq")}, "bde"),
        ({"components": ("exchange",)}, "e"),
        ({"level": "debug", "components": ("exchange", "libraries")}, "ace"),
        ({"text": "SAYS \"yes\""}, "f"),
        ({"text": "ünïcode"}, "f"),
        ({"text": "ÜNÏCODE"}, "f"),
        ({"text": "not there"}, ""),
        ({"since": AT + timedelta(seconds=3)}, "def"),
        ({"until": AT + timedelta(seconds=3)}, "bcd"),
        ({"since": AT + timedelta(seconds=2), "until": AT + timedelta(seconds=4)}, "cde"),
        ({"level": "warning", "runs": ("zyxwvutsrq",), "text": "d"}, "d"),
    ],
)  # fmt: skip
def test_what_a_filter_shows(log: Folder, query: dict[str, Any], shown: str) -> None:
    log.add(
        row(0, "a", level="DEBUG", logger="trader.exchange.delta.stream"),
        row(1, "b", run_id="abcdefghij"),
        row(2, "c", level="WARNING", logger="urllib3.connectionpool"),
        row(3, "d", level="CRITICAL", run_id="zyxwvutsrq"),
        row(4, f"e {ORDER}", logger="trader.exchange.delta.http"),
        row(5, 'f says "yes", ünïcode'),
    )
    page = log.logs.look(LogQuery(**query))
    assert [line.text[0] for line in page.lines][::-1] == [*shown]
    assert sum(page.hidden.values()) + len(page.lines) == page.looked_at
    assert [json.loads(line)["text"][0] for line in log.logs.file(LogQuery(**query)).splitlines()] == [*shown]


def test_what_is_hidden_is_counted_by_why(log: Folder) -> None:
    log.add(row(1, level="DEBUG"), row(2, level="DEBUG"), row(3, run_id="zzzzz"), row(4, run_id="abcdefghij"))
    page = log.logs.look(LogQuery(runs=("abcdefghij",), text="nothing"))
    assert page.lines == () and page.hidden == {"level": 2, "run": 1, "text": 1}
    assert page.back_to == AT + timedelta(seconds=1)


def test_status_reports_and_repeated_lines_are_one_row_with_how_often(log: Folder) -> None:
    def status(number: int, run: str) -> str:
        return row(number, f"[{run[:5]} default] status reported: P&L +{number} USD", run_id=run)

    log.add(row(0, "same"), row(1, "same"), row(2, "other"), row(3, "same"))
    log.add(*(status(number, "abcdefghij" if number % 2 else "zyxwvutsrq") for number in range(4, 58)))
    log.add(row(60, "same"), status(61, "abcdefghij"))
    lines = log.logs.look(EVERYTHING).lines
    assert [(words_of(line).split(":")[0], line.count) for line in lines] == [
        ("status reported", 1), ("same", 1), ("status reported", 27), ("status reported", 27), ("same", 1), ("other", 1), ("same", 2)
    ]  # fmt: skip
    assert lines[2].text.endswith("+57 USD") and lines[2].since == AT + timedelta(seconds=5)


def test_rows_are_folded_where_two_looks_meet(log: Folder) -> None:
    log.add(*(row(number, "same") for number in range(3)))
    first = log.logs.look(EVERYTHING)
    log.add(row(3, "same"), row(4, "new"))
    second = log.logs.look(EVERYTHING, after=first.newest)
    assert [(line.text, line.count) for line in joined(second.lines, first.lines)] == [("new", 1), ("same", 4)]


def test_further_back_goes_on_where_the_page_ended(log: Folder) -> None:
    log.add(*(row(number) for number in range(25)))
    told, before = [], None
    while True:
        page = log.logs.look(EVERYTHING, limit=10, before=before)
        told += [line.text for line in page.lines]
        before = page.older
        if before is None:
            break
    assert told == [f"line {number}" for number in range(24, -1, -1)]


def test_a_look_whose_time_is_up_says_where_to_go_on(log: Folder) -> None:
    log.add(*(row(number, level="DEBUG") for number in range(2000)))
    page = log.logs.look(LogQuery(text="nowhere"), secs=0)
    assert page.lines == () and 0 < page.looked_at < 2000 and page.older is not None
    rest = log.logs.look(LogQuery(text="nowhere"), before=page.older)
    assert page.looked_at + rest.looked_at == 2000 and rest.older is None


def test_following_tells_what_came_since_and_nothing_twice_though_the_file_is_put_aside(log: Folder) -> None:
    log.add(row(0), row(1))
    seen = log.logs.look(EVERYTHING).newest
    assert log.texts(after=seen) == []
    log.add(row(2))
    log.put_aside()
    assert log.texts(after=seen) == ["line 2"]
    log.add(row(3))
    page = log.logs.look(EVERYTHING, after=seen)
    assert [line.text for line in page.lines] == ["line 3", "line 2"]
    assert log.texts(after=page.newest) == []
    assert read_place(str(seen)) == seen


def test_of_a_file_that_is_gone_everything_is_new_and_nothing_older(log: Folder) -> None:
    log.add(row(0))
    assert log.texts(after=Place(1, 5)) == ["line 0"]
    assert log.texts(before=Place(1, 5)) == []


def test_files_of_after_the_time_that_is_asked_for_are_not_read(log: Folder) -> None:
    for part in range(3):
        log.add(*(row(1000 * part + number) for number in range(10)))
        log.put_aside()
    page = log.logs.look(LogQuery(level="debug", until=AT + timedelta(seconds=5)))
    assert [line.text for line in page.lines] == [f"line {number}" for number in range(5, -1, -1)]
    assert page.looked_at == 10


def test_a_line_that_is_being_written_is_told_when_it_is_whole(log: Folder) -> None:
    log.add(row(0))
    log.add(row(1)[:40], end="")
    page = log.logs.look(EVERYTHING)
    assert [line.text for line in page.lines] == ["line 0"]
    log.add(row(1)[40:])
    assert log.texts(after=page.newest) == ["line 1"]


HOSTILE = "<img src=x onerror=alert(1)> [go](javascript:x) :red[x] $x$ \x1b[31mred\x1b[0m"


@pytest.mark.parametrize(
    "line",
    ["torn", '{"at": "2026', "[]", "null", '{"text": 5}', '{"at":"x","text":"y"}', "\x00\x00", HOSTILE, "é" * 10],
)
def test_a_line_that_is_none_of_ours_is_told_as_it_is(log: Folder, line: str) -> None:
    log.add(row(0), line, row(1))
    page = log.logs.look(EVERYTHING)
    assert [one.text for one in page.lines] == ["line 1", line, "line 0"]
    odd = page.lines[1]
    assert (odd.at, odd.level, odd.component, odd.run_id) == (None, "info", "", "")
    assert detail(odd).split() == line.split() or json.loads(detail(odd)) == json.loads(line)
    assert log.texts(LogQuery(since=AT - timedelta(days=1))) == ["line 1", "line 0"]


def test_bytes_that_are_no_text_are_told_too(log: Folder) -> None:
    log.path.write_bytes(b"\xff\xfe\n" + row(1).encode() + b"\n")
    assert log.texts() == ["line 1", "��"]


def test_of_a_line_of_a_megabyte_the_beginning_is_told_with_its_time(log: Folder) -> None:
    log.add(row(0), row(1, "x" * 1_000_000, level="WARNING", logger="trader.exchange.delta.http"), row(2))
    page = log.logs.look(LogQuery(level="warning"))
    (line,) = page.lines
    assert len(line.raw) == files.LONGEST and (line.at, line.component) == (AT + timedelta(seconds=1), "exchange")
    assert log.texts()[::2] == ["line 2", "line 0"]


def test_secrets_are_not_told_though_a_file_has_them(log: Folder) -> None:
    log.add(row(0, "sent canary.secret to them"), "torn canary.secret")
    logs = Logs(log.home, ["canary.secret"])
    page = logs.look(EVERYTHING)
    assert [line.text for line in page.lines] == ["torn ***", "sent *** to them"]
    assert "canary" not in logs.file(EVERYTHING) + "".join(map(detail, page.lines))


def test_the_summary_is_read_with_the_same_filters(log: Folder) -> None:
    lines = [
        "INFO    runner began",
        "WARNING [abcde default] exit: max loss",
        "ERROR   [zyxwv wide] lost",
        "INFO    [abcde default] FLAT",
    ]
    stamped = [f"2026-11-30T06:00:0{number}.000Z {line}" for number, line in enumerate(lines)]
    (log.home / "logs" / SUMMARY_LOG).write_text("\n".join([*stamped, "no line"]) + "\n")

    def texts(**query: Any) -> list[str]:
        return [words_of(line) for line in log.logs.look(LogQuery(which="summary", **query)).lines]

    assert texts() == ["no line", "FLAT", "lost", "exit: max loss", "runner began"]
    assert texts(runs=("abcdefghij",)) == ["FLAT", "exit: max loss"]
    assert texts(level="warning") == ["lost", "exit: max loss"]
    assert texts(since=AT + timedelta(seconds=1), until=AT + timedelta(seconds=2)) == ["lost", "exit: max loss"]
    assert texts(components=("run",)) == ["FLAT", "lost", "exit: max loss"]


@pytest.mark.parametrize("name", ["pipe", "folder"])
def test_what_is_no_file_is_no_log(log: Folder, name: str) -> None:
    if name == "pipe":
        os.mkfifo(log.path)
    else:
        log.path.mkdir()
    assert log.texts() == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"")), max_size=6), max_size=3),
    st.integers(1, 7),
)
def test_blocks_of_any_size_give_the_same_lines_and_their_places(parts: list[list[bytes]], block: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BLOCK", block)
        home = Path(folder)
        (home / "logs").mkdir()
        for number, lines in enumerate(parts):
            name = f"{DETAILED_LOG}.{number}" if number else DETAILED_LOG
            (home / "logs" / name).write_bytes(b"".join(line + b"\n" for line in lines))
        with open_files(home, DETAILED_LOG) as opened:
            told = list(lines_back(opened))
            assert [line for _, line in told] == [line for lines in parts for line in reversed(lines)]
            for at, (place, line) in enumerate(told):
                there = next(one for one in opened if one.number == place.file)
                assert os.pread(there.file.fileno(), len(line) + 1, place.offset) == line + b"\n"
                assert [*lines_back(opened, place)] == told[at + 1 :]


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Folder]:
    """A hundred megabytes, as much as is kept."""
    folder = Folder(tmp_path)
    block = "".join(row(number, "x" * 200, level="DEBUG") + "\n" for number in range(3000)) * 20
    for number in range(5):
        name = f"{DETAILED_LOG}.{number}" if number else DETAILED_LOG
        (tmp_path / "logs" / name).write_text(block)
    yield folder


def test_a_look_at_a_hundred_megabytes_ends_in_time_and_needs_little_memory(large: Folder) -> None:
    began = time.process_time()
    page = large.logs.look(LogQuery(level="debug", text="nowhere"), secs=0.2)
    assert page.older is not None and time.process_time() - began < 2
    tracemalloc.start()
    try:
        large.logs.look(LogQuery(level="warning"), secs=0.3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000
