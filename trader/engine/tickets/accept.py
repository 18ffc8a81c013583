"""An order command taken up: its tickets come into being, or are refused, and the command is answered once all of them are decided."""

from collections.abc import Iterable

from msgspec.structs import replace
from pydantic import ValidationError

from trader.config.messages import sentences
from trader.config.ticket import TicketList, TicketRequest
from trader.domain.instrument import underlying_of
from trader.domain.order import OrderStatus, Purpose
from trader.engine import records as rec
from trader.engine.commands import arming_phrase
from trader.engine.effects import AckCommand
from trader.engine.events import OrderCommand
from trader.engine.ids import ticket_id_for
from trader.engine.records import Phase
from trader.engine.state import Awaited, Run, State, seconds_since
from trader.engine.tickets.creating import create
from trader.engine.tickets.leverage import with_usual
from trader.engine.tickets.reducing import recently, reduce
from trader.engine.tickets.refusal import Refusal
from trader.engine.turn import Turn

OFF = "Single orders are switched off by the account's limits (single_orders)"


def order_phrase(account: str, tickets: Iterable[TicketRequest]) -> str:
    """What a person types to send orders with real money; closing needs none."""
    return arming_phrase(account, sum(ticket.quantity for ticket in tickets if not ticket.reduce_only))


def on_order(turn: Turn, event: OrderCommand) -> None:
    """Take up a list of tickets, all in one step; the same command again changes nothing."""
    try:
        listed = TicketList.model_validate(event.body)
    except ValidationError as error:
        _refuse_all(turn, event, f"The order is not valid: {'; '.join(sentences(error, TicketList))}")
        return
    names = tuple(ticket_id_for(event.command_id, number) for number in range(len(listed.tickets)))
    refused: dict[str, str] = {}
    if not any(_is_known(turn.state, name) for name in names):
        if barred := _barred(turn, event, listed):
            _refuse_all(turn, event, barred)
            return
        twins = {run.ticket for run in _recent(turn, event.command_id)}
        limits = turn.state.account.limits
        for number, (name, asked) in enumerate(zip(names, listed.tickets, strict=True)):
            ticket = with_usual(asked, limits)
            linked = names[1 - number] if listed.link == "oco" else ""
            if refusal := _take_up(
                turn,
                event,
                name,
                ticket,
                linked,
                is_twin=not event.key and (ticket in twins or _is_reducing_again(turn, event, ticket)),
            ):
                refused[name] = told(name, ticket.symbol, refusal)
    turn.set(awaited={**turn.state.awaited, event.command_id: Awaited(names, turn.wall, refused)})


def _is_known(state: State, name: str) -> bool:
    return name in state.runs or any(name in run.reduced_by for run in state.runs.values())


def _recent(turn: Turn, command_id: str) -> list[Run]:
    """Tickets of other commands that were made a moment ago, and not refused."""
    runs = turn.state.runs.values()
    return [
        run
        for run in runs
        if run.ticket is not None
        and run.command_id != command_id
        and run.refused is None
        and seconds_since(run.created_at, turn.wall) < turn.state.account.limits.duplicate_secs
    ]


def _is_reducing_again(turn: Turn, event: OrderCommand, ticket: TicketRequest) -> bool:
    return ticket.reduce_only and recently(turn.state, ticket, event.command_id, turn.wall)


def _barred(turn: Turn, event: OrderCommand, listed: TicketList) -> str:
    """Why nothing of a command is taken up, in a sentence without its full stop."""
    if all(ticket.reduce_only for ticket in listed.tickets):
        return ""
    if event.barred:
        return event.barred
    if not turn.state.account.limits.single_orders:
        return OFF
    if turn.state.journal_fault:
        return f"Nothing new is sent, the journal cannot be written: {turn.state.journal_fault}"
    phrase = order_phrase(turn.state.account_key, listed.tickets)
    if turn.state.env == "production" and event.confirm != phrase:
        return f"A live order needs the phrase {phrase!r}, typed for it"
    return ""


