"""What faces ask of the logs: the newest lines of a filter, what came since, what is further back, and all of it as a file."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from trader.desk.logs.files import Place, lines_back, open_files
from trader.desk.logs.lines import Folding, of_detailed, of_summary
from trader.desk.logs.matching import Judge, LogQuery, Which
from trader.desk.values import LogLine
from trader.runner.log_file import DETAILED_LOG, SUMMARY_LOG

LOOK_SECS = 1.0  # for one look; what is further back is asked for again
ROWS = 200
_FILE_SECS = 10.0
_FILE_BYTES = 20_000_000
_CHECK_EVERY = 512  # lines between two looks at the clock
_NAMES: Mapping[Which, str] = {"detailed": DETAILED_LOG, "summary": SUMMARY_LOG}
_READ: Mapping[Which, Callable[[bytes], LogLine]] = {"detailed": of_detailed, "summary": of_summary}


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """`lines`: newest first, repeated ones folded. `newest`: ask for what came `after` it. `older`: go on `before` it; None where
    the beginning of what is kept, or of what was asked for, is reached. `looked_at`: how many lines were looked at, `hidden` how many of these
    were not shown and why (`Judge`). `back_to`: the oldest line that was looked at, where it tells its time."""

    lines: tuple[LogLine, ...]
    newest: Place | None
    older: Place | None
    looked_at: int
    hidden: dict[str, int]
    back_to: datetime | None = None


class Logs:
    """The log files of one installation. Safe from any thread: each look opens them again."""

    def __init__(self, home: Path, secrets: Iterable[str] = ()) -> None:
        """`secrets` are shown by no face, whatever a process of another version has written."""
        self._home = home
        words = sorted({re.escape(word.encode()) for word in secrets}, key=len, reverse=True)
        self._secret = re.compile(b"|".join(words)) if words else None

    def look(
        self,
        query: LogQuery,
        *,
        limit: int = ROWS,
        before: Place | None = None,
        after: Place | None = None,
        secs: float = LOOK_SECS,
    ) -> LogPage:
        """The newest `limit` rows that match, within about `secs`. `before` a place: of what is older; `after` one: of what is newer,
        of everything where its file is gone.

        The log may be put aside and written to meanwhile: no line is missed, and none told twice.
        """
        folding, hidden, looked = Folding(), Counter[str](), 0
        newest, older = after, None
        last: tuple[Place, bytes] | None = None
        judge, ends = Judge(query), time.monotonic() + secs
        with open_files(self._home, _NAMES[query.which]) as opened:
            files = [one for one in opened if not judge.begins_later(one.begins())] or opened[-1:]
            for place, raw in lines_back(files, before):
                if after is not None and place.file == after.file and place.offset < after.offset:
                    break
                if looked == 0 and before is None:
                    newest = Place(place.file, place.offset + 1)
                line = self._judged(judge, query, raw)
                if not isinstance(line, str):
                    if not folding.add(line, limit):
                        older = None if last is None else last[0]
                        break
                else:
                    hidden[line] += 1
                    if judge.is_over:
                        break
                looked, last = looked + 1, (place, raw)
                if looked % _CHECK_EVERY == 0 and time.monotonic() > ends:
                    older = place
                    break
        return LogPage(
            lines=tuple(folding.rows),
            newest=newest,
            older=older,
            looked_at=looked,
            hidden=dict(hidden),
            back_to=None if last is None else _READ[query.which](last[1]).at,
        )

    def file(self, query: LogQuery) -> str:
        """What matches as the lines stand in the file, oldest first; the newest 20 MB of it."""
        lines: list[str] = []
        judge, ends, room = Judge(query), time.monotonic() + _FILE_SECS, _FILE_BYTES
        with open_files(self._home, _NAMES[query.which]) as files:
            for looked, (_, raw) in enumerate(lines_back(files)):
                line = self._judged(judge, query, raw)
                if not isinstance(line, str):
                    lines.append(line.raw)
                    room -= len(raw)
                if judge.is_over or room < 0 or (looked % _CHECK_EVERY == 0 and time.monotonic() > ends):
                    break
        return "".join(f"{line}\n" for line in reversed(lines))

    def _judged(self, judge: Judge, query: LogQuery, raw: bytes) -> LogLine | str:
        """The line, or why it is not shown."""
        if why := judge.why_not(raw):
            return why
        if self._secret is not None:
            raw = self._secret.sub(b"***", raw)
        line = _READ[query.which](raw)
        return judge.shows(line) or line
