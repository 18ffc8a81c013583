"""The picture of one ticket, for people: the numbers are the ones that are decided on."""

from decimal import Decimal

from trader.domain.clock import Now
from trader.domain.exit_reason import exit_label
from trader.domain.instrument import Kind
from trader.domain.order import Purpose
from trader.domain.wording import done_of, refusal_words
from trader.engine.records import Phase
from trader.engine.state import ZERO, Order, Run, State, Watch
from trader.engine.tickets.terms import KEY, is_perpetual, protection_of
from trader.engine.valuation import staleness, value
from trader.engine.view import ClosingView, OrderView, TicketView

_ORDERS_SHOWN = 20


def build_ticket(state: State, run: Run, now: Now) -> TicketView:
    """A ticket as seen at `now`."""
    ticket, market = run.ticket, state.market
    assert ticket is not None
    watch = state.watches.get(run.run_id, Watch(since=run.created_at))
    leg = run.legs[0] if run.legs else None
    ledger = run.ledger(KEY)
    quote = market.quotes.get(ticket.symbol)
    fresh = not staleness(market, now, ticket.symbol)
    valuation = value(run, market) if run.fills and (fresh or ledger.open <= 0) else None
    known = valuation is not None and not valuation.unoffered
    spot = market.spots.get(run.underlying)
    finished, refused = run.finished, run.refused
    return TicketView(
        ticket_id=run.run_id,
        symbol=ticket.symbol,
        underlying=run.underlying,
        kind=_kind(ticket.symbol, None if leg is None else leg.kind),
        strike=None if leg is None or leg.kind is Kind.PERPETUAL else leg.strike,
        expiry=None if leg is None or leg.kind is Kind.PERPETUAL else leg.expiry,
        side=ticket.side.value,
        quantity=ticket.quantity,
        order_type=ticket.order_type,
        limit_price=ticket.limit_price,
        stop_price=ticket.stop_price,
        trail_usd=ticket.trail_usd,
        trigger_by=ticket.trigger_by,
        time_in_force=ticket.time_in_force,
        post_only=ticket.post_only,
        work=ticket.work,
        reason=ticket.reason,
        leverage=ticket.leverage,
        adopted=run.adopts,
        linked=run.linked,
        phase=run.phase,
        status=status_of(run),
        words=_words(run, watch),
        filled=ledger.entered,
        open_quantity=max(ledger.open, 0),
        avg_px=_average(ledger.entered_value, ledger.entered),
        exit_px=_average(ledger.closed_value, ledger.closed),
        mark=None if quote is None else quote.mark,
        bid=None if quote is None else quote.bid,
        ask=None if quote is None else quote.ask,
        fresh=fresh,
        pnl=valuation.pnl if valuation is not None and known else None,
        pnl_mark=_at_mark(run, None if quote is None else quote.mark) if fresh or ledger.open <= 0 else None,
        fees=finished.fees if finished is not None else run.fees if run.fills else None,
        funding=ledger.funding,
        realized_pnl=None if finished is None else finished.realized_pnl,
        stop_loss=None if ticket.stop_loss is None else ticket.stop_loss.price,
        take_profit=None if ticket.take_profit is None else ticket.take_profit.price,
        closing=_closing(run),
        contract_value=None if leg is None else leg.contract_value,
        notional=None if leg is None or spot is None else max(ledger.open, 0) * leg.contract_value * spot,
        liquidation_px=watch.liquidation.get(ticket.symbol) if ledger.open > 0 else None,
        created_at=run.created_at,
        exit_reason=finished.exit_reason if finished is not None else run.exit_reason,
        refused_code="" if refused is None else refused.code,
        refused_field="" if refused is None else refused.field,
        refused_detail="" if refused is None else refused.detail,
        orders=tuple(order_view(one) for one in reversed(list(run.orders.values())[-_ORDERS_SHOWN:])),
    )


def status_of(run: Run) -> str:
    """In one word where it is."""
    if run.phase is Phase.DONE:
        reason = "" if run.finished is None else run.finished.exit_reason
        return reason if reason in ("refused", "cancelled") else "done"
    return {Phase.WAITING: "waiting", Phase.ENTERING: "working", Phase.HOLDING: "holding"}.get(run.phase, "closing")


def _words(run: Run, watch: Watch) -> str:
    """The same in a sentence."""
    filled = done_of(run.ledger(KEY).entered, run.ticket.quantity if run.ticket is not None else 0)
    match run.phase:
        case Phase.WAITING:
            return f"Waiting — {watch.why_not[0] if watch.why_not else 'what it needs is being read'}"
        case Phase.ENTERING:
            doing = f"being cancelled ({run.cancelled})" if run.cancelled else "works"
            return f"Its order {doing}; {filled} filled"
        case Phase.HOLDING:
            return f"Holds {run.open_quantity(KEY)}"
        case Phase.EXITING:
            left = run.open_quantity(KEY)
            doing = f"closing {left}" if left else "waiting for the exchange to confirm flat"
            return f"Closing ({exit_label(run.exit_reason or '')}) — {doing}"
        case Phase.DONE:
            if run.refused is not None:
                return f"Refused — {run.refused.detail}"
            reason = "" if run.finished is None else exit_label(run.finished.exit_reason)
            return f"Done ({reason})"


def _kind(symbol: str, pinned: Kind | None) -> str:
    if pinned is not None:
        return pinned.value
    return Kind.PERPETUAL.value if is_perpetual(symbol) else (Kind.CALL if symbol[:1] == "C" else Kind.PUT).value


def _average(worth: Decimal, quantity: int) -> Decimal | None:
    return worth / quantity if quantity else None


def _at_mark(run: Run, mark: Decimal | None) -> Decimal | None:
    """USD made so far, what is open counted at the mark; what was paid in fees is in it."""
    ledger = run.ledger(KEY)
    if not run.fills or (mark is None and ledger.open > 0):
        return None
    leg = run.leg(KEY)
    worth = leg.side.sign * (mark or ZERO) * max(ledger.open, 0) * leg.contract_value
    return ledger.cash - ledger.fees + worth


def _closing(run: Run) -> tuple[ClosingView, ...]:
    """The orders that rest to close it, and those that are still to."""
    assert run.ticket is not None
    found = []
    for one in (*protection_of(run.ticket), *run.closing):
        orders = [order for order in run.leg_orders(KEY, Purpose.CLOSE) if order.intent.closing == one.name]
        live = [order for order in orders if order.status.live]
        last = live[-1] if live else orders[-1] if orders else None
        found.append(
            ClosingView(
                name=one.name,
                quantity=sum(order.leaves_qty for order in live),
                limit_price=one.limit_price,
                stop_price=None if one.stop is None else one.stop.price,
                trail_usd=None if one.stop is None else one.stop.trail,
                status="" if last is None else last.status.value,
                client_order_ids=tuple(order.intent.client_order_id for order in live),
                ticket_id=one.name[1:] if one.name[:1] == "R" else "",
            )
        )
    return tuple(found)


def order_view(order: Order) -> OrderView:
    """One order, as every face shows it."""
    intent = order.intent
    return OrderView(
        client_order_id=intent.client_order_id,
        leg=intent.leg,
        purpose=intent.purpose.name.lower(),
        side=intent.side.value,
        quantity=intent.quantity,
        filled_quantity=order.done_qty,
        limit_price=intent.limit_price,
        status=order.status.value,
        message=refusal_words(order.code, order.message),
        wall=order.intended_at,
    )
