"""The table of the engine's life: every event in every phase, the phase it leads to and what the step asks for.

A cell names the records and requests of that one step (sorted, without repetition). `COVERS` proves that none is missing.
"""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import (
    CALL,
    ISOLATED,
    SYMBOL,
    UNREAD,
    D,
    Scene,
    done,
    entering,
    exiting,
    holding,
    kept,
    kinds,
    waiting,
)
from trader.domain.fill import Fill, Position
from trader.domain.foreign import Foreign
from trader.domain.order import OrderSnapshot, Side
from trader.domain.outcome import Ok, Outcome, Rejected, Unknown
from trader.engine import events as ev
from trader.engine.effects import Effect
from trader.engine.records import OperatorLevel, Phase
from trader.engine.viewing import build_view

STAGES: dict[Phase, Callable[[], Scene]] = {
    Phase.WAITING: waiting,
    Phase.ENTERING: entering,
    Phase.HOLDING: holding,
    Phase.EXITING: exiting,
    Phase.DONE: done,
}


def _coid(scene: Scene) -> str:
    """The call's newest order, or the id of nobody's order where none exists."""
    return next(
        (o.intent.client_order_id for o in reversed(scene.run.orders.values()) if o.intent.leg == "C"), "nobody"
    )


def _snapshot(scene: Scene, *, state: str = "open", filled: int = 0) -> OrderSnapshot:
    known = scene.run.orders.get(_coid(scene))
    return OrderSnapshot(
        venue_order_id=(known and known.venue_order_id) or "777",
        client_order_id=_coid(scene),
        symbol=CALL,
        product_id=1,
        side=Side.SELL,
        quantity=2,
        leaves_qty=2 - filled,
        limit_price=D(200),
        avg_px=None,
        venue_state=state,
    )


def _submit(outcome: Callable[[Scene], Outcome]) -> Callable[[Scene], list[Effect]]:
    return lambda s: s.feed(ev.SubmitAnswered, client_order_id=_coid(s), outcome=outcome(s))


def _cancel(outcome: Callable[[Scene], Outcome]) -> Callable[[Scene], list[Effect]]:
    return lambda s: s.feed(ev.CancelAnswered, client_order_id=_coid(s), outcome=outcome(s))


def _fill_seen(scene: Scene) -> list[Effect]:
    side = scene.run.orders[_coid(scene)].intent.side if scene.run.orders else Side.SELL
    fill = Fill(
        fill_id="new",
        venue_order_id="777",
        client_order_id=_coid(scene),
        symbol=SYMBOL["C"],
        product_id=1,
        side=side,
        quantity=1,
        price=D(200),
        commission=None,
    )
    return scene.feed(ev.FillSeen, fill=fill)


def _position() -> Position:
    return Position(symbol=SYMBOL["C"], product_id=1, quantity=-2, liquidation_price=D(700))


def _stream(*, up: bool) -> Callable[[Scene], list[Effect]]:
    return lambda s: s.feed(ev.StreamChanged, stream="private", up=up, detail="" if up else "reset by peer")


def _level(level: OperatorLevel) -> Callable[[Scene], list[Effect]]:
    return lambda s: s.feed(ev.LevelCommand, command_id=f"to-{level}", level=level, issued_by="tester")


_ORDER = {"symbol": "unknown", "side": "buy", "quantity": 1, "order_type": "market"}


def _ticket(kind: type[ev.Event], **fields: Any) -> Callable[[Scene], list[Effect]]:
    return lambda s: s.feed(kind, command_id="of-tickets", issued_by="tester", **fields)


