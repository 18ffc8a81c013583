"""The facts behind the prerequisites, as a face can gather them: from the journal, the runner's picture and the exchange.

What they mean is said by `trader.engine.prerequisites`, for the engine as for `check` and the page. An error while looking
is a fact too: what could not be asked is not met. What only the engine knows is left out, and shows as unknown.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from msgspec.structs import replace

from trader.config.account_limits import AccountLimits
from trader.config.preset import Preset
from trader.config.settings import Settings
from trader.desk.day import HISTORY
from trader.desk.margin import margined_of
from trader.desk.market import Board, build_preview
from trader.desk.values import CheckResult, Day, Preview, RunnerHealth, Status
from trader.domain.clock import Now
from trader.domain.errors import AuthError, ExchangeError, TraderError, VenueRefused
from trader.domain.foreign import Foreign, find_foreign, may_concern
from trader.domain.margin import MarginTerms
from trader.domain.order import OrderSnapshot, Side
from trader.domain.structure_words import in_words
from trader.engine.account.limits import Size, oversize
from trader.engine.account.losses import lock_words, losses, runs_sold
from trader.engine.commands import twin_among
from trader.engine.fold import evolve
from trader.engine.ids import is_ours, parse_client_order_id
from trader.engine.prerequisites import Facts, Item, Unread, Verdict, prerequisites
from trader.engine.records import Phase
from trader.engine.state import Account, State
from trader.engine.view import RunView, TicketView
from trader.exchange.common.odd_rows import OddFigures, PartialList
from trader.exchange.common.statistics import Statistics
from trader.exchange.ports import Gateway
from trader.journal import Journal

_NAMED = 8
_ANSWERS = frozenset({"VenueRefused", "AuthError"})  # refusals, but usable answers

T = TypeVar("T")


class FactFinder:
    """Looks for one account. Every question is asked, whatever became of the others."""

    def __init__(
        self,
        settings: Settings,
        account: str,
        *,
        journal: Callable[[], Journal],
        gateway: Callable[[], Gateway],
        board: Callable[[str], Board],
        status: Callable[[], Status],
        margin: Callable[[], MarginTerms],
    ) -> None:
        self._settings = settings
        self._account = account
        self._journal = journal
        self._gateway = gateway
        self._board = board
        self._status = status
        self._margin = margin

    def items(self, preset: Preset | TraderError, origins: Sequence[str]) -> tuple[Item, ...]:
        """The prerequisites of an entry of `preset` now; an error in its place is a configuration that cannot be used."""
        chosen = preset if isinstance(preset, Preset) else Preset()
        facts = self.gather(chosen)
        if isinstance(preset, TraderError):
            unjudged = replace(facts, strikes=None, margin_needed=None)
            return prerequisites(replace(unjudged, configuration=(False, str(preset))))
        return prerequisites(replace(facts, configuration=check_configuration(preset, origins)))

    def gather(self, preset: Preset) -> Facts:
        """Everything a face can know about an entry of `preset` now, but its origin."""
        underlying = preset.strategy.underlying
        status = tried(self._status)  # before the exchange, which may take its time
        board = tried(lambda: self._board(underlying))
        terms = tried(self._margin)
        margined = margined_of(underlying, terms, status if isinstance(status, TraderError) else status.runs)
        seen = board if isinstance(board, TraderError) else build_preview(preset, board, margined)
        facts = self._from_the_exchange(underlying, board, seen)
        facts = replace(
            facts,
            margin_terms=Unread(str(terms)) if isinstance(terms, TraderError) else terms,
            margin_mode_wanted=preset.risk.margin_mode,
            auto_topup_wanted=preset.risk.auto_topup,
        )
        facts = replace(facts, **self._foreign_facts(underlying, status))
        facts = replace(facts, connection=self._connection(status), rows_left_out=self._left_out())
        if isinstance(status, TraderError):
            return replace(facts, runner=(False, str(status)), journal_fault=str(status))
        facts = replace(facts, **self._from_the_journal(preset, board, status))
        if isinstance(board, TraderError) or isinstance(seen, TraderError):
            return facts
        return replace(facts, oversize=_oversize(preset, facts.limits, status.runs, board, seen))

    # ------------------------------------------------------------ the exchange

    def _from_the_exchange(self, underlying: str, board: Board | TraderError, seen: Preview | TraderError) -> Facts:
        wallet = tried(lambda: self._gateway().wallet())
        found = Facts(
            public_api=self._public(underlying, board),
            signed_api=self._asked(lambda gateway: f"key accepted, user {gateway.who_am_i()}"),
            right_to_trade=self._right_to_trade(),
            clock_offset_secs=self._clock(),
            underlying=underlying,
            available=None if isinstance(wallet, TraderError) else wallet.available,
        )
        if isinstance(seen, TraderError):
            return replace(found, strikes=(f"no strikes can be chosen: {seen}",))
        if seen.reasons or seen.margin is None or seen.fees is None:
            return replace(found, strikes=seen.reasons)
        bought = (leg.limit_price * leg.quantity * (seen.contract_value or 0) for leg in seen.legs if leg.side == "buy")
        return replace(found, strikes=(), margin_needed=seen.margin + seen.fees + sum(bought))

    def _public(self, underlying: str, board: Board | TraderError) -> Verdict:
        if isinstance(board, VenueRefused) and not isinstance(board, AuthError):
            return True, f"reachable; asked about {underlying} options it says: {board}"
        if isinstance(board, ExchangeError):
            return False, self._explained(board)
        if isinstance(board, TraderError):
            return False, str(board)
        if not board.instruments:
            return True, f"reachable; it lists no {underlying} contract"
        return True, "reachable" + (f", {underlying} at {board.spot:f}" if board.spot is not None else "")

    def _asked(self, ask: Callable[[Gateway], str]) -> Verdict:
        answer = tried(lambda: ask(self._gateway()))
        if isinstance(answer, ExchangeError):
            return False, self._explained(answer)
        return (False, str(answer)) if isinstance(answer, TraderError) else (True, answer)

    def _right_to_trade(self) -> Verdict:
        met, why_not = self._asked(lambda gateway: gateway.trading_refusal())
        return met and not why_not, why_not or "the key may place and cancel orders"

    def _clock(self) -> float | Unread:
        """The offset is learned from replies, of which there have been some by now."""
        offset = tried(lambda: self._gateway().clock_offset_secs)
        return Unread(str(offset)) if isinstance(offset, TraderError) else offset

    def _connection(self, status: Status | TraderError) -> Verdict:
        figures = tried(lambda: self._gateway().statistics())
        if isinstance(figures, TraderError):
            return False, str(figures)
        if isinstance(status, TraderError) or not status.runner.alive or status.ops is None:
            return check_client(figures)
        return check_clients(figures, status.ops.client)

    def _left_out(self) -> Verdict:
        figures = tried(lambda: self._gateway().odd_rows.figures)
        return (False, str(figures)) if isinstance(figures, TraderError) else check_left_out(figures)

    def _explained(self, error: ExchangeError) -> str:
        gateway = tried(self._gateway)
        return str(error) if isinstance(gateway, TraderError) else gateway.explain(error)

    # ------------------------------------------------------------ what stands on the account

    def foreign(
        self, underlying: str, runs: Sequence[RunView], tickets: Sequence[TicketView] = ()
    ) -> tuple[Foreign, ...]:
        """What stands on the account of an underlying that none of these unfinished runs and tickets explains.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked.
        """
        gateway, installation = self._gateway(), self._journal().installation()
        # Orders before the positions: what fills in between shows as one of the two.
        orders = _of_underlying(gateway.open_orders, underlying)
        expected: dict[str, int] = {}
        for run in runs:
            for leg in run.legs:
                expected[leg.symbol] = expected.get(leg.symbol, 0) + Side(leg.side).sign * leg.open_quantity
        for one in tickets:
            expected[one.symbol] = expected.get(one.symbol, 0) + Side(one.side).sign * one.open_quantity
        names = {run.run_id[:5] for run in runs} | {one.ticket_id[:5] for one in tickets}
        positions = _of_underlying(lambda: gateway.positions(underlying), underlying)

        def is_known(order: OrderSnapshot) -> bool:
            # By its name alone: the picture of a run is up to a second old, and its orders may be younger.
            name = parse_client_order_id(order.client_order_id)
            return is_ours(order.client_order_id, installation) and name is not None and name.run in names

        return find_foreign(underlying, positions, orders, expected=expected, is_known=is_known)

    def _foreign_facts(self, underlying: str, status: Status | TraderError) -> dict[str, object]:
        runs, tickets = ((), ()) if isinstance(status, TraderError) else (status.runs, status.tickets)
        found = tried(lambda: self.foreign(underlying, runs, tickets))
        waiting = [run for run in runs if run.underlying == underlying and run.phase is Phase.WAITING]
        return {
            "foreign": Unread(f"the account cannot be read: {found}") if isinstance(found, TraderError) else found,
            "confirmed": waiting[-1].beside if waiting else (),
        }

    # ------------------------------------------------------------ the journal and the runner

    def _from_the_journal(self, preset: Preset, board: Board | TraderError, status: Status) -> dict[str, object]:
        underlying, (level, reason) = preset.strategy.underlying, status.trading
        journal = self._journal()
        fault = tried(journal.check_writable)
        mine = [run for run in status.runs if run.underlying == underlying]
        waits = any(run.phase is Phase.WAITING for run in mine)  # the entry that is asked about may be its
        now = Now(datetime.now(UTC), None if isinstance(board, TraderError) else board.market)
        state = tried(lambda: self._limits(journal, now.wall))
        limits: dict[str, object] = {}
        if not isinstance(state, TraderError):
            limits = {
                **_of_the_day(state.account, status.day),
                "limits": state.account.limits,
                "runs_sold": runs_sold(state, underlying, now),
            }
        stream = status.ops.private_socket if status.ops is not None and status.runner.alive else None
        return limits | {
            "runner": check_runner(status.runner),
            "journal_fault": str(fault) if isinstance(fault, TraderError) else "",
            "journal_place": journal.place,
            "level": "" if level == "ACTIVE" else f"trading is {level}{f': {reason}' if reason else ''}",
            "slowed": status.ops.slowed if status.ops is not None and status.runner.alive else None,
            "abnormal": status.ops.abnormal if status.ops is not None and status.runner.alive else None,
            "account_stream_fault": None if stream is None else "" if stream == "up" else stream,
            "loss_limit": preset.risk.daily_loss_limit_usd,
            "runs_most": preset.risk.max_runs_per_day,
            "open_runs": len(status.runs) - waits,
            "open_here": len(mine) - waits,
            "twin": "" if waits else twin_among(status.runs, preset.config_hash),
        }

    def _limits(self, journal: Journal, wall: datetime) -> State:
        """What counts for the day's limits, folded as the runner folds it."""
        state = State(installation=journal.installation(), epoch=0, env=self._settings.env, account_key=self._account)
        for _, record in journal.run_bounds(self._account, wall - HISTORY):
            state = evolve(state, record)
        for _, setting in journal.account_settings(self._account):
            state = evolve(state, setting)
        return state


