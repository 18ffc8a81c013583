"""The day: what its limits count, and results that stay in sight, exact to the journal's."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import RunnersHand, picture
from tests.desk.test_status import view_of
from tests.journal import samples_of_records as s
from tests.panel.fake_books import ticket, works
from trader.config.preset import Preset, Risk
from trader.config.settings import Settings
from trader.desk import Day, Desk, wallet_of_day
from trader.desk.day import DayBook
from trader.desk.status_json import status_document
from trader.domain.clock import Now
from trader.domain.fill import Fill
from trader.domain.order import Side
from trader.engine import records as r
from trader.engine.account.losses import made_today, runs_sold
from trader.engine.fold import evolve
from trader.engine.state import State
from trader.engine.view import LegView, TicketView
from trader.journal import Journal
from trader.journal.views import TakenIn

DAY = timedelta(days=1)


def wall() -> datetime:
    return datetime.now(UTC)


def begun(run_id: str, at: datetime, market: datetime | None, **changes: Any) -> r.RunCreated:
    risk = Risk(max_runs_per_day=3, daily_loss_limit_usd=Decimal(500))
    config = Preset(risk=risk).model_dump(mode="json")
    return replace(s.run_created(run_id, market=market), wall=at, config=config, **changes)


def ended(run_id: str, pnl: str, at: datetime, market: datetime | None, reason: str = "time") -> r.RunFinished:
    return replace(s.run_finished(run_id, pnl, market=market), wall=at, exit_reason=reason)


def sold(run_id: str, at: datetime, market: datetime | None) -> r.FillRecorded:
    """Its first entry fill."""
    told = s.fill_recorded(run_id, f"{run_id}-f")
    return replace(told, wall=at, market=market, fill=replace(told.fill, ts_event=market))


def day_of(desk: Desk) -> Day:
    found = desk.status().day
    assert found is not None
    return found


def test_a_maximum_loss_of_minutes_ago_was_on_screen_for_seconds_and_gone(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    now = wall()
    leg = replace(s.leg_terms(), quantity=10)
    sold = s.fill_recorded("a", "f1", quantity=10, commission="0.05")
    journal.append(
        [
            begun("a", now - timedelta(hours=3), now - timedelta(hours=3)),
            r.LegsChosen(run_id="a", wall=now, market=now, legs=(leg,), spot=Decimal(35000), exit_at=now),
            sold,
            ended("a", "-13.90", now - timedelta(minutes=50), now - timedelta(minutes=50), "max_loss"),
            begun("b", now, now),
        ],
        lease=None,
    )
    runner.live(view_of("b"))
    (result,) = day_of(desk).results
    premium = Decimal("391.0") * 10 * Decimal("0.001")
    assert (result.run_id, result.reason, result.pnl) == ("a", "max_loss", Decimal("-13.90"))
    assert result.pnl_pct == Decimal("-13.90") / premium * 100
    assert result.at == now - timedelta(minutes=50)
    report = desk.report("a")
    assert (report.summary.realized_pnl, report.view.premium) == (result.pnl, premium)


def test_the_day_is_what_the_gate_counts(desk: Desk, journal: Journal, settings: Settings, runner: RunnersHand) -> None:
    """Runs of several days, underlyings and presets; the limits and the strip may never tell different sums."""
    now, market = wall(), datetime(2026, 6, 1, 18, 25, tzinfo=UTC)  # 23:55 IST
    told: list[r.AnyRecord] = []
    for number, (pnl, minutes, underlying) in enumerate(
        [("-20.5", -1500, "BTC"), ("4.25", -30, "ETH"), ("-7.125", -2, "BTC"), ("-1", 4, "BTC"), ("2", 6, "BTC")]
    ):
        at = market + timedelta(minutes=minutes)
        name, real = f"r{number}", now - timedelta(minutes=10 - number)
        told += [
            begun(name, real, at, underlying=underlying),
            sold(name, real, at),
            ended(name, pnl, real, at + timedelta(minutes=1)),
        ]
    told += [begun("waits", now, market + timedelta(minutes=8)), begun("open", now, market + timedelta(minutes=8))]
    told.append(sold("open", now, market + timedelta(minutes=8)))
    journal.append(told, lease=None)
    for offset in (0, 10):
        at = market + timedelta(minutes=offset)
        runner.live()
        journal.publish(replace(picture(wall(), view_of("open")), market=at))
        day = day_of(desk)
        state = State(installation="x", epoch=0, env="paper", account_key="paper")
        for _, record in journal.run_bounds("paper", now - 2 * DAY):
            state = evolve(state, record)
        clock = Now(wall(), at)
        assert day.realised == made_today(state, clock).booked
        assert day.runs_made == runs_sold(state, "BTC", clock)
        assert (day.runs_most, day.loss_limit) == (3, Decimal(500))
    assert day.realised == Decimal(1) and day.runs_made == 2  # r3 was made before midnight and ended after it
    assert [result.run_id for result in day.results] == ["r4", "r3", "r2", "r1", "r0"]


def test_results_stay_for_a_day_of_this_clock_although_the_accelerated_market_passed_midnight(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    now, market = wall(), datetime(2026, 6, 1, 18, 0, tzinfo=UTC)
    journal.append(
        [
            begun("old", now - timedelta(hours=26), market - 26 * timedelta(hours=60)),
            ended("old", "-9", now - timedelta(hours=25), market - 25 * timedelta(hours=60)),
            begun("a", now - timedelta(hours=2), market - timedelta(hours=120)),
            ended("a", "-5", now - timedelta(hours=1), market - timedelta(hours=60)),
        ],
        lease=None,
    )
    runner.live()
    journal.publish(replace(picture(wall()), market=market))
    day = day_of(desk)
    assert [result.run_id for result in day.results] == ["a"]
    assert (day.realised, day.runs_made) == (Decimal(0), 0)
    assert day.runs_most == 3  # of the run shown, the one that ended last


def test_a_result_of_the_exchanges_day_stays_however_long_ago_this_clock_saw_it(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    """A replayed market may have stood still overnight: the loss still counts for its day."""
    now, market = wall(), datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
    then = now - timedelta(hours=30)
    journal.append([begun("a", then, market), ended("a", "-5", then, market)], lease=None)
    runner.live()
    journal.publish(replace(picture(wall()), market=market))
    day = day_of(desk)
    assert [result.run_id for result in day.results] == ["a"] and day.realised == Decimal(-5)


def test_a_run_made_long_ago_counts_for_the_day_it_ended_also_when_it_ends_while_looked_at(
    desk: Desk, journal: Journal
) -> None:
    now = wall()
    journal.append([begun("old", now - 5 * DAY, now - 5 * DAY)], lease=None)
    assert day_of(desk).results == ()
    journal.append([ended("old", "-80", now, now)], lease=None)
    day = day_of(desk)
    assert [result.preset for result in day.results] == ["default"]
    assert (day.realised, day.runs_made) == (Decimal(-80), 0)


def test_what_has_ended_is_read_once(desk: Desk, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    now = wall()
    journal.append([begun("a", now, now), ended("a", "1.5", now, now)], lease=None)
    first = day_of(desk)
    asked: list[Any] = []
    monkeypatch.setattr(Journal, "taken_in", lambda self, ids: asked.append(ids) or {})
    bounds = Journal.run_bounds
    rows: list[int] = []

    def counted(self: Journal, *args: Any) -> Any:
        found = bounds(self, *args)
        rows.append(len(found))
        return found

    monkeypatch.setattr(Journal, "run_bounds", counted)
    assert [day_of(desk), day_of(desk)] == [first, first]
    assert (asked, rows) == ([], [])


def test_an_empty_day_knows_no_limits(desk: Desk) -> None:
    day = day_of(desk)
    assert (day.realised, day.open, day.runs_made, day.results) == (Decimal(0), Decimal(0), 0, ())
    assert (day.runs_most, day.loss_limit) == (None, None)


def test_a_run_that_sold_nothing_has_no_share_of_premium(desk: Desk, journal: Journal) -> None:
    now = wall()
    journal.append([begun("a", now, now), ended("a", "0", now, now, "missed_entry")], lease=None)
    (result,) = day_of(desk).results
    assert (result.pnl, result.pnl_pct, result.reason) == (Decimal(0), None, "missed_entry")


@pytest.mark.parametrize(("filled", "pnl", "expected"), [(0, None, "-1.5"), (3, None, None), (3, "2.25", "0.75")])
def test_what_is_open_is_the_sum_of_all_runs_or_unknown(
    desk: Desk, journal: Journal, runner: RunnersHand, filled: int, pnl: str | None, expected: str | None
) -> None:
    journal.append([s.run_created("a"), s.run_created("b")], lease=None)
    leg = LegView(
        key="C", symbol=s.CALL, side="sell", quantity=3, filled_quantity=filled, open_quantity=filled,
        strike=Decimal(36000), expiry=s.EXPIRY,
    )  # fmt: skip
    other = replace(view_of("b"), pnl=None if pnl is None else Decimal(pnl), legs=(leg,))
    runner.live(view_of("a"), other)
    assert day_of(desk).open == (None if expected is None else Decimal(expected))


def test_one_picture_has_one_time_and_what_records_tell_has_none(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    assert desk.status().pictured_at is None
    journal.append([s.run_created("a"), s.run_finished("a", "1"), s.run_created("b")], lease=None)
    runner.live(view_of("b"))
    shown = journal.snapshot("paper")
    assert shown is not None
    status = desk.status()
    assert (status.pictured_at, status.market) == (shown.wall, shown.market)
    assert desk.status("a").pictured_at is None  # drawn from its records
    journal.append([s.run_finished("b", "1")], lease=None)
    assert desk.status().pictured_at is None


def test_premiums_are_what_was_sold_for_and_nothing_bought_back(journal: Journal) -> None:
    base = {"run_id": "a", "wall": s.WALL, "market": s.MARKET}
    bought = Fill(
        fill_id="f2", venue_order_id="701", client_order_id="o-2", symbol=s.CALL, product_id=101, side=Side.BUY,
        quantity=10, price=Decimal("200.5"), commission=None,
    )  # fmt: skip
    journal.append(
        [
            s.run_created("a"),
            r.LegsChosen(**base, legs=(s.leg_terms(),), spot=Decimal(35000), exit_at=s.MARKET),
            s.fill_recorded("a", "f1", quantity=4),
            r.FillRecorded(**base, leg="C", fill=bought),
            s.run_created("b"),
        ],
        lease=None,
    )
    premium = Decimal("391.0") * 4 * Decimal("0.001")
    assert journal.taken_in(["a", "b"]) == {"a": TakenIn(premium, premium, "credit")}


def test_the_document_tells_the_day_exactly(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    now = wall()
    journal.append(
        [begun("a", now, now), sold("a", now, now), ended("a", "-13.900000001", now, now, "max_loss")], lease=None
    )
    runner.live()
    document = json.loads(json.dumps(status_document(desk.status())))
    day = document["day"]
    assert (day["realised"], day["open"], day["runs_made"], day["loss_limit"]) == ("-13.900000001", "0", 1, "500")
    assert [(one["run_id"], one["pnl"], one["reason"]) for one in day["results"]] == [
        ("a", "-13.900000001", "max_loss")
    ]
    assert document["market"] is not None and day["date"] == str(day_of(desk).date)


# -- held over a midnight ----------------------------------------------------------------------------------------------

MIDNIGHT = datetime(2026, 6, 3, 18, 30, tzinfo=UTC)  # of the Indian 3 June, a Wednesday
WED, THU = date(2026, 6, 3), date(2026, 6, 4)


def marked(run_id: str, at: datetime, day: date, pnl: str, carried: str = "0") -> r.DayMarked:
    return r.DayMarked(run_id=run_id, wall=wall(), market=at, day=day, pnl=Decimal(pnl), carried=Decimal(carried))


def held_over(journal: Journal, runner: RunnersHand, pnl: str) -> datetime:
    """Sold on Wednesday, −20 at midnight, open on Thursday; another run has ended with −4 on Thursday, −1 of it Wednesday's."""
    now, market = wall(), MIDNIGHT + timedelta(hours=2)
    early = MIDNIGHT - timedelta(hours=2)
    journal.append(
        [
            begun("open", now, early), sold("open", now, early),
            begun("over", now, early), sold("over", now, early),
            marked("open", MIDNIGHT, WED, "-20"), marked("over", MIDNIGHT, WED, "-1"),
            replace(ended("over", "-4", now, market), carried=Decimal(-1)),
        ],
        lease=None,
    )  # fmt: skip
    leg = LegView(
        key="C", symbol=s.CALL, side="sell", quantity=3, filled_quantity=3, open_quantity=3,
        strike=Decimal(36000), expiry=s.EXPIRY,
    )  # fmt: skip
    view = replace(view_of("open"), pnl=Decimal(pnl), legs=(leg,))
    runner.live(view)
    journal.publish(replace(picture(wall(), view), market=market))
    return market


