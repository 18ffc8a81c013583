"""A runner that was stopped (SIGSTOP) while another took over: continued, it finds itself fenced and sends nothing."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import await_value
from tests.killpoints.rig import EARLIEST, TREE, Case, Venue, venue
from trader.domain.errors import JournalError
from trader.engine.records import Phase


def launch(exchange: Venue, home: Path, said: Path) -> subprocess.Popen[bytes]:
    with said.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "trader", "run"],
            cwd=TREE,
            env={**os.environ, **exchange.environment, "TRADER_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def order_ids(exchange: Venue) -> set[Any]:
    listed = [*exchange.gateway.open_orders(), *exchange.gateway.order_history(EARLIEST)]
    return {order.client_order_id for order in listed}


def stop_outside_a_transaction(process: subprocess.Popen[bytes], case: Case) -> None:
    """Stopped inside one, it would hold the database's lock: then nobody writes, and there is no second runner to fear."""
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            case.journal.check_writable()
        except JournalError:
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.05)
        else:
            return


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_continued_zombie_sends_nothing_and_the_books_stay_right(tmp_path: Path) -> None:
    with venue(seed=11) as exchange:
        balance = exchange.gateway.wallet().balance
        case = Case(exchange, tmp_path / "home", ())
        first = launch(exchange, case.home, tmp_path / "first.txt")
        second: subprocess.Popen[bytes] | None = None
        try:
            case.ask_to_start()
            await_value(lambda: case.phase() is Phase.HOLDING or None, 60, "holding")
            stop_outside_a_transaction(first, case)
            await_value(lambda: None if case.lease_alive(datetime.now(UTC)) else True, 20, "the lease run out")
            second = launch(exchange, case.home, tmp_path / "second.txt")
            case.ask_to_stop()
            await_value(lambda: case.phase() is Phase.DONE or None, 60, "closed by the second runner")
            before = order_ids(exchange)
            os.kill(first.pid, signal.SIGCONT)
            await_value(lambda: "fenced" in (tmp_path / "first.txt").read_text() or None, 20, "the zombie fenced")
            time.sleep(1.0)  # time in which it could still do harm: absence has no condition to wait for
            assert order_ids(exchange) == before
            case.check(balance)
            assert case.result.violations == []
        finally:
            for process in (first, second):
                if process is not None and process.poll() is None:
                    os.kill(process.pid, signal.SIGCONT)
                    process.terminate()
                    process.wait(20)
            case.journal.close()
