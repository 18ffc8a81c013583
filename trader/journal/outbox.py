"""Messages to a person, from the moment they are made until it is known what became of them.

A message waits; it is marked as being sent before it leaves and by its outcome after. One that was being sent when the program
ended, or whose answer never came, is uncertain: it may have arrived, so it is not sent again and stands as undelivered.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from sqlalchemy import Connection, case, delete, func, select, update

from trader.domain.severity import SEVERITIES, Severity
from trader.journal.tables import instant_text, notified, outbox, parse_instant
from trader.journal.upsert import insert_into

if TYPE_CHECKING:
    from trader.journal.store import Journal

State = Literal["waiting", "sending", "sent", "failed", "uncertain"]
UNDELIVERED: tuple[State, ...] = ("failed", "uncertain")
_FIRST = case({name: rank for rank, name in enumerate(reversed(SEVERITIES))}, value=outbox.c.severity)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be told on one channel. `key` says what it is about: of the same only one is ever made. `next_at`: not before.
    `run_id`: whose it is, empty where it is the account's; `alerts`: numbers of the alerts it tells of."""

    key: str
    channel: str
    severity: Severity
    title: str
    body: str
    made_at: datetime
    next_at: datetime
    run_id: str = ""
    alerts: tuple[int, ...] = ()


class OutboxRow(Message, frozen=True, kw_only=True):
    """A message and what has become of it; `why` says it in words."""

    id: int
    state: State
    tries: int
    changed_at: datetime
    why: str


def read_position(connection: Connection, account: str) -> int | None:
    """Number of the last record that messages were made of; None before the first time."""
    found = connection.execute(select(notified.c.last_seq).where(notified.c.account == account)).scalar()
    return None if found is None else int(found)


def put(connection: Connection, account: str, messages: Sequence[Message], last_seq: int | None) -> None:
    """Add messages that are not there yet, and remember up to which record they were made; None leaves that as it is."""
    if messages:
        statement = insert_into(connection.dialect, outbox).on_conflict_do_nothing(
            index_elements=["account", "key", "channel"]
        )
        connection.execute(statement, [_row(account, one) for one in messages])
    if last_seq is not None:
        position = insert_into(connection.dialect, notified).values(account=account, last_seq=last_seq)
        connection.execute(
            position.on_conflict_do_update(index_elements=["account"], set_={"last_seq": position.excluded.last_seq})
        )


def read_due(connection: Connection, account: str, channel: str, now: datetime, limit: int) -> list[OutboxRow]:
    """What waits for a channel and may go, the gravest first, of the same severity the oldest."""
    c = outbox.c
    query = (
        select(outbox)
        .where(c.account == account, c.state == "waiting", c.channel == channel, c.next_at <= instant_text(now))
        .order_by(_FIRST, c.id)
        .limit(limit)
    )
    return [_read(row) for row in connection.execute(query).mappings()]


def mark(
    connection: Connection,
    ids: Collection[int],
    state: State,
    now: datetime,
    *,
    before: State,
    why: str = "",
    next_at: datetime | None = None,
) -> int:
    """Messages of one state get another; how many did. `next_at`: when one that waits again may go."""
    values: dict[str, Any] = {"state": state, "changed_at": instant_text(now), "why": why}
    if state == "sending":
        values["tries"] = outbox.c.tries + 1
    if next_at is not None:
        values["next_at"] = instant_text(next_at)
    query = update(outbox).where(outbox.c.id.in_(ids), outbox.c.state == before).values(**values)
    return connection.execute(query).rowcount


def left_in_sending(connection: Connection, account: str, now: datetime) -> int:
    """What an earlier process was sending when it ended is uncertain; how many there were."""
    c = outbox.c
    values = {"state": "uncertain", "changed_at": instant_text(now), "why": "the program ended while it was being sent"}
    return connection.execute(
        update(outbox).where(c.account == account, c.state == "sending").values(**values)
    ).rowcount


def forget(connection: Connection, account: str, channels: Collection[str], now: datetime) -> int:
    """What waits for a channel that is not set up any more has failed; how many there were."""
    c = outbox.c
    values = {"state": "failed", "changed_at": instant_text(now), "why": "its channel is not set up any more"}
    return connection.execute(
        update(outbox)
        .where(c.account == account, c.state == "waiting", c.channel.not_in(list(channels)))
        .values(**values)
    ).rowcount


def drop_old(connection: Connection, account: str, before: datetime) -> int:
    """Delete what is settled and was made before an instant; how many there were."""
    c = outbox.c
    old = (c.account == account, c.made_at < instant_text(before), c.state.not_in(("waiting", "sending")))
    return connection.execute(delete(outbox).where(*old)).rowcount


