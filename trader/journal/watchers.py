"""Which watchdog sends the messages of an account: one, on whichever machine; another stands by until that one is heard no more.

No message would go twice without it (each is marked before it leaves); but what one is sending now must not be taken by another for
what a dead process left behind.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import or_, select

from trader.journal.tables import instant_text, parse_instant, watchers
from trader.journal.upsert import insert_into

if TYPE_CHECKING:
    from trader.journal.store import Journal

GONE_AFTER = timedelta(seconds=30)  # longer than a message may be on its way


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """A watchdog. `holder` is the same for every process of one TRADER_HOME, of which a lock lets only one live."""

    account: str
    holder: str
    machine: str
    pid: int
    since: datetime
    seen_at: datetime

    def is_heard(self, now: datetime) -> bool:
        """Whether it has been heard lately. One heard in the future is a clock that was set back, and proves nothing."""
        return abs(now - self.seen_at) < GONE_AFTER


def hold(journal: "Journal", me: Watcher) -> bool:
    """Be the account's watchdog, or go on being it, from `me.seen_at` on; False while another is heard.

    Raises:
        JournalError: The journal cannot be written.
    """
    c = watchers.c
    with journal.writing() as connection:
        row = insert_into(connection.dialect, watchers).values(
            account=me.account,
            holder=me.holder,
            machine=me.machine,
            pid=me.pid,
            since=instant_text(me.since),
            seen_at=instant_text(me.seen_at),
        )
        others = or_(
            c.holder == me.holder,
            c.seen_at <= instant_text(me.seen_at - GONE_AFTER),
            c.seen_at >= instant_text(me.seen_at + GONE_AFTER),
        )
        fresh = {name: row.excluded[name] for name in ("holder", "machine", "pid", "since", "seen_at")}
        mine = row.on_conflict_do_update(index_elements=["account"], set_=fresh, where=others).returning(c.account)
        return connection.execute(mine).first() is not None


def newest(journal: "Journal", account: str) -> Watcher | None:
    """The account's watchdog as it was heard last; None when there never was one.

    Raises:
        JournalError: The journal cannot be read.
    """
    with journal.reading() as connection:
        row = connection.execute(select(watchers).where(watchers.c.account == account)).mappings().first()
    if row is None:
        return None
    return Watcher(**{**row, "since": parse_instant(row["since"]), "seen_at": parse_instant(row["seen_at"])})
