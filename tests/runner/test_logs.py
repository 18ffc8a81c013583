"""The detailed log is a chronology: every request, outcome, frame and decision once, no secret; and nobody waits for it."""

import json
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from trader.config.secret_words import secret_words
from trader.config.settings import load_settings
from trader.runner.log_file import SharedLogFile

ROOT = Path(__file__).parents[2]

_STORY = """
import logging, sys, time
from decimal import Decimal
from pathlib import Path
from tests.exchange.scripted_http import Answer, ScriptedHTTP, success
from tests.exchange.scripted_ws import ScriptedWS
from tests.exchange.test_order_outcomes import INTENT, ORDER
from tests.exchange.scripted_http import wait_for
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.stream.streams import PrivateStream
from trader.runner.logs import set_up_logging

set_up_logging(Path(sys.argv[1]))
set_up_logging(Path(sys.argv[1]))
answers = iter([success(ORDER), Answer(act="close")])
server, socket = ScriptedHTTP(lambda request: next(answers)), ScriptedWS()
gateway = DeltaGateway(server.url, Credentials("canary-key", "canary-secret"))
gateway.submit(INTENT)
gateway.submit(INTENT)
heard = []
stream = PrivateStream(socket.url, Credentials("canary-key", "canary-secret"), heard.append)
stream.start()
wait_for(lambda: stream.connected and len(socket.subscribed()) == 4)
socket.send({"type": "positions", "action": "delete", "symbol": "C-BTC-1-010126", "product_id": 9})
wait_for(lambda: len(heard) >= 2)
stream.stop()
signature = server.requests[0].headers["signature"]
logging.getLogger("trader.careless").error("sent %s", {"api-key": "canary-key", "signature": signature, "n": 1})
logging.getLogger("urllib3").warning("a library's warning")
try:
    raise ValueError("api_secret='canary-secret'")
except ValueError:
    logging.getLogger("trader.careless").exception("failed")
print(signature)
socket.close()
server.close()
"""

_LIBRARIES = """
import logging, sys
from pathlib import Path
from trader.runner.logs import set_up_logging, write_what_waits

set_up_logging(Path(sys.argv[1]), secrets=["1234:canary-token"])
for name in ("urllib3.connectionpool", "requests", "websocket", "httpx", "apprise", "uvicorn.access", "alembic.runtime"):
    logging.getLogger(name).setLevel(logging.DEBUG)
    for level in ("debug", "info", "warning"):
        getattr(logging.getLogger(name), level)("%s says %s: POST /bot1234:canary-token/send", name, level)
write_what_waits()
"""