def read_newest(connection: Connection, account: str, states: Collection[State] | None, limit: int) -> list[OutboxRow]:
    """The newest messages of some states, newest first."""
    query = select(outbox).where(outbox.c.account == account)
    if states is not None:
        query = query.where(outbox.c.state.in_(list(states)))
    return [_read(row) for row in connection.execute(query.order_by(outbox.c.id.desc()).limit(limit)).mappings()]


def count(connection: Connection, account: str) -> dict[tuple[str, str], int]:
    """How many there are, by channel and state."""
    c = outbox.c
    query = select(c.channel, c.state, func.count()).where(c.account == account).group_by(c.channel, c.state)
    return {(channel, state): int(many) for channel, state, many in connection.execute(query)}


def read_last_sent(connection: Connection, account: str) -> dict[str, datetime]:
    """When the last message of each channel was delivered."""
    c = outbox.c
    query = select(c.channel, func.max(c.changed_at)).where(c.account == account, c.state == "sent").group_by(c.channel)
    return {channel: parse_instant(at) for channel, at in connection.execute(query)}


def _row(account: str, one: Message) -> dict[str, Any]:
    return {
        "account": account,
        **{name: getattr(one, name) for name in ("key", "channel", "severity", "title", "body", "run_id")},
        "alerts": ",".join(str(seq) for seq in one.alerts),
        "made_at": instant_text(one.made_at),
        "state": "waiting",
        "tries": 0,
        "next_at": instant_text(one.next_at),
        "changed_at": instant_text(one.made_at),
        "why": "",
    }


def _read(row: Any) -> OutboxRow:
    told = dict(row)
    del told["account"]
    told["alerts"] = tuple(int(seq) for seq in told["alerts"].split(",") if seq)
    for name in ("made_at", "next_at", "changed_at"):
        told[name] = parse_instant(told[name])
    return OutboxRow(**told)


class Outbox:
    """The outbox of one account in a journal. Every method raises JournalError where the journal cannot be read or written."""

    def __init__(self, journal: "Journal", account: str) -> None:
        self._journal = journal
        self._account = account

    def position(self) -> int | None:
        """Number of the last record that messages were made of; None before the first time."""
        with self._journal.reading() as connection:
            return read_position(connection, self._account)

    def put(self, messages: Sequence[Message], last_seq: int | None = None) -> None:
        """Add messages, and in the same transaction remember up to which record they were made."""
        with self._journal.writing() as connection:
            put(connection, self._account, messages, last_seq)

    def due(self, channel: str, now: datetime, limit: int) -> list[OutboxRow]:
        """What may go on a channel now, the gravest first."""
        with self._journal.reading() as connection:
            return read_due(connection, self._account, channel, now, limit)

    def begin(self, ids: Collection[int], now: datetime) -> bool:
        """Mark messages as being sent, before they are; False where another process was faster with one, and none is marked."""
        with self._journal.writing() as connection:
            attempt = connection.begin_nested()
            taken = mark(connection, ids, "sending", now, before="waiting") == len(ids)
            attempt.commit() if taken else attempt.rollback()
            return taken

    def finish(
        self, ids: Collection[int], state: State, now: datetime, why: str, next_at: datetime | None = None
    ) -> None:
        """Say what became of messages that were being sent."""
        with self._journal.writing() as connection:
            mark(connection, ids, state, now, before="sending", why=why, next_at=next_at)

    def take_over(self, channels: Collection[str], now: datetime, drop_before: datetime) -> int:
        """Settle what an earlier process left: what it was sending is uncertain, what waits for a channel that is gone has failed, and
        what was settled long ago is deleted. How many became undelivered."""
        with self._journal.writing() as connection:
            drop_old(connection, self._account, drop_before)
            left = left_in_sending(connection, self._account, now)
            return left + forget(connection, self._account, channels, now)

    def newest(self, states: Collection[State] | None = None, limit: int = 50) -> list[OutboxRow]:
        """The newest messages, newest first."""
        with self._journal.reading() as connection:
            return read_newest(connection, self._account, states, limit)

    def count(self) -> dict[tuple[str, str], int]:
        """How many there are, by channel and state."""
        with self._journal.reading() as connection:
            return count(connection, self._account)

    def last_sent(self) -> dict[str, datetime]:
        """When the last message of each channel was delivered."""
        with self._journal.reading() as connection:
            return read_last_sent(connection, self._account)

    def of_key(self, key: str) -> OutboxRow | None:
        """The newest message about this; None when there is none."""
        query = (
            select(outbox).where(outbox.c.account == self._account, outbox.c.key == key).order_by(outbox.c.id.desc())
        )
        with self._journal.reading() as connection:
            row = connection.execute(query.limit(1)).mappings().first()
        return None if row is None else _read(row)