def _of_the_day(account: Account, day: Day | None) -> dict[str, object]:
    """What the day has made, and why its losses or the week's bar entries, as far as what is open is known."""
    if day is None or day.open_today is None:
        return {"lock": "", "unvalued": "the P&L of what is open is not known"}
    found = losses(account, day.date, day.open_today)
    return {"today": found[0].made, "lock": lock_words(found, account.limits.loss_bars_pct)}


def _oversize(
    preset: Preset, limits: AccountLimits, runs: Sequence[RunView], board: Board, seen: Preview
) -> tuple[str, ...] | None:
    """Which of the account's limits of size the entry would break; None where no legs are known."""
    if not seen.legs or seen.reasons:
        return None
    values = {one.symbol: one.contract_value for one in board.instruments}
    held = [
        Size(leg.symbol, run.underlying, leg.open_quantity, _worth(leg.contract_value, run.spot))
        for run in runs
        for leg in run.legs
    ]
    planned = [
        Size(leg.symbol, preset.strategy.underlying, leg.quantity, _worth(values.get(leg.symbol), board.spot))
        for leg in seen.legs
    ]
    return tuple(oversize(limits, held, planned, preset.orders))


def _worth(contract_value: Decimal | None, spot: Decimal | None) -> Decimal | None:
    return None if contract_value is None or spot is None else contract_value * spot


