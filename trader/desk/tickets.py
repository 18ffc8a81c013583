"""The part of the desk that orders: single orders sent, changed, cancelled and closed. `Desk` is one of these.

What opens needs a living runner, so that nothing begins hours after it was asked for; what closes and cancels is recorded whether one
lives or not.
"""

import re
import time
from abc import abstractmethod
from datetime import UTC, datetime
from decimal import Decimal
from itertools import repeat
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from trader.config.halt import halt_words
from trader.config.messages import suggestion
from trader.config.settings import Settings
from trader.config.ticket import Protection, TicketList, TicketRequest
from trader.desk.books.reads import BookReads
from trader.desk.market import KeptAnswer, MarketBook
from trader.desk.order_check import OrderCheck, check_tickets, summed, with_market
from trader.desk.prerequisites import tried
from trader.desk.runs import RunBook
from trader.desk.status import runner_health
from trader.desk.ticket_values import CloseAnswer, OrderAnswer, TicketAnswer
from trader.desk.values import CommandReceipt, NotPossible
from trader.domain.errors import ConfigError, ExchangeError, JournalError, TraderError
from trader.domain.foreign import Foreign
from trader.domain.instrument import Instrument, Kind, underlying_of
from trader.domain.wording import clause
from trader.engine import records as rec
from trader.engine.fold import fold
from trader.engine.ids import ticket_id_for
from trader.engine.records import Level
from trader.engine.state import Shown, State, Trading
from trader.engine.tickets.accept import OFF, order_phrase
from trader.engine.tickets.adopting import adopt_phrase
from trader.engine.tickets.refusal import Refusal
from trader.engine.view import TicketView
from trader.journal import CommandRow
from trader.journal.commands import CommandKind

IssuedBy = Literal["panel", "cli", "api", "link"]

_POLL_SECS = 0.05
_ADOPT = re.compile(r"ADOPT (?P<symbol>\S+) (?P<quantity>[+-][1-9][0-9]{0,8})")
_MEANT = ("BTC", "ETH")  # where a contract of no known underlying is looked for
_WORKS = ("waiting", "working")
_WITHOUT = "Without a runner: python -m trader flatten"


