"""The end of the summary log."""

from itertools import islice
from pathlib import Path

from trader.desk.logs.files import lines_back, open_files
from trader.desk.logs.lines import of_summary
from trader.desk.values import LogLine
from trader.runner.log_file import SUMMARY_LOG

_MOST_LOOKED_AT = 10_000


def read_tail(home: Path, lines: int) -> list[LogLine]:
    """The last `lines` lines of the summary log, oldest first; fewer when most of its last ones are no log lines, which are left
    out. No log yet is an empty list."""
    with open_files(home, SUMMARY_LOG) as files:
        told = (of_summary(raw) for _, raw in islice(lines_back(files), _MOST_LOOKED_AT))
        return [*islice((line for line in told if line.at is not None), max(lines, 0))][::-1]
