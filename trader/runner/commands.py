"""What people ask for, carried out: a command row becomes an event of the engine, or is answered here.

The live runner and the simulation obey through this, so every command a person can give is pressed in a campaign as well.
"""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from trader.domain.clock import Now
from trader.domain.errors import JournalError
from trader.domain.foreign import parse_foreign
from trader.domain.wording import clause
from trader.engine import events as ev
from trader.engine.records import OperatorLevel
from trader.journal.alerts import who
from trader.journal.commands import Answer, CommandMark
from trader.journal.lease import LeaseLost
from trader.journal.store import RecordExists
from trader.runner.writing import Writer

START_SECS = 60.0  # a start older than this is refused: it must not begin hours after a person pressed it
_TRIES = 3
_EXITS = ("stop", "kill", "close", "close_all")
_REMEMBERED = 256


class Row(Protocol):
    """A command row as far as it is read here; its body is as `trader.journal.commands.Command` says."""

    @property
    def command_id(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def body(self) -> Mapping[str, Any]: ...

    @property
    def issued_at(self) -> datetime: ...

    @property
    def issued_by(self) -> str: ...


class Commands:
    """Carries out each command once. One that fails again and again is refused, except those that close: they are tried for
    ever."""

    def __init__(
        self,
        apply: Callable[[ev.AnyEvent], None],
        writer: Writer,
        *,
        now: Callable[[], Now],
        wall: Callable[[], datetime],
        halted: Callable[[], str],
        acknowledge: Callable[[], None],
    ) -> None:
        """`halted` says why no run may start, empty when one may; `acknowledge` takes in every acknowledgement there is."""
        self._apply = apply
        self._writer = writer
        self._now = now
        self._wall = wall
        self._halted = halted
        self._acknowledge = acknowledge
        self._tries: dict[str, int] = {}  # command → how often carrying it out has failed
        self._obeyed: deque[str] = deque(maxlen=_REMEMBERED)  # the poll may hand one over twice

    def carry_out(self, row: Row) -> None:
        """Do what a row asks, unless it was done already."""
        if self._writer.answered(row.command_id) or row.command_id in self._obeyed:
            return
        try:
            self._obey(row)
        except (LeaseLost, RecordExists, JournalError):
            raise
        except Exception as error:
            tries = self._tries[row.command_id] = self._tries.get(row.command_id, 0) + 1
            if tries >= _TRIES and row.kind not in _EXITS:
                self._answer(row, "refused", f"It cannot be carried out: {type(error).__name__}: {clause(str(error))}.")
                self._obeyed.append(row.command_id)
            raise
        self._tries.pop(row.command_id, None)
        self._obeyed.append(row.command_id)

    def _obey(self, row: Row) -> None:
        if row.kind == "start" and (why_not := self._barred(row)()):
            self._answer(row, "refused", f"{clause(why_not)}.")
        elif row.kind == "ack":
            self._acknowledge()
            self._answer(row, "done", "acknowledged")
        elif (event := event_of(row, self._now(), self._barred(row))) is not None:
            self._apply(event)
        else:
            self._answer(row, "refused", f"This version of the runner does not know the command {row.kind!r}.")

    def _barred(self, row: Row) -> Callable[[], str]:
        return lambda: self._halted() or too_late(row, self._wall())

    def _answer(self, row: Row, status: Answer, detail: str) -> None:
        self._writer.commit((), CommandMark(command_id=row.command_id, status=status, detail=detail))


def too_late(row: Row, wall: datetime) -> str:
    """Why a start is not taken up any more, empty when it is: the person who asked for it has long gone by its not having
    begun."""
    age = (wall - row.issued_at).total_seconds()
    if age <= START_SECS:
        return ""
    return (
        f"It was asked for {age:.0f} s ago and no runner was there to take it up; nothing was started, start it again"
    )


def event_of(row: Row, at: Now, barred: Callable[[], str] = lambda: "") -> ev.AnyEvent | None:
    """A command as the engine hears it; None for one that it does not know (a newer face may know more). `barred`: why nothing new
    may be sent on it, for one whose tickets may be there already."""
    body = row.body
    match row.kind:
        case "start":
            return ev.StartCommand(
                at=at,
                command_id=row.command_id,
                config=body["config"],
                config_hash=body["config_hash"],
                start_now=bool(body.get("now", False)),
                issued_by=row.issued_by,
                confirm=body.get("confirm"),
                foreign=parse_foreign(body.get("foreign", [])),
                beside=str(body.get("beside") or ""),
            )
        case "beside":
            return ev.BesideCommand(
                at=at,
                command_id=row.command_id,
                run_id=str(body.get("run_id", "")),
                foreign=parse_foreign(body.get("foreign", [])),
                phrase=str(body.get("phrase", "")),
                issued_by=row.issued_by,
            )
        case "stop":
            by = who(row.issued_by, dict(body))
            return ev.StopCommand(at=at, command_id=row.command_id, run_id=body.get("run_id"), issued_by=by)
        case "order":
            return ev.OrderCommand(
                at=at,
                command_id=row.command_id,
                body={name: body[name] for name in ("tickets", "link") if name in body},
                issued_by=who(row.issued_by, dict(body)),
                confirm=body.get("confirm"),
                key=str(body.get("key") or ""),
                barred=clause(barred()),
            )
        case "amend":
            return ev.AmendCommand(
                at=at,
                command_id=row.command_id,
                ticket=str(body.get("ticket", "")),
                changes={name: value for name, value in body.items() if name not in ("ticket", "who")},
                issued_by=who(row.issued_by, dict(body)),
            )
        case "adopt":
            quantity = body.get("quantity")
            return ev.AdoptCommand(
                at=at,
                command_id=row.command_id,
                symbol=str(body.get("symbol", "")),
                quantity=quantity if isinstance(quantity, int) else 0,
                phrase=str(body.get("phrase", "")),
                issued_by=who(row.issued_by, dict(body)),
            )
        case "cancel":
            return ev.CancelCommand(
                at=at,
                command_id=row.command_id,
                issued_by=who(row.issued_by, dict(body)),
                everything=body.get("everything") is True,
                **{name: _text(body, name) for name in ("ticket", "order", "symbol", "underlying")},
            )
        case "close" | "close_all":
            return ev.CloseCommand(
                at=at,
                command_id=row.command_id,
                issued_by=who(row.issued_by, dict(body)),
                everything=row.kind == "close_all",
                **{name: _text(body, name) for name in ("ticket", "symbol")},
            )
        case "limits":
            limits, seen = body.get("limits"), body.get("seen")
            return ev.LimitsCommand(
                at=at,
                command_id=row.command_id,
                limits=limits if isinstance(limits, dict) else {"limits": limits},
                issued_by=who(row.issued_by, dict(body)),
                seen=seen if isinstance(seen, dict) else None,
            )
        case "pause" | "reduce" | "kill" | "resume":
            return ev.LevelCommand(
                at=at,
                command_id=row.command_id,
                level=OperatorLevel(row.kind),
                issued_by=who(row.issued_by, dict(body)),
                reason=str(body.get("reason", "")),
            )
    return None


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return None if value is None else str(value)
