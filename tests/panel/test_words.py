"""What the panel says of a run and of the machinery."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.panel.fake_desk import FakeDesk
from trader.engine.records import Phase
from trader.engine.view import Ops, RunView
from trader.panel import words

NOW = datetime(2026, 11, 21, 8, 46, tzinfo=UTC)


def view(**changes: object) -> RunView:
    run = FakeDesk("holding").status().run
    assert run is not None
    return msgspec.structs.replace(run, market_at=NOW, exit_at=NOW + timedelta(hours=2, minutes=14), **changes)


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({}, "Holding — exits at 16:30 IST in 2 h 14 m"),
        ({"phase": Phase.WAITING, "entry_at": NOW + timedelta(minutes=5)}, "Waiting — sells at 14:21 IST in 5 m 00 s"),
        ({"phase": Phase.WAITING, "entry_at": NOW + timedelta(hours=19)}, "Waiting — sells at 22 Nov 09:16\u00a0IST in 19 h 00 m"),
        ({"phase": Phase.WAITING, "entry_at": NOW}, "Waiting — ready to sell"),
        ({"phase": Phase.WAITING, "entry_at": None}, "Waiting — the entry time is not known yet"),
        ({"phase": Phase.ENTERING}, "Entering — the entry orders are working"),
        ({"phase": Phase.EXITING, "exit_reason": "max_loss"}, "Exiting — max loss reached, until flat"),
        ({"phase": Phase.DONE, "flat": "true"}, "Done — flat, confirmed by the exchange"),
        ({"phase": Phase.DONE, "flat": "false"}, "Done — but not flat"),
        ({"phase": Phase.DONE, "flat": "unknown"}, "Done — whether flat is unknown"),
    ],
)  # fmt: skip
def test_headline_says_state_and_what_comes_next(changes: dict[str, object], headline: str) -> None:
    assert words.headline(view(**changes)) == headline


def test_headline_when_runner_is_silent_claims_nothing() -> None:
    assert words.headline(view(), alive=False) == "Not watched — was holding when last heard"
    assert words.headline(None) == "No run yet"


def test_flat_only_when_the_exchange_said_so() -> None:
    assert words.flat_line(view(flat="true")).label == "FLAT"
    assert words.flat_line(view(flat="unknown")).label == "FLAT? unknown"
    assert words.flat_line(view(flat="false")).label == "NOT FLAT: C-BTC-95000-221126, 100; P-BTC-86500-221126, 100"


def test_a_leg_held_to_its_settlement_is_named_and_not_called_flat() -> None:
    run = view(phase=Phase.EXITING, exit_reason="time", flat="false")
    kept = "held to settlement at 22 Nov 17:30 IST: nobody offers it; worth 0.3 USD"
    gone = msgspec.structs.replace(run.legs[1], open_quantity=0)
    run = msgspec.structs.replace(run, legs=(msgspec.structs.replace(run.legs[0], kept=kept), gone))
    assert (
        words.headline(run)
        == f"Exiting — exit time reached, held to settlement at {words.fmt.ist_day_time(run.legs[0].expiry)}"
    )
    item = words.flat_line(run)
    assert item.label == "NOT FLAT: C-BTC-95000-221126, 100 (held to settlement)" and kept in item.help


@pytest.mark.parametrize(("env", "label", "color"), [("paper", "PAPER", "blue"), ("testnet", "TESTNET", "orange"),
                                                     ("production", "LIVE", "red"), ("what", "LIVE?", "red")])  # fmt: skip
def test_environment_in_words_and_colour(env: str, label: str, color: str) -> None:
    item = words.environment(env)
    assert (item.label, item.color) == (label, color)


def test_dead_runner_is_red_and_its_knowledge_unknown() -> None:
    assert words.runner_item(False, 12.0, "thread").color == "red"
    labels = [item.label for item in words.ops_items(healthy(), view(), NOW, alive=False, lag_s=12.0)]
    assert labels == ["Call 12 s", "Put 12 s", "Sockets, budget and clock unknown"]


def test_ops_never_show_zero_for_unknown() -> None:
    ops = Ops(public_socket="down", private_socket="connecting", price_age_s=None, last_reconciled_at=None,
              quota_left_pct=None, clock_skew_s=None, messages_per_s=0.0)  # fmt: skip
    items = words.ops_items(ops, view(legs=()), NOW, alive=True, lag_s=0.1)
    labels = [item.label for item in items]
    assert labels == ["Prices unknown", "Market socket down", "Order socket connecting", "Not reconciled",
                      "Budget unknown", "Clock unknown"]  # fmt: skip
    assert [items[1].color, items[2].color] == ["red", "orange"]
    assert words.ops_items(None, None, NOW, alive=True, lag_s=None)[0].label == "Machinery unknown"


@pytest.mark.parametrize(("age_s", "color"), [(0.5, "green"), (5.0, "green"), (5.1, "orange"), (31.0, "red")])
def test_old_prices_change_colour(age_s: float, color: str) -> None:
    run = view(legs=tuple(msgspec.structs.replace(leg, price_age_s=age_s) for leg in view().legs))
    assert {item.color for item in words.ops_items(healthy(), run, NOW, alive=True, lag_s=0.0)[:2]} == {color}


@pytest.mark.parametrize(
    ("skew", "label"),
    [(-0.001, "Clock +0.00 s"), (-0.12, "Clock −0.12 s"), (0.3, "Clock +0.30 s"), (-500.0, "Market on its own time")],
)
def test_clock_skew_has_no_minus_before_zero(skew: float, label: str) -> None:
    items = words.ops_items(msgspec.structs.replace(healthy(), clock_skew_s=skew), view(), NOW, alive=True, lag_s=0.1)
    assert label in [item.label for item in items]


def healthy() -> Ops:
    return Ops(public_socket="up", private_socket="up", price_age_s=0.2, last_reconciled_at=NOW, quota_left_pct=90.0,
               clock_skew_s=0.01, messages_per_s=40.0)  # fmt: skip


@pytest.mark.parametrize(
    ("level", "color"),
    [("ACTIVE", "green"), ("PAUSED", "orange"), ("REDUCING", "red"), ("HALTED", "red"), ("?", "red")],
)
def test_every_level_has_its_words_and_an_unknown_one_counts_as_the_strictest(level: str, color: str) -> None:
    item = words.level_item(level, "lunch")
    assert item.color == color and item.label == f"Trading {level}" and item.help.endswith("lunch")


def test_a_run_that_is_kept_from_its_entry_is_not_called_ready_to_sell() -> None:
    kept = view(phase=Phase.WAITING, entry_at=NOW, why_not=("not of any run here: a position of -3 in BTCUSD",))
    assert words.headline(kept) == "Waiting — no entry yet: not of any run here: a position of -3 in BTCUSD"
