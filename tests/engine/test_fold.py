"""The journal is the truth: any prefix of the records folds to the state the engine had, in every driven session."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine.scene import CALL, PUT, D, Phase, Scene, done, exiting, holding, preset, rejected
from trader.domain.order import OrderStatus, Purpose
from trader.domain.outcome import Ok, Rejected, Unknown
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import durable, evolve
from trader.engine.ids import client_order_id, is_ours, run_id_for
from trader.engine.records import OperatorLevel
from trader.engine.state import State

EMPTY = State(installation="abcd1234", epoch=1, env="paper", account_key="acc")
COID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")

# What the world may do next. Small words, weighted by repetition, so that shrunk failures read as stories.
MOVES = (
    *("quotes",) * 6,
    *("read",) * 4,
    "read partial",
    "read error",
    *("chain",) * 2,
    *("accept",) * 4,
    "accept and lose",
    "lose",
    "reject retryable",
    "reject finally",
    *("fill all",) * 4,
    "fill one",
    "fill untold",
    "fill again",
    *("cancel",) * 3,
    "cancel fails",
    "venue cancels",
    "wait",
    "wait long",
    "crash prices",
    "soar",
    "foreign",
    "stop",
    "restart",
    "start",
    "pause",
    "reduce",
    "kill",
    "resume",
    "too many requests",
    "forget",
)


class Session(Scene):
    """A scene that can be pushed about and keeps the durable state after every record."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten: set[str] = set()

    def read_account(self, **fields: Any) -> list[ef.Effect]:
        """As ever, without the orders the exchange has forgotten."""
        effects = [e for e in self.due if isinstance(e, ef.ReadAccount)]
        known = self.exchange.read(effects[-1].lookups if effects else ())
        history = tuple(o for o in known["history"] if o.client_order_id not in self.forgotten)
        lookups = {coid: None if coid in self.forgotten else o for coid, o in known["lookups"].items()}
        return super().read_account(**{"history": history, "lookups": lookups, **fields})

    def push(self, move: str, pick: int) -> None:
        live = [c for c, o in self.exchange.orders.items() if o.state == "open"]
        submits, cancels = self.submits(), self.cancels()
        intent = submits[pick % len(submits)] if submits else None
        coid = live[pick % len(live)] if live else None
        match move:
            case "quotes":
                self.prices(after=1.0)
            case "crash prices":
                self.prices("20", "20", after=2.0)
            case "soar":
                self.prices("900", "900", after=2.0)
            case "wait":
                self.tick(3.0)
            case "wait long":
                self.tick(31.0)
            case "read":
                self.read_account()
            case "read partial":
                self.read_account(fills="unread")
            case "read error":
                self.read_account(positions="unread", error="HTTP 502")
            case "chain":
                self.read_chain()
            case "foreign":
                self.exchange.foreign[CALL] = self.exchange.foreign.get(CALL, 0) + (1 if pick % 2 else -1)
            case "stop":
                self.stop()
            case "restart":
                self.restart()
            case "pause" | "reduce" | "kill" | "resume":
                self.commands += 1
                command = f"level-{self.commands}"
                self.feed(ev.LevelCommand, command_id=command, level=OperatorLevel(move), issued_by="tester")
            case "start":
                self.start(self.config)
            case "too many requests":
                self.read_account(positions="unread", error="HTTP 429", retry_after_secs=5.0)
            case "forget" if coid:
                self.exchange.orders[coid].state = "cancelled"  # without a word, and unknown by its id from now on
                self.forgotten.add(coid)
            case "fill again" if self.exchange.fills:
                self.feed(ev.FillSeen, fill=self.exchange.fills[pick % len(self.exchange.fills)])
            case "cancel" | "cancel fails" if cancels:
                cancel = cancels[pick % len(cancels)]
                self.due = [e for e in self.due if e is not cancel]
                known = cancel.client_order_id in self.exchange.orders and move == "cancel"
                outcome = (
                    Ok(self.exchange.cancel(cancel.client_order_id)) if known else Rejected("open_order_not_found")
                )
                self.feed(ev.CancelAnswered, client_order_id=cancel.client_order_id, outcome=outcome)
            case "venue cancels" if coid:
                self.feed(ev.OrderSeen, order=self.exchange.cancel(coid))
            case _ if coid and move.startswith("fill"):
                wanted = self.exchange.orders[coid]
                most = min(wanted.intent.quantity - wanted.filled, self.exchange.open_for(wanted.intent))
                if most > 0:
                    self.fill(coid, 1 if move == "fill one" else most, told=move != "fill untold")
            case _ if intent:
                self.due = [e for e in self.due if not (isinstance(e, ef.Submit) and e.intent is intent)]
                if move == "accept":
                    self.answer(intent.client_order_id, Ok(self.exchange.accept(intent)))
                elif move == "accept and lose":
                    self.exchange.accept(intent)
                    self.answer(intent.client_order_id, Unknown("reset"))
                elif move == "lose":
                    self.answer(intent.client_order_id, Unknown("timeout"))
                elif move == "reject retryable":
                    self.answer(intent.client_order_id, rejected("not_sent"))
                elif move == "reject finally":
                    self.answer(intent.client_order_id, rejected("insufficient_margin"))
            case _:
                self.tick(0.3)

    config = preset(orders={"retries": 1, "timeout_secs": 5}, exits={"blind_exit_secs": 60})


