"""The detailed log is a chronology: every request, outcome, frame and decision once, no secret; and nobody waits for it."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

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
    assert any(line["logger"].startswith("urllib3") and line["level"] == "DEBUG" for line in lines)
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
