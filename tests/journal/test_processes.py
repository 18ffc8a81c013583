"""Two real processes on one journal: a stopped-and-continued zombie writes nothing, two writers share one sequence."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.journal import samples_of_records as s
from trader.engine import records as r
from trader.journal import Journal

ROOT = Path(__file__).parents[2]

ZOMBIE = """
import os, sys
from datetime import UTC, datetime
from tests.journal import samples_of_records as s
from trader.journal import Journal, LeaseLost
journal = Journal.open(sys.argv[1])
lease = journal.take_lease(account="paper", holder="zombie", host="process", pid=os.getpid(), code_hash="", now=datetime.now(UTC))
journal.append([s.run_created("a")], lease=lease)
print("taken", flush=True)
sys.stdin.readline()
try:
    journal.append([s.order_intended("a", "zombies-order")], lease=lease)
    print("written", flush=True)
except LeaseLost:
    print("lost", flush=True)
print("renewed" if journal.renew_lease(lease, datetime.now(UTC)) else "not renewed", flush=True)
"""

WRITER = """
import sys
from tests.journal import samples_of_records as s
from trader.journal import Journal
journal = Journal.open(sys.argv[1])
for i in range(40):
    journal.append([s.alert("", f"{sys.argv[2]} {i} a"), s.alert("", f"{sys.argv[2]} {i} b")], lease=None)
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_continued_zombie_finds_its_lease_lost_and_writes_nothing(sqlite_url: str) -> None:
    with start(ZOMBIE, sqlite_url) as zombie:
        assert zombie.stdout is not None and zombie.stdin is not None
        assert zombie.stdout.readline() == "taken\n"
        zombie.send_signal(signal.SIGSTOP)
        journal = Journal.open(sqlite_url)
        later = datetime.now(UTC) + timedelta(seconds=11)
        lease = journal.take_lease(account="paper", holder="new", host="process", pid=1, code_hash="", now=later)
        assert lease is not None and lease.epoch == 2
        zombie.send_signal(signal.SIGCONT)
        zombie.stdin.write("go on\n")
        zombie.stdin.flush()
        assert zombie.stdout.readline() == "lost\n"
        assert zombie.stdout.readline() == "not renewed\n"
        assert zombie.wait(20) == 0
    journal.append([s.order_intended("a", "the-new-runners-order")], lease=lease)
    orders = [rec.intent.client_order_id for _, rec in journal.records() if isinstance(rec, r.OrderIntended)]
    assert orders == ["the-new-runners-order"]
    journal.close()


def test_writers_in_two_processes_make_one_sequence_of_whole_transactions(sqlite_url: str) -> None:
    Journal.open(sqlite_url).close()
    writers = [start(WRITER, sqlite_url, name) for name in ("one", "two")]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    journal = Journal.open(sqlite_url)
    rows = journal.records()
    assert [seq for seq, _ in rows] == list(range(1, 161))
    texts = [rec.text for _, rec in rows if isinstance(rec, r.AlertRaised)]
    for first, second in zip(texts[::2], texts[1::2], strict=True):
        assert first.removesuffix(" a") == second.removesuffix(" b")
    for name in ("one", "two"):
        mine = [text for text in texts if text.startswith(name)]
        assert mine == [f"{name} {i} {part}" for i in range(40) for part in "ab"]
    journal.close()


READER = """
import sys
from trader.journal import Journal
journal = Journal.open(sys.argv[1])
print(len(journal.records()))
journal.close()
"""


def test_second_opening_in_a_process_does_not_drop_the_locks_of_the_first(sqlite_url: str) -> None:
    # POSIX drops every lock of a process on a file when any of its descriptors for it is closed. Were the file looked at
    # outside SQLite, another process would then believe itself alone, and fold and delete the write-ahead log in use.
    first = Journal.open(sqlite_url)
    first.append([s.run_created("a")], lease=None)
    log = Path(f"{sqlite_url.removeprefix('sqlite:///')}-wal")
    before = log.stat().st_ino
    Journal.open(sqlite_url).close()
    with start(READER, sqlite_url) as reader:
        assert reader.communicate(timeout=30)[0] == "1\n"
    assert log.exists() and log.stat().st_ino == before
    first.append([s.alert("a", "still here")], lease=None)
    with start(READER, sqlite_url) as reader:
        assert reader.communicate(timeout=30)[0] == "2\n"
    first.close()