def check(session: Session) -> None:
    """What must hold whatever has happened."""
    for run in session.state.runs.values():
        for leg in run.legs:
            ours = run.open_quantity(leg.key)
            assert ours >= 0, "bought back more than was sold"
            entries = run.leg_orders(leg.key, Purpose.ENTRY)
            assert sum(o.leaves_qty + o.done_qty for o in entries) <= leg.quantity, (
                "worst case beyond the configured size"
            )
        for order in run.orders.values():
            assert COID.match(order.intent.client_order_id)
            if order.intent.purpose is not Purpose.ENTRY:
                assert order.intent.reduce_only
        if run.phase is Phase.DONE and not (run.finished and run.finished.foreign):
            assert not run.live_orders()
    sent = session.sent()
    assert len({i.client_order_id for i in sent}) == len(sent), "one intent, one order"


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 3)), min_size=10, max_size=45))
def test_every_prefix_of_the_records_folds_to_the_live_state(story: list[tuple[str, int]]) -> None:
    session = Session()
    session.start(session.config)
    session.prices()
    session.read_chain()
    session.read_account()
    folded, seen = EMPTY, 0
    for move, pick in story:
        session.push(move, pick)
        for record in session.records[seen:]:
            assert rec.decode_record(rec.encode_record(record)) == record
            folded = evolve(folded, record)
        seen = len(session.records)
        assert folded.account == session.state.account
        assert {k: durable(r) for k, r in folded.runs.items()} == {k: durable(r) for k, r in session.state.runs.items()}
        check(session)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 3)), max_size=35),
    st.sampled_from(("fresh", "holding")),
)
def test_after_any_story_a_healthy_exchange_and_a_stop_end_flat_with_exact_money(
    story: list[tuple[str, int]], begin: str
) -> None:
    session = Session()
    session.start(session.config)
    session.prices()
    session.read_chain()
    session.read_account()
    if begin == "holding":
        session.serve()
    for move, pick in story:
        if move not in ("foreign", "start"):
            session.push(move, pick)
    session.stop()
    end = session.wall + timedelta(seconds=200)
    while session.phase is not Phase.DONE and session.wall < end:
        session.prices(after=1.0)
        session.serve()
    assert session.phase is Phase.DONE, (session.run.orders, session.watch)
    assert session.run.finished is not None
    cash = sum((f.cash_flow(D("0.001")) - (f.commission or D(0)) for f in session.exchange.fills), Decimal(0))
    assert session.run.finished.realized_pnl == cash
    assert set(session.exchange.positions().values()) <= {0}


