"""The read verbs over the simulated exchange, one conversation at a time.

`trader.runner.reading` composes an answer from several synchronous verbs. To let virtual time pass between them without a
thread, a conversation is replayed: verbs already answered answer again from its memory, the next one asks the exchange,
and when its parts are to see different instants the one after that raises `Later`.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeVar, cast

from msgspec.structs import replace

from trader.domain.errors import AuthError, ExchangeError, NotSent, OutcomeUnknown, RateLimited, WireError
from trader.domain.fill import Fill, Position
from trader.domain.instrument import Instrument, index_symbol
from trader.domain.margin import PORTFOLIO, MarginedPosition, MarginTerms, terms_of
from trader.domain.odd_row import OddRow
from trader.domain.order import OrderSnapshot
from trader.domain.quote import Quote
from trader.domain.wallet import Transaction, Wallet
from trader.exchange.common.budget import Priority, RateBudget
from trader.exchange.common.odd_rows import OddRows, PartialList
from trader.exchange.delta.http import endpoints as at
from trader.exchange.delta.http.rest import Endpoint
from trader.simulation.agenda import Agenda
from trader.simulation.faults import Faults
from trader.simulation.quotes import quote_of
from trader.simulation.venue import SimVenue, snapshot_of
from trader.venue.core import records as core

T = TypeVar("T")

_TIMEOUT_SECS = 5.0
_LEDGER_LAG_SECS = 40.0  # less than a minute, after which a difference counts as one


class Later(BaseException):
    """The conversation goes on at a later instant. Not an Exception: nobody on the way may swallow it."""


class Conversation:
    """The verbs of one read, begun at `began`, and what they were told so far."""

    def __init__(self, began: float = 0.0) -> None:
        self.began = began
        self.answers: list[Any] = []
        self.cursor = 0
        self.asks = 0
        self.delay = 0.0
        self.for_exit = False


class Network:
    """What all requests of the desk share: the way is open or not, and the request budget."""

    def __init__(self, agenda: Agenda, faults: Faults) -> None:
        self._agenda = agenda
        self._faults = faults
        self.refused_until = 0.0  # N6
        self.closed_until = 0.0  # X7
        self.reset_header: str | None = None

    @property
    def refused(self) -> bool:
        return self._agenda.secs < self.refused_until

    @property
    def closed(self) -> bool:
        """Maintenance: every request is answered 503."""
        return self._agenda.secs < self.closed_until

    def strikes(self, fault: str) -> bool:
        return self._faults.hit(fault)

    def details(self, fault: str) -> Random:
        return self._faults.details(fault)

    def check_key(self) -> None:
        """N6 begins and lasts a while."""
        if self._faults.hit("N6"):
            self.refused_until = self._agenda.secs + self._faults.details("N6").uniform(1, 8)

    def read_error(self, listed: bool) -> tuple[ExchangeError, float] | None:
        """What happens to one read instead of its answer, and how long it takes; None when nothing does."""
        hit = self._faults.hit
        if self.closed:
            return OutcomeUnknown("HTTP 503: maintenance"), 0.0
        self.check_key()
        if self.refused:
            return AuthError("ip_not_whitelisted_for_api_key", http_status=403), 0.0
        if hit("N1", 0.5):
            return OutcomeUnknown("read timed out"), _TIMEOUT_SECS
        if hit("N4", 0.7):
            return OutcomeUnknown("HTTP 503"), 0.0
        if hit("N5", 0.5):
            self.reset_header = self._faults.details("N5").choice(("1500", None, "0", "-1", "abc", "4000"))
            return RateLimited("429", retry_after_secs=1.0), 0.0
        if hit("N7", 0.7):
            return WireError("unreadable answer"), 0.0
        if listed and hit("N8"):
            return OutcomeUnknown("page 2: connection reset"), 0.0
        if hit("N12", 0.5):
            return NotSent("connection refused"), 0.0
        return None


class SimGateway:
    """`AccountReads` and `MarketReads` for one runner. Orders travel, see `trader.simulation.wire`."""

    def __init__(
        self, venue: SimVenue, network: Network, agenda: Agenda, position_lag: float, settlement_late: float
    ) -> None:
        self._venue = venue
        self._network = network
        self._agenda = agenda
        self._lag = position_lag
        self._settlement_late = settlement_late
        self.budget = RateBudget(lambda: agenda.secs)
        self._talk = Conversation()
        self.successes: dict[str, float] = {}  # when each verb last answered truthfully
        self._parts: list[tuple[str, float, PartialList]] = []  # what each verb has told in part
        self.attempts = 0
        self.limited_until = 0.0  # before this nothing that can wait is asked for
        self.odd_rows = OddRows(lambda: agenda.secs)

    def converse(self, talk: Conversation, asks: int) -> None:
        """Continue this conversation, with at most so many new verbs."""
        self._talk = talk
        talk.cursor, talk.asks = 0, asks

    def for_exit(self) -> "SimGateway":
        self._talk.for_exit = True
        return self

    def _ask(self, verb: str, endpoint: Endpoint, answer: Callable[[], T], *, listed: bool = False) -> T:
        talk = self._talk
        if talk.cursor < len(talk.answers):
            found = talk.answers[talk.cursor]
        else:
            if talk.asks == 0:
                raise Later
            talk.asks -= 1
            found = self._fetch(verb, endpoint, answer, listed)
            talk.answers.append(found)
        talk.cursor += 1
        if isinstance(found, ExchangeError):
            raise found
        return cast(T, found)

    def _fetch(self, verb: str, endpoint: Endpoint, answer: Callable[[], Any], listed: bool) -> Any:
        self.attempts += 1
        public = endpoint in (at.PRODUCTS, at.TICKERS)
        priority = Priority.MARKET if public else Priority.OWN
        try:
            self.budget.spend(endpoint.weight, Priority.EXIT if self._talk.for_exit else priority)
        except RateLimited as error:
            self.limited_until = self._agenda.secs + (error.retry_after_secs or 0.0)
            return error
        failed = self._network.read_error(listed)
        if failed is not None:
            if isinstance(failed[0], RateLimited):
                self.limited_until = self._agenda.secs + (failed[0].retry_after_secs or 0.0)
                self.budget.observe_429(self._network.reset_header)
            self._talk.delay += failed[1]
            return failed[0]
        self._venue.wake()
        self._venue.on_news()
        found = answer()
        if isinstance(found, list) and not public:
            found = self._with_odd_row(verb, found)
        if isinstance(found, PartialList):
            self._parts.append((verb, self._agenda.secs, found))
        else:
            self.successes["positions" if verb == "position" else verb] = self._agenda.secs
        return found

    def told_whole(self, verb: str, contracts: dict[str, int]) -> float:
        """When a verb last told all of these contracts (symbol → product id): a row that makes no sense and names another one
        leaves them whole. -1 where it never did."""

        def spares(row: OddRow) -> bool:
            named_id = row.product_id is not None and row.product_id not in contracts.values()
            return named_id or (bool(row.symbol) and row.symbol not in contracts)

        parts = (secs for name, secs, part in self._parts if name == verb and all(spares(row) for row in part.odd))
        return max([self.successes.get(verb, -1.0), *parts])

    def _with_odd_row(self, verb: str, rows: list[Any]) -> Any:
        """N16: one row makes no sense, or a senseless one is where there is none. It may say which contract and order it is
        about, or nothing at all."""
        if not self._network.strikes("N16"):
            return rows
        draw = self._network.details("N16")
        if not rows:
            return PartialList([], [OddRow(listed=verb, place=1, reason="made so")])
        place = draw.randrange(len(rows))
        lost, told = rows[place], draw.choice(("all", "product", "symbol", "nothing"))
        row = OddRow(
            listed=verb,
            place=place + 1,
            reason="made so",
            symbol=getattr(lost, "symbol", "") if told in ("all", "symbol") else "",
            product_id=lost.product_id if told in ("all", "product") else None,
            order_id=getattr(lost, "venue_order_id", "") if told == "all" else "",
            client_order_id=(getattr(lost, "client_order_id", None) or "") if told == "all" else None,
        )
        return PartialList([*rows[:place], *rows[place + 1 :]], [row])

    # ------------------------------------------------------------ account

    def lookup(self, client_order_id: str) -> OrderSnapshot | None:
        def answer() -> OrderSnapshot | None:
            order = self._venue.account.by_client_id(client_order_id)
            return None if order is None else snapshot_of(order)

        return self._ask("lookup", at.ORDER_BY_CLIENT_ID, answer)

    def lookup_by_id(self, venue_order_id: str) -> OrderSnapshot | None:
        def answer() -> OrderSnapshot | None:
            order = self._venue.account.orders.get(int(venue_order_id))
            return None if order is None else snapshot_of(order)

        return self._ask("lookup_by_id", at.ORDER_BY_ID, answer)

    def open_orders(self, product_ids: Sequence[int] | None = None) -> list[OrderSnapshot]:
        def answer() -> list[OrderSnapshot]:
            orders = self._venue.account.live_orders
            return [snapshot_of(o) for o in orders if product_ids is None or o.product_id in product_ids]

        return self._ask("open_orders", at.OPEN_ORDERS, answer, listed=True)

    def order_history(self, since: datetime, product_ids: Sequence[int] | None = None) -> list[OrderSnapshot]:
        def answer() -> list[OrderSnapshot]:
            return [
                snapshot_of(o)
                for o in self._venue.account.orders.values()
                if not o.live and o.created_at >= since and (product_ids is None or o.product_id in product_ids)
            ]

        return self._ask("order_history", at.ORDER_HISTORY, answer, listed=True)

    def fills(self, since: datetime | None, product_ids: Sequence[int] | None = None) -> list[Fill]:
        def answer() -> list[Fill]:
            return [
                self._venue.told(row, over_rest=True)
                for row in reversed(self._venue.account.fills)
                if (since is None or row.created_at >= since) and (product_ids is None or row.product_id in product_ids)
            ]

        return self._ask("fills", at.FILLS, answer, listed=True)

    def positions(self, underlying: str) -> list[Position]:
        return self._ask("positions", at.POSITIONS, lambda: self._venue.positions(self._lag))

    def position(self, product_id: int) -> Position:
        def answer() -> Position:
            held = [p for p in self._venue.positions(self._lag) if p.product_id == product_id]
            symbol = self._venue.core.products.by_id[product_id].symbol
            return held[0] if held else Position(symbol=symbol, product_id=product_id, quantity=0)

        return self._ask("position", at.POSITIONS, answer)

    def wallet(self) -> Wallet:
        def answer() -> Wallet:
            wallet = self._venue.core.wallet(self._venue.account)
            return Wallet(
                balance=wallet.balance,
                available=wallet.available_balance,
                blocked_margin=wallet.blocked_margin,
                margin_mode=self._venue.account.margin_mode if wallet.blocked_margin else None,
            )

        return self._ask("wallet", at.BALANCES, answer)

    def margin_terms(self) -> MarginTerms:
        account, core = self._venue.account, self._venue.core

        def row(symbol: str) -> MarginedPosition:
            held, bounds = account.holdings[symbol], core.liquidation(account, symbol)
            return MarginedPosition(
                symbol=symbol, product_id=held.product_id, quantity=held.size, entry_price=held.entry_price, mark=None,
                margin=held.margin, liquidation_price=bounds.liquidation, bankruptcy_price=bounds.bankruptcy,
                blocked_commission=held.commission, realized_pnl=None, realized_funding=None, realized_cashflow=None,
                margin_mode=account.margin_mode, auto_topup=held.auto_topup, created_at=held.created_at,
            )  # fmt: skip

        def answer() -> MarginTerms:
            on = tuple(
                index_symbol(name) for name in self._venue.market.underlyings if account.margin_mode == PORTFOLIO
            )
            return terms_of(tuple(row(symbol) for symbol in account.holdings), on, account.default_auto_topup)

        return self._ask("margin_terms", at.MARGINED, answer)

    def transactions(self, since: datetime) -> list[Transaction]:
        def answer() -> list[Transaction]:
            lines = [line for line in reversed(self._venue.account.transactions) if line.created_at >= since]
            return self._as_told([_transaction(line) for line in lines])

        return self._ask("transactions", at.TRANSACTIONS, answer, listed=True)

    def _as_told(self, lines: list[Transaction]) -> list[Transaction]:
        """N17: the ledger is behind the fills, or calls something by a word nobody knows."""
        if not lines or not self._network.strikes("N17"):
            return lines
        draw = self._network.details("N17")
        if draw.random() < 0.6:
            known = self._agenda.now - timedelta(seconds=draw.uniform(1, _LEDGER_LAG_SECS))
            return [line for line in lines if line.created_at is None or line.created_at <= known]
        place = draw.randrange(len(lines))
        return [*lines[:place], replace(lines[place], kind="a_kind_nobody_has_documented"), *lines[place + 1 :]]

    def settlement_price(self, symbol: str) -> Decimal | None:
        def answer() -> Decimal | None:
            gone = self._venue.core.products.expired.get(symbol)
            if gone is None or gone.instrument.expiry is None:
                return None
            age = (self._agenda.now - gone.instrument.expiry).total_seconds()
            return gone.settlement_price if age >= self._settlement_late else None

        return self._ask("settlement_price", at.PRODUCTS, answer)

    # ------------------------------------------------------------ market

    def instruments(self, underlying: str) -> list[Instrument]:
        return self._ask("instruments", at.PRODUCTS, lambda: list(self._venue.core.products.live.values()))

    def tickers(self, underlying: str, expiry: date | None = None) -> list[Quote]:
        def answer() -> list[Quote]:
            return [quote_of(self._venue, symbol) for symbol in self._venue.core.products.live]

        return self._ask("tickers", at.TICKERS, answer)

    def spot(self, underlying: str) -> Decimal:
        return self._ask("spot", at.TICKERS, lambda: self._venue.market.spot(underlying))


def _transaction(line: core.Transaction) -> Transaction:
    return Transaction(
        transaction_id=str(line.id),
        kind=line.transaction_type,
        amount=line.amount,
        balance=line.balance,
        asset="USD",
        product_id=line.product_id,
        created_at=line.created_at,
    )