class TicketDesk(BookReads):
    """Single orders."""

    settings: Settings
    _market: MarketBook

    def _make_tickets(self) -> None:
        """To be called once the door to the exchange is there."""
        self._leverages: dict[int, KeptAnswer[Decimal]] = {}

    @abstractmethod
    def _runs(self) -> RunBook: ...

    @abstractmethod
    def _submit(
        self, kind: CommandKind, body: dict[str, object], issued_by: IssuedBy, key: str = ""
    ) -> CommandReceipt: ...

    @abstractmethod
    def _record(
        self, kind: CommandKind, body: dict[str, object], issued_by: IssuedBy, key: str = ""
    ) -> CommandReceipt: ...

    @abstractmethod
    def _earlier(self, kind: CommandKind, asked: dict[str, object], key: str) -> CommandReceipt | None: ...

    @abstractmethod
    def command(self, command_id: str) -> CommandRow | None: ...

    @abstractmethod
    def await_command(self, command_id: str, timeout_secs: float) -> CommandRow: ...

    @abstractmethod
    def foreign(self, underlying: str) -> tuple[Foreign, ...]: ...

    # ------------------------------------------------------------ sending

    def order(
        self, tickets: TicketList, *, issued_by: IssuedBy, confirm: str | None = None, key: str = "", who: str = ""
    ) -> CommandReceipt:
        """Ask the runner to send orders; returns once the request is recorded, before any has gone out.

        Args:
            tickets: The orders.
            issued_by: Which face asks.
            confirm: Production only: the phrase of `order_phrase`.
            key: Idempotency: the same key again is the same command, whatever has become of it.
            who: The person or program.

        Raises:
            KeyReused: An earlier command of this key asked for something else.
            NotPossible: Trading is halted, or no runner is alive.
            ConfigError: The phrase is not the right one.
            JournalError: The request could not be recorded.
        """
        asked: dict[str, object] = {**tickets.model_dump(mode="json"), "confirm": confirm, "key": key}
        if (earlier := self._earlier("order", asked, key)) is not None:
            return earlier
        phrase = self.order_phrase(tickets)
        if phrase and confirm != phrase:
            raise ConfigError(f'Production needs the phrase "{phrase}", typed in full; nothing was sent.')
        if not _only_reduces(tickets) and (halted := halt_words(self.settings.home)):
            raise NotPossible(f"{halted}; nothing was sent.")
        self._require_runner("nothing was sent")
        return self._record("order", {**asked, "who": who}, issued_by, key)

    def order_phrase(self, tickets: TicketList) -> str:
        """What a person must type to send these with real money; empty where nothing is to be typed."""
        if self.settings.env != "production" or _only_reduces(tickets):
            return ""
        return order_phrase(self.account, tickets.tickets)

    def amend(
        self,
        ticket_id: str,
        *,
        quantity: int | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail_usd: Decimal | None = None,
        stop_loss: Protection | msgspec.UnsetType | None = msgspec.UNSET,
        take_profit: Protection | msgspec.UnsetType | None = msgspec.UNSET,
        issued_by: IssuedBy,
        who: str = "",
    ) -> CommandReceipt:
        """Ask for other prices, another quantity or protection of a ticket; what is left out stays. A protection of None is taken
        away. Its order is cancelled and, that confirmed, placed again.

        Raises:
            NotPossible: No runner is alive.
            ConfigError: Nothing is to change.
            JournalError: The request could not be recorded.
        """
        plain = {"quantity": quantity, "limit_price": limit_price, "stop_price": stop_price, "trail_usd": trail_usd}
        changes: dict[str, object] = {
            name: value if isinstance(value, int) else f"{value:f}"
            for name, value in plain.items()
            if value is not None
        }
        for name, guard in (("stop_loss", stop_loss), ("take_profit", take_profit)):
            if not isinstance(guard, msgspec.UnsetType):
                changes[name] = None if guard is None else guard.model_dump(mode="json")
        if not changes:
            raise ConfigError(
                "Say what is to change: quantity, limit_price, stop_price, trail_usd, stop_loss or take_profit."
            )
        self._require_runner("nothing was changed")
        return self._submit("amend", {"ticket": ticket_id, **changes, "who": who}, issued_by)

    def cancel(
        self,
        *,
        ticket: str | None = None,
        order: str | None = None,
        symbol: str | None = None,
        underlying: str | None = None,
        everything: bool = False,
        issued_by: IssuedBy,
        who: str = "",
    ) -> CommandReceipt:
        """Ask to cancel what works: of a ticket, one order by its id, or all of a contract, an underlying, the account. Protection of
        what is held stays.

        Raises:
            ConfigError: Not exactly one is named.
            JournalError: The request could not be recorded.
        """
        named = {"ticket": ticket, "order": order, "symbol": symbol, "underlying": underlying}
        body = _one_of({**named, "everything": everything or None}, "cancelled")
        return self._submit("cancel", {**body, "who": who}, issued_by)

    def close_position(
        self, *, ticket: str | None = None, symbol: str | None = None, issued_by: IssuedBy, who: str = "", key: str = ""
    ) -> CommandReceipt:
        """Ask to close what a ticket holds, or all tickets of a contract; what works of them is cancelled. Needs no phrase.

        Raises:
            ConfigError: Not exactly one is named.
            JournalError: The request could not be recorded; the sentence names what works without the journal.
        """
        named = _one_of({"ticket": ticket, "symbol": symbol}, "closed")
        return self._closing("close", {**named, "who": who}, issued_by, key)

    def close_all(self, *, issued_by: IssuedBy, who: str = "", reason: str = "", key: str = "") -> CommandReceipt:
        """Ask to close every ticket and every run. Needs no phrase, in no environment.

        Raises:
            JournalError: The request could not be recorded; the sentence names what works without the journal.
        """
        return self._closing("close_all", {"who": who, "reason": reason}, issued_by, key)

    def _closing(self, kind: CommandKind, body: dict[str, object], issued_by: IssuedBy, key: str) -> CommandReceipt:
        try:
            return self._submit(kind, body, issued_by, key)
        except JournalError as error:
            raise JournalError(f"Closing could not be recorded. {error} {_WITHOUT}") from error

    def adopt(self, symbol: str, phrase: str, *, issued_by: IssuedBy, who: str = "", key: str = "") -> CommandReceipt:
        """Ask to take over a position that no run or ticket explains, as a ticket that only manages and exits.

        Raises:
            NotPossible: No runner is alive.
            ConfigError: The phrase is none; where the exchange can be asked the sentence tells the right one.
            JournalError: The request could not be recorded.
        """
        match = _ADOPT.fullmatch(phrase)
        if match is None or match["symbol"] != symbol:
            wanted = tried(lambda: self.adopt_phrase(symbol))
            needed = str(wanted) if isinstance(wanted, TraderError) else f'It needs the phrase "{wanted}".'
            raise ConfigError(f"Nothing was taken over. {needed}")
        self._require_runner("nothing was taken over")
        body: dict[str, object] = {"symbol": symbol, "quantity": int(match["quantity"]), "phrase": phrase, "who": who}
        return self._submit("adopt", body, issued_by, key)

    def adopt_phrase(self, symbol: str) -> str:
        """What a person types to take over what stands in a contract and is of no run or ticket.

        Raises:
            NotPossible: Nothing of that kind stands there.
            ConfigError, ExchangeError: The positions cannot be read.
        """
        for one in self.foreign(underlying_of(symbol)):
            if one.kind == "position" and one.symbol == symbol:
                return adopt_phrase(symbol, one.quantity)
        raise NotPossible(f"In {symbol} there is no position that no run or ticket explains.")

    def _require_runner(self, what: str) -> None:
        journal = self._journal()  # the whole status would fold each ticket that the runner has just written of
        health = runner_health(journal.lease_row(self.account), journal.pictured_at(self.account), datetime.now(UTC))
        if not health.alive:
            raise NotPossible(
                f"No runner is alive for account {self.account}, so {what}; "
                "start the panel or `python -m trader run` first."
            )

    # ------------------------------------------------------------ what became of it

    def ticket(self, ticket_id: str) -> TicketView | None:
        """One ticket, at the runner's newest picture where it is not finished; None where there is none of that id.

        Raises:
            JournalError: The journal cannot be read.
        """
        shown = next((one for one in self.status().tickets if one.ticket_id == ticket_id), None)
        return shown or self._runs().ticket(ticket_id, datetime.now(UTC))

    def await_order(self, command_id: str, timeout_secs: float, *, settled_secs: float = 0) -> OrderAnswer:
        """Wait for the runner's answer to an `order`, and then up to `settled_secs` until none of its tickets works any more.

        Raises:
            NotPossible: There is no such command.
        """
        return self.order_answer(self.await_command(command_id, timeout_secs), settled_secs=settled_secs)

    def order_answer(self, row: CommandRow, *, settled_secs: float = 0) -> OrderAnswer:
        """The same of a command as it stands."""
        command_id = row.command_id
        names = [ticket_id_for(command_id, number) for number in range(len(row.body["tickets"]))]
        deadline = time.monotonic() + settled_secs
        while row.status == "accepted" and time.monotonic() < deadline:
            if not any(view is not None and view.status in _WORKS for view in map(self.ticket, names)):
                break
            time.sleep(_POLL_SECS * 2)
        listed = TicketList.model_validate({name: row.body[name] for name in ("tickets", "link") if name in row.body})
        runs, wall = self._runs(), datetime.now(UTC)
        with self._journal().look():
            refused = [
                next((one for one in runs.records(name) if isinstance(one, rec.TicketRefused)), None) for name in names
            ]
            # What was decided a moment ago is in no picture yet.
            views = [self.ticket(name) if settled_secs else runs.ticket(name, wall) for name in names]
        told = map(self._told, repeat(row), names, listed.tickets, refused, views)
        return OrderAnswer(command_id=command_id, status=row.status, detail=row.detail, tickets=tuple(told))

    def _told(
        self,
        row: CommandRow,
        name: str,
        asked: TicketRequest,
        refused: rec.TicketRefused | None,
        view: TicketView | None,
    ) -> TicketAnswer:
        """What became of one ticket of a command."""
        code, field, sentence = "", "", ""
        if refused is not None:
            code, field, sentence = refused.code, refused.field, refused.detail + self._near(refused.code, asked.symbol)
        elif row.status == "refused":
            code, sentence = "REFUSED", clause(row.detail)
        return TicketAnswer(
            ticket_id=name,
            symbol=asked.symbol,
            side=asked.side.value,
            quantity=asked.quantity,
            status="refused" if code else "new" if row.status == "new" else "accepted",
            code=code,
            field=field,
            sentence=sentence,
            ticket=None if code or row.status == "new" else view,
        )

    def _near(self, code: str, symbol: str) -> str:
        """A contract that reads like one there is not."""
        if code != "UNKNOWN_CONTRACT":
            return ""
        known = tried(lambda: self._contracts(symbol))
        return "" if isinstance(known, TraderError) else suggestion(symbol, known)

    def _contracts(self, symbol: str) -> dict[str, Instrument]:
        """The contracts of a symbol's underlying; where it has none, those it may have been meant for."""
        for names in ((underlying_of(symbol),), _MEANT):
            boards = [self._market.board(name) for name in names if name]
            if found := {one.symbol: one for board in boards for one in board.instruments}:
                return found
        return {}

    def await_closed(self, command_id: str, timeout_secs: float, *, flat_secs: float = 0) -> CloseAnswer:
        """Wait for the runner's answer to a `close_position` or `close_all`, and then up to `flat_secs` until nothing of what it
        names is open; the closing orders that have gone out since it was asked.

        Raises:
            NotPossible: There is no such command.
        """
        row = self.await_command(command_id, timeout_secs)
        deadline = time.monotonic() + flat_secs
        while (still := self._still_open(row)) and row.status != "refused" and time.monotonic() < deadline:
            time.sleep(_POLL_SECS * 2)
        page = self.orders(run_id=row.body.get("ticket"), symbol=row.body.get("symbol"), limit=500)
        sent = tuple(one for one in page.orders if one.purpose != "entry" and one.wall >= row.issued_at)
        return CloseAnswer(command_id=command_id, status=row.status, detail=row.detail, orders=sent, still_open=still)

    def _still_open(self, row: CommandRow) -> tuple[str, ...]:
        """Runs and tickets that a close names and that are not finished."""
        unresolved = self._journal().unresolved_runs(self.account)
        if row.kind == "close_all":
            return tuple(unresolved)
        views = [self._runs().ticket(name, datetime.now(UTC)) for name in unresolved]
        named = (row.body.get("ticket"), row.body.get("symbol"))
        return tuple(
            one.ticket_id for one in views if one is not None and (one.ticket_id in named or one.symbol in named)
        )

    # ------------------------------------------------------------ before it is sent

    def check_order(self, tickets: TicketList) -> OrderCheck:
        """What the engine would say of these orders now, each problem with its code, field and sentence, and what they would cost;
        at prices and balances of the last two seconds. Nothing is sent or recorded.

        Raises:
            ConfigError, ExchangeError: The market cannot be read.
            JournalError: The journal cannot be read.
        """
        found = self._checked(tickets)
        if any(one.code == "FOREIGN_POSITION" for ticket in found.tickets for one in ticket.problems):
            self._account_now.forget()  # what the exchange showed a second ago may have been closed since
            found = self._checked(tickets)
        return found

    def _checked(self, tickets: TicketList) -> OrderCheck:
        names = {underlying_of(ticket.symbol) for ticket in tickets.tickets} - {""}
        state, problems = self._as_engine(names)
        wanted = names | {run.underlying for run in state.unresolved}
        state, now = with_market(state, [self._market.board(name) for name in sorted(wanted)], datetime.now(UTC))
        contracts: dict[str, Instrument] = {}
        for ticket in tickets.tickets:
            contracts |= self._contracts(ticket.symbol)
        leverages = self._leverages_of(tickets, contracts)
        found = check_tickets(state, now, tickets, contracts, leverages)
        if _only_reduces(tickets):
            problems = [one for one in problems if one.code == "NO_RUNNER"]
        return summed(found, problems, state, self.order_phrase(tickets), next(iter(sorted(names)), ""))

    def _as_engine(self, names: set[str]) -> tuple[State, list[Refusal]]:
        """The account as the engine knows it: what the journal tells of runs, tickets and limits, and what the exchange shows of
        positions and balance. With what stands against any entry, by the runner's newest picture."""
        journal, status, wall = self._journal(), self.status(), datetime.now(UTC)
        state = State(installation=journal.installation(), epoch=0, env=self.settings.env, account_key=self.account)
        with journal.look():
            for _, setting in journal.account_settings(self.account):
                state = fold(state, [setting])
            for run_id in journal.unresolved_runs(self.account):
                state = fold(state, list(self._runs().records(run_id)))
        level, reason = status.trading
        trading = Trading(level=Level(level), reason=reason, code="", since=wall)
        terms = tried(self._margin.get)
        state = replace(
            state,
            account=replace(state.account, trading=trading),
            margin=None if isinstance(terms, TraderError) else terms,
            shown=self._shown(names),
        )
        problems = []
        if not state.account.limits.single_orders:
            problems.append(Refusal("SINGLE_ORDERS_OFF", "", OFF))
        if not status.runner.alive:
            problems.append(Refusal("NO_RUNNER", "", f"no runner is alive for account {self.account}"))
        if status.ops is not None and status.runner.alive and status.ops.abnormal:
            problems.append(Refusal("MARKET_ABNORMAL", "", clause(status.ops.abnormal)))
        if status.totals is not None and status.totals.locked:
            problems.append(Refusal("ACCOUNT_LOSS", "", clause(status.totals.locked)))
        return state, problems

    def _shown(self, names: set[str]) -> dict[str, Shown]:
        """Positions and balance as read from the exchange; none of an underlying that cannot be read."""
        try:
            now, (wallet, _) = self._account_now.now(names), self._wallet.get()
        except (ConfigError, ExchangeError):
            return {}
        rows = [row for row in now.positions.values() if row.quantity]
        return {
            name: Shown(
                asked=now.read_at,
                held={row.symbol: row.quantity for row in rows if underlying_of(row.symbol) == name},
                prices={},
                available=wallet.available,
                balance=wallet.balance,
            )
            for name in names
            if name not in now.faults
        }

    def _leverage(self, product_id: int) -> KeptAnswer[Decimal]:
        return self._leverages.setdefault(product_id, KeptAnswer(lambda: self._door.gateway().leverage(product_id)))

    def _leverages_of(self, tickets: TicketList, contracts: dict[str, Instrument]) -> dict[str, Decimal]:
        """The leverage that orders which name none will have."""
        found = {}
        for ticket in tickets.tickets:
            contract = contracts.get(ticket.symbol)
            if contract is None or contract.kind is not Kind.PERPETUAL or ticket.leverage is not None:
                continue
            told = tried(self._leverage(contract.product_id).get)
            if not isinstance(told, TraderError):
                found[ticket.symbol] = told
        return found


def _only_reduces(tickets: TicketList) -> bool:
    return all(ticket.reduce_only for ticket in tickets.tickets)


def _one_of(named: dict[str, Any], done: str) -> dict[str, object]:
    """The one that is named."""
    given = {name: value for name, value in named.items() if value is not None}
    if len(given) != 1:
        *most, last = named
        raise ConfigError(f"Say exactly one of {', '.join(most)} or {last}; nothing was {done}.")
    return given