def results(items: Sequence[Item]) -> list[CheckResult]:
    """The list as a board: one row for each code. A row is met when all its items are, unknown when one of them is."""
    rows: dict[str, list[Item]] = {}
    for item in items:
        rows.setdefault(item.code, []).append(item)
    return [
        CheckResult(name=code, ok=_whole(found), words="; ".join(i.sentence for i in found))
        for code, found in rows.items()
    ]


def _whole(items: Sequence[Item]) -> bool | None:
    passed = [item.passed for item in items]
    return False if False in passed else None if None in passed else True


def tried(look: Callable[[], T]) -> T | TraderError:
    """What was looked for, or why it could not be had."""
    try:
        return look()
    except TraderError as error:
        return error


def _of_underlying(ask: Callable[[], Sequence[T]], underlying: str) -> Sequence[T]:
    """A list of the account; a row that makes no sense makes it unreadable, unless it says that it is about another underlying."""
    try:
        return ask()
    except PartialList as part:
        if any(may_concern(row, underlying) for row in part.odd):
            raise
        return part.rows


def check_runner(runner: RunnerHealth) -> Verdict:
    if runner.alive:
        return True, f"alive, hosted in a {runner.host} (process {runner.pid})"
    if runner.heartbeat_age_s is None:
        return False, "no runner has worked on this account yet; start the panel or `python -m trader run`"
    return False, f"not alive, last heard {runner.heartbeat_age_s:.0f} s ago; start the panel or `python -m trader run`"


