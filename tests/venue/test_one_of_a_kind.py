"""One exchange has a state file and a place of announcement, and what it has told a client outlives its being killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest
from tests.venue.venue_market import CALL, HandMarket
from trader.cli.app import main
from trader.config.announced import IDENTITY_PATH, lock_beside, who_answers
from trader.domain.errors import ConfigError
from trader.machine.locks import ProcessLock
from trader.venue import launch, store
from trader.venue.core.settings import CoreSettings
from trader.venue.launch import ALREADY_SERVED, AlreadyServed, VenueOptions, _AnnouncedPlace, build_venue, run_venue
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.store import StateInUse, Store
from trader.venue.wire.auth import Credential

HOLD = (
    "import sys; from pathlib import Path; from trader.venue.store import Store;"
    "store = Store(Path(sys.argv[1])); print('held', flush=True); input()"
)
SERVE = (
    "import sys; from pathlib import Path; from trader.venue.launch import VenueOptions, run_venue;"
    "run_venue(VenueOptions(speed=60.0, seed=3, announce_path=Path(sys.argv[1]), state_path=Path(sys.argv[2])))"
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_BUSY_SECS", 0.1)
    monkeypatch.setattr(launch, "_PROBED_SECS", 0.1)


def start(code: str, *arguments: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


# ---------------------------------------------------------------- the state file


def test_a_state_file_is_never_opened_by_a_second_exchange_even_while_the_first_is_stopped(tmp_path: Path) -> None:
    state = tmp_path / "venue.state"
    holder = start(HOLD, state)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        os.kill(holder.pid, signal.SIGSTOP)
        (tmp_path / "link").symlink_to(state)
        (tmp_path / "hard").hardlink_to(state)
        for path in (state, tmp_path / "link", tmp_path / "hard"):
            with pytest.raises(StateInUse, match="in use by another local exchange"):
                build_venue(VenueOptions(state_path=path))
    finally:
        holder.kill()
        holder.communicate()
    Store(state).close()  # released by the system with its holder


def test_a_state_file_is_released_when_its_exchange_is_closed_or_could_not_be_made(tmp_path: Path) -> None:
    state = tmp_path / "venue.state"
    first = Store(state)
    with pytest.raises(StateInUse):
        Store(state)
    first.close()
    with pytest.raises(ConfigError, match="port"):
        build_venue(VenueOptions(state_path=state, rest_port=70_000))
    Store(state).close()


def test_a_venue_by_hand_on_the_state_of_a_running_one_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "venue.state"
    with closing(Store(state)):
        assert main(["venue", "--state", str(state)]) == 1
    said = capsys.readouterr().err
    assert str(state) in said and "in use by another local exchange" in said and said.count("\n") == 1


def test_a_state_file_of_an_earlier_version_that_is_still_served_is_in_use(tmp_path: Path) -> None:
    """That one holds no lock of its own, but its connection has read the file."""
    state = tmp_path / "venue.state"
    Store(state).close()
    earlier = sqlite3.connect(state)
    earlier.execute("SELECT count(*) FROM header").fetchone()
    with pytest.raises(StateInUse):
        Store(state)
    earlier.close()
    Store(state).close()


def test_a_save_that_fails_is_made_up_for_by_the_next_one(tmp_path: Path) -> None:
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    settings = VenueSettings(
        credentials=(credential,), core=CoreSettings(margined_lag_secs=0.0), state_path=tmp_path / "venue.state"
    )
    server = VenueServer(HandMarket(), settings)
    kept = server._store
    assert kept is not None
    real, failed = kept._db, []

    class Full:
        """The database on a disk that is full once."""

        in_transaction = property(lambda _self: real.in_transaction)
        close = real.close
        execute = real.execute

        def executemany(self, words: str, rows: list[Any]) -> Any:
            if rows and not failed:
                failed.append(rows)
                raise sqlite3.OperationalError("database or disk is full")
            return real.executemany(words, rows)

    with closing(Rest(server.start().rest_url)) as rest:
        kept._db = Full()  # type: ignore[assignment]
        lost = {"product_symbol": CALL, "size": 2, "side": "sell", "limit_price": "399", "order_type": "limit_order"}
        assert rest.call("POST", "/v2/orders", lost).status_code == 500
        rest.order(product_symbol=CALL, size=3, side="sell", limit_price="399", client_order_id="after")
    server.stop()
    assert failed
    again = VenueServer(HandMarket(), settings)
    with closing(Rest(again.start().rest_url)) as rest:
        assert {row["size"] for row in rest.ok("GET", "/v2/orders") + rest.ok("GET", "/v2/orders/history")} == {2, 3}
    again.stop()


def test_what_a_client_was_told_of_its_orders_is_known_after_a_kill_in_the_same_moment(tmp_path: Path) -> None:
    announcement, state = tmp_path / "venue.json", tmp_path / "venue.state"
    told: list[int] = []
    for _ in range(2):
        process = start(SERVE, announcement, state)
        try:
            assert process.stdout is not None
            said = msgspec.json.decode(process.stdout.readline())
            with closing(Rest(said["rest_url"], key=said["api_key"], secret=said["api_secret"])) as rest:
                held = [row["size"] for row in rest.ok("GET", "/v2/positions/margined")]
                assert sum(held) == sum(told)
                for size in (3, 4, 5):  # quicker than the interval at which prices are saved
                    rest.order(product_symbol="BTCUSD", size=size, side="buy", order_type="market_order")
                    told.append(size)
        finally:
            process.kill()
            process.communicate()


# ---------------------------------------------------------------- the place of announcement


def test_an_announcement_is_removed_by_its_writer_only(tmp_path: Path) -> None:
    path = tmp_path / "venue.json"
    first = _AnnouncedPlace(path)
    first.write(b"first")
    with pytest.raises(AlreadyServed):
        _AnnouncedPlace(path)
    assert path.read_bytes() == b"first"
    path.write_bytes(b"of another")
    first.leave()
    assert path.read_bytes() == b"of another"
    second = _AnnouncedPlace(path)
    assert not path.exists()  # whoever wrote that is gone: nobody is to be sent there while this one begins
    second.write(b"second")
    second.leave()
    assert not path.exists() and ProcessLock(lock_beside(path)).is_free()


@pytest.mark.parametrize("damage", [b"", b'{"rest_url": "http', b"of another", None])
def test_a_damaged_announcement_is_written_again_by_the_exchange_that_lives(
    damage: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "venue.json"
    place = _AnnouncedPlace(path)
    place.keep()
    assert not path.exists()  # nothing is announced before it serves
    place.write(b"mine")
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    place.keep()
    assert path.read_bytes() == b"mine" and path.stat().st_mode & 0o777 == 0o600
    place.leave()


def test_an_exchange_whose_home_was_removed_and_made_again_leaves_the_new_one_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "venue.json"
    left_over = _AnnouncedPlace(path)
    left_over.write(b"left over")
    (tmp_path / "home").rename(tmp_path / "removed")
    new = _AnnouncedPlace(path)
    new.write(b"new")
    left_over.keep()
    left_over.leave()
    assert path.read_bytes() == b"new"
    new.leave()


def test_the_second_exchange_of_a_place_ends_with_a_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = _AnnouncedPlace(tmp_path / "venue.json")
    with pytest.raises(SystemExit) as ended:
        run_venue(VenueOptions(announce_path=tmp_path / "venue.json", state_path=tmp_path / "another.state"))
    assert ended.value.code == ALREADY_SERVED and "another local exchange" in capsys.readouterr().err
    assert not (tmp_path / "another.state").exists()
    place.leave()


def test_an_exchange_says_who_it_is_and_its_listeners_do_not_end_unseen(tmp_path: Path) -> None:
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    server = VenueServer(HandMarket(), VenueSettings(credentials=(credential,), instance="this one"))
    url = server.start().rest_url
    with closing(Rest(url)) as rest:
        assert rest.session.get(f"{url}{IDENTITY_PATH}").json() == {"instance": "this one", "pid": os.getpid()}
    assert who_answers(url) == "this one"
    assert server._loop is not None
    server._loop.call_soon_threadsafe(server._listeners[1].__setattr__, "should_exit", True)
    deadline = time.monotonic() + 20
    while server._failure is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "listener" in str(server._failure)  # a process that ends is started again by its guard
    server.stop()