EVENTS: dict[str, tuple[type[ev.Event], Callable[[Scene], list[Effect]]]] = {
    "booted": (ev.Booted, lambda s: s.feed(ev.Booted)),
    "clock": (ev.ClockTicked, lambda s: s.tick(0.1)),
    "start": (ev.StartCommand, lambda s: s.start()),
    "beside": (ev.BesideCommand, lambda s: s.beside(Foreign(kind="position", symbol="BTCUSD", quantity=-3))),
    "stop": (ev.StopCommand, lambda s: s.stop()),
    "pause": (ev.LevelCommand, _level(OperatorLevel.PAUSE)),
    "reduce": (ev.LevelCommand, _level(OperatorLevel.REDUCE)),
    "kill": (ev.LevelCommand, _level(OperatorLevel.KILL)),
    "resume": (ev.LevelCommand, _level(OperatorLevel.RESUME)),
    "limits": (
        ev.LimitsCommand,
        lambda s: s.feed(ev.LimitsCommand, command_id="limits", limits={"open_runs": 4}, issued_by="tester"),
    ),
    # Single orders (`tests/engine/tickets`): a run of a structure hears of them and goes on.
    "order": (ev.OrderCommand, _ticket(ev.OrderCommand, body={"tickets": [{**_ORDER}]})),
    "amend": (ev.AmendCommand, _ticket(ev.AmendCommand, ticket="none", changes={"limit_price": "1"})),
    "adopt": (ev.AdoptCommand, _ticket(ev.AdoptCommand, symbol="BTCUSD", quantity=-3, phrase="")),
    "cancel": (ev.CancelCommand, _ticket(ev.CancelCommand, everything=True)),
    "close": (ev.CloseCommand, _ticket(ev.CloseCommand, symbol="BTCUSD")),
    "market": (ev.MarketMoved, lambda s: s.prices(after=0.1)),
    "margin": (ev.MarginRead, lambda s: s.feed(ev.MarginRead, terms=replace(ISOLATED, mode="portfolio"))),
    "leverage": (
        ev.LeverageAnswered,
        lambda s: s.feed(ev.LeverageAnswered, run_id=s.run.run_id if s.state.runs else "", product_id=1, leverage=D(5)),
    ),
    "chain": (ev.ChainRead, lambda s: s.read_chain()),
    "chain error": (ev.ChainRead, lambda s: s.read_chain(error="timed out", instruments=(), quotes=(), spot=None)),
    "submit ok": (ev.SubmitAnswered, _submit(lambda s: Ok(_snapshot(s)))),
    "submit rejected": (ev.SubmitAnswered, _submit(lambda s: Rejected("insufficient_margin", "not enough"))),
    "submit unknown": (ev.SubmitAnswered, _submit(lambda s: Unknown("timeout"))),
    "cancel ok": (ev.CancelAnswered, _cancel(lambda s: Ok(_snapshot(s, state="cancelled")))),
    "cancel rejected": (ev.CancelAnswered, _cancel(lambda s: Rejected("open_order_not_found"))),
    "cancel unknown": (ev.CancelAnswered, _cancel(lambda s: Unknown("timeout"))),
    "order seen": (ev.OrderSeen, lambda s: s.feed(ev.OrderSeen, order=_snapshot(s))),
    "fill seen": (ev.FillSeen, _fill_seen),
    "position seen": (ev.PositionSeen, lambda s: s.feed(ev.PositionSeen, position=_position())),
    "account complete": (ev.AccountRead, lambda s: s.read_account()),
    "account partial": (ev.AccountRead, lambda s: s.read_account(fills=UNREAD)),
    "account error": (ev.AccountRead, lambda s: s.read_account(positions=UNREAD, open_orders=UNREAD, error="timeout")),
    "wallet": (ev.WalletRead, lambda s: s.feed(ev.WalletRead, run_id=s.run.run_id, since=s.wall, changes=())),
    "wallet of days": (ev.WalletRead, lambda s: s.feed(ev.WalletRead, run_id="", since=s.wall, changes=())),
    "stream down": (ev.StreamChanged, _stream(up=False)),
    "stream up": (ev.StreamChanged, _stream(up=True)),
    "journal lost": (ev.JournalChanged, lambda s: s.feed(ev.JournalChanged, fault="The disk is full.")),
    "journal back": (ev.JournalChanged, lambda s: s.feed(ev.JournalChanged, fault="")),
}

W, E, H, X, F = Phase.WAITING, Phase.ENTERING, Phase.HOLDING, Phase.EXITING, Phase.DONE

