"""Broken streams under the real runner, over the real wire: REST takes over, the books stay right, silence is noticed (N9–N13)."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.e2e.rig import KEY, SECRET, START, USER, Rig, await_value, preset
from tests.killpoints.rig import executions
from tests.process.rig import PATIENCE_SECS
from trader.engine.records import FillRecorded, Phase
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.stream.streams import PrivateStream, PublicStream, Timings
from trader.runner.feed import Feed
from trader.venue.faults.helper import VenueFaults
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire import connection
from trader.venue.wire.auth import Credential

BUSY_SECS = 2.0  # what a machine that does other things too may add to a limit
SCALE = 10  # the streams' clocks run so much faster here: 35 s of silence are 3.5
QUICK = Timings(
    connect_secs=2,
    answer_secs=1,
    heartbeat_secs=35 / SCALE,
    ping_secs=30 / SCALE,
    pong_secs=5 / SCALE,
    tick_secs=1 / SCALE,
    backoff_first_secs=0.5 / SCALE,
    backoff_longest_secs=30 / SCALE,
    stable_secs=30 / SCALE,
)
_accounts = itertools.count()


def later(*values: str) -> Any:
    """A case for `make t1`."""
    return pytest.param(*values, marks=pytest.mark.t1)


PRESET = preset(strategy={"quantity": 5, "max_spread_pct": 80}, orders={"timeout_secs": 1, "exit_timeout_secs": 1})


pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def venue() -> Iterator[VenueServer]:
    """One exchange for the file with an account for each test: a runner takes another installation's orders seriously."""
    keys = tuple(Credential(api_key=f"{KEY}-{n}", api_secret=SECRET, user_id=USER + n) for n in range(40))
    settings = VenueSettings(credentials=keys, speed=5.0, control_port=0, connects_max=10_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "HEARTBEAT_SECS", 1)  # the beat that belongs to QUICK
        server = VenueServer(SyntheticMarket(SyntheticSettings(seed=5, start=START)), settings)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def faults(venue: VenueServer) -> Iterator[VenueFaults]:
    assert venue.addresses.control_url is not None
    made = VenueFaults(venue.addresses.control_url)
    yield made
    made.clear()


@pytest.fixture
def rig(venue: VenueServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    for stream in (PublicStream, PrivateStream):
        defaults: Any = stream.__init__.__kwdefaults__
        monkeypatch.setitem(defaults, "timings", QUICK)
    made = Rig(venue, tmp_path)
    made.credentials = Credentials(f"{KEY}-{next(_accounts)}", SECRET)
    made.gateway = DeltaGateway(venue.addresses.rest_url, made.credentials)
    yield made
    made.halt()


def hold(rig: Rig, chosen: Any = PRESET) -> Any:
    if rig.runner is None:
        rig.boot()
    rig.start(chosen)
    return rig.await_view(lambda v: v.phase is Phase.HOLDING and v.pnl is not None, PATIENCE_SECS, "holding")


def close(rig: Rig) -> Any:
    rig.stop()
    done = rig.await_view(lambda v: v.phase is Phase.DONE, PATIENCE_SECS, "done")
    check_books(rig, done.run_id)
    return done


def check_books(rig: Rig, run_id: str) -> None:
    """BK1 and BK2: the same fills once each, and money to the last digit."""
    summary = await_value(lambda: finished(rig, run_id), PATIENCE_SECS, "the run's end in the journal")
    booked = executions(r.fill for _, r in rig.journal.records(run_id) if isinstance(r, FillRecorded))
    assert booked == executions(rig.gateway.fills(None))
    assert summary.realized_pnl == rig.ledger_change()


def finished(rig: Rig, run_id: str) -> Any:
    summary = rig.journal.run(run_id)
    return summary if summary is not None and summary.finished_at is not None else None


def feed_of(rig: Rig) -> Feed:
    assert rig.runner is not None
    return rig.runner._feed


def noticed(rig: Rig, stream: str, state: str, secs: float) -> float:
    """Seconds until the feed says so of a stream."""
    began = time.monotonic()
    await_value(lambda: feed_of(rig).states[stream] == state or None, secs, f"{stream} {state}")
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        ("gap", "orders"),
        ("gap", "v2/user_trades"),
        ("reorder", "v2/user_trades"),
        later("reorder", "orders"),
        later("duplicate", "orders"),
        later("duplicate", "v2/user_trades"),
        later("renumber", "orders"),
        later("renumber", "v2/user_trades"),
    ],
)
def test_n9_news_that_is_lost_doubled_or_swapped_is_made_up_by_rest(
    rig: Rig, faults: VenueFaults, kind: str, channel: str
) -> None:
    probability = {"probability": 0.7, "seed": 4} if kind != "renumber" else {"nth": 2}
    rule = faults.add("N9", kind, match={"socket": "private", "channel": channel, **probability}, times=50)
    hold(rig)
    close(rig)
    assert rule.happened >= 1


@pytest.mark.t1
def test_n9_an_order_nobody_placed_does_not_disturb(rig: Rig, faults: VenueFaults) -> None:
    rule = faults.add("N9", "unknown_order", match={"channel": "orders"}, times=2)
    hold(rig)
    close(rig)
    assert rule.happened == 2


def test_n10_a_silent_account_stream_is_noticed_and_rest_does_its_work(rig: Rig, faults: VenueFaults) -> None:
    """LV3: 30 s of heartbeat and 5 of grace, here a tenth; the whole run goes on meanwhile."""
    assert Timings().heartbeat_secs <= 35
    rig.boot()
    noticed(rig, "private", "up", PATIENCE_SECS)
    rule = faults.add("N10", "stall", match={"socket": "private"}, times=1_000_000)
    began = time.monotonic()
    noticed(rig, "private", "down", 35 / SCALE + BUSY_SECS)
    assert time.monotonic() - began <= 35 / SCALE + BUSY_SECS
    rule.remove()
    noticed(rig, "private", "up", PATIENCE_SECS)
    hold(rig)
    with faults.fault("N10", "data_stall", match={"socket": "private"}) as stall:
        close(rig)  # not one order or fill came over the stream
        assert stall.happened >= 2


