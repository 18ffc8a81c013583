"""The board: each prerequisite met and unmet, and no exchange at all."""

from decimal import Decimal

import pytest

from tests.desk.conftest import RunnersHand, announce
from tests.desk.test_market import CALL, PRESET, PUT, board, quote
from tests.e2e.test_odd_rows import spoil
from tests.journal import samples_of_records as s
from trader.config.preset import Preset
from trader.config.settings import Settings
from trader.desk import Desk, RunnerHealth
from trader.desk import prerequisites as pre
from trader.desk.market import build_preview
from trader.domain.errors import ConfigError, OutcomeUnknown, VenueRefused
from trader.domain.fill import Position
from trader.domain.order import OrderSnapshot, Side
from trader.domain.wallet import Wallet
from trader.exchange.odd_rows import OddFigures
from trader.exchange.statistics import CacheFigures, CallStatistics
from trader.journal import Journal
from trader.venue.server import VenueServer


def order(client_order_id: str | None) -> OrderSnapshot:
    return OrderSnapshot(
        venue_order_id="1",
        client_order_id=client_order_id,
        symbol=s.CALL,
        product_id=1,
        side=Side.SELL,
        quantity=3,
        leaves_qty=3,
        limit_price=Decimal(1),
        avg_px=None,
        venue_state="open",
    )


def position(quantity: int) -> Position:
    return Position(symbol=s.CALL, product_id=1, quantity=quantity)


@pytest.mark.parametrize(
    ("positions", "orders", "expected", "ok", "words"),
    [
        ([], [], {}, True, "no position"),
        ([position(0)], [], {}, True, "no position"),
        ([position(-10)], [], {s.CALL: -10}, True, "no position"),
        ([position(-10)], [], {}, False, f"-10 {s.CALL} where our runs account for 0"),
        ([position(-12)], [], {s.CALL: -10}, False, f"-12 {s.CALL} where our runs account for -10"),
        ([], [order("sdabcd-x")], {}, True, "no position"),
        ([], [order("sdzzzz-x")], {}, False, f"an open order sell 3 {s.CALL} that is not ours"),
        ([], [order(None)], {}, False, "not ours"),
    ],
)
def test_foreign_positions_and_orders_are_named(
    positions: list[Position], orders: list[OrderSnapshot], expected: dict[str, int], ok: bool, words: str
) -> None:
    verdict = pre.check_nothing_foreign(positions, orders, expected, "abcd")
    assert verdict[0] is ok and words in verdict[1]


@pytest.mark.parametrize(("offset", "ok"), [(0.0, True), (2.0, True), (-2.0, True), (2.1, False), (-2.1, False)])
def test_clock_may_differ_by_two_seconds(offset: float, ok: bool) -> None:
    verdict = pre.check_clock(offset)
    assert verdict[0] is ok
    assert ("behind" if offset < 0 else "ahead") in verdict[1]


def wallet(available: str) -> Wallet:
    return Wallet(balance=Decimal(available), available=Decimal(available), blocked_margin=Decimal(0))


def test_margin_counts_both_legs_and_fees() -> None:
    preview = build_preview(PRESET, board(quote(CALL, 0.12), quote(PUT, -0.12)))
    assert preview.margin is not None and preview.fees is not None
    needed = preview.margin + preview.fees
    assert pre.check_margin(preview, wallet(str(needed)))[0]
    assert not pre.check_margin(preview, wallet(str(needed - Decimal("0.00000001"))))[0]
    nothing = pre.check_margin(build_preview(PRESET, board(quote(CALL, 0.5))), wallet("10000"))
    assert not nothing[0] and "nothing to sell now" in nothing[1]


def test_runner_check_says_what_to_do() -> None:
    alive = RunnerHealth(alive=True, heartbeat_age_s=0.1, host="process", pid=7)
    assert pre.check_runner(alive) == (True, "alive, hosted in a process (process 7)")
    dead = pre.check_runner(RunnerHealth(alive=False, heartbeat_age_s=61.2, host="process", pid=7))
    assert not dead[0] and "61 s ago" in dead[1]
    assert not pre.check_runner(RunnerHealth(alive=False, heartbeat_age_s=None, host=None, pid=None))[0]


@pytest.mark.parametrize("error", [ConfigError("no venue"), OutcomeUnknown("timeout")])
def test_check_that_cannot_look_has_failed(error: Exception) -> None:
    def look() -> pre.Verdict:
        raise error

    assert pre.run_check("x", look).ok is False


