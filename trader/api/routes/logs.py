"""The log files, filtered."""

from typing import Annotated

import msgspec
from fastapi import Query
from starlette.responses import Response

from trader.api.problems import Problem
from trader.api.routes.books import ID, Since, Until
from trader.api.routing import ADesk, Cursor, Limit, Routes, answer
from trader.desk import LogLine
from trader.desk.logs.files import read_place
from trader.desk.logs.matching import Level, LogQuery, Which

routes = Routes("logs")
_NameText = Annotated[str, Query(pattern=ID)]


class LogRows(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `next` is the cursor of what is further back, null where there is nothing more; `hidden` how many of the lines that
    were looked at were not shown, by why: level, component, run, text, earlier, later."""

    lines: tuple[LogLine, ...]
    looked_at: int
    hidden: dict[str, int]
    next: str | None


@routes.add("GET", "/v1/logs", "read", LogRows)
def list_logs(
    desk: ADesk,
    which: Annotated[Which, Query(description="The detailed log, or the summary of milestones.")] = "detailed",
    level: Annotated[Level, Query(description="This and worse.")] = "info",
    run_id: Annotated[
        list[_NameText] | None, Query(max_length=20, description="Of these runs; may be repeated.")
    ] = None,
    component: Annotated[
        list[_NameText] | None, Query(max_length=20, description="Told by these parts; may be repeated.")
    ] = None,
    text: Annotated[str, Query(max_length=200, description="Lines with this text, large or small letters.")] = "",
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Lines of the log. A look ends after a second; it may be empty and have a `next` all the same."""
    before = None
    if cursor and (before := read_place(cursor)) is None:
        raise Problem(422, "invalid", "cursor is none of this list.", [("cursor", "cursor is none of this list")])
    query = LogQuery(
        which=which,
        level=level,
        runs=tuple(run_id or ()),
        components=tuple(component or ()),
        text=text,
        since=since,
        until=until,
    )
    page = desk.logs.look(query, limit=limit, before=before)
    older = None if page.older is None else str(page.older)
    return answer(LogRows(lines=page.lines, looked_at=page.looked_at, hidden=page.hidden, next=older))
