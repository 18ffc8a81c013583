"""What finished runs have made, kept beside the records it was made from: made once, read by thousands.

It is kept in the order in which the runs ended, so that what is missing is what ended after the last that is kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from trader.journal import tables as t
from trader.journal.upsert import insert_into


class KeptResult(NamedTuple):
    """`seq` numbers the record of the run's end; `body` is JSON, empty for a run that never traded."""

    seq: int
    run_id: str
    body: str


def read(connection: Connection, account: str, version: int, after_seq: int) -> list[KeptResult]:
    """In the order the runs ended."""
    c = t.results.c
    query = (
        select(c.seq, c.run_id, c.body)
        .where(c.account == account, c.version == version, c.seq > after_seq)
        .order_by(c.seq)
    )
    return [KeptResult(int(seq), run_id, body) for seq, run_id, body in connection.execute(query)]


def read_ended(connection: Connection, account: str, after_seq: int, limit: int) -> tuple[list[tuple[int, str]], int]:
    """The first few runs that ended after a record, in that order, each with the number of its end; and how many there are."""
    c = t.runs.c
    wanted = (c.account == account, c.kind == "run_finished", c.seq > after_seq)
    rows = connection.execute(select(c.seq, c.run_id).where(*wanted).order_by(c.seq).limit(limit)).all()
    many = connection.execute(select(func.count()).where(*wanted)).scalar_one() if len(rows) == limit else len(rows)
    return [(int(seq), run_id) for seq, run_id in rows], int(many)


def read_accounts(connection: Connection) -> list[str]:
    """By name."""
    c = t.runs.c
    return list(
        connection.execute(select(c.account).where(c.kind == "run_created").distinct().order_by(c.account)).scalars()
    )


def write(connection: Connection, account: str, rows: Sequence[KeptResult], version: int) -> None:
    """Another process may have kept the same meanwhile: then it is written again."""
    if rows:
        statement = insert_into(connection.dialect, t.results)
        changed = {name: statement.excluded[name] for name in ("version", "body")}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["seq"], set_=changed),
            [{**row._asdict(), "account": account, "version": version} for row in rows],
        )
