"""What the runner itself has to tell, beside what the engine records of runs: alerts of the account, bounded in number."""

import time
from collections.abc import Callable

import msgspec

_AGAIN_SECS = 60.0  # the same code says the same thing once in this time
_CODES_KEPT = 200


class Note(msgspec.Struct, frozen=True):
    """Something to be recorded as an alert by the runner's thread. `level`: info (it happened), warning (look at it),
    error (money or knowledge is at risk: repeated until acknowledged). `run_id` empty = the account's."""

    level: str
    code: str
    text: str
    run_id: str = ""


class NoteGate:
    """Lets a note pass unless one of its code, level and run passed within the last minute. One thread only."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._passed: dict[tuple[str, str, str], float] = {}

    def passes(self, note: Note) -> bool:
        now = self._monotonic()
        key = (note.code, note.level, note.run_id)
        if note.level != "info" and now - self._passed.get(key, -_AGAIN_SECS) < _AGAIN_SECS:
            return False
        if len(self._passed) >= _CODES_KEPT:
            self._passed = {old: at for old, at in self._passed.items() if now - at < _AGAIN_SECS}
        self._passed[key] = now
        return True