def test_records_round_trip_whole_sessions() -> None:
    for scene in (holding(), exiting(), done()):
        again = [rec.decode_record(rec.encode_record(r)) for r in scene.records]
        assert again == scene.records


def test_a_run_of_a_journal_from_before_a_setting_existed_folds_with_its_default() -> None:
    scene = holding()
    created = scene.records[0]
    assert isinstance(created, rec.RunCreated)
    config = {**created.config, "risk": {"max_order_quantity": 500}}
    old = rec.decode_record(rec.encode_record(replace(created, config=config)))
    run = evolve(EMPTY, old).runs[created.run_id]
    assert (run.preset.risk.naked_leg_secs, run.preset.risk.max_orders_per_leg) == (30, 6)
    assert run.config_hash == created.config_hash


def test_an_unknown_record_is_an_error_and_not_skipped() -> None:
    with pytest.raises(msgspec.ValidationError):
        rec.decode_record('{"kind":"made_up","run_id":"x","wall":"2025-01-01T00:00:00Z"}')


def test_records_of_runs_that_are_not_held_are_ignored() -> None:
    scene = holding()
    stray = rec.PhaseChanged(run_id="other", wall=scene.wall, phase=Phase.DONE)
    assert evolve(scene.state, stray) is scene.state


def test_the_fold_survives_an_order_that_came_back_to_life() -> None:
    """An order's end is its last one: a flat confirmation must be younger than that."""
    scene = exiting()
    lost = scene.lose("C", accepted=False).client_order_id

    def resolved(status: OrderStatus, seconds: float) -> rec.OrderResolved:
        at = scene.wall + timedelta(seconds=seconds)
        return rec.OrderResolved(run_id=scene.run.run_id, wall=at, client_order_id=lost, status=status)

    state, ends = scene.state, []
    for status, after in ((OrderStatus.REJECTED, 1), (OrderStatus.ACCEPTED, 2), (OrderStatus.CANCELLED, 3)):
        state = evolve(state, resolved(status, after))
        ends.append(state.runs[scene.run.run_id].orders[lost].ended_at)
    assert ends == [scene.wall + timedelta(seconds=1), None, scene.wall + timedelta(seconds=3)]
    state = evolve(state, resolved(OrderStatus.CANCELLED, 9))
    assert state.runs[scene.run.run_id].orders[lost].ended_at == ends[-1]


# -- identifiers -------------------------------------------------------------------------------------------------------


def test_client_order_ids_are_short_unique_deterministic_and_ours() -> None:
    made = {
        (epoch, run, leg, purpose, attempt): client_order_id(
            installation="abcd1234", epoch=epoch, run_id=run, leg=leg, purpose=purpose, attempt=attempt
        )
        for epoch in (1, 2, 1001)
        for run in (run_id_for("a"), run_id_for("b"))
        for leg in ("C", "P")
        for purpose in Purpose
        for attempt in (0, 1, 99, 100, 12_345)
    }
    assert len(set(made.values())) == len(made)
    assert all(COID.match(c) and is_ours(c, "abcd1234") and not is_ours(c, "zzzz") for c in made.values())
    again = client_order_id(
        installation="abcd1234", epoch=1, run_id=run_id_for("a"), leg="C", purpose=Purpose.ENTRY, attempt=0
    )
    assert again == made[1, run_id_for("a"), "C", Purpose.ENTRY, 0]
    assert not is_ours(None, "abcd1234")


def test_the_same_session_twice_makes_the_same_records() -> None:
    assert [rec.encode_record(r) for r in done().records] == [rec.encode_record(r) for r in done().records]
    assert {PUT, CALL} == {leg.symbol for leg in done().run.legs}
