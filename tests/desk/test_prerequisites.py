"""The board: each prerequisite met and unmet, and no exchange at all."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.desk.conftest import RunnersHand, announce
from tests.desk.test_market import CALL, PRESET, PUT, board, quote
from tests.e2e.test_odd_rows import spoil
from trader.config.account_limits import AccountLimits
from trader.config.preset import Preset
from trader.config.settings import Settings
from trader.desk import CheckResult, Desk, RunnerHealth
from trader.desk import prerequisites as pre
from trader.desk.margin import Margined
from trader.desk.market import Board, build_preview
from trader.domain.errors import ExchangeError, JournalError, OutcomeUnknown, VenueRefused
from trader.domain.margin import MarginTerms
from trader.domain.wallet import Wallet
from trader.engine.records import LimitsSet
from trader.exchange.common.odd_rows import OddFigures
from trader.exchange.common.statistics import CacheFigures, CallStatistics
from trader.journal import Journal
from trader.venue.server import VenueServer


class OnlyMoney:
    """A gateway that tells the wallet and answers nothing else."""

    def __init__(self, available: Decimal) -> None:
        self._available = available

    def wallet(self) -> Wallet:
        return Wallet(balance=self._available, available=self._available, blocked_margin=Decimal(0))

    def explain(self, error: ExchangeError) -> str:
        return f"explained: {error}"

    def __getattr__(self, name: str) -> Any:
        raise OutcomeUnknown(f"no answer to {name}")


def rows(settings: Settings, seen: Board, available: Decimal) -> dict[str, CheckResult]:
    def unreadable() -> Any:
        raise JournalError("the journal cannot be read")

    finder = pre.FactFinder(
        settings,
        "paper",
        journal=unreadable,
        gateway=lambda: OnlyMoney(available),  # type: ignore[arg-type,return-value]
        board=lambda underlying: seen,
        status=unreadable,
        margin=lambda: MarginTerms(mode="isolated", default_auto_topup=False),
    )
    return {row.name: row for row in pre.results(finder.items(PRESET, ()))}


def test_margin_counts_both_legs_and_fees(settings: Settings) -> None:
    seen = board(quote(CALL, 0.12), quote(PUT, -0.12))
    preview = build_preview(PRESET, seen, Margined(mode="isolated"))
    assert preview.margin is not None and preview.fees is not None
    needed = preview.margin + preview.fees
    assert rows(settings, seen, needed)["margin"].ok is True
    assert rows(settings, seen, needed - Decimal("0.00000001"))["margin"].ok is False
    nothing = rows(settings, board(quote(CALL, 0.5)), Decimal(10_000))
    assert nothing["legs"].ok is False and nothing["margin"].ok is None


def test_what_cannot_be_asked_is_not_met_and_hides_nothing_else(settings: Settings) -> None:
    found = rows(settings, board(quote(CALL, 0.12), quote(PUT, -0.12)), Decimal(10_000))
    assert {name for name, row in found.items() if row.ok} == {
        "configuration",
        "public API",
        "legs",
        "margin",
        "margin mode",
        "auto top-up",
    }
    assert found["signed API"].words == "explained: no answer to who_am_i"
    assert "cannot be read" in found["nothing foreign"].words and found["nothing foreign"].ok is False


def test_runner_check_says_what_to_do() -> None:
    alive = RunnerHealth(alive=True, heartbeat_age_s=0.1, host="process", pid=7)
    assert pre.check_runner(alive) == (True, "alive, hosted in a process (process 7)")
    dead = pre.check_runner(RunnerHealth(alive=False, heartbeat_age_s=61.2, host="process", pid=7))
    assert not dead[0] and "61 s ago" in dead[1]
    assert not pre.check_runner(RunnerHealth(alive=False, heartbeat_age_s=None, host=None, pid=None))[0]


def test_board_without_an_exchange_fails_in_words_and_never_raises(desk: Desk) -> None:
    results = {check.name: check for check in desk.checks()}
    met = {name for name, check in results.items() if check.ok}
    assert met == {"configuration", "journal", "trading level", "daily loss", "runs a day", "account loss", "open runs"}
    # What the runner alone knows is not known while there is none, and the money is not asked after without legs.
    assert {name for name, check in results.items() if check.ok is None} == {
        "request budget",
        "normal market",
        "account stream",
        "account size",
        "margin",
        "margin mode",
        "auto top-up",
    }
    assert "cannot be read" in results["nothing foreign"].words
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


def test_board_counts_the_whole_entry_against_the_limits_of_the_account(
    desk: Desk, settings: Settings, venue: VenueServer, journal: Journal
) -> None:
    announce(settings, venue)
    tight = AccountLimits(contracts_per_instrument=1, contracts_per_underlying=3)
    made = LimitsSet(run_id="", wall=datetime.now(UTC), account="paper", limits=tight.document())
    journal.append([made], lease=None, account="paper")
    rows = {name: next(c for c in desk.checks(name) if c.name == "account size") for name in ("default", "iron_condor")}
    assert rows["default"].ok
    assert not rows["iron_condor"].ok
    assert rows["iron_condor"].words == "4 contracts on BTC with this entry, contracts_per_underlying is 3"


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
