"""The desk itself: what faces may ask for, and nothing else."""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Literal

import msgspec

from trader.config.account_limits import AccountLimits, read_limits
from trader.config.account_names import account_name
from trader.config.connection import doorbell_path
from trader.config.drafts import DraftStore
from trader.config.halt import halt_words, lift_halt
from trader.config.precedence import resolve, saved_configuration
from trader.config.preset import Preset
from trader.config.presets import PresetInfo, PresetStore
from trader.config.secret_words import secret_words
from trader.config.settings import Settings
from trader.config.snapshot import save_snapshot
from trader.desk import market, runs, timeline
from trader.desk import prerequisites as pre
from trader.desk.alerting import AlertBook
from trader.desk.analytics.figures import Analytics
from trader.desk.chain import Chain
from trader.desk.day import DayBook, day_rows
from trader.desk.instead import sell_now_instead
from trader.desk.links import ReplyLinks
from trader.desk.log_tail import read_tail
from trader.desk.logs.looking import Logs
from trader.desk.margin import MarginChange, change, margined_of
from trader.desk.outcome import Outcome
from trader.desk.position import Position, position_of_run
from trader.desk.recorded import recorded_table
from trader.desk.remembered import Remembered
from trader.desk.reports.day import build_day
from trader.desk.reports.day_values import DayReport
from trader.desk.reports.run import build_report, read_samples
from trader.desk.runs import RunBook
from trader.desk.series import SeriesBook
from trader.desk.sizing import SizeBy, size_for
from trader.desk.status import read_status
from trader.desk.system.system import SystemDesk
from trader.desk.tickets import IssuedBy, TicketDesk
from trader.desk.values import (
    CheckResult,
    CommandReceipt,
    DayRow,
    ExpiryChoice,
    KeyReused,
    LogLine,
    LotSize,
    Marker,
    NotPossible,
    PnlSeries,
    Preview,
    RunReport,
    Status,
)
from trader.desk.volatility import Volatility, volatility
from trader.domain.errors import ConfigError, ExchangeError, JournalError, TraderError
from trader.domain.expiry import ist_date
from trader.domain.foreign import Foreign, beside_phrase, listed_words
from trader.domain.margin import MODES, MarginTerms
from trader.domain.outcome import Rejected, Unknown
from trader.engine.commands import arming_phrase
from trader.engine.records import LimitsSet, Phase
from trader.engine.view import RunView
from trader.journal import AlertRow, Command, CommandRow, Journal, RunSummary
from trader.journal.commands import CommandKind
from trader.machine.doorbell import ring

Order = Literal["pause", "reduce", "kill", "resume"]

_POLL_SECS = 0.05
FLATTEN_HINT = "To close everything without the journal: python -m trader flatten"


_markers = Remembered(timeline.markers)


def _on_off(on: bool | None) -> str | None:
    return None if on is None else "on" if on else "off"


