"""What people and programs ask for tickets that are there: cancel, close. Idempotent; each answered with one sentence."""

from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.engine.effects import AckCommand
from trader.engine.events import CancelCommand, CloseCommand
from trader.engine.orders import find_order
from trader.engine.records import Phase
from trader.engine.state import Awaited, Run
from trader.engine.turn import Turn

_WORKS = (Phase.WAITING, Phase.ENTERING)


def on_cancel(turn: Turn, event: CancelCommand) -> None:
    """Cancel what works: entry orders of tickets and reduce-only tickets. Protection stays with what it protects."""
    if event.order is not None:
        status, detail = _cancel_order(turn, event, event.order)
    else:
        done = [*_cancel_entries(turn, event), *_drop_reducing(turn, event)]
        status = "accepted" if done or event.ticket is None else "refused"
        detail = f"cancelling {', '.join(done)}" if done else _nothing(turn, event)
    turn.do(AckCommand(command_id=event.command_id, status=status, detail=detail))


def _cancel_entries(turn: Turn, event: CancelCommand) -> list[str]:
    named = [run for run in turn.state.unresolved if run.ticket is not None and _is_meant(run, event)]
    for run in named:
        if run.phase in _WORKS and not run.cancelled:
            _cancel(turn, run, event)
    return [run.run_id for run in named if run.phase in _WORKS]


def _cancel(turn: Turn, run: Run, event: CancelCommand) -> None:
    reason = f"cancelled ({event.issued_by})"
    turn.write(rec.CancelRequested, run.run_id, cause="user", reason=reason, command_id=event.command_id)


def _is_meant(run: Run, event: CancelCommand) -> bool:
    assert run.ticket is not None
    if event.everything:
        return True
    asked = {"ticket": run.run_id, "symbol": run.ticket.symbol, "underlying": run.underlying}
    return any(getattr(event, name) == value for name, value in asked.items())


def _drop_reducing(turn: Turn, event: CancelCommand) -> list[str]:
    """Reduce-only tickets live in those that they close."""
    dropped = []
    for run in turn.state.unresolved:
        for one in run.closing:
            if run.ticket is not None and (_is_meant(run, event) or one.name == f"R{event.ticket}"):
                turn.write(
                    rec.ClosingDropped, run.run_id, cause="user", name=one.name, reason=f"cancelled ({event.issued_by})"
                )
                dropped.append(one.name[1:])
    return list(dict.fromkeys(dropped))


def _cancel_order(turn: Turn, event: CancelCommand, client_order_id: str) -> tuple[str, str]:
    """One order, by its id."""
    found = find_order(turn, client_order_id, None)
    if found is None or found[0].phase is Phase.DONE:
        return "refused", f"No order {client_order_id} of a ticket works"
    run, order = found
    if run.ticket is None:
        return "refused", f"{client_order_id} is an order of run {run.run_id}; Stop closes a run"
    closing = order.intent.closing
    if order.intent.purpose is Purpose.ENTRY and run.phase in _WORKS:
        if not run.cancelled:
            _cancel(turn, run, event)
        return "accepted", f"cancelling {client_order_id}"
    if any(one.name == closing for one in run.closing):
        turn.write(rec.ClosingDropped, run.run_id, cause="user", name=closing, reason=f"cancelled ({event.issued_by})")
        return "accepted", f"cancelling {client_order_id}"
    if closing:
        return "refused", f"{client_order_id} protects ticket {run.run_id}; amend the ticket to change or remove it"
    return "refused", f"{client_order_id} closes ticket {run.run_id}"


def _nothing(turn: Turn, event: CancelCommand) -> str:
    if event.ticket is None:
        return "nothing to cancel: no order of a ticket works there"
    run = turn.state.runs.get(event.ticket)
    return (
        f"No ticket {event.ticket} is known"
        if run is None
        else f"Ticket {event.ticket} is {run.phase}: none of its orders works"
    )


def on_close(turn: Turn, event: CloseCommand) -> None:
    """Close what is held, whatever phase it is in; what works of it is cancelled."""
    if not event.everything and event.ticket is None and event.symbol is None:
        turn.do(AckCommand(command_id=event.command_id, status="refused", detail="ticket or symbol is missing"))
        return
    named = [run for run in turn.state.unresolved if _is_named(run, event)]
    if event.ticket is not None and not named:
        known = turn.state.runs.get(event.ticket)
        detail = f"No ticket {event.ticket} is known" if known is None else f"ticket {event.ticket} is done"
        status = "refused" if known is None else "accepted"
        turn.do(AckCommand(command_id=event.command_id, status=status, detail=detail))
        return
    for run in named:
        if run.stop_command is None:
            turn.write(rec.StopRequested, run.run_id, cause="user", command_id=event.command_id)
        if run.phase is not Phase.EXITING:
            turn.decide_exit(run.run_id, "manual", f"closed by command ({event.issued_by})", cause="user")
    names = tuple(run.run_id for run in named)
    turn.set(awaited={**turn.state.awaited, event.command_id: Awaited(names, turn.wall, {}, "nothing is open there")})


def _is_named(run: Run, event: CloseCommand) -> bool:
    if event.everything:
        return True
    if run.ticket is None:
        return False
    return run.run_id == event.ticket or run.ticket.symbol == event.symbol