def test_board_without_an_exchange_fails_in_words_and_never_raises(desk: Desk) -> None:
    results = {check.name: check for check in desk.checks()}
    assert {name for name, check in results.items() if check.ok} == {"configuration", "journal"}
    assert all(check.words and "\n" not in check.words for check in results.values())
    assert "No local venue is running" in results["signed API"].words


def test_board_with_a_broken_snapshot_names_it(desk: Desk, settings: Settings) -> None:
    settings.snapshot.write_text("{")
    results = {check.name: check for check in desk.checks()}
    assert not results["configuration"].ok and str(settings.snapshot) in results["configuration"].words


# ---------------------------------------------------------------- against a real venue


def test_board_with_venue_and_runner_is_all_met(
    desk: Desk, settings: Settings, venue: VenueServer, runner: RunnersHand
) -> None:
    announce(settings, venue)
    runner.live()
    assert [check for check in desk.checks() if not check.ok] == []


def test_board_shows_a_wrong_key(desk: Desk, settings: Settings, venue: VenueServer) -> None:
    announce(settings, venue)
    path = settings.home / "venue.json"
    path.write_text(path.read_text().replace("desk-key", "wrong-key"))
    results = {check.name: check for check in desk.checks()}
    assert results["public API"].ok and not results["signed API"].ok
    assert "wrong-key" not in str(results)


def test_preview_and_expiries_come_from_the_venue(
    desk: Desk, settings: Settings, venue: VenueServer, journal: Journal
) -> None:
    announce(settings, venue)
    choices = desk.expiries("BTC")
    assert choices and [c.expiry for c in choices] == sorted(c.expiry for c in choices)
    seen = desk.preview(Preset())
    assert seen.reasons == () and [leg.key for leg in seen.legs] == ["C", "P"]
    assert all(Decimal("0.10") <= abs(Decimal(leg.delta)) <= Decimal("0.15") for leg in seen.legs)
    assert seen.premium is not None and seen.premium > 0
    assert len(seen.breakevens) == 2 and seen.spot is not None
    assert seen.breakevens[0] < seen.spot < seen.breakevens[1]
    assert journal.records() == []  # looking leaves no trace


def test_the_connection_row_tells_refusals_from_silence() -> None:
    counters = CallStatistics()
    counters.record_call("GET /v2/tickers", 0.012, None)
    counters.record_call("GET /v2/fills", 0.5, OutcomeUnknown("time-out"))
    counters.record_call("DELETE /v2/orders", 0.01, VenueRefused("open_order_not_found"))
    cache = CacheFigures(size=1_500, hits=9, misses=1)
    figures = counters.snapshot(quota_left=9_990, clock_offset_secs=0.0, cache=cache, breaker_opened=0)
    ok, words = pre.check_client(figures)
    assert ok
    assert words == (
        "3 calls, 1 without a usable answer; slowest GET /v2/tickers with p99 12 ms; 9,990 weight units left; "
        "1,500 contracts cached, 90% of questions answered from there"
    )
    counters.record("orders_submitted", 2)
    counters.record("orders_filled")
    counters.reconnected("private")
    figures = counters.snapshot(quota_left=9_990, clock_offset_secs=0.0, cache=cache, breaker_opened=0)
    assert pre.check_clients(figures, None) == (True, words)
    assert pre.check_clients(figures, figures) == (
        True,
        f"{words}. The runner's: 2 orders sent (1 filled at once, 0 refused, 0 without an answer), 0 cancelled; "
        f"reconnections: private 1, public 0; {words}",
    )
    spent = counters.snapshot(quota_left=0, clock_offset_secs=0.0, cache=cache, breaker_opened=0)
    assert not pre.check_client(spent)[0]


def test_rows_left_out_are_named_and_stand_in_nobodys_way() -> None:
    rows = tuple(f"X{n} in the product list: tick_size is missing" for n in range(10))
    ok, words = pre.check_left_out(OddFigures(times=12, now=rows))
    assert ok and "X0 in the product list" in words and words.endswith("; and 2 more")
    assert pre.check_left_out(OddFigures()) == (True, "every row of the exchange's lists makes sense")


def test_an_unreadable_position_fails_the_check_by_name_and_shows_in_the_board(
    desk: Desk, settings: Settings, venue: VenueServer
) -> None:
    announce(settings, venue)
    gateway = desk._door.gateway()
    spoil(gateway, {"positions": lambda rows: [*rows, {"product_symbol": "BTCUSD", "product_id": 27, "size": []}]})
    board = {check.name: check for check in desk.checks()}
    assert not board["nothing foreign"].ok and "BTCUSD" in board["nothing foreign"].words
    assert board["rows left out"].ok and "BTCUSD in the positions" in board["rows left out"].words