# (phase, event): (phase afterwards, what the step asks for)
TABLE: dict[tuple[Phase, str], tuple[Phase, str]] = {
    # Armed, half an hour before its time: nothing of it is at the exchange.
    (W, "booted"): (W, ""),
    (W, "clock"): (W, ""),
    (W, "start"): (W, "AckCommand ReadChain RunCreated ScheduleFixed"),  # a second run beside the first
    (W, "beside"): (W, "AckCommand BesideConfirmed"),
    (W, "stop"): (X, "AckCommand ExitDecided PhaseChanged ReadAccount StopRequested"),
    (W, "pause"): (W, "AckCommand LevelChanged"),
    (W, "reduce"): (W, "AckCommand LevelChanged"),
    (W, "kill"): (X, "AckCommand ExitDecided LevelChanged PhaseChanged ReadAccount StopRequested"),
    (W, "limits"): (W, "AckCommand LimitsSet"),
    (W, "resume"): (W, "AckCommand"),
    (W, "market"): (W, ""),
    (W, "margin"): (W, "MarginObserved"),
    (W, "chain"): (W, ""),  # before the entry time no strikes are picked
    (W, "chain error"): (W, ""),
    (W, "submit ok"): (W, ""),
    (W, "submit rejected"): (W, ""),
    (W, "submit unknown"): (W, ""),
    (W, "cancel ok"): (W, ""),
    (W, "cancel rejected"): (W, ""),
    (W, "cancel unknown"): (W, ""),
    (W, "order seen"): (W, ""),
    (W, "fill seen"): (W, ""),
    (W, "position seen"): (W, ""),
    (W, "account complete"): (W, ""),
    (W, "account partial"): (W, ""),
    (W, "account error"): (W, "AlertRaised"),
    (W, "stream down"): (W, "AlertRaised"),
    (W, "stream up"): (W, ""),
    (W, "journal lost"): (W, "AlertRaised"),
    (W, "journal back"): (W, ""),
    # Both entries asked for, unanswered.
    (E, "booted"): (E, "AlertRaised OrderResolved ReadAccount"),
    (E, "clock"): (E, ""),
    (E, "start"): (E, "AckCommand"),  # refused: this very configuration is on its way
    (E, "beside"): (E, "AckCommand"),  # refused: nothing waits
    (E, "stop"): (X, "AckCommand Cancel CancelIntended ExitDecided PhaseChanged StopRequested"),
    (E, "pause"): (E, "AckCommand LevelChanged"),
    (E, "reduce"): (X, "AckCommand Cancel CancelIntended ExitDecided LevelChanged PhaseChanged"),
    (E, "kill"): (X, "AckCommand Cancel CancelIntended ExitDecided LevelChanged PhaseChanged StopRequested"),
    (E, "limits"): (E, "AckCommand LimitsSet"),
    (E, "resume"): (E, "AckCommand"),
    (E, "market"): (E, ""),
    (E, "margin"): (E, "MarginObserved"),
    (E, "chain"): (E, ""),
    (E, "chain error"): (E, ""),
    (E, "submit ok"): (E, "OrderResolved"),
    (E, "submit rejected"): (X, "AlertRaised Cancel CancelIntended ExitDecided OrderResolved PhaseChanged"),
    (E, "submit unknown"): (E, "AlertRaised OrderResolved"),
    (E, "cancel ok"): (E, "OrderIntended OrderResolved Submit"),
    (E, "cancel rejected"): (E, ""),
    (E, "cancel unknown"): (E, ""),
    (E, "order seen"): (E, "OrderResolved"),
    (E, "fill seen"): (E, "FillRecorded"),
    (E, "position seen"): (E, ""),
    (E, "account complete"): (E, ""),
    (E, "account partial"): (E, ""),
    (E, "account error"): (E, "AlertRaised"),
    (E, "stream down"): (E, "AlertRaised"),
    (E, "stream up"): (E, ""),
    (E, "journal lost"): (E, "AlertRaised"),
    (E, "journal back"): (E, ""),
    # Short both legs.
    (H, "booted"): (H, "AlertRaised ReadAccount StatusReported"),
    (H, "clock"): (H, ""),
    (H, "start"): (W, "AckCommand ReadChain RunCreated ScheduleFixed"),
    (H, "beside"): (H, "AckCommand"),
    (H, "stop"): (X, "AckCommand ExitDecided OrderIntended PhaseChanged StopRequested Submit"),
    (H, "pause"): (H, "AckCommand LevelChanged"),
    (H, "reduce"): (H, "AckCommand LevelChanged"),
    (H, "kill"): (X, "AckCommand ExitDecided LevelChanged OrderIntended PhaseChanged StopRequested Submit"),
    (H, "limits"): (H, "AckCommand LimitsSet"),
    (H, "resume"): (H, "AckCommand"),
    (H, "market"): (H, ""),
    (H, "margin"): (H, "MarginObserved"),
    (H, "chain"): (H, ""),
    (H, "chain error"): (H, ""),
    (H, "submit ok"): (H, ""),
    (H, "submit rejected"): (H, "OrderResolved"),  # heard, and without effect: its fills are facts
    (H, "submit unknown"): (H, ""),  # the answer was lost, the order was not
    (H, "cancel ok"): (H, ""),
    (H, "cancel rejected"): (H, ""),
    (H, "cancel unknown"): (H, ""),
    (H, "order seen"): (H, ""),
    (H, "fill seen"): (H, "AlertRaised FillRecorded LevelChanged"),  # more than was meant: our own check halts entries
    (H, "position seen"): (H, ""),
    (H, "account complete"): (H, ""),
    (H, "account partial"): (H, ""),
    (H, "account error"): (H, "AlertRaised"),
    (H, "stream down"): (H, "AlertRaised"),
    (H, "stream up"): (H, ""),
    (H, "journal lost"): (H, "AlertRaised"),
    (H, "journal back"): (H, ""),
    # Both exits asked for, unanswered.
    (X, "booted"): (X, "AlertRaised OrderResolved ReadAccount"),
    (X, "clock"): (X, ""),
    (X, "start"): (W, "AckCommand ReadChain RunCreated ScheduleFixed"),
    (X, "beside"): (X, "AckCommand"),
    (X, "stop"): (X, "AckCommand"),  # pressed twice: nothing new
    (X, "pause"): (X, "AckCommand LevelChanged"),
    (X, "reduce"): (X, "AckCommand LevelChanged"),
    (X, "kill"): (X, "AckCommand LevelChanged"),
    (X, "limits"): (X, "AckCommand LimitsSet"),
    (X, "resume"): (X, "AckCommand"),
    (X, "market"): (X, ""),
    (X, "margin"): (X, "MarginObserved"),
    (X, "chain"): (X, ""),
    (X, "chain error"): (X, ""),
    (X, "submit ok"): (X, "OrderResolved"),
    (X, "submit rejected"): (X, "OrderResolved"),  # tried again a second later
    (X, "submit unknown"): (X, "AlertRaised OrderResolved"),
    (X, "cancel ok"): (X, "OrderIntended OrderResolved Submit"),
    (X, "cancel rejected"): (X, ""),
    (X, "cancel unknown"): (X, ""),
    (X, "order seen"): (X, "OrderResolved"),
    (X, "fill seen"): (X, "FillRecorded"),
    (X, "position seen"): (X, ""),
    (X, "account complete"): (X, ""),
    (X, "account partial"): (X, ""),
    (X, "account error"): (X, "AlertRaised"),
    (X, "stream down"): (X, "AlertRaised"),
    (X, "stream up"): (X, ""),
    (X, "journal lost"): (X, "AlertRaised"),
    (X, "journal back"): (X, ""),
    # Flat, confirmed: the run asks for nothing any more.
    (F, "booted"): (F, ""),
    (F, "clock"): (F, ""),
    (F, "start"): (W, "AckCommand ReadChain RunCreated ScheduleFixed Subscribe"),
    (F, "beside"): (F, "AckCommand"),
    (F, "stop"): (F, "AckCommand"),
    (F, "pause"): (F, "AckCommand LevelChanged"),
    (F, "reduce"): (F, "AckCommand LevelChanged"),
    (F, "kill"): (F, "AckCommand LevelChanged"),
    (F, "limits"): (F, "AckCommand LimitsSet"),
    (F, "resume"): (F, "AckCommand"),
    (F, "market"): (F, ""),
    (F, "margin"): (F, "MarginObserved"),
    (F, "chain"): (F, ""),
    (F, "chain error"): (F, ""),
    (F, "submit ok"): (F, ""),
    (F, "submit rejected"): (F, "OrderResolved"),
    (F, "submit unknown"): (F, ""),
    (F, "cancel ok"): (F, ""),
    (F, "cancel rejected"): (F, ""),
    (F, "cancel unknown"): (F, ""),
    (F, "order seen"): (F, ""),
    (F, "fill seen"): (F, "AlertRaised FillRecorded LevelChanged"),
    (F, "position seen"): (F, ""),
    (F, "account complete"): (F, ""),
    (F, "account partial"): (F, ""),
    (F, "account error"): (F, ""),
    (F, "stream down"): (F, ""),
    (F, "stream up"): (F, ""),
    (F, "journal lost"): (F, ""),
    (F, "journal back"): (F, ""),
}


