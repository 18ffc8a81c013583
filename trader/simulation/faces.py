"""What a person is shown of a finished run, by the real functions of desk, command line and panel, from records alone."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

import msgspec

from trader.desk.runs import RunBook
from trader.desk.status_json import status_document
from trader.desk.values import RunnerHealth, Status
from trader.domain.clock import Now
from trader.engine.records import AnyRecord
from trader.engine.state import State
from trader.engine.view import RunView
from trader.engine.viewing import build_view
from trader.journal import Journal
from trader.journal.views import Newest

_views = msgspec.json.Decoder(RunView)


class _Records:
    """What the desk's book of runs asks of a journal."""

    def __init__(self, records: Sequence[AnyRecord]) -> None:
        self._records = list(enumerate(records, start=1))

    def records(self, run_id: str, after_seq: int = 0) -> list[tuple[int, AnyRecord]]:
        return [(seq, record) for seq, record in self._records if seq > after_seq and record.run_id == run_id]

    def newest(self) -> Newest:
        return Newest(record=len(self._records), command=0, sample=0)


def realized_by_face(
    records: Sequence[AnyRecord], run_id: str, wall: datetime, live: State | None
) -> dict[str, Decimal | None]:
    """The realised P&L (USD) of a run as each face shows it: the desk's report and history, the status document of command
    line and programs, and, while a runner holds it in `live`, the row the panel reads once a second."""
    view = RunBook(cast(Journal, _Records(records))).view(run_id, wall)
    if view is None:
        return {"desk": None}
    shown: dict[str, Decimal | None] = {"desk": view.realized_pnl, "status": _in_status(view, wall)}
    if live is not None and run_id in live.runs:
        row = build_view(live, live.runs[run_id], Now(wall, None))
        shown["panel"] = _views.decode(msgspec.json.encode(row)).realized_pnl
    return shown


def _in_status(view: RunView, wall: datetime) -> Decimal | None:
    nobody = RunnerHealth(alive=False, heartbeat_age_s=None, host=None, pid=None)
    status = Status(env=view.env, account="", runner=nobody, run=view, runs=(), ops=None, alerts=(), wall=wall)
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(status_document(status)))
    text = document["realized_pnl"]
    return None if text is None else Decimal(text)
