"""A line of a log file as a value. Any other line is shown as it is: text."""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from trader.desk.values import LogLine

LEVELS = ("debug", "info", "warning", "error")
_SUMMARY = re.compile(r"^(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) +(?P<level>[A-Z]+) +(?P<text>.*)$")
_HEAD = re.compile(r'^\{"at":"(?P<at>[^"]{10,40})","level":"(?P<level>[A-Z]+)","logger":"(?P<logger>[^"]*)"')
_ORDER = re.compile(r"\bsd\w{4}-\w{5}-\w+-\d{3}-\w{8}\b")
_RUN = re.compile(r"^\[(?P<run>\w{5})?(?: (?P<name>[^\]\n]{1,60}))?\] ")
STATUS = "status reported: "
_MOST_ORDERS = 4


class _Detailed(msgspec.Struct):
    """What the detailed log writes; all else of a line is for its detail."""

    text: str
    at: datetime | None = None
    level: str = ""
    logger: str = ""
    run_id: str = ""


_decoder = msgspec.json.Decoder(_Detailed)


def of_detailed(raw: bytes) -> LogLine:
    try:
        found = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _cut(raw)
    return _line(raw, found.at, found.level, found.text, found.run_id, component_of(found.logger))


def of_summary(raw: bytes) -> LogLine:
    text = raw.decode("utf-8", errors="replace").rstrip("\r")
    match = _SUMMARY.match(text)
    try:
        at = None if match is None else datetime.fromisoformat(match["at"])
    except ValueError:
        match = at = None
    if match is None:
        return _foreign(raw)
    run = _RUN.match(match["text"])
    run_id = "" if run is None else run["run"] or ""
    return _line(raw, at, match["level"], match["text"], run_id, "run" if run_id else "")


def component_of(logger: str) -> str:
    """Which part of the program tells it: ``exchange`` of ``trader.exchange.delta.http``, ``run`` of what runs do, ``libraries`` of
    what is not ours."""
    first, _, rest = logger.partition(".")
    if first != "trader":
        return "libraries" if first else ""
    name = rest.split(".")[0]
    return "run" if name == "milestones" else name


def level_of(name: str) -> str:
    """One of `LEVELS`; what names none is shown as information."""
    folded = name.lower()
    return "error" if folded == "critical" else folded if folded in LEVELS else "info"


def _line(raw: bytes, at: datetime | None, level: str, text: str, run_id: str, component: str) -> LogLine:
    named = _RUN.match(text) if run_id else None
    name = "" if named is None else named["name"] or ""
    return LogLine(
        at=at if at is None or at.tzinfo is not None else None,
        level=level_of(level),
        text=text,
        run_id=run_id,
        preset="" if name == "?" else name,  # what an earlier version wrote where it did not know
        component=component,
        orders=tuple(dict.fromkeys(_ORDER.findall(text)))[:_MOST_ORDERS],
        raw=raw.decode("utf-8", errors="replace"),
    )


def _foreign(raw: bytes) -> LogLine:
    return _line(raw, None, "", raw.decode("utf-8", errors="replace"), "", "")


def _cut(raw: bytes) -> LogLine:
    """A line that is too long to be read whole has its time and level at its beginning all the same."""
    match = _HEAD.match(raw[:400].decode("utf-8", errors="replace"))
    try:
        at = None if match is None else datetime.fromisoformat(match["at"])
    except ValueError:
        at = None
    if match is None or at is None:
        return _foreign(raw)
    return _line(raw, at, match["level"], raw.decode("utf-8", errors="replace"), "", component_of(match["logger"]))


def detail(line: LogLine) -> str:
    """All that stands in the line, one field to a row where it is JSON."""
    try:
        return msgspec.json.format(line.raw.encode(), indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return line.raw


def words_of(line: LogLine) -> str:
    """Its text without the run at its beginning, which has a column of its own."""
    return _RUN.sub("", line.text) if line.run_id else line.text


class Folding:
    """Lines become rows, newest first: a line that is told again, and status reports of one run that stand in a row, are one row
    with how often. Reports of several runs take turns, and do not part one another."""

    def __init__(self) -> None:
        self.rows: list[LogLine] = []
        self._open: dict[tuple[bool, str, str, str], int] = {}

    def add(self, line: LogLine, most: int | None = None) -> bool:
        """Whether it could be taken: not, where it would be one row more than `most`."""
        is_report = words_of(line).startswith(STATUS)
        key = (is_report, line.run_id, line.level, "" if is_report else line.text)
        self._open = {one: at for one, at in self._open.items() if (one[0] if is_report else one == key)}
        at = self._open.get(key)
        if at is None:
            if len(self.rows) == most:
                return False
            self._open[key] = len(self.rows)
            self.rows.append(line)
        else:
            kept = self.rows[at]
            since = line.since or line.at or kept.since
            self.rows[at] = msgspec.structs.replace(kept, count=kept.count + line.count, since=since)
        return True


def joined(newer: Sequence[LogLine], older: Sequence[LogLine]) -> tuple[LogLine, ...]:
    """Rows that follow one another, as one list."""
    folding = Folding()
    for line in (*newer, *older):
        folding.add(line)
    return tuple(folding.rows)