TABLE |= {(phase, event): (phase, "") for phase in Phase for event in ("wallet", "wallet of days", "leverage")}
_OF_TICKETS = {"order": "AckCommand TicketRefused"} | dict.fromkeys(("amend", "adopt", "cancel", "close"), "AckCommand")
TABLE |= {(phase, event): (phase, asked) for phase in Phase for event, asked in _OF_TICKETS.items()}
TABLE[Phase.DONE, "wallet"] = (Phase.DONE, "WalletCompared")


# Exiting, with one leg bought back and the other held to its settlement: what each event asks for; the phase stays.
KEPT_TABLE: dict[str, str] = (
    {
        "booted": "AlertRaised ReadAccount",
        "clock": "ReadWallet",  # what was sold yesterday is held against the ledger of that day
        "start": "AckCommand AlertRaised ReadChain RunCreated ScheduleFixed",  # it is late: the entry is tomorrow
        "beside": "AckCommand",
        "stop": "AckCommand",
        "pause": "AckCommand LevelChanged",
        "reduce": "AckCommand LevelChanged",
        "kill": "AckCommand LevelChanged",
        "limits": "AckCommand LimitsSet",
        "resume": "AckCommand",
        "margin": "MarginObserved",
        "market": "AlertRaised Cancel CancelIntended LegReleased",  # offered again: the bid makes way for an order that meets it
        "chain": "",
        "chain error": "",
        "submit ok": "",
        "submit rejected": "OrderResolved",
        "submit unknown": "",
        "cancel ok": "OrderResolved",  # the next bid takes its time
        "cancel rejected": "",
        "cancel unknown": "",
        "order seen": "",
        "fill seen": "FillRecorded",
        "position seen": "",
        "account complete": "",
        "account partial": "",
        "account error": "AlertRaised",
        "wallet": "",
        "wallet of days": "",
        "leverage": "",
        "stream down": "AlertRaised",
        "stream up": "",
        "journal lost": "AlertRaised",
        "journal back": "",
    }
    | _OF_TICKETS
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda v: v.replace(" ", "_"))
def test_event_while_a_leg_is_held_to_its_settlement(event: str) -> None:
    scene = kept()
    run_id = scene.run.run_id
    effects = EVENTS[event][1](scene)
    assert (scene.state.runs[run_id].phase, " ".join(kinds(effects))) == (Phase.EXITING, KEPT_TABLE[event])
    view = build_view(scene.state, scene.state.runs[run_id], scene.now)
    assert view.flat == "false" and view.words


