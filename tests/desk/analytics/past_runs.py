"""Runs that ended long ago, made of one that the engine has gone through."""

import re
from collections.abc import Sequence

from trader.engine.records import AnyRecord, encode_record
from trader.journal.old_records import decode_record


def renamed(records: Sequence[AnyRecord], run_id: str) -> list[AnyRecord]:
    """The same run under another name, its orders and executions too."""
    old = records[0].run_id

    def under_its_name(text: str) -> str:
        text = text.replace(old, run_id).replace(f"-{old[:5]}-", f"-{run_id}-")
        return re.sub(r'"fill_id":"', f'"fill_id":"{run_id}-', text)

    return [decode_record(under_its_name(encode_record(one))) for one in records if one.run_id]