def test_what_an_open_run_lost_yesterday_is_yesterdays(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    held_over(journal, runner, "-26.5")
    day = day_of(desk)
    assert (day.date, day.realised, day.open, day.carried) == (THU, Decimal(-3), Decimal("-26.5"), Decimal(-20))
    assert (day.open_today, day.total) == (Decimal("-6.5"), Decimal("-9.5"))
    assert (day.week, day.week_total) == (Decimal(-24), Decimal("-30.5"))
    assert day.runs_made == 0, "both sold on Wednesday"
    document = status_document(desk.status())["day"]
    assert (document["open_today"], document["total"], document["week_total"]) == ("-6.5", "-9.5", "-30.5")


def test_the_days_of_the_account_and_whether_the_wallet_agrees(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    market = held_over(journal, runner, "-26.5")
    compared = r.DayCompared(
        run_id="", wall=market, market=market, account="paper", day=WED, until=MIDNIGHT,
        lines={"cashflow": Decimal("9.1")}, besides={"deposit": Decimal(500)}, difference=Decimal("-2.235"),
    )  # fmt: skip
    journal.append([compared], lease=None, account="paper")
    journal.append([replace(compared, account="another", day=THU)], lease=None, account="another")
    thursday, wednesday = desk.days()
    assert (thursday.date, thursday.made, thursday.runs, wallet_of_day(thursday)) == (THU, Decimal("-9.5"), 0, "so far")
    assert (wednesday.date, wednesday.made, wednesday.runs) == (WED, Decimal(-21), 2)
    assert wallet_of_day(wednesday) == "differs by -2.235 USD; besides deposit +500"
    unread = replace(wednesday, difference=None, why="the ledger could not be read: 503", besides={})
    assert wallet_of_day(unread) == "not compared: the ledger could not be read: 503"
    assert wallet_of_day(replace(wednesday, difference=Decimal(0), besides={})) == "agrees"
    assert [row.date for row in desk.days(1)] == [THU]


def test_a_run_of_long_ago_that_is_marked_now_is_read_with_its_beginning(desk: Desk, journal: Journal) -> None:
    now = wall()
    journal.append(
        [begun("old", now - 12 * DAY, now - 12 * DAY), sold("old", now - 12 * DAY, now - 12 * DAY)], lease=None
    )
    assert day_of(desk).runs_made == 0
    today = day_of(desk).date
    journal.append([marked("old", now, today - DAY, "-7", "-5")], lease=None)
    assert day_of(desk).carried == Decimal(-7)
    journal.append([replace(ended("old", "-9", now, now), carried=Decimal(-7))], lease=None)
    day = day_of(desk)
    assert (day.realised, day.carried, day.runs_made) == (Decimal(-2), 0, 0)
    assert [(row.made, row.runs) for row in desk.days()] == [(-2, 0), (-2, 0), (0, 1)]


def test_what_single_orders_hold_was_left_out_of_the_day(journal: Journal) -> None:
    """The account's loss limits count it, so the figure that is held against them has to."""
    now = wall()
    held, waits = ticket(pnl=Decimal("-3.5")), replace(works(), filled=0)

    def opened(*tickets: TicketView) -> Decimal | None:
        return DayBook(journal, "paper").day(now, now, runs=(), tickets=tickets, shown=None, risk=None).open

    assert opened(held, waits) == Decimal("-3.5")
    assert opened(held, ticket("other", pnl=None)) is None, "it holds something that has no price"
    assert opened(works()) is None and opened(waits) == 0
