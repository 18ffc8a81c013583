"""Command rows: what people ask of the runner. Any process may insert one; only the runner marks it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, cast

import msgspec
from sqlalchemy import Connection, Dialect, bindparam, literal_column, select, update

from trader.domain.errors import JournalError
from trader.journal.compiled import question
from trader.journal.tables import commands, instant_text, parse_instant
from trader.journal.upsert import insert_into

Answer = Literal["accepted", "refused", "done"]
CommandStatus = Literal["new", "accepted", "refused", "done"]
CommandKind = Literal[
    "start",
    "stop",
    "ack",
    "pause",
    "reduce",
    "kill",
    "resume",
    "beside",
    "limits",
    "order",
    "amend",
    "cancel",
    "close",
    "close_all",
    "adopt",
]

# A command moves forward only: an answer given is never taken back.
_BEFORE: dict[str, tuple[str, ...]] = {
    "accepted": ("new", "accepted"),
    "refused": ("new", "accepted", "refused"),
    "done": ("new", "accepted", "done"),
}


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a person. `command_id` makes it idempotent: the same id inserted twice is one command.

    Body of ``start``: config (preset as JSON), config_hash, now (bool), confirm (str or None), foreign (what stood on
    the account that no run explains) and beside (the phrase that confirms it). Body of ``beside``, for a run that waits:
    run_id, foreign, phrase. Body of ``stop``: run_id
    (str, or None for every unresolved run of the account). Body of ``ack``: alerts (their numbers) or up_to (every alert up
    to this number), who; the row itself is the acknowledgement, whether a runner is alive or not. Body of the operator
    levels ``pause``, ``reduce``, ``kill`` and ``resume``: who. Body of ``limits``: limits (the whole document), seen
    (the document that was changed, None to set it whatever is there), who.

    Body of ``order``: tickets and link (`trader.config.ticket.TicketList` as JSON), confirm (the typed phrase or None), key (the
    caller's own idempotency key or ""), who. Body of ``cancel``: one of ticket, order (a client order id), symbol, underlying,
    everything; who. Body of ``amend``: ticket, and the fields of its request that change (None removes a protection), who. Body of
    ``adopt``: symbol, quantity (signed), phrase, who. Body of ``close``: ticket or symbol; who. Body of ``close_all``: who.
    """

    command_id: str
    account: str
    kind: CommandKind
    issued_at: datetime
    issued_by: Literal["panel", "cli", "api", "link"]
    body: dict[str, Any]


class CommandRow(Command, frozen=True, kw_only=True):
    """A command and what became of it. `detail` is one sentence for the person who asked."""

    status: CommandStatus
    detail: str
    updated_at: datetime


class CommandMark(msgspec.Struct, frozen=True, kw_only=True):
    """The runner's answer to a command."""

    command_id: str
    status: Answer
    detail: str = ""


def build_mark(command_id: str, status: str, detail: str) -> CommandMark:
    """An answer from plain text.

    Raises:
        JournalError: `status` is no answer.
    """
    if status not in _BEFORE:
        raise JournalError(f"A command is answered with {', '.join(_BEFORE)}, not with {status!r}.")
    return CommandMark(command_id=command_id, status=cast(Answer, status), detail=detail)


def submit(connection: Connection, command: Command) -> None:
    """Insert a command; the same command again changes nothing.

    Raises:
        JournalError: Another command has this id.
    """
    row = {
        "command_id": command.command_id,
        "account": command.account,
        "kind": command.kind,
        "issued_at": instant_text(command.issued_at),
        "issued_by": command.issued_by,
        "body": json.dumps(command.body, sort_keys=True, separators=(",", ":")),
        "status": "new",
        "detail": "",
        "updated_at": instant_text(command.issued_at),
    }
    if connection.execute(_insertion(connection.dialect), row).rowcount == 1:
        return
    there = read(connection, command.command_id)
    if there is None or (there.account, there.kind, there.body) != (command.account, command.kind, command.body):
        raise JournalError(f"Another command already has the id {command.command_id}.")


def mark(connection: Connection, answer: CommandMark) -> None:
    """Record the answer to a command; an answer never goes backwards (done stays done).

    Raises:
        JournalError: There is no such command, or it was already answered otherwise.
    """
    told = {
        "of": answer.command_id,
        "before": _BEFORE[answer.status],
        "status": answer.status,
        "detail": answer.detail,
        "updated_at": instant_text(datetime.now(UTC)),
    }
    if connection.execute(_MARK, told).rowcount == 1:
        return
    there = read(connection, answer.command_id)
    if there is None:
        raise JournalError(f"There is no command {answer.command_id}.")
    raise JournalError(f"Command {answer.command_id} is already {there.status} and cannot become {answer.status}.")


def read(connection: Connection, command_id: str) -> CommandRow | None:
    row = connection.execute(_OF_ID, {"command_id": command_id}).mappings().first()
    return None if row is None else _command(row)


class Questions:
    """What is asked of commands again and again."""

    def __init__(self, dialect: Dialect) -> None:
        self._of_id = question(_OF_ID, dialect)
        self._pending = question(_PENDING, dialect)

    def of_id(self, cursor: Any, command_id: str) -> CommandRow | None:
        rows = self._of_id.ask(cursor, {"command_id": command_id})
        return _command(rows[0]) if rows else None

    def pending(self, cursor: Any, account: str) -> list[CommandRow]:
        """Commands not answered yet, in the order they came."""
        return [_command(row) for row in self._pending.ask(cursor, {"account": account})]


_OF_ID = select(commands).where(commands.c.command_id == bindparam("command_id"))
_PENDING = (
    select(commands)
    .where(commands.c.status == literal_column("'new'"), commands.c.account == bindparam("account"))
    .order_by(commands.c.id)
)
_MARK = (
    update(commands)
    .where(commands.c.command_id == bindparam("of"), commands.c.status.in_(bindparam("before", expanding=True)))
    .values(status=bindparam("status"), detail=bindparam("detail"), updated_at=bindparam("updated_at"))
)


@cache
def _insertion(dialect: Dialect) -> Any:
    return insert_into(dialect, commands).on_conflict_do_nothing(index_elements=["command_id"])


_OF_KIND = (
    select(commands)
    .where(commands.c.account == bindparam("account"), commands.c.kind == bindparam("kind"))
    .where(commands.c.id > bindparam("after_id"), commands.c.status != "refused")
    .order_by(commands.c.id)
)


def read_of_kind(
    connection: Connection, account: str, kind: CommandKind, after_id: int
) -> list[tuple[int, CommandRow]]:
    """Commands of one kind that were not refused, in the order they came, with their row numbers."""
    asked = {"account": account, "kind": kind, "after_id": after_id}
    return [(int(row["id"]), _command(row)) for row in connection.execute(_OF_KIND, asked).mappings()]


def _command(row: Mapping[Any, Any]) -> CommandRow:
    return CommandRow(
        command_id=row["command_id"],
        account=row["account"],
        kind=row["kind"],
        issued_at=parse_instant(row["issued_at"]),
        issued_by=row["issued_by"],
        body=_body(row["body"]),
        status=row["status"],
        detail=row["detail"],
        updated_at=parse_instant(row["updated_at"]),
    )


def _body(text: str) -> dict[str, Any]:
    """What a command says; nothing where it cannot be read: a start is refused for that, a stop then stops every run, and
    the commands behind it are not kept back."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