@pytest.mark.parametrize(("phase", "event"), TABLE, ids=lambda v: v.replace(" ", "_"))
def test_event_in_phase(phase: Phase, event: str) -> None:
    afterwards, asked = TABLE[phase, event]
    scene = STAGES[phase]()
    assert scene.phase is phase
    effects = EVENTS[event][1](scene)
    assert (scene.phase, " ".join(kinds(effects))) == (afterwards, asked)


def test_the_table_covers_every_event_in_every_phase() -> None:
    assert set(KEPT_TABLE) == set(EVENTS)
    assert set(TABLE) == set(itertools.product(Phase, EVENTS))
    assert {kind for kind, _ in EVENTS.values()} == set(ev.AnyEvent.__args__)


@pytest.mark.parametrize(("phase", "event"), TABLE, ids=lambda v: v.replace(" ", "_"))
def test_a_view_can_be_made_after_every_event_in_every_phase(phase: Phase, event: str) -> None:
    scene = STAGES[phase]()
    EVENTS[event][1](scene)
    view = scene.view
    assert view.phase is scene.phase
    assert view.words
    assert view.flat in ("true", "false", "unknown")


@pytest.mark.parametrize(("phase", "event"), TABLE, ids=lambda v: v.replace(" ", "_"))
def test_the_same_event_twice_is_harmless(phase: Phase, event: str) -> None:
    """Duplicates arrive from streams, reconnects and impatient people: orders never exceed what the run may hold."""
    scene = STAGES[phase]()
    coid = _coid(scene)
    for _ in range(2):
        EVENTS[event][1](scene)
    same = [i for i in scene.sent() if i.client_order_id == coid]
    assert len(same) <= 1
    assert len({i.client_order_id for i in scene.sent()}) == len(scene.sent())
