"""The notification drill: a thousand alerts in a minute, the endpoint down for ten, then slow, then refusing, the watchdog killed while it
sends, another one on another machine. Real processes, a real endpoint; an hour of waiting takes a minute (`shortened`)."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.rig import await_value
from tests.watch.shortened import ANSWER_SECS, FACTOR
from trader.config.settings import Settings, load_settings
from trader.desk import Desk
from trader.engine import records as rec
from trader.journal import Journal
from trader.journal.outbox import Outbox

ROOT = Path(__file__).parents[2]
MANY = 1_000
SECRET, PUBLIC = "hunter2hunter2", "https://desk.example.org"
_NAMED = re.compile(r"<(\d+)>")


class Endpoint:
    """Listens while it is up; keeps what it was sent, and answers as its `mode` says."""

    def __init__(self) -> None:
        self.mode = "take"
        self.seen: Counter[int] = Counter()
        self.messages = self.linked = 0
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    def up(self) -> None:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                mode = endpoint.mode
                if mode != "refuse":
                    endpoint.messages += 1
                    endpoint.linked += told["message"].count(f"{PUBLIC}/api/link/")
                    endpoint.seen.update(int(one) for one in _NAMED.findall(told["message"]))
                if mode == "hold":
                    time.sleep(3 * ANSWER_SECS)
                self.send_response(503 if mode == "refuse" else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._server = server

    def down(self) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    one = Endpoint()
    one.up()
    yield one
    one.down()


@contextmanager
def watchdog(home: Path, database: str, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("TRADER_", "DELTA_"))},
        "TRADER_HOME": str(home),
        "DATABASE_URL": database,
        "TRADER_NOTIFY_URLS": f"critical|json://127.0.0.1:{port}/hook/{SECRET}",
        "TRADER_REPLY_LINKS": "true",
        "TRADER_PUBLIC_URL": PUBLIC,
        "TRADER_NOTIFY_REPEAT_MINS": "1440",
    }
    with (home.parent / f"{home.name}.out").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "tests.watch.shortened", "watch"], cwd=ROOT, env=environ,
                                   stdout=log, stderr=log)  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def raised(journal: Journal, first: int, many: int) -> None:
    """Critical alerts, as the engine records them."""
    for number in range(first, first + many):
        text = f"<{number}> look at it"
        one = rec.AlertRaised(run_id="", wall=datetime.now(UTC), level="error", code=f"drill:{number}", text=text)
        journal.append([one], lease=None, account="paper")


@pytest.mark.slow
def test_each_critical_message_arrives_once_or_is_shown_as_undelivered(tmp_path: Path, endpoint: Endpoint) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    database = f"sqlite:///{tmp_path / 'journal.db'}"
    settings: Settings = load_settings(
        environ={"TRADER_HOME": str(home), "DATABASE_URL": database,
                 "TRADER_NOTIFY_URLS": f"critical|json://127.0.0.1:{endpoint.port}/hook/{SECRET}"},
        env_file=tmp_path / "none",
    )  # fmt: skip
    journal = Journal.open(database)
    outbox = Outbox(journal, "paper")
    outbox.put([], journal.newest().record)  # an earlier watchdog was here

    def states() -> Counter[str]:
        return Counter(row.state for row in outbox.newest(limit=10_000))

    def settled() -> bool | None:
        found = states()
        return None if found["waiting"] or found["sending"] else True

    with watchdog(home, database, endpoint.port) as first:
        raised(journal, 0, 1)
        await_value(lambda: endpoint.seen[0] or None, 60, "the first message")
        endpoint.down()
        begun = time.monotonic()
        raised(journal, 1, MANY)
        took = time.monotonic() - begun
        assert took < 60, f"{took:.0f} s for a thousand alerts"
        await_value(lambda: states()["waiting"] > MANY // 2 or None, 30, "what waits while nobody listens")
        time.sleep(600 / FACTOR)
        assert sum(endpoint.seen.values()) == 1

        endpoint.mode = "refuse"
        endpoint.up()
        time.sleep(1)
        endpoint.mode = "hold"  # it has them, and says so too late
        await_value(lambda: states()["uncertain"] or None, 30, "an answer that came too late")
        before = endpoint.messages
        await_value(lambda: endpoint.messages > before or None, 30, "a message on its way")
        first.send_signal(signal.SIGKILL)
        first.wait(20)
        endpoint.mode = "take"

    with watchdog(
        elsewhere, database, endpoint.port
    ) as other:  # on another machine: it takes over once the first is not heard
        await_value(settled, 90, "the rest")
        raised(journal, MANY + 1, 1)
        await_value(lambda: endpoint.seen[MANY + 1] or None, 30, "what came after")
        assert other.poll() is None
        with watchdog(home, database, endpoint.port) as third:  # the first machine is back: it stands by
            raised(journal, MANY + 2, 5)
            await_value(lambda: endpoint.seen[MANY + 6] or None, 30, "what came while two were there")
            assert third.poll() is None
        await_value(settled, 30, "the end")

    desk = Desk(settings)
    rows = {int(_NAMED.findall(row.body)[0]): row for row in outbox.newest(limit=10_000)}
    assert sorted(rows) == list(range(MANY + 7))
    assert max(endpoint.seen.values()) == 1
    for number, row in rows.items():
        assert row.state in ("sent", "uncertain"), row
        assert row.state != "sent" or endpoint.seen[number] == 1, row
    lost = [row for row in rows.values() if row.state == "uncertain"]
    (channel,) = desk.system.messages.view().channels
    assert channel.undelivered == len(lost) > 0 and channel.sent == len(rows) - len(lost)
    board = {row.name: row for row in desk.system.health(desk.status())}
    assert board["Messages"].ok is False
    desk.close()
    journal.close()
    assert endpoint.linked == 2 * endpoint.messages
    key = (home / "links.key").read_text().strip()
    for path in (path for path in tmp_path.rglob("*") if path.is_file() and path.name != "links.key"):
        content = path.read_bytes()
        for told in (SECRET, key, "/api/link/"):
            assert told.encode() not in content, f"{told} stands in {path}"