def check_client(figures: Statistics) -> Verdict:
    """What the connection has been like: calls, slowest endpoint, what is left to ask, how the product cache does."""
    timed = [(row.p99_ms, row.endpoint) for row in figures.endpoints if row.p99_ms is not None]
    slowest = max(timed, default=None)
    hit_rate = figures.instrument_cache_hit_rate
    unanswered = sum(count for kind, count in figures.errors.items() if kind not in _ANSWERS)
    words = [
        f"{figures.calls} calls, {unanswered} without a usable answer",
        *([f"slowest {slowest[1]} with p99 {slowest[0]:.0f} ms"] if slowest else []),
        f"{figures.quota_left:,} weight units left",
        f"{figures.instruments_cached:,} contracts cached"
        + (f", {hit_rate:.0%} of questions answered from there" if hit_rate is not None else ""),
    ]
    return figures.quota_left > 0, "; ".join(words)


def check_clients(own: Statistics, runners: Statistics | None) -> Verdict:
    """The same of this process's connection and of the living runner's, with the runner's orders and reconnections."""
    met, words = check_client(own)
    if runners is None:
        return met, words
    runners_met, theirs = check_client(runners)
    return met and runners_met, f"{words}. The runner's: {_activity(runners)}; {theirs}"


def _activity(figures: Statistics) -> str:
    orders = (
        f"{figures.orders_submitted} orders sent ({figures.orders_filled} filled at once, {figures.orders_rejected} refused, "
        f"{figures.orders_unknown} without an answer), {figures.cancels_accepted} cancelled"
    )
    again = ", ".join(f"{stream} {count}" for stream, count in sorted(figures.reconnections.items()))
    return f"{orders}; reconnections: {again}" if again else orders


def check_left_out(figures: OddFigures) -> Verdict:
    """Rows of the exchange's lists that made no sense: the others serve, so no entry is barred by it."""
    if not figures.now:
        return True, "every row of the exchange's lists makes sense"
    more = f"; and {len(figures.now) - _NAMED} more" if len(figures.now) > _NAMED else ""
    return True, f"left out because they make no sense: {'; '.join(figures.now[:_NAMED])}{more}"


def check_configuration(preset: Preset, origins: Sequence[str]) -> Verdict:
    sources = ", ".join(dict.fromkeys(origin for origin in origins if origin != "default")) or "the defaults"
    trades = in_words(preset.structure, preset.strategy.quantity)
    return True, f"{preset.name} ({preset.config_hash}) from {sources}: {trades}"
