"""What is used of the account's limits: in words, of the worst contract or underlying, and unknown where it is."""

from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from tests.desk.conftest import RunnersHand
from tests.desk.test_status import view_of
from tests.journal import samples_of_records as s
from trader.config.account_limits import AccountLimits
from trader.desk import Day, Desk, Status, uses
from trader.engine.records import LimitsSet, LossLocked
from trader.engine.view import Exposure, Totals
from trader.journal import Journal

D = Decimal


def status(desk: Desk, *exposures: Exposure, day: Day | None = None) -> Status:
    totals = Totals(limits=AccountLimits().document(), locked="", exposures=exposures)
    return replace(desk.status(), totals=totals, day=day)


def held(symbol: str, contracts: int, notional: str | None, underlying: str = "BTC") -> Exposure:
    value = None if notional is None else D(notional)
    return Exposure(symbol=symbol, underlying=underlying, contracts=contracts, notional=value)


def today(realised: str, open_: str | None, week: str = "0") -> Day:
    opened = None if open_ is None else D(open_)
    return Day(date=date(2026, 11, 30), realised=D(realised), open=opened, runs_made=1, runs_most=None, loss_limit=None,
               results=(), week=D(week))  # fmt: skip


def test_contracts_and_notional_of_the_largest(desk: Desk) -> None:
    found = uses(
        AccountLimits(contracts_total=60_000),
        status(desk, held("C", 40, "4000"), held("P", 60, "6000"), held("E", 50, "150", "ETH")),
    )
    assert found["contracts_per_instrument"].words == "60 of 20,000 contracts (P)"
    assert found["contracts_per_underlying"].words == "100 of 50,000 contracts (BTC)"
    assert (found["contracts_total"].words, found["contracts_total"].share) == ("150 of 60,000 contracts", 0.0025)
    assert found["notional_per_underlying_usd"].words == "10,000 of 10,000,000 USD (BTC)"


def test_losses_realised_and_open_against_their_limits(desk: Desk) -> None:
    limits = AccountLimits(daily_loss_usd=D(50), weekly_loss_usd=D(80))
    found = uses(limits, status(desk, day=today("-10", "-2.40", "-30")))
    assert found["daily_loss_usd"].words == "−12.40 of −50.00 USD today, of it open −2.40"
    assert found["daily_loss_usd"].share == 0.248
    assert found["weekly_loss_usd"].words == "−32.40 of −80.00 USD since Monday, of it open −2.40"
    assert uses(limits, status(desk, day=today("10", "2")))["daily_loss_usd"].share == 0


def test_what_is_not_known_is_not_zero(desk: Desk) -> None:
    unknown = uses(AccountLimits(), replace(status(desk), totals=None))
    assert unknown["contracts_total"].words == unknown["notional_total_usd"].words == "not known"
    assert uses(AccountLimits(), status(desk, held("C", 4, None)))["notional_total_usd"].share is None
    assert uses(AccountLimits(), status(desk, day=today("1", None)))["daily_loss_usd"].words == "not known"


def test_runs_are_counted_by_underlying(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    journal.append([s.run_created("a"), s.run_created("b")], lease=None)
    runner.live(view_of("a"), view_of("b"))
    found = uses(AccountLimits(), desk.status())
    assert (found["open_runs"].words, found["open_runs_per_underlying"].words) == ("2 of 6 runs", "2 of 3 runs (BTC)")


def test_limits_and_lock_were_set_and_nobody_was_told(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    """Decisions about the account as a whole are told beside those of the run that is shown."""
    journal.append([s.run_created("a")], lease=None)
    at = s.run_created("a").wall
    set_ = LimitsSet(run_id="", wall=at, account="paper", limits=AccountLimits().document(), issued_by="mia")
    locked = LossLocked(run_id="", wall=at, account="paper", day=date(2026, 11, 30), reason="the loss was reached")
    journal.append([set_, locked], lease=None, account="paper")
    journal.append([replace(locked, account="another", reason="another's")], lease=None, account="another")
    told = [one.text for one in desk.status().happened]
    assert "The account's limits were set (mia)" in told and "No entry until tomorrow: the loss was reached" in told
    assert not [text for text in told if "another" in text]


def test_limits_that_wait_for_a_runner_are_what_the_next_change_begins_with(desk: Desk) -> None:
    assert desk.limits_asked() is None
    wanted = AccountLimits(open_runs=4)
    desk.set_limits(wanted, issued_by="panel", seen=AccountLimits())
    assert desk.limits_asked() == wanted and desk.limits() == AccountLimits()
