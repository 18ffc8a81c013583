"""Orders, positions, balances and single orders of the fake desk: a ticket that holds, one that works, and a foreign position."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import asdict, replace

from tests.panel import fake_chain
from trader.config.ticket import TicketList, TicketRequest
from trader.desk import (
    Board,
    CloseAnswer,
    CommandReceipt,
    NotPossible,
    OrderAnswer,
    OrderCheck,
    OrderCost,
    Status,
    TicketAnswer,
    TicketCheck,
)
from trader.desk.books.holdings import Balance, BalanceSheet, PositionBook, PositionLine
from trader.desk.books.lines import EventLine, EventPage, OrderDetail, OrderLine, OrderPage, OrderStep, Trade, TradePage
from trader.desk.books.positions import parts_of
from trader.domain.errors import ConfigError, ExchangeError, JournalError
from trader.domain.instrument import Instrument, Kind
from trader.domain.quote import Quote
from trader.engine.records import Phase
from trader.engine.tickets.accept import order_phrase
from trader.engine.tickets.adopting import adopt_phrase
from trader.engine.tickets.checks import flaws
from trader.engine.tickets.refusal import Refusal
from trader.engine.view import ClosingView, TicketView

D = Decimal
PERPETUAL = "BTCUSD"
STRANGE_SYMBOL = "C-BTC-99000-221126"


def ticket(ticket_id: str = "t1ck3t0001", **changes: Any) -> TicketView:
    """Bought 5 of the perpetual at 91,000; a stop loss rests, the take profit does not."""
    now = datetime.now(UTC)
    one = TicketView(
        ticket_id=ticket_id, symbol=PERPETUAL, underlying="BTC", kind="perpetual", strike=None, expiry=None, side="buy", quantity=5,
        order_type="market", limit_price=None, stop_price=None, trail_usd=None, trigger_by="mark", time_in_force="gtc", post_only=False,
        work="once", reason="breakout", leverage=None, adopted=False, linked="", phase=Phase.HOLDING, status="holding", words="Holds 5",
        filled=5, open_quantity=5, avg_px=D(91_000), exit_px=None, mark=D("91240.5"), bid=D(91_240), ask=D(91_241), fresh=True,
        pnl=D("0.95"), pnl_mark=D("1.1025"), fees=D("0.1"), realized_pnl=None, stop_loss=D(90_000), take_profit=D(93_000),
        closing=(ClosingView(name="L", quantity=5, limit_price=None, stop_price=D(90_000), trail_usd=None, status="accepted",
                             client_order_ids=("sd-L",)),),
        contract_value=D("0.001"), notional=D("456.2"), liquidation_px=D(82_000), created_at=now - timedelta(minutes=3),
        exit_reason=None, refused_code="", refused_field="", refused_detail="", orders=(),
    )  # fmt: skip
    return replace(one, **changes)


def works(**changes: Any) -> TicketView:
    """A limit below the market that has filled 2 of 10."""
    return replace(
        ticket("t1ck3t0002"), side="buy", quantity=10, order_type="limit", limit_price=D(91_000), phase=Phase.ENTERING,
        status="working", words="Its order works; 2 of 10 filled", filled=2, open_quantity=0, avg_px=None, pnl=None, pnl_mark=None,
        stop_loss=None, take_profit=None, closing=(), **changes,
    )  # fmt: skip


def order_line(name: str = "sd1-t1ck-TE01", **changes: Any) -> OrderLine:
    now = datetime.now(UTC)
    line = OrderLine(
        seq=7, client_order_id=name, venue_order_id="88001", run_id="t1ck3t0002", is_ticket=True, preset="", leg="T", purpose="entry",
        algorithm="once", closing="", symbol=PERPETUAL, side="buy", quantity=10, filled=2, left=8, order_type="limit_order", limit_price=D(91_000),
        stop_price=None, trail=None, time_in_force="gtc", post_only=False, reduce_only=False, status="partially_filled",
        reference=D(91_240), avg_px=D(91_000), slippage=D(-240), slippage_pct=D("-0.26"), slippage_usd=D("-0.48"), fees=D("0.02"),
        fee_currency="USD", created_at=now - timedelta(seconds=75), wall=now - timedelta(seconds=75), ended_wall=None, answer_secs=0.12,
        fill_secs=3.4, code="", message="", who="panel", reason="ticket",
    )  # fmt: skip
    return replace(line, **changes)


def trade(**changes: Any) -> Trade:
    now = datetime.now(UTC)
    one = Trade(
        seq=9, fill_id="f-1", venue_order_id="88001", client_order_id="sd1-t1ck-TE01", run_id="t1ck3t0002", is_ticket=True, preset="", leg="T",
        algorithm="once", product_id=27, symbol=PERPETUAL, side="buy", quantity=2, price=D("91000.5"), fee=D("0.0182001"), fee_currency="USD",
        role="maker", kind="normal",
        cash=D("-182.001"), at=now, wall=now,
    )  # fmt: skip
    return replace(one, **changes)


def refused_event(text: str, **changes: Any) -> EventLine:
    now = datetime.now(UTC)
    one = EventLine(seq=11, at=now, wall=now, kind="risk_failed", run_id="t1ck3t0005", is_ticket=True, symbol=PERPETUAL,
                    client_order_id=None, who="panel", why="", text=text)  # fmt: skip
    return replace(one, **changes)


class FakeBooks:
    """Mixed into the fake desk. `tickets` and `strange` (signed contracts of `STRANGE_SYMBOL`) are what there is besides runs;
    `books_fault` and `listing_fault`: why the exchange cannot be asked; `against`: what the check says of every order."""

    env: str
    scenario: str
    refusal: str
    asked: list[tuple[str, Any]]

    def make_books(self) -> None:
        self.tickets: list[TicketView] = []
        self.working: list[OrderLine] = []
        self.ended: list[OrderLine] = []
        self.filled: list[Trade] = []
        self.strange = 0
        self.books_fault = self.listing_fault = self.order_fault = ""
        self.against: tuple[Refusal, ...] = ()
        self.answer_status = "accepted"
        self.refused_from = 1  # of how many contracts on `refusal` is for
        self.refused: list[EventLine] = []

    def status(self, run_id: str | None = None) -> Status: ...  # type: ignore[empty-body]

    # ------------------------------------------------------------ what is
    def positions(self) -> PositionBook:
        status = self.status()
        parts = parts_of(status.runs, status.tickets, {})
        symbols = sorted({*parts, *((STRANGE_SYMBOL,) if self.strange else ())})
        lines = tuple(self._line(symbol, sum(part.quantity for part in parts.get(symbol, ()))) for symbol in symbols)
        if self.books_fault:
            lines = tuple(replace(one, net=None, foreign=None, margin=None) for one in lines if one.ours)
        return PositionBook(
            positions=lines, read_at=datetime.now(UTC), faults=(self.books_fault,) if self.books_fault else ()
        )

    def _line(self, symbol: str, ours: int) -> PositionLine:
        strange = self.strange if symbol == STRANGE_SYMBOL else 0
        return PositionLine(
            symbol=symbol, underlying="BTC", kind="", strike=None, expiry=None, contract_value=D("0.001"), net=ours + strange, ours=ours,
            foreign=strange, entry_price=D(120), mark=D("118.5"), unrealised=D("0.0045"), realised=None, funding=None,
            margin=D("12.34"), margin_mode="isolated", auto_topup=False, leverage=None, liquidation_price=D(900), bankruptcy_price=None,
            opened_at=None, stop_loss=(), take_profit=(), parts=(),
        )  # fmt: skip

    def balances(self) -> BalanceSheet:
        if self.books_fault:
            raise ExchangeError(self.books_fault)
        one = Balance(
            currency="USD", total=D("10000.5"), free=D("8159.5"), locked=D(1841), commission=D(0), equity=D("10024.25"), order_margin=D(1),
            position_margin=D(1840), portfolio_margin=None,
        )  # fmt: skip
        return BalanceSheet(balances=(one,), margin_mode="isolated", read_at=datetime.now(UTC))

    def orders(self, *, state: str, limit: int) -> OrderPage:
        if self.scenario == "unreachable":
            raise JournalError("the journal cannot be read: disk I/O error")
        return OrderPage(orders=tuple(self.working if state == "working" else self.ended), next=None)

    def order_line(self, order_id: str) -> OrderDetail | None:
        found = next((one for one in (*self.working, *self.ended) if one.client_order_id == order_id), None)
        if found is None:
            return None
        steps = tuple(
            OrderStep(at=found.wall, wall=found.wall, after_secs=secs, what=what, filled=0, text=f"{what} told")
            for what, secs in (("intended", 0.0), ("accepted", 0.12))
        )
        return OrderDetail(**asdict(found), other_ids=(), passed={}, timeline=steps)

    def trades(self, *, since: datetime | None, limit: int) -> TradePage:
        if self.scenario == "unreachable":
            raise JournalError("the journal cannot be read: disk I/O error")
        return TradePage(trades=tuple(self.filled), next=None)

    def events(self, *, kinds: Sequence[str], since: datetime | None, limit: int) -> EventPage:
        assert tuple(kinds) == ("risk_failed",)
        return EventPage(events=tuple(self.refused[:limit]), next=None)

    def listed(self, underlying: str) -> Board:
        if self.listing_fault:
            raise ExchangeError(self.listing_fault)
        now = datetime.now(UTC)
        board = fake_chain.board(now)
        one = replace(
            board.instruments[0],
            symbol=PERPETUAL,
            product_id=27,
            kind=Kind.PERPETUAL,
            strike=None,
            expiry=None,
            tick_size=D("0.5"),
        )
        quote = Quote(
            symbol=PERPETUAL,
            mark=D("91240.5"),
            bid=D(91_240),
            ask=D(91_241),
            spot=fake_chain.SPOT,
            ts_mark=now,
            ts_quote=now,
        )
        return replace(board, instruments=(one, *board.instruments), quotes={**board.quotes, PERPETUAL: quote})

    # ------------------------------------------------------------ what is asked
    def check_order(self, tickets: TicketList) -> OrderCheck:
        told = tuple(self._checked(one) for one in tickets.tickets)
        return OrderCheck(ok=not any(one.problems for one in told), problems=(), tickets=told, free=D("8159.5"), free_after=D("8154.89"),
                          margin_mode="isolated", phrase=self.order_phrase(tickets))  # fmt: skip

    def _checked(self, one: TicketRequest) -> TicketCheck:
        board = self.listed("BTC")
        contract: Instrument = next(row for row in board.instruments if row.symbol == one.symbol)
        problems = (*flaws(one, contract, board.quotes[one.symbol], board.spot, board.market), *self.against)
        cost = OrderCost(
            price=one.limit_price or D(91_241), notional=D("456.17"), premium=D(0), fee=D("0.0456"), role="taker", margin=D("4.56"),
            free_after=D("8154.89"), touch=D(91_241), mark=D("91240.5"), distance=None, distance_pct=None, liquidation_price=None,
        )  # fmt: skip
        return TicketCheck(
            symbol=one.symbol, side=one.side.value, quantity=one.quantity, problems=tuple(problems), cost=cost
        )

    def order_phrase(self, tickets: TicketList) -> str:
        return order_phrase(self.env, tickets.tickets) if self.env == "production" else ""

    def order(
        self, tickets: TicketList, *, issued_by: str, confirm: str | None = None, key: str = ""
    ) -> CommandReceipt:
        self.asked.append(("order", (tickets, issued_by, confirm, key)))
        if self.order_fault:
            raise NotPossible(self.order_fault)
        if self.order_phrase(tickets) != (confirm or ""):
            raise ConfigError("Production needs the phrase, typed in full; nothing was sent.")
        return self._receipt()

    def await_order(self, command_id: str, timeout_secs: float) -> OrderAnswer:
        tickets: TicketList = self.asked[-1][1][0]
        told = tuple(self._answered(number, one) for number, one in enumerate(tickets.tickets))
        return OrderAnswer(command_id=command_id, status=told[0].status, detail="", tickets=told)  # type: ignore[arg-type]

    def _answered(self, number: int, one: TicketRequest) -> TicketAnswer:
        refused = self.refusal and one.quantity >= self.refused_from
        status = "refused" if refused else self.answer_status
        return TicketAnswer(
            ticket_id=f"t1ck3t{9 + number:04}", symbol=one.symbol, side=one.side.value, quantity=one.quantity,
            status=status,  # type: ignore[arg-type]
            code="MARGIN_INSUFFICIENT" if refused else "", field="quantity" if refused else "", sentence=self.refusal if refused else "",
            ticket=None if status != "accepted" else works(),
        )  # fmt: skip

    def amend(self, ticket_id: str, *, issued_by: str, **changes: Any) -> CommandReceipt:
        self.asked.append(("amend", (ticket_id, changes, issued_by)))
        return self._receipt()

    def cancel(self, *, order: str | None = None, everything: bool = False, issued_by: str) -> CommandReceipt:
        self.asked.append(("cancel", (order, everything, issued_by)))
        return self._receipt()

    def close_position(self, *, ticket: str, issued_by: str) -> CommandReceipt:
        self.asked.append(("close", (ticket, issued_by)))
        return self._receipt()

    def close_all(self, *, issued_by: str, reason: str) -> CommandReceipt:
        self.asked.append(("close_all", issued_by))
        return self._receipt()

    def await_closed(self, command_id: str, timeout_secs: float, *, flat_secs: float = 0) -> CloseAnswer:
        sent: Sequence[OrderLine] = [order_line("sd1-X", side="sell", purpose="exit", quantity=5)]
        return CloseAnswer(
            command_id=command_id,
            status="accepted",
            detail="closing t1ck3t0001",
            orders=tuple(sent),
            still_open=("t1ck3t0001",),
        )

    def adopt_phrase(self, symbol: str) -> str:
        if not self.strange:
            raise NotPossible(f"In {symbol} there is no position that no run or ticket explains.")
        return adopt_phrase(symbol, self.strange)

    def adopt(self, symbol: str, phrase: str, *, issued_by: str) -> CommandReceipt:
        if phrase != self.adopt_phrase(symbol):
            raise ConfigError(f'Nothing was taken over. It needs the phrase "{self.adopt_phrase(symbol)}".')
        self.asked.append(("adopt", (symbol, phrase, issued_by)))
        return self._receipt()

    def _receipt(self) -> CommandReceipt:
        return CommandReceipt(command_id=uuid.uuid4().hex, account=self.env, issued_at=datetime.now(UTC))
