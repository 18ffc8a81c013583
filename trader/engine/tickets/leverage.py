"""The leverage of a contract's orders, where a ticket names one: set at the exchange before its order."""

from decimal import Decimal

from trader.config.account_limits import AccountLimits
from trader.config.ticket import TicketRequest
from trader.domain.outcome import Unknown
from trader.domain.wording import plain, refusal_words
from trader.engine.effects import SetLeverage
from trader.engine.events import LeverageAnswered
from trader.engine.records import Phase
from trader.engine.tickets.refusal import Refusal, refuse
from trader.engine.tickets.terms import KEY, is_perpetual
from trader.engine.turn import Turn


def ask_leverage(turn: Turn, run_id: str) -> Refusal | None:
    """Why the order cannot go out yet, or not at all; None where the leverage is as the ticket wants it. Asked once."""
    run, watch = turn.run(run_id), turn.watch(run_id)
    wanted = None if run.ticket is None else run.ticket.leverage
    if wanted is None or watch.leverage_set:
        return None
    if refusal := leverage_flaw(wanted, turn.state.account.limits):
        return refusal
    if watch.leverage_asked is None:
        turn.set_watch(run_id, leverage_asked=turn.wall)
        turn.do(SetLeverage(run_id=run_id, product_id=run.leg(KEY).product_id, leverage=wanted))
    return Refusal("LEVERAGE_NOT_SET", "leverage", "the exchange has not answered to the leverage that was asked for")


def with_usual(ticket: TicketRequest, limits: AccountLimits) -> TicketRequest:
    """The request with the account's usual leverage, where it opens in a perpetual and names none."""
    usual = limits.leverage_default
    if not usual or ticket.leverage is not None or ticket.reduce_only or not is_perpetual(ticket.symbol):
        return ticket
    return ticket.model_copy(update={"leverage": usual})


def leverage_flaw(wanted: Decimal | None, limits: AccountLimits) -> Refusal | None:
    """Whether the account's limits let a ticket set that leverage."""
    if wanted is None or wanted <= limits.leverage_most:
        return None
    words = f"a leverage of {plain(wanted)} is more than the account's leverage_most of {plain(limits.leverage_most)}"
    return Refusal("LEVERAGE_TOO_HIGH", "leverage", words)


def on_leverage(turn: Turn, event: LeverageAnswered) -> None:
    """The exchange's answer. Where it is lost, or no, nothing is sent."""
    run = turn.state.runs.get(event.run_id)
    if run is None or run.ticket is None or run.phase is not Phase.WAITING or run.ticket.leverage != event.leverage:
        return
    if event.ended is None:
        turn.set_watch(run.run_id, leverage_set=True)
        return
    if isinstance(event.ended, Unknown):
        words = f"it is not known whether the leverage was set ({event.ended.cause}); nothing was sent"
        refuse(turn, run.run_id, Refusal("LEVERAGE_UNKNOWN", "leverage", words))
        return
    turn.slow_down(event.ended.retry_after_secs)
    words = (
        f"the exchange refused the leverage: {refusal_words(event.ended.code, event.ended.message)}; nothing was sent"
    )
    refuse(turn, run.run_id, Refusal("LEVERAGE_REFUSED", "leverage", words))
