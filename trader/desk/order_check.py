"""What would be said of single orders if they were sent now, and what they would cost. Pure.

The engine is asked itself: its own checks, over the state that the journal's records and the exchange's answers make. So a form says what
the gate would say, with the gate's codes and words.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from trader.config.messages import suggestion
from trader.config.ticket import TicketList, TicketRequest
from trader.desk.market import Board
from trader.domain.clock import Now
from trader.domain.instrument import Instrument, Kind, underlying_of
from trader.domain.margin import PORTFOLIO
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.fold import evolve, fold
from trader.engine.gate import account_flaws
from trader.engine.liquidation import limit_of
from trader.engine.records import LegTerms
from trader.engine.state import HUNDRED, ZERO, Market, Run, State
from trader.engine.tickets.checks import flaws
from trader.engine.tickets.funds import blocked, initial_share, price_of
from trader.engine.tickets.leverage import leverage_flaw, with_usual
from trader.engine.tickets.reducing import reduce_flaw
from trader.engine.tickets.refusal import Refusal, of_denied
from trader.engine.tickets.terms import KEY, leg_of, shape_of, touch_met
from trader.engine.valuation import closing_fee
from trader.pricing.margin import perpetual_liquidation

# What the runner alone can say: how fast it is ordering, and how what is open is valued.
_RUNNERS = frozenset({"ORDER_RATE_EXCEEDED", "OPEN_PNL_UNKNOWN"})


class OrderCost(msgspec.Struct, frozen=True, kw_only=True):
    """Money of one order, USD, as if all of it filled at `price` (USD per unit: its limit, its trigger, or the price it meets now).
    `premium` comes in when an option is sold and goes out when it is bought. `margin` is what it blocks. `free_after` is the free
    balance once it has filled, orders before it in the list counted. `distance`: how far its limit lies behind the price it would
    meet at once (below 0: beyond it), or its trigger from the mark. `liquidation_price`: of these contracts alone, None where they
    have none (bought options, portfolio margin)."""

    price: Decimal
    notional: Decimal
    premium: Decimal
    fee: Decimal
    role: str  # maker or taker
    margin: Decimal
    free_after: Decimal | None
    touch: Decimal | None
    mark: Decimal | None
    distance: Decimal | None
    distance_pct: Decimal | None
    liquidation_price: Decimal | None


class TicketCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One order: everything at fault with it, and its money where that can be told."""

    symbol: str
    side: str
    quantity: int
    problems: tuple[Refusal, ...]
    cost: OrderCost | None


class OrderCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A list of orders. `problems`: what stands against all of them. `phrase`: what has to be typed for them, empty where nothing
    has. `free`: the balance that is free now; None where it could not be read."""

    ok: bool
    problems: tuple[Refusal, ...]
    tickets: tuple[TicketCheck, ...]
    free: Decimal | None
    free_after: Decimal | None
    margin_mode: str | None
    phrase: str


def with_market(state: State, boards: Iterable[Board], wall: datetime) -> tuple[State, Now]:
    """A state at the prices that were just read."""
    told = [board for board in boards if board.market is not None]
    newest = max((board.market for board in told if board.market is not None), default=None)
    quotes = {symbol: quote for board in told for symbol, quote in board.quotes.items()}
    spots = {underlying: board.spot for board in told for underlying in _underlyings(board) if board.spot is not None}
    market = Market(quotes=quotes, spots=spots, newest=newest, heard=wall)
    return replace(state, market=market), Now(wall, newest)


def _underlyings(board: Board) -> set[str]:
    return {one.underlying for one in board.instruments}


def check_tickets(
    state: State, now: Now, listed: TicketList, contracts: dict[str, Instrument], leverages: dict[str, Decimal]
) -> tuple[TicketCheck, ...]:
    """Each order of a list by the engine's own checks, as if those before it had gone out. `leverages`: as set at the exchange, of the
    perpetuals whose orders name none."""
    found, free = [], _free(state)
    for number, asked in enumerate(listed.tickets):
        ticket = with_usual(asked, state.account.limits)
        contract = contracts.get(ticket.symbol)
        quote = state.market.quotes.get(ticket.symbol)
        spot = state.market.spots.get(underlying_of(ticket.symbol))
        problems = [_nearest(one, contracts) for one in flaws(ticket, contract, quote, spot, now.market)]
        if refusal := leverage_flaw(ticket.leverage, state.account.limits):
            problems.append(refusal)
        cost = None
        if ticket.reduce_only:
            known = {(one.code, one.field) for one in problems}
            again = reduce_flaw(state, ticket)
            problems += [] if again is None or (again.code, again.field) in known else [again]
        if contract is not None and spot is not None:
            effective = (
                ticket if ticket.leverage else ticket.model_copy(update={"leverage": leverages.get(ticket.symbol)})
            )
            sent, run, leg, intent = _as_sent(state, now, f"check{number}", effective, contract, quote, spot)
            if not ticket.reduce_only:
                problems += _of_account(sent, run, leg, intent, now, {one.code for one in problems})
            cost = _cost(sent, run, leg, intent, contract, quote, spot, now, free)
            if not problems and not ticket.reduce_only:
                state = _out(sent, intent, now)
                free = None if cost is None else cost.free_after
        found.append(
            TicketCheck(
                symbol=ticket.symbol,
                side=ticket.side.value,
                quantity=ticket.quantity,
                problems=tuple(problems),
                cost=cost,
            )
        )
    return tuple(found)


def _free(state: State) -> Decimal | None:
    return next((shown.available for shown in state.shown.values()), None)


def _nearest(refusal: Refusal, contracts: dict[str, Instrument]) -> Refusal:
    """An unknown contract with the known one that reads like it."""
    if refusal.code != "UNKNOWN_CONTRACT":
        return refusal
    return replace(refusal, sentence=refusal.sentence + suggestion(refusal.sentence.split()[-1], contracts))


def _as_sent(
    state: State, now: Now, name: str, ticket: TicketRequest, contract: Instrument, quote: Quote | None, spot: Decimal
) -> tuple[State, Run, LegTerms, OrderIntent]:
    """The ticket as the engine would have taken it up, and the order it asks for."""
    created = rec.RunCreated(
        run_id=name, wall=now.wall, market=now.market, env=state.env, account=state.account_key, preset="", config={},
        config_hash="", underlying=contract.underlying, start_now=True, command_id=name,
        ticket=ticket.model_dump(mode="json"),
    )  # fmt: skip
    leg, shape = leg_of(ticket, contract, quote), shape_of(ticket)
    chosen = rec.LegsChosen(run_id=name, wall=now.wall, market=now.market, legs=(leg,), spot=spot, exit_at=None)
    state = fold(state, [created, chosen])
    intent = OrderIntent(
        client_order_id=name, run_id=name, leg=KEY, purpose=Purpose.ENTRY, attempt=0, symbol=ticket.symbol,
        product_id=contract.product_id, side=ticket.side, quantity=ticket.quantity,
        order_type=OrderType.MARKET if shape.limit_price is None else OrderType.LIMIT,
        limit_price=shape.limit_price, post_only=shape.post_only, stop=shape.stop,
    )  # fmt: skip
    return state, state.runs[name], leg, intent


def _out(state: State, intent: OrderIntent, now: Now) -> State:
    """The order on its way, for those behind it in the list."""
    sent = rec.OrderIntended(run_id=intent.run_id, wall=now.wall, market=now.market, intent=intent, reference=None)
    return evolve(state, sent)


def _of_account(
    state: State, run: Run, leg: LegTerms, intent: OrderIntent, now: Now, told: set[str]
) -> Iterator[Refusal]:
    for denied in account_flaws(state, run, leg, intent, now):
        if denied.code not in _RUNNERS and denied.code not in told:
            told.add(denied.code)
            yield of_denied(denied)


def _cost(
    state: State,
    run: Run,
    leg: LegTerms,
    intent: OrderIntent,
    contract: Instrument,
    quote: Quote | None,
    spot: Decimal,
    now: Now,
    free: Decimal | None,
) -> OrderCost | None:
    price, ticket = price_of(state, leg, intent), run.ticket
    if price is None or ticket is None:
        return None
    touch, mark, quantity = touch_met(ticket.side, quote), None if quote is None else quote.mark, ticket.quantity
    role = _role(ticket, touch)
    fee = closing_fee(leg if role == "taker" else replace(leg, fee_rate=contract.maker_rate), quantity, price, spot)
    is_option, is_closing = leg.kind is not Kind.PERPETUAL, ticket.reduce_only
    premium = -leg.side.sign * price * quantity * leg.contract_value if is_option else ZERO
    is_free = is_closing or (is_option and leg.side is Side.BUY)
    margin = ZERO if is_free else blocked(state, run, leg, quantity, price, spot, now)
    distance, reference = _distance(ticket, touch, mark)
    return OrderCost(
        price=price,
        notional=quantity * leg.contract_value * spot,
        premium=premium,
        fee=fee,
        role=role,
        margin=margin,
        free_after=None if free is None or is_closing else free + premium - margin - fee,
        touch=touch,
        mark=mark,
        distance=distance,
        distance_pct=None if distance is None or not reference else distance / reference * HUNDRED,
        liquidation_price=None if is_closing else _liquidation(state, run, leg, price, spot),
    )


def _role(ticket: TicketRequest, touch: Decimal | None) -> str:
    """Maker where it would rest; what waits for a trigger or is worked by an algorithm is reckoned as taker."""
    if ticket.post_only:
        return "maker"
    if ticket.order_type != "limit" or ticket.time_in_force == "ioc" or ticket.limit_price is None:
        return "taker"
    return "maker" if touch is None or (touch - ticket.limit_price) * ticket.side.sign > 0 else "taker"


def _distance(
    ticket: TicketRequest, touch: Decimal | None, mark: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """How far the order lies from the market, and what that is measured from."""
    if ticket.stop_price is not None:
        return (None if mark is None else abs(ticket.stop_price - mark)), mark
    if ticket.limit_price is not None:
        return (None if touch is None else (touch - ticket.limit_price) * ticket.side.sign), touch
    return None, None


def _liquidation(state: State, run: Run, leg: LegTerms, price: Decimal, spot: Decimal) -> Decimal | None:
    if state.mode_on(run.underlying) == PORTFOLIO:
        return None
    if leg.kind is Kind.PERPETUAL:
        share = initial_share(leg, None if run.ticket is None else run.ticket.leverage)
        return perpetual_liquidation(
            entry_price=price,
            side_sign=leg.side.sign,
            initial_share=share,
            maintenance_margin_pct=leg.maintenance_pct,
        )
    return None if leg.side is Side.BUY else limit_of(run.preset.exits, leg, price, spot).price


def summed(
    listed: Sequence[TicketCheck], problems: Sequence[Refusal], state: State, phrase: str, underlying: str
) -> OrderCheck:
    """A list as a whole."""
    free = _free(state)
    told = [one.cost for one in listed if one.cost is not None and not one.problems]  # what is refused blocks nothing
    after = [cost.free_after for cost in told if cost.free_after is not None]
    return OrderCheck(
        ok=not problems and not any(one.problems for one in listed),
        problems=tuple(problems),
        tickets=tuple(listed),
        free=free,
        free_after=after[-1] if after else free,
        margin_mode=state.mode_on(underlying),
        phrase=phrase,
    )
