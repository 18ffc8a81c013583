"""What screens read: runs, orders, fills with their cost, alerts, day totals, the P&L series, the live picture."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journal import samples_of_records as s
from trader.domain.order import OrderStatus
from trader.engine import records as r
from trader.engine.view import LiveSnapshot, Ops
from trader.journal import Journal, Lease, Sample
from trader.journal.downsample import keep_extremes


def test_unresolved_runs_are_those_created_and_not_finished(journal: Journal, lease: Lease) -> None:
    journal.append([s.run_created("a")], lease=lease)
    journal.append([s.run_created("b")], lease=lease)
    journal.append([s.run_finished("a", "1.5")], lease=lease)
    assert journal.unresolved_runs("paper") == ["b"]
    assert journal.unresolved_runs("testnet-1a2b3c4d") == []


def test_run_bounds_are_the_first_and_last_records_since_an_instant(journal: Journal, lease: Lease) -> None:
    old = msgspec.structs.replace(s.run_created("old"), wall=s.WALL - timedelta(days=3))
    journal.append([old], lease=lease)
    journal.append(s.one_of_each("a"), lease=lease)
    found = journal.run_bounds("paper", s.WALL)
    kinds = [r.RunCreated, r.FillRecorded, r.DayMarked, r.RunFinished]
    assert [(type(record), record.run_id) for _, record in found] == [(kind, "a") for kind in kinds]
    assert [seq for seq, _ in found] == [
        2 + number for number, record in enumerate(s.one_of_each("a")) if type(record) in kinds
    ]
    assert journal.run_bounds("testnet-1a2b3c4d", s.WALL) == []


def test_runs_are_summed_up_newest_first(journal: Journal, lease: Lease) -> None:
    journal.append(s.one_of_each("a"), lease=lease)
    journal.append([s.run_created("b"), s.phase("b", r.Phase.ENTERING)], lease=lease)
    b, a = journal.runs(account="paper")
    assert (b.run_id, b.phase, b.legs, b.fill_count, b.finished_at) == ("b", "entering", (), 0, None)
    assert (a.run_id, a.phase, a.legs, a.fill_count) == ("a", "done", (s.CALL,), 1)
    assert (a.realized_pnl, a.fees, a.exit_reason) == (Decimal("1.4766"), Decimal("0.20"), "time")
    assert [run.run_id for run in journal.runs(finished=True)] == ["a"]
    assert [run.run_id for run in journal.runs(finished=False)] == ["b"]
    assert [run.run_id for run in journal.runs(limit=1, offset=1)] == ["a"]
    assert journal.run("nope") is None


def test_single_orders_are_no_runs_in_lists_and_are_told_where_they_are_asked_for(
    journal: Journal, lease: Lease
) -> None:
    ticket = msgspec.structs.replace(s.run_created("t"), preset="", config={}, ticket={"symbol": "BTCUSD"})
    journal.append([s.run_created("a"), ticket], lease=lease)
    assert [run.run_id for run in journal.runs(account="paper")] == ["a"]
    assert [run.run_id for run in journal.runs(account="paper", tickets=True)] == ["t", "a"]
    assert journal.unresolved_runs("paper") == ["a", "t"]
    assert journal.unresolved_runs("paper", tickets=False) == ["a"]
    told = journal.run("t")
    assert told is not None and (told.preset, told.premium) == ("", None)


def test_fills_carry_the_commission_that_came_later(journal: Journal, lease: Lease) -> None:
    journal.append(
        [s.run_created("a"), s.fill_recorded("a", "f1"), s.fill_recorded("a", "f2", commission="0.02")], lease=lease
    )
    assert [row.fill.commission for row in journal.fills("a")] == [None, Decimal("0.02")]
    cost = r.FillCosted(run_id="a", wall=s.WALL, fill_id="f1", commission=Decimal("0.0753148"))
    journal.append([cost], lease=lease)
    assert [row.fill.commission for row in journal.fills("a")] == [Decimal("0.0753148"), Decimal("0.02")]


def test_orders_show_the_latest_that_was_heard(journal: Journal, lease: Lease) -> None:
    journal.append([s.run_created("a"), s.order_intended("a", "o1"), s.order_intended("a", "o2")], lease=lease)
    assert [row.status for row in journal.orders("a")] == ["in_flight", "in_flight"]
    journal.append(
        [
            r.OrderResolved(run_id="a", wall=s.WALL, client_order_id="o1", status=OrderStatus.UNKNOWN),
            r.OrderResolved(
                run_id="a", wall=s.WALL, client_order_id="o1", status=OrderStatus.ACCEPTED, venue_order_id="700"
            ),
            s.fill_recorded("a", "f1", "o1", quantity=4),
            s.fill_recorded("a", "f2", "o2", quantity=10),
        ],
        lease=lease,
    )
    one, two = journal.orders("a")
    assert (one.status, one.venue_order_id, one.filled_quantity) == ("accepted", "700", 4)
    assert (two.status, two.filled_quantity) == ("filled", 10)  # the fill came before any answer


def test_a_denied_order_is_shown_with_its_reason(journal: Journal, lease: Lease) -> None:
    journal.append(s.one_of_each("a"), lease=lease)
    denied = [row for row in journal.orders("a") if row.status == "denied"]
    assert [(row.code, row.message) for row in denied] == [("QUANTITY_EXCEEDS_MAXIMUM", "15 > 10")]


def test_alerts_are_newest_first_and_limited(journal: Journal, lease: Lease) -> None:
    journal.append(
        [s.run_created("a"), *(s.alert("a", f"n{i}") for i in range(5)), s.alert("", "general")], lease=lease
    )
    assert [row.text for row in journal.alerts(3)] == ["general", "n4", "n3"]
    assert [row.text for row in journal.alerts(2, run_id="a")] == ["n4", "n3"]


def test_samples_come_back_exactly_and_after_a_row(journal: Journal) -> None:
    full = Sample(
        run_id="a",
        wall=s.WALL,
        market=s.MARKET,
        pnl=Decimal("-1.230"),
        pnl_pct=Decimal("-31.2"),
        spot=Decimal("35012.55"),
        level_pct=Decimal(0),
        max_loss_usd=Decimal("-3.91"),
        max_profit_usd=Decimal("3.12"),
    )
    bare = Sample(run_id="a", wall=s.WALL + timedelta(seconds=1))
    journal.sample([full, bare, Sample(run_id="b", wall=s.WALL)])
    (first_id, first), (_, second) = journal.samples("a")
    assert (first, second) == (full, bare)
    assert str(first.pnl) == "-1.230"
    assert [sample for _, sample in journal.samples("a", after_id=first_id)] == [bare]


def test_samples_when_thinned_keep_the_extremes(journal: Journal) -> None:
    points = [
        Sample(
            run_id="a",
            wall=s.WALL + timedelta(seconds=i),
            pnl=Decimal(1000 if i == 777 else -1000 if i == 778 else i % 7),
        )
        for i in range(1500)
    ]
    journal.sample(points)
    thin = [sample for _, sample in journal.samples("a", max_points=50)]
    assert len(thin) <= 50
    assert points[777] in thin and points[778] in thin
    assert (thin[0], thin[-1]) == (points[0], points[-1])
    assert thin == sorted(thin, key=lambda sample: sample.wall)


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=300), st.integers(4, 60))
def test_thinning_keeps_order_ends_and_extremes(values: list[float | None], most: int) -> None:
    points = list(enumerate(values))
    thin = keep_extremes(points, lambda point: point[1], most)
    assert len(thin) <= most
    assert thin == sorted(thin, key=lambda point: point[0])
    known = [v for v in values if v is not None]
    if points:
        assert thin[0] == points[0] and thin[-1] == points[-1]
    if known:
        kept = [v for _, v in thin if v is not None]
        assert min(kept) == min(known) and max(kept) == max(known)


def test_thinning_to_fewer_than_four_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        keep_extremes([1, 2], float, 3)


def snapshot(account: str, seconds: int) -> LiveSnapshot:
    return LiveSnapshot(
        holder="first",
        host="thread",
        epoch=1,
        env="paper",
        account=account,
        wall=s.WALL + timedelta(seconds=seconds),
        market=None,
        ops=Ops(
            public_socket="up",
            private_socket="up",
            price_age_s=0.5,
            last_reconciled_at=None,
            quota_left_pct=99.0,
            clock_skew_s=0.0,
            messages_per_s=12.5,
        ),
    )


def test_the_live_picture_is_replaced_per_account(journal: Journal) -> None:
    assert journal.snapshot() is None
    journal.publish(snapshot("paper", 0))
    journal.publish(snapshot("paper", 5))
    journal.publish(snapshot("testnet-1a2b3c4d", 3))
    assert journal.snapshot("paper") == snapshot("paper", 5)
    assert journal.snapshot() == snapshot("paper", 5)
    assert journal.snapshot("testnet-1a2b3c4d") == snapshot("testnet-1a2b3c4d", 3)
    assert msgspec.json.encode(journal.snapshot("paper")) == msgspec.json.encode(snapshot("paper", 5))


def test_a_run_armed_long_ago_counts_for_the_day_it_ended(journal: Journal, lease: Lease) -> None:
    old = msgspec.structs.replace(s.run_created("old"), wall=s.WALL - timedelta(days=6))
    journal.append([old], lease=lease)
    journal.append([s.run_finished("old", "-80")], lease=lease)
    found = journal.run_bounds("paper", s.WALL - timedelta(days=2))
    assert [type(record) for _, record in found] == [r.RunCreated, r.RunFinished]
