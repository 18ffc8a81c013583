"""Rows of the exchange's lists that made no sense, as notes for the record: each once, many at once as one."""

from collections.abc import Sequence

from trader.domain.odd_row import OddRow
from trader.exchange.common.odd_rows import in_words
from trader.runner.notices import Note

_EACH_MOST = 5  # more at once are one note: a list of the exchange has gone wrong, not a contract


def odd_notes(rows: Sequence[OddRow]) -> list[Note]:
    """What to tell of rows nobody has been told of yet."""
    if len(rows) > _EACH_MOST:
        text = f"{len(rows)} rows of the exchange's lists make no sense and are left out: {in_words(rows)}."
        return [Note("warning", "rows_left_out", text)]
    return [
        Note("warning", f"row_left_out:{row.listed}:{row.name}", f"A row makes no sense and is left out: {row.words}.")
        for row in rows
    ]
