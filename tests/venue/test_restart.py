"""A paper account survives restarts: balances, orders, fills, positions, and what expired in between."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest

from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest
from tests.venue.venue_market import CALL, EXPIRY, PUT, START, HandMarket
from trader.domain.errors import ConfigError
from trader.venue.core.settings import CoreSettings
from trader.venue.launch import VenueOptions, build_venue, run_venue
from trader.venue.linger import Linger, process_identity
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.store import saved_seed
from trader.venue.wire.auth import Credential


@contextmanager
def served(market: HandMarket, state: Path) -> Iterator[tuple[VenueServer, Rest]]:
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    settings = VenueSettings(
        credentials=(credential,), core=CoreSettings(margined_lag_secs=0.0), state_path=state, save_interval_secs=0.0
    )
    server = VenueServer(market, settings)
    client = Rest(server.start().rest_url)
    try:
        yield server, client
    finally:
        client.close()
        server.stop()


def test_account_is_the_same_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "venue.state"
    paths = ("/v2/orders", "/v2/orders/history", "/v2/fills", "/v2/wallet/balances", "/v2/wallet/transactions")
    with served(HandMarket(), state) as (_, rest):
        rest.order(product_symbol=CALL, size=25, side="sell", limit_price="399", client_order_id="mine")
        rest.order(product_symbol=PUT, size=5, side="sell", limit_price="399")
        before = [rest.ok("GET", path) for path in paths]
        position = rest.ok("GET", "/v2/positions?product_id=101")
        newest = before[1][0]["id"]
    assert state.stat().st_mode & 0o777 == 0o600
    market = HandMarket()
    market.set_book(CALL, bids=[(D(398), 20)], asks=[(D(401), 20)])  # nothing for the resting order
    with served(market, state) as (_, rest):
        assert [rest.ok("GET", path) for path in paths] == before
        assert rest.ok("GET", "/v2/positions?product_id=101")["size"] == position["size"] == -20
        assert rest.ok("GET", "/v2/orders/client_order_id/mine")["unfilled_size"] == 5
        again = rest.order(product_symbol=PUT, size=1, side="sell", limit_price="399")
        assert again["id"] > newest, "ids go on where they stopped"


def test_restored_resting_order_still_fills(tmp_path: Path) -> None:
    state = tmp_path / "venue.state"
    with served(HandMarket(), state) as (_, rest):
        order = rest.order(product_symbol=CALL, size=5, side="buy", limit_price="350")
    market = HandMarket(START + timedelta(minutes=1))
    market.set_book(CALL, bids=[], asks=[(D(349), 50)])
    with served(market, state) as (_, rest):
        assert rest.ok("GET", f"/v2/orders/{order['id']}")["state"] == "closed"


def test_waiting_stops_brackets_and_protection_survive_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "venue.state"
    paths = ("/v2/orders", "/v2/users/trading_preferences", "/v2/heartbeat")
    with served(HandMarket(), state) as (_, rest):
        rest.order(product_id=101, size=10, side="sell", limit_price="399", bracket_stop_loss_price="450")
        rest.order(product_id=102, size=1, side="buy", limit_price="390", bracket_trail_amount="30")
        rest.ok("PUT", "/v2/positions/auto_topup", {"product_id": 101, "auto_topup": True})
        config = {"asset": "BTC", "mmp": "mmp1", "window_interval": 60, "freeze_interval": 9, "trade_limit": "1"}
        rest.ok("PUT", "/v2/users/update_mmp", config)
        rest.ok("POST", "/v2/heartbeat/create", {"heartbeat_id": "h", "impact": "products", "product_symbols": [PUT]})
        before = [rest.ok("GET", path) for path in paths]
    market = HandMarket()
    with served(market, state) as (server, rest):
        assert [rest.ok("GET", path) for path in paths] == before
        assert len(server.exchange.pending) == 1
        assert rest.ok("GET", "/v2/positions/margined")[0]["auto_topup"] is True
        market.marks[CALL] = D(450)
        deadline = time.monotonic() + 30
        while rest.ok("GET", "/v2/orders?states=pending") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert rest.ok("GET", "/v2/positions?product_id=101")["size"] == 0, "the restored leg fired"


def test_contract_that_expired_while_the_venue_was_down_is_settled_at_restart(tmp_path: Path) -> None:
    state = tmp_path / "venue.state"
    with served(HandMarket(), state) as (_, rest):
        rest.order(product_symbol=CALL, size=10, side="sell", limit_price="399")
        resting = rest.order(product_symbol=CALL, size=1, side="buy", limit_price="300")
        balance = D(rest.ok("GET", "/v2/wallet/balances")[0]["balance"])
    market = HandMarket(EXPIRY + timedelta(hours=1))
    market.index = D(68300)
    with served(market, state) as (_, rest):
        assert D(rest.ok("GET", "/v2/wallet/balances")[0]["balance"]) == balance - 3
        assert rest.ok("GET", "/v2/positions/margined") == []
        assert rest.ok("GET", "/v2/fills")[0]["fill_type"] == "settlement"
        assert rest.ok("GET", f"/v2/orders/{resting['id']}")["cancellation_reason"] == "product_expired"
    with served(market, state) as (_, rest):
        assert D(rest.ok("GET", "/v2/wallet/balances")[0]["balance"]) == balance - 3, "settled once only"


def test_damaged_or_foreign_state_is_refused_with_a_sentence(tmp_path: Path) -> None:
    state = tmp_path / "venue.state"
    state.write_text("this is no database" * 100)
    with pytest.raises(ConfigError, match=r"venue\.state cannot be used"):
        build_venue(VenueOptions(state_path=state))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (VenueOptions(speed=0), "speed must be"),
        (VenueOptions(market="recording"), "must be named"),
        (VenueOptions(market="recording", recording=Path("missing.parquet")), "does not exist"),
        (VenueOptions(rest_port=70_000), "rest_port"),
        (VenueOptions(linger_secs=3), "parent"),
        (VenueOptions(initial_balance=D(0)), "initial balance must be above 0"),
        (VenueOptions(initial_balance=D(1_000_000_001)), "at most 1000000000 USD"),
        (VenueOptions(fees="simple", slippage_pct=D("5.01")), "slippage_pct must be 0 to 5 %"),
        (VenueOptions(fees="simple", maker_fee_pct=D("-0.01")), "maker_fee_pct must be 0 to 5 %"),
        (VenueOptions(taker_fee_pct=D("0.1")), "taker_fee_pct was given, but"),
    ],
)
def test_options_that_cannot_be_used_end_with_one_sentence_and_code_2(
    options: VenueOptions, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_venue(options)
    error = capsys.readouterr().err
    assert ended.value.code == 2 and words in error and error.count("\n") == 1


def test_a_balance_is_for_a_new_account_and_an_existing_one_keeps_its_money(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for wanted, told in ((D(2500), False), (D(2500), False), (D(9000), True)):
        caplog.clear()
        server, _ = build_venue(VenueOptions(state_path=tmp_path / "venue.state", initial_balance=wanted))
        server.start()
        (account,) = server.exchange.accounts.values()
        server.stop()
        assert account.balance == D(2500)
        assert ("was opened with 2500 USD" in caplog.text) == told


def test_busy_port_ends_with_one_sentence_and_code_2(venue: VenueServer, capsys: pytest.CaptureFixture[str]) -> None:
    port = int(venue.addresses.rest_url.rpartition(":")[2])
    with pytest.raises(SystemExit) as ended:
        run_venue(VenueOptions(rest_port=port))
    assert ended.value.code == 2 and f"port {port}" in capsys.readouterr().err


def test_venue_process_announces_itself_trades_and_keeps_its_state_over_sigterm(tmp_path: Path) -> None:
    announcement, state = tmp_path / "venue.json", tmp_path / "venue.state"
    code = (
        "import sys; from pathlib import Path; from trader.venue.launch import VenueOptions, run_venue;"
        "run_venue(VenueOptions(speed=60.0, announce_path=Path(sys.argv[1]), state_path=Path(sys.argv[2])))"
    )
    balances, seeds = [], []
    for _ in range(2):
        command = [sys.executable, "-c", code, str(announcement), str(state)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = msgspec.json.decode(process.stdout.readline())
            assert said == msgspec.json.decode(announcement.read_bytes())
            assert announcement.stat().st_mode & 0o777 == 0o600
            with closing(Rest(said["rest_url"], key=said["api_key"], secret=said["api_secret"])) as rest:
                balances.append(rest.ok("GET", "/v2/wallet/balances")[0]["balance"])
                rest.order(product_symbol="BTCUSD", size=1, side="buy", order_type="market_order")
                balances.append(rest.ok("GET", "/v2/wallet/balances")[0]["balance"])
            seeds.append(said["seed"])
            process.terminate()
            assert process.wait(10) == 0
        assert not announcement.exists(), "nobody listens there any more"
    assert balances[0] == "10000" and balances[1] == balances[2] != balances[3]
    assert seeds[0] == seeds[1], "the seed belongs to the saved market"


def test_lingering_ends_only_without_parent_and_clients_for_the_whole_time() -> None:
    alive, clock = {"parent": "p"}, [0.0]
    linger = Linger(1, 10.0, identity=lambda pid: alive.get("parent"), monotonic=lambda: clock[0])
    script = [(0, "p", 0, False), (5, None, 1, False), (6, None, 0, False), (15, None, 0, False), (16, None, 0, True)]
    for at, parent, clients, stops in script:
        clock[0], alive["parent"] = at, parent  # type: ignore[assignment]
        assert linger(clients) is stops, at
    alive["parent"] = "another process with the same number"
    assert linger(0) is True


def test_process_identity_knows_the_living_from_the_dead() -> None:
    assert process_identity(os.getpid()) == process_identity(os.getpid()) is not None
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert process_identity(child.pid) is None


@pytest.mark.parametrize(
    "script", ["CREATE TABLE notes (x)", "CREATE TABLE header (x)"], ids=["another's", "of another shape"]
)
def test_a_database_of_another_program_was_written_into(script: str, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute(script)
        made.commit()
    with pytest.raises(ConfigError, match=r"state file .*other.db (holds something else|is damaged)"):
        saved_seed(path)
    if "notes" in script:
        with closing(sqlite3.connect(path)) as left:
            assert [row[0] for row in left.execute("SELECT name FROM sqlite_master")] == ["notes"]


def test_a_short_note_was_overwritten_by_a_state_file(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("buy milk")
    with pytest.raises(ConfigError, match=r"note.txt"):
        saved_seed(path)
    assert path.read_text() == "buy milk"