def test_n10_silent_marks_of_open_legs_are_asked_for_within_five_seconds(rig: Rig, faults: VenueFaults) -> None:
    held = hold(rig)
    seen = len(faults.requests())
    with faults.fault("N10", "data_stall", match={"socket": "public"}):
        began = time.time()

        def asked() -> float | None:
            told = [row["at"] for row in faults.requests(after=seen) if row["path"] == "/v2/tickers"]
            return next((at for at in told if at >= began), None)

        assert await_value(asked, 12, "the quotes read over REST") - began <= 5 + BUSY_SECS
        fresh = rig.await_view(
            lambda v: v.pnl is not None and v.pnl != held.pnl, PATIENCE_SECS, "a P&L from prices read over REST"
        )
        assert fresh.phase is Phase.HOLDING
    close(rig)


@pytest.mark.t1
def test_n10_one_silent_leg_is_asked_for_too(rig: Rig, faults: VenueFaults) -> None:
    held = hold(rig)
    symbol = held.legs[0].symbol
    seen = len(faults.requests())
    with faults.fault("N10", "data_stall", match={"socket": "public", "symbol": symbol}):
        began = time.time()

        def asked() -> float | None:
            told = [row["at"] for row in faults.requests(after=seen) if row["path"] == "/v2/tickers"]
            return next((at for at in told if at >= began), None)

        assert await_value(asked, 15, "the quotes read over REST") - began <= 8 + BUSY_SECS
    close(rig)


@pytest.mark.t1
def test_n10_a_half_open_connection_is_given_up(rig: Rig, faults: VenueFaults) -> None:
    hold(rig)
    with faults.fault("N10", "half_open", for_secs=8):
        noticed(rig, "public", "down", 35 / SCALE + BUSY_SECS)
    noticed(rig, "public", "up", PATIENCE_SECS)
    close(rig)


@pytest.mark.parametrize("kind", ["login_refused", later("login_silent")])
def test_n11_no_login_no_entry(rig: Rig, faults: VenueFaults, kind: str) -> None:
    rule = faults.add("N11", kind)
    rig.boot()
    await_value(lambda: rule.happened or None, PATIENCE_SECS, "a refused login")
    rig.start(PRESET)
    why = "account's stream is down: login refused"
    stuck = rig.await_view(lambda v: any(why in w for w in v.why_not), PATIENCE_SECS, "held back, and why")
    assert stuck.phase is Phase.WAITING
    assert rig.gateway.order_history(START.replace(year=2020)) == []
    rule.remove()
    rig.await_view(lambda v: v.phase is Phase.HOLDING, PATIENCE_SECS, "holding once the login works")
    close(rig)


@pytest.mark.parametrize("kind", ["moved", later("forbidden"), later("subscription_silent")])
def test_n11_a_channel_that_is_gone_is_loud_and_holds_entries_back(rig: Rig, faults: VenueFaults, kind: str) -> None:
    rule = faults.add("N11", kind, match={"channel": "v2/user_trades"})
    rig.boot()
    rig.start(PRESET)
    stuck = rig.await_view(lambda v: any("v2/user_trades" in w for w in v.why_not), PATIENCE_SECS, "held back, and why")
    assert stuck.phase is Phase.WAITING
    rule.remove()
    faults.add("N13", "disconnect", match={"socket": "private"})  # as the exchange does when it moves channels
    rig.await_view(lambda v: v.phase is Phase.HOLDING, PATIENCE_SECS, "holding on a new connection")
    close(rig)


def test_n13_a_storm_of_reconnects_stays_within_the_exchanges_limit(rig: Rig, faults: VenueFaults) -> None:
    hold(rig)
    faults.add("N13", "abort")
    with faults.fault("N13", "storm", secs=0.05) as storm:
        rig.stop()
        rig.await_view(lambda v: v.phase is Phase.DONE, PATIENCE_SECS, "closed in the middle of the storm")
        await_value(lambda: storm.happened >= 10 or None, 60, "a storm")
        time.sleep(2)  # time in which it could connect too often: absence has no condition to wait for
        assert storm.happened <= 60  # 30 in five minutes for each of the two
    check_books(rig, rig.journal.runs()[0].run_id)


@pytest.mark.t1
def test_n14_streams_behind_rest_book_nothing_twice(rig: Rig, faults: VenueFaults) -> None:
    rules = [faults.add("N14", match={"channel": channel}, secs=2.5) for channel in ("orders", "v2/user_trades")]
    hold(rig)
    close(rig)
    assert all(rule.happened >= 4 for rule in rules)
    time.sleep(3)  # until the last late frame has come
    run_id = rig.journal.runs()[0].run_id
    booked = executions(r.fill for _, r in rig.journal.records(run_id) if isinstance(r, FillRecorded))
    assert booked == executions(rig.gateway.fills(None))


def test_the_scaled_clocks_are_the_real_ones_divided() -> None:
    """What is shown here at a tenth is what runs."""
    real = Timings()
    for name in ("heartbeat_secs", "ping_secs", "pong_secs", "tick_secs", "backoff_first_secs", "backoff_longest_secs"):
        assert getattr(QUICK, name) == pytest.approx(getattr(real, name) / SCALE), name
    assert msgspec.structs.asdict(QUICK).keys() == msgspec.structs.asdict(real).keys()