def test_libraries_are_quiet_but_for_warnings_in_the_detailed_log_and_tell_no_token(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIBRARIES, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == done.stdout == ""
    assert (tmp_path / "logs" / "delta_trader_summary.log").read_text() == ""
    lines = lines_of(tmp_path)
    assert len(lines) == 7
    assert {line["text"].split(" ", 1)[1] for line in lines} == {"says warning: POST /bot***/send"}


_TOGETHER = """
import logging, sys
from pathlib import Path
from trader.runner import log_file

log_file.MAX_BYTES, log_file.BACKUPS = 20_000, 200
handler = log_file.SharedLogFile(Path(sys.argv[1]), logging.DEBUG, logging.Formatter())
for number in range(4000):
    handler.emit(logging.LogRecord("x", 20, "", 0, f"{sys.argv[2]} {number} {'.' * 100}", None, None))
"""


def test_processes_that_share_a_file_put_it_aside_without_losing_or_tearing_a_line(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    writers = [subprocess.Popen([sys.executable, "-c", _TOGETHER, str(path), name], cwd=ROOT) for name in "abc"]
    assert [one.wait(60) for one in writers] == [0, 0, 0]
    files = list(tmp_path.glob("one.log*"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {number} {'.' * 100}" for name in "abc" for number in range(4000))
    assert (
        len(files) > 20
    )  # a file grows past its size while another process puts it aside: by what is written meanwhile


def test_what_a_dead_process_left_of_its_last_line_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    path.write_text('{"at": "torn')
    handler = SharedLogFile(path, logging.DEBUG, logging.Formatter())
    for text in ("one", "two"):
        handler.emit(logging.LogRecord("x", 20, "", 0, text, None, None))
    handler.close()
    assert path.read_text() == '{"at": "torn\none\ntwo\n'


def test_a_file_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    handler = SharedLogFile(path, logging.DEBUG, logging.Formatter())
    path.unlink()
    handler.emit(logging.LogRecord("x", 20, "", 0, "still here", None, None))
    handler.close()
    assert path.read_text() == "still here\n" and path.stat().st_mode & 0o777 == 0o600


def test_the_words_that_must_not_be_told_are_those_of_every_secret_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://trader:canary%2Fpass@localhost/desk")
    monkeypatch.setenv("TRADER_PROXY", "http://me:canary-proxy@proxy.example:3128")
    monkeypatch.setenv("TRADER_NOTIFY_URLS", "critical|tgram://1234567:canary-token/42 slack://TOKENA/TOKENB1/canaryC")
    monkeypatch.setenv("TRADER_ENV", "testnet")
    monkeypatch.setenv("DELTA_TESTNET_API_KEY", "canary-key")
    monkeypatch.setenv("DELTA_TESTNET_API_SECRET", "canary-secret")
    settings = load_settings()
    words = secret_words(settings)
    assert {"canary/pass", "canary-proxy", "canary-token", "TOKENB1", "canaryC", "canary-key"} <= words
    assert not words & {"postgresql", "localhost", "trader", "desk", "slack"}


_BLOCKED = """
import logging, sys, time
from pathlib import Path
from trader.runner.logs import set_up_logging

set_up_logging(Path(sys.argv[1]))
began = time.monotonic()
for number in range(3000):
    logging.getLogger("trader.milestones").info("line %d %s", number, "x" * 200)
print(time.monotonic() - began)
"""


def lines_of(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "logs" / "delta_trader_detailed.log").read_text().splitlines()]


def test_the_detailed_log_holds_every_request_outcome_and_frame_once_and_no_secret(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STORY, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    signature = done.stdout.strip()
    lines = lines_of(tmp_path)
    texts = [line["text"] for line in lines]

    def told(beginning: str) -> list[str]:
        return [text for text in texts if text.startswith(beginning)]

    first, second = told("http POST /v2/orders")
    assert "attempt=1" in first and "status=200" in first and '"client_order_id":"sd0000' in first
    assert "failed=OutcomeUnknown" in second
    assert len(told("http_failed POST /v2/orders error=OutcomeUnknown")) == 1
    assert [text.split("(")[0] for text in told("outcome what=sd0000")] == [
        f"outcome what=sd0000-11111-cE01-001-abcdefgh {kind}" for kind in ("Ok", "Unknown")
    ]
    assert [len(told(name)) for name in ("stream_connecting", "stream_login_sent", "stream_up")] == [1, 1, 1]
    assert len(told('stream_frame stream=private {"type": "positions"')) == 1
    assert not any(line["logger"].startswith("urllib3") and line["level"] != "WARNING" for line in lines)
    assert "a library's warning" in texts
    assert "traceback" in lines[-1]
    everything = "".join(path.read_text() for path in (tmp_path / "logs").iterdir()) + done.stderr
    for secret in ("canary-key", "canary-secret", signature):
        assert secret not in everything
    assert "'n': 1" in everything
    assert "a library's warning" not in done.stderr and "http POST" not in done.stderr


_LEVELS = """
import logging, sys
from pathlib import Path
from trader.runner.logs import set_up_logging, write_what_waits

set_up_logging(Path(sys.argv[1]), detail="warning", console_level="error")
for level in ("debug", "info", "warning", "error"):
    getattr(logging.getLogger("trader.some"), level)("a line of %s", level)
logging.getLogger("trader.milestones").info("a milestone")
write_what_waits()
"""


def test_levels_are_those_that_are_set_and_the_summary_has_its_milestones_all_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LEVELS, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert [line["text"] for line in lines_of(tmp_path)] == ["a line of warning", "a line of error"]
    assert "a line of error" in done.stderr and "a line of warning" not in done.stderr
    assert "a milestone" in (tmp_path / "logs" / "delta_trader_summary.log").read_text()


def test_a_terminal_that_nobody_reads_holds_neither_the_logging_nor_the_end_up(tmp_path: Path) -> None:
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", _BLOCKED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert float(process.stdout.readline()) < 2.0
        process.wait(20)
    assert time.monotonic() - began < 20
    assert len(lines_of(tmp_path)) == 3000
