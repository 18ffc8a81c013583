"""The end of the summary log, read from its end: a large log costs no more than a small one."""

import re
from datetime import datetime
from pathlib import Path

from trader.desk.values import LogLine

SUMMARY_LOG = "delta_trader_summary.log"
_MOST_BYTES = 256 * 1024
_LINE = re.compile(r"^(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) +(?P<level>[A-Z]+) +(?P<text>.*)$")


def read_tail(home: Path, lines: int) -> list[LogLine]:
    """The last `lines` lines of the summary log, oldest first; fewer when they do not fit in 256 KB. Lines that are no
    log lines are left out; no log yet is an empty list."""
    if lines < 1:
        return []
    try:
        path = home / "logs" / SUMMARY_LOG
        if not path.is_file():  # a pipe in its place would keep the page waiting
            return []
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = max(0, size - _MOST_BYTES)
            file.seek(start)
            content = file.read(_MOST_BYTES)
    except OSError:
        return []
    rows = content.decode("utf-8", errors="replace").split("\n")
    if start > 0:
        rows = rows[1:]  # the first one is cut
    found: list[LogLine] = []
    for row in reversed(rows):
        line = _parse(row)
        if line is not None:
            found.append(line)
            if len(found) == lines:
                break
    return found[::-1]


def _parse(row: str) -> LogLine | None:
    match = _LINE.match(row.rstrip("\r"))
    if match is None:
        return None
    try:
        at = datetime.fromisoformat(match["at"])
    except ValueError:
        return None
    return LogLine(at=at, level=match["level"].lower(), text=match["text"])