def _take_up(
    turn: Turn, event: OrderCommand, name: str, ticket: TicketRequest, linked: str, *, is_twin: bool
) -> Refusal | None:
    """One ticket: a run of its own, or a closing order of those that it closes."""
    underlying, refusal = underlying_of(ticket.symbol), None
    if not underlying:
        words = f"the exchange lists no contract {ticket.symbol}"
        refusal = Refusal("UNKNOWN_CONTRACT", "symbol", words)
    elif is_twin:
        words = (
            f"the very same order was sent less than {turn.state.account.limits.duplicate_secs} s ago (duplicate_secs); "
            "if it is meant twice, wait or send a key of its own"
        )
        refusal = Refusal("DUPLICATE", "", words)
    elif ticket.reduce_only:
        refusal = reduce(turn, name, ticket, event.command_id)
    if refusal is not None:
        turn.write(
            rec.TicketRefused,
            name,
            cause="user",
            symbol=ticket.symbol,
            code=refusal.code,
            field=refusal.field,
            detail=refusal.sentence,
        )
        return refusal
    if not ticket.reduce_only:
        create(turn, name, ticket, underlying, event.command_id, linked=linked)
    return None


def _refuse_all(turn: Turn, event: OrderCommand, why: str) -> None:
    turn.do(AckCommand(command_id=event.command_id, status="refused", detail=f"{why}."))


def told(name: str, symbol: str, refusal: Refusal | rec.TicketRefused) -> str:
    """``ab12 BTCUSD: PRICE_OFF_TICK: limit_price: 90000.3 is no multiple of ...``"""
    words = refusal.sentence if isinstance(refusal, Refusal) else refusal.detail
    return ": ".join(part for part in (f"{name} {symbol}", refusal.code, refusal.field, words) if part)


# ------------------------------------------------------------ the answer


def answer(turn: Turn) -> None:
    """Answer a command all of whose tickets are decided: one in a step, since a step has one answer."""
    if not turn.state.awaited or any(isinstance(effect, AckCommand) for effect in turn.effects):
        return
    waiting = sorted(turn.state.awaited.items(), key=lambda pair: not pair[1].closes)  # what closes is told of first
    for command_id, awaited in waiting:
        ack = _closing(turn, awaited) if awaited.closes else _decided(turn.state, awaited)
        if ack is not None:
            left = {key: one for key, one in turn.state.awaited.items() if key != command_id}
            turn.set(awaited=left)
            turn.do(replace(ack, command_id=command_id))
            return


def _decided(state: State, awaited: Awaited) -> AckCommand | None:
    """What became of each ticket; None while that of one is open."""
    accepted, refused = [], list(awaited.refused.values())
    for name in awaited.tickets:
        run = state.runs.get(name)
        if name in awaited.refused:
            continue
        if run is not None and run.refused is not None:
            refused.append(told(name, run.refused.symbol, run.refused))
        elif run is None or run.ticket is None:
            accepted.append(f"{name} (reduces {', '.join(_reduced(state, name)) or 'what has ended since'})")
        elif run.phase is Phase.DONE or _is_out(run):
            accepted.append(f"{name} {run.ticket.side} {run.ticket.quantity} {run.ticket.symbol}")
        else:
            return None
    parts = [f"{word}: {', '.join(those)}" for word, those in (("accepted", accepted), ("refused", refused)) if those]
    return AckCommand(command_id="", status="accepted" if accepted else "refused", detail="; ".join(parts))


def _is_out(run: Run) -> bool:
    """Whether the intent of an entry order is on record, by our gate's leave."""
    orders = run.leg_orders("T", Purpose.ENTRY)
    return bool(run.fills) or any(order.status is not OrderStatus.DENIED for order in orders)


def _reduced(state: State, name: str) -> list[str]:
    return [run.run_id for run in state.runs.values() if name in run.reduced_by]


def _closing(turn: Turn, awaited: Awaited) -> AckCommand:
    """What is being closed, with the orders that went out at once."""
    sent: dict[str, list[str]] = {name: [] for name in awaited.tickets}
    for effect in turn.effects:
        if (
            isinstance(effect, rec.OrderIntended)
            and effect.run_id in sent
            and effect.intent.purpose is not Purpose.ENTRY
        ):
            sent[effect.run_id].append(effect.intent.client_order_id)
    words = [f"{name} ({', '.join(orders)})" if orders else name for name, orders in sent.items()]
    return AckCommand(
        command_id="", status="accepted", detail=f"closing {', '.join(words)}" if words else awaited.closes
    )