class Desk(TicketDesk):
    """One account's desk. Cheap to make, opens its journal when first needed, may be used from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.account = account_name(settings)
        self._store = PresetStore(settings.home)
        self._drafts = DraftStore(settings.home)
        self._door = market.ExchangeDoor(settings)
        self._market = market.MarketBook(self._door.gateway)
        self._past = market.HistoryBook(self._door.gateway)
        self._funds = market.KeptAnswer(lambda: self._door.gateway().wallet().available)
        self._margin = market.KeptAnswer(lambda: self._door.gateway().margin_terms())
        self.logs = Logs(settings.home, secret_words(settings))
        self.analytics = Analytics(lambda: self._books()[0], self.account)
        self.system = SystemDesk(
            settings,
            self.account,
            journal=lambda: self._books()[0],
            gateway=self._door.gateway,
            alerts=lambda: self._alerts().everything(),
        )
        self.links = ReplyLinks(self)
        self._sampled = Remembered(lambda records, series: read_samples(self._books()[0], records, series))
        self._make_books()
        self._make_tickets()
        self._facts = pre.FactFinder(
            settings,
            self.account,
            journal=lambda: self._books()[0],
            gateway=self._door.gateway,
            board=self._market.board,
            status=self.status,
            margin=self._margin.get,
        )
        self._lock = threading.Lock()
        self._opened: tuple[Journal, RunBook, SeriesBook] | None = None
        self._alert_book: AlertBook | None = None
        self._day_book: DayBook | None = None

    def close(self) -> None:
        """Close the journal and the connections to the exchange."""
        self._door.close()
        with self._lock:
            if self._opened is not None:
                self._opened[0].close()
                self._opened = self._alert_book = self._day_book = None

    # ------------------------------------------------------------ looking

    def status(self, run_id: str | None = None) -> Status:
        """The account now.

        Args:
            run_id: The run to show; default the newest unresolved, else the one that ended last.

        Raises:
            JournalError: The journal cannot be read.
        """
        journal, book, _ = self._books()
        alerts, days = self._alerts(), self._days()
        with journal.look():
            return read_status(
                journal,
                book,
                alerts,
                days,
                env=self.settings.env,
                account=self.account,
                run_id=run_id,
                wall=datetime.now(UTC),
                halted=halt_words(self.settings.home),
            )

    def alerts(self, limit: int = 50, *, open_only: bool = False) -> list[AlertRow]:
        """Warnings and errors of this account, newest first, with who acknowledged them; or only those nobody has.

        Raises:
            JournalError: The journal cannot be read.
        """
        book = self._alerts()
        return list(book.open()[:limit] if open_only else book.newest(limit))

    def history(self, limit: int = 50, offset: int = 0) -> list[RunSummary]:
        """Finished runs of every account in this journal, the one that ended last first."""
        return self._books()[0].runs(limit=limit, offset=offset, finished=True)

    def run_list(
        self,
        *,
        finished: bool | None = None,
        underlying: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[RunSummary]:
        """This account's runs, newest first; `before` a run: those made before it.

        Raises:
            JournalError: The journal cannot be read.
        """
        return self._books()[0].runs(
            limit=limit, account=self.account, finished=finished, underlying=underlying, before=before
        )

    def run_summary(self, run_id: str) -> RunSummary | None:
        """One run of this account in a line; None when there is none of that id."""
        found = self._books()[0].run(run_id)
        return found if found is not None and found.account == self.account else None

    def days(self, count: int = 30) -> tuple[DayRow, ...]:
        """The newest Indian days of this account, newest first: what they have made, and whether the wallet agrees.

        Raises:
            JournalError: The journal cannot be read.
        """
        status = self.status()
        return day_rows(self._books()[0], self.account, status.wall, status.day, count)

    def report(self, run_id: str) -> RunReport:
        """Everything of one run.

        Raises:
            NotPossible: There is no such run.
        """
        journal, book, _ = self._books()
        series, markers = self.pnl_chart(run_id)
        created = book.created(run_id)
        stored = None if created is None else self._stored(created.preset)
        found = build_report(
            journal, book, run_id, stored=stored, series=series, markers=markers, sampled=self._sampled
        )
        if found is None:
            raise NotPossible(f"There is no run {run_id}.")
        return found

    def day_report(self, day: date | None = None) -> DayReport:
        """An Indian day held against the exchange, which is read now; without one the present day, as far as it has come.

        Raises:
            ConfigError: The day is not there yet.
            JournalError: The journal cannot be read.
        """
        wall = datetime.now(UTC)
        market = self.market_at(wall)
        today = ist_date(market)
        if day is not None and day > today:
            raise ConfigError(f"day must be {today} at the latest, was {day}")
        journal, env = self._journal(), self.settings.env
        return build_day(journal, self.account, env, day or today, self._door.gateway, wall=wall, market=market)

    def market_at(self, wall: datetime) -> datetime:
        """The exchange's time at an instant of this machine's clock: as the runner pictured it last, and what has passed since.

        Raises:
            JournalError: The journal cannot be read.
        """
        picture = self._journal().snapshot(self.account)
        return wall if picture is None or picture.market is None else picture.market + (wall - picture.wall)

    def _stored(self, name: str) -> Preset | None:
        """A preset by name as it stands now; None where there is none, or it cannot be read."""
        try:
            return self._store.load(name)
        except ConfigError:
            return None

    def recorded(self, run_id: str) -> tuple[list[str], list[list[str]]]:
        """A run's whole recorded series, head and rows."""
        return recorded_table(self._books()[0].leg_samples(run_id))

    def outcome(self, run_id: str) -> Outcome | None:
        """What a finished run left, taken apart; None while it is not finished, and for one that sold nothing."""
        return self._books()[1].outcome(run_id)

    def preset_of(self, run_id: str) -> Preset | None:
        """The configuration a run was started with, None when there is no such run."""
        return self._books()[1].preset(run_id)

    def pnl_chart(self, run_id: str, max_points: int = 2000) -> tuple[PnlSeries, tuple[Marker, ...]]:
        """A run's P&L over time, thinned to `max_points` with its extremes and the ends of its gaps kept, and its fills and
        decisions, of one read of its records; both empty for a run there is not."""
        _, book, series = self._books()
        records = book.records(run_id)
        preset = book.preset(run_id, records)
        limit = preset.exits.max_profit_pct if preset is not None else Preset().exits.max_profit_pct
        return series.series(run_id, max_points, limit, runs.ended(records)), _markers(records)

    def log_tail(self, lines: int) -> list[LogLine]:
        """The newest lines of the summary log, oldest first."""
        return read_tail(self.settings.home, lines)

    # ------------------------------------------------------------ commands

    def start(
        self,
        preset: Preset,
        *,
        now: bool = False,
        issued_by: IssuedBy,
        confirm: str | None = None,
        beside: str | None = None,
        key: str = "",
    ) -> CommandReceipt:
        """Ask the runner for a run of `preset`; returns once the request is recorded.

        Args:
            preset: The configuration, pinned with its hash.
            now: Enter at once instead of at the scheduled time.
            issued_by: Which face asks.
            confirm: Production only: the phrase of `arming_phrase`.
            beside: The phrase that confirms what stands on the account besides, exactly as it stands now.
            key: Idempotency: the same key again is the same command, whatever has become of it.

        Raises:
            KeyReused: An earlier command of this key asked for something else.
            NotPossible: Trading is halted, or no runner is alive: a start nobody takes up now must not begin hours later; or
                the entry was to be made at once, and what stands on the account was not confirmed. A scheduled one is
                taken: its entry stays barred, and says so, until it is confirmed or gone.
            ConfigError: A phrase is not the right one.
            JournalError: The request could not be recorded.
        """
        asked: dict[str, object] = {
            "config": preset.model_dump(mode="json"),
            "config_hash": preset.config_hash,
            "now": now,
            "confirm": confirm,
        }
        if (earlier := self._earlier("start", asked, key)) is not None:
            return earlier
        if self.settings.env == "production" and confirm != self.arming_phrase(preset):
            raise ConfigError(f'Production needs the phrase "{self.arming_phrase(preset)}", typed in full.')
        if halted := halt_words(self.settings.home):
            raise NotPossible(f"{halted}; nothing was started.")
        if not self.status().runner.alive:
            raise NotPossible(
                f"No runner is alive for account {self.account}, so nothing was started; "
                "start the panel or `python -m trader run` first."
            )
        return self._record(
            "start", {**asked, **self._confirmed(preset.strategy.underlying, beside, now=now)}, issued_by, key
        )

    def _confirmed(self, underlying: str, phrase: str | None, *, now: bool) -> dict[str, object]:
        """What a start says of other people's things: nothing while there are none, or none can be read (then the runner,
        which reads for itself, does not enter either)."""
        try:
            foreign = self.foreign(underlying)
        except (ExchangeError, ConfigError):
            if phrase:
                raise
            return {}
        if not foreign or (not phrase and not now):
            return {}
        wanted = beside_phrase(foreign)
        if not phrase:
            raise NotPossible(
                f"Nothing was started: this account holds what no run here accounts for: {listed_words(foreign)}. Close it, "
                f'or start beside it with the phrase "{wanted}" (command line: --beside "{wanted}").'
            )
        if phrase != wanted:
            raise ConfigError(
                f"Nothing was started: what was typed confirms something else. Now there is {listed_words(foreign)}, and the "
                f'phrase for it is "{wanted}"'
            )
        return {"foreign": msgspec.to_builtins(foreign), "beside": phrase}

    def confirm_beside(self, run_id: str, phrase: str, *, issued_by: IssuedBy) -> CommandReceipt:
        """Confirm, for a run that waits, what stands on the account besides it, as its runner has seen it.

        Raises:
            NotPossible: No such run waits, or nothing bars its entry.
            ConfigError: The phrase is not that of what stands there now.
            JournalError: The request could not be recorded.
        """
        run = next((one for one in self.status().runs if one.run_id == run_id), None)
        if run is None or run.phase is not Phase.WAITING:
            raise NotPossible(f"No run {run_id} waits for its entry, so there is nothing to confirm.")
        if not run.foreign:
            raise NotPossible("Nothing stands on the account besides this run, so there is nothing to confirm.")
        if phrase != beside_phrase(run.foreign):
            raise ConfigError(
                f"Nothing was confirmed: now there is {listed_words(run.foreign)}, and the phrase for it is "
                f'"{beside_phrase(run.foreign)}"'
            )
        body = {"run_id": run_id, "foreign": msgspec.to_builtins(run.foreign), "phrase": phrase}
        return self._submit("beside", body, issued_by)

    def sell_now_instead(self, run_id: str, *, issued_by: IssuedBy, confirm: str | None = None) -> CommandReceipt:
        """End a run's wait and start its configuration at once. See `instead`.

        Raises:
            NotPossible, ConfigError, JournalError: As `start`; the sentence says whether the wait is over.
        """
        return sell_now_instead(self, run_id, issued_by=issued_by, confirm=confirm)

    def arming_phrase(self, preset: Preset) -> str:
        """What a person must type to start this run with real money."""
        return arming_phrase(self.account, preset.strategy.quantity)

    def stop(self, run_id: str | None = None, *, issued_by: IssuedBy, who: str = "", key: str = "") -> CommandReceipt:
        """Stop & Exit one run, or every unresolved one; returns once the request is recorded. Works in every state.

        Raises:
            JournalError: The request could not be recorded; the sentence names what works without the journal.
        """
        try:
            body: dict[str, object] = {"run_id": run_id}
            return self._submit("stop", body | {"who": who} if who else body, issued_by, key)
        except JournalError as error:
            raise JournalError(f"Stop could not be recorded. {error} {FLATTEN_HINT}") from error

    def acknowledge(
        self, which: Sequence[int] | None, *, issued_by: IssuedBy, who: str = "", key: str = ""
    ) -> tuple[CommandReceipt, int]:
        """Acknowledge alerts by number, or every one there is (None). The recorded row is the acknowledgement, whether a
        runner is alive or not. Returns the receipt and how many had nobody's acknowledgement before.

        Raises:
            ConfigError: There is no such alert.
            JournalError: It could not be recorded.
        """
        book = self._alerts()
        body = book.body(None if which is None else tuple(which))
        fresh = sum(1 for alert in book.open() if which is None or alert.seq in which)
        return self._submit("ack", {**body, "who": who}, issued_by, key), fresh

    def order_level(
        self, order: Order, *, issued_by: IssuedBy, who: str = "", reason: str = "", key: str = ""
    ) -> CommandReceipt:
        """Set what the account may do: pause, reduce, kill (cancel and flatten, then no entry) or resume. Returns once the
        request is recorded; without a living runner it is carried out by the next one. Resume lifts the HALT file besides.

        Raises:
            ConfigError: Resume, and the HALT file cannot be removed.
            JournalError: The request could not be recorded; the sentence names what works without the journal.
        """
        if order == "resume":
            lift_halt(self.settings.home)
        try:
            return self._submit(order, {"who": who, "reason": reason}, issued_by, key)
        except JournalError as error:
            hint = f" {FLATTEN_HINT}" if order == "kill" else ""
            raise JournalError(f"{order.capitalize()} could not be recorded. {error}{hint}") from error

    def limits(self) -> AccountLimits:
        """The account's limits as they were last set."""
        found = [one for _, one in self._books()[0].account_settings(self.account) if isinstance(one, LimitsSet)]
        return read_limits(found[-1].limits) if found else AccountLimits()

    def limits_asked(self) -> AccountLimits | None:
        """Limits that were asked for and not answered yet, because no runner is alive; the newest."""
        rows = [row for row in self._books()[0].pending_commands(self.account) if row.kind == "limits"]
        return read_limits(rows[-1].body["limits"]) if rows else None

    def set_limits(
        self, limits: AccountLimits, *, issued_by: IssuedBy, who: str = "", seen: AccountLimits | None = None
    ) -> CommandReceipt:
        """Ask for other limits of the account, as a whole. `seen`: those that were changed; if they are others by the time
        it is carried out, nothing is set. None sets them whatever is there."""
        body: dict[str, object] = {"limits": limits.document(), "seen": None if seen is None else seen.document()}
        return self._submit("limits", {**body, "who": who}, issued_by)

    def _submit(self, kind: CommandKind, body: dict[str, object], issued_by: IssuedBy, key: str = "") -> CommandReceipt:
        """Record a command, unless there is one of this key already (see `start`).

        Raises:
            KeyReused: An earlier command of this key asked for something else.
            JournalError: It could not be recorded.
        """
        return self._earlier(kind, body, key) or self._record(kind, body, issued_by, key)

    def _record(self, kind: CommandKind, body: dict[str, object], issued_by: IssuedBy, key: str = "") -> CommandReceipt:
        """Record a command of a key that has none yet. The runner is at it already while the disk takes the row."""
        journal = self._books()[0]
        command = Command(
            command_id=self._command_id(key),
            account=self.account,
            kind=kind,
            issued_at=datetime.now(UTC),
            issued_by=issued_by,
            body=body,
        )
        try:
            journal.submit_command(command)
        except JournalError:
            if (earlier := self._earlier(kind, body, key)) is not None:  # two at once
                return earlier
            raise
        ring(doorbell_path(self.settings.home, self.account))
        try:
            journal.flush()
        except JournalError as error:
            raise JournalError(
                f"The request is with the runner already: look what became of it first. {error}"
            ) from error
        return CommandReceipt(command_id=command.command_id, account=self.account, issued_at=command.issued_at)

    def was_asked(self, key: str) -> bool:
        """Whether there is a command of this idempotency key."""
        return self.command(self._command_id(key)) is not None

    def _command_id(self, key: str) -> str:
        return hashlib.sha256(f"{self.account}\n{key}".encode()).hexdigest()[:32] if key else secrets.token_hex(8)

    def _earlier(self, kind: CommandKind, asked: Mapping[str, object], key: str) -> CommandReceipt | None:
        """The command of this key, if there is one already.

        Raises:
            KeyReused: It asked for something else.
        """
        row = self.command(self._command_id(key)) if key else None
        if row is None:
            return None
        if row.kind != kind or any(row.body.get(name) != value for name, value in asked.items()):
            raise KeyReused("This idempotency key was used for another request; nothing was done. Choose another key.")
        return CommandReceipt(command_id=row.command_id, account=row.account, issued_at=row.issued_at)

    def command(self, command_id: str) -> CommandRow | None:
        """A command and what became of it; None when this account has none of that id."""
        row = self._books()[0].command(command_id)
        return row if row is not None and row.account == self.account else None

    def await_command(self, command_id: str, timeout_secs: float) -> CommandRow:
        """Wait until the runner answered a command; the row as it then is (still ``new`` when time was up).

        Raises:
            NotPossible: There is no such command.
        """
        journal = self._books()[0]
        deadline = time.monotonic() + timeout_secs
        while True:
            row = journal.command(command_id)
            if row is None:
                raise NotPossible(f"There is no command {command_id}.")
            if row.status != "new" or time.monotonic() >= deadline:
                return row
            time.sleep(_POLL_SECS)

    def await_flat(self, timeout_secs: float, run_id: str | None = None) -> Status:
        """Wait until a run (default: every run) is finished, which takes the exchange's word for flat; the status then.

        Commands that nobody has answered yet count as unfinished: a start before the stop may still make a run.
        """
        journal = self._books()[0]
        deadline = time.monotonic() + timeout_secs
        while time.monotonic() < deadline:
            pending = [row for row in journal.pending_commands(self.account) if row.kind in ("start", "stop", "kill")]
            unresolved = journal.unresolved_runs(self.account)
            if not pending and (run_id not in unresolved if run_id is not None else not unresolved):
                break
            time.sleep(_POLL_SECS)
        return self.status(run_id)

    # ------------------------------------------------------------ the exchange's public side

    def preview(self, preset: Preset) -> Preview:
        """What the preset would sell now, or why nothing qualifies. Prices at most 2 s old.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked.
        """
        underlying = preset.strategy.underlying
        board = self._market.board(underlying)
        terms = pre.tried(self._margin.get)
        status = pre.tried(self.status)
        runs = status if isinstance(status, TraderError) else status.runs
        return market.build_preview(preset, board, margined_of(underlying, terms, runs))

    def margin(self) -> MarginTerms:
        """How the exchange margins the account, at most 15 s old.

        Raises:
            ConfigError, ExchangeError: The account cannot be read.
        """
        return self._margin.get()

    def set_margin_mode(self, mode: str) -> MarginChange:
        """Isolated or portfolio margin, of the whole account: asked of the exchange once, then read again. The exchange
        refuses what it cannot carry, with what is open.

        Raises:
            ConfigError: There is no exchange to talk to, or no such mode.
        """
        if mode not in MODES:
            raise ConfigError(f"The margin mode is one of {', '.join(MODES)}, was {mode!r}.")
        gateway = self._door.gateway()
        return self._changed(
            "margin mode", lambda: gateway.set_margin_mode(mode), lambda terms: terms.mode, mode, lags=False
        )

    def set_auto_topup(self, on: bool, symbol: str | None = None) -> MarginChange:
        """Auto top-up of positions yet to be opened, or of one that is open.

        Raises:
            NotPossible: The exchange tells no such position.
            ConfigError, ExchangeError: There is no exchange to talk to; the positions cannot be read.
        """
        gateway, word = self._door.gateway(), "on" if on else "off"
        if symbol is None:
            return self._changed(
                "auto top-up of new positions",
                lambda: gateway.set_auto_topup(None, on),
                lambda terms: _on_off(terms.default_auto_topup),
                word,
                lags=False,
            )
        held = gateway.margin_terms().position(symbol)
        if held is None:
            raise NotPossible(f"The exchange tells no open position in {symbol}; nothing was changed.")

        def told(terms: MarginTerms) -> str | None:
            position = terms.position(symbol)
            return None if position is None else _on_off(position.auto_topup)

        send = partial(gateway.set_auto_topup, held.product_id, on)
        return self._changed(f"auto top-up of {symbol}", send, told, word, lags=True)

    def _changed(
        self,
        what: str,
        send: Callable[[], Rejected | Unknown | None],
        told: Callable[[MarginTerms], str | None],
        wanted: str,
        *,
        lags: bool,
    ) -> MarginChange:
        self._margin.forget()
        found = change(what, send, self._door.gateway().margin_terms, told, wanted, lags=lags)
        self._margin.forget()
        return found

    def position(self, run: RunView) -> Position | str:
        """What a run holds, from its picture, for its payoff; one sentence where it cannot be drawn. Asks no exchange.

        Raises:
            JournalError: The journal cannot be read.
        """
        book = self._books()[1]
        preset, terms = book.preset(run.run_id), book.terms(run.run_id)
        if preset is None:
            raise NotPossible(f"There is no run {run.run_id}.")
        return position_of_run(run, terms, preset.exits)

    def chain(self, of: Preset | RunView, expiry: datetime | None = None) -> Chain:
        """The chain with what a preset would trade or a run holds marked in it, of an expiry (by default that of those legs),
        at most 4 s old; where the exchange does not answer, the last one with its age.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked, and never was.
            JournalError: The run's terms cannot be read.
        """
        if isinstance(of, Preset):
            return market.build_chain_of(self._market, of, expiry)
        book = self._books()[1]
        preset = book.preset(of.run_id)
        if preset is None:
            raise NotPossible(f"There is no run {of.run_id}.")
        return market.build_chain_of(self._market, preset, expiry, run=of, terms=book.terms(of.run_id))

    def listed(self, underlying: str) -> market.Board:
        """The contracts of an underlying, options and perpetual, with their quotes; at most 2 s old.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked, or did not answer.
        """
        return self._market.board(underlying)

    def available(self) -> Decimal:
        """USD the account has free for margin, at most 15 s old.

        Raises:
            ConfigError, ExchangeError: The account cannot be read.
        """
        return self._funds.get()

    def volatility(self, underlying: str, market: datetime) -> Volatility:
        """How much the index has moved until `market` (the exchange's time); figures at most ten minutes old.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked.
        """
        return volatility(self._past.closes(underlying, market), market)

    def size_for(self, preset: Preset, by: SizeBy, amount: Decimal) -> LotSize:
        """How many contracts of what the preset would sell now meet a target: see `trader.desk.sizing.size_for`.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked.
        """
        return size_for(preset, self.preview(preset), by, amount)

    def expiries(self, underlying: str) -> list[ExpiryChoice]:
        """Listed expiries, nearest first.

        Raises:
            ConfigError, ExchangeError: The exchange cannot be asked.
        """
        return market.build_expiries(self._market.board(underlying), underlying)

    def checks(self, preset: str | None = None, overrides: Sequence[str] = ()) -> list[CheckResult]:
        """The prerequisites of an entry now, of the preset of that name, or of the one used when none is named. Everything
        is asked; nothing raises."""
        try:
            found = resolve(self.settings, preset=preset, overrides=overrides)
        except TraderError as error:
            return pre.results(self._facts.items(error, ()))
        return pre.results(self._facts.items(found.preset, [row.origin for row in found.fields]))

    def prerequisites(self, preset: Preset) -> list[CheckResult]:
        """The same list for a preset that is at hand."""
        return pre.results(self._facts.items(preset, ()))

    def foreign(self, underlying: str) -> tuple[Foreign, ...]:
        """What stands on the account of an underlying that no unfinished run explains.

        Raises:
            ConfigError, ExchangeError, JournalError: The account cannot be read.
        """
        status = self.status()
        return self._facts.foreign(underlying, status.runs, status.tickets)

    # ------------------------------------------------------------ presets

    def presets(self) -> list[PresetInfo]:
        """Built-in presets, then the user's."""
        return self._store.list()

    def load_preset(self, name: str) -> Preset:
        """See `PresetStore.load`."""
        return self._store.load(name)

    def save_preset(
        self,
        preset: Preset,
        overwrite: bool = False,
        *,
        expected: Preset | msgspec.UnsetType | None = msgspec.UNSET,
    ) -> None:
        """See `PresetStore.save`."""
        self._store.save(preset, overwrite=overwrite, expected=expected)

    def delete_preset(self, name: str, *, expected: Preset | msgspec.UnsetType | None = msgspec.UNSET) -> None:
        """See `PresetStore.delete`."""
        self._store.delete(name, expected=expected)

    def save_draft(self, token: str, draft: Mapping[str, Any]) -> None:
        """See `DraftStore.save`."""
        self._drafts.save(token, draft)

    def load_draft(self, token: str) -> dict[str, Any] | None:
        """See `DraftStore.load`."""
        return self._drafts.load(token)

    def drafts(self) -> list[tuple[str, datetime, dict[str, Any]]]:
        """See `DraftStore.all`."""
        return self._drafts.all()

    def drop_draft(self, token: str) -> None:
        """See `DraftStore.drop`."""
        self._drafts.drop(token)

    def save_snapshot(self, preset: Preset) -> None:
        """Make a configuration the one used when none is named."""
        save_snapshot(self.settings.snapshot, preset)

    def load_snapshot(self) -> Preset | None:
        """The configuration used when none is named, None when none was saved.

        Raises:
            ConfigError: It cannot be used; names the file, the field and the limit.
        """
        return saved_configuration(self.settings)

    # ------------------------------------------------------------ the journal

    def _alerts(self) -> AlertBook:
        journal = self._books()[0]
        with self._lock:
            if self._alert_book is None:
                self._alert_book = AlertBook(journal, self.account)
            return self._alert_book

    def _days(self) -> DayBook:
        journal = self._books()[0]
        with self._lock:
            if self._day_book is None:
                self._day_book = DayBook(journal, self.account)
            return self._day_book

    def _journal(self) -> Journal:
        return self._books()[0]

    def _runs(self) -> RunBook:
        return self._books()[1]

    def _books(self) -> tuple[Journal, RunBook, SeriesBook]:
        with self._lock:
            if self._opened is None:
                journal = Journal.open(self.settings.journal_url)
                self._opened = (journal, RunBook(journal), SeriesBook(journal))
            return self._opened
