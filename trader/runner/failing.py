"""Turns of the runner that fail in a row: counted, and from the fifth on nothing new is risked until a person has looked."""

import logging
from collections.abc import Callable

from trader.domain.errors import ConfigError
from trader.runner.notices import Note

logger = logging.getLogger(__name__)

ESCALATE_AFTER = 5


class FailingTurns:
    """Used by the runner's thread only."""

    def __init__(self, halt: Callable[[str], None], tell: Callable[[Note], None]) -> None:
        """`halt` forbids entries; it may fail, and the alert is raised all the same."""
        self._halt = halt
        self._tell = tell
        self._count = 0

    def keep(self, reason: str) -> None:
        """A halt that the journal cannot record is kept in the HALT file."""
        try:
            self._halt(reason)
        except ConfigError as error:
            logger.critical("halt_not_written: %s", error)

    def none(self) -> None:
        """A turn went well."""
        self._count = 0

    def another(self, words: str) -> float:
        """A turn has failed; for how many seconds to wait before the next."""
        self._count += 1
        logger.error("turn_failed count=%d error=%s", self._count, words)
        if self._count == ESCALATE_AFTER:
            self._escalate(words)
        return min(0.05 * self._count, 0.25)

    def _escalate(self, words: str) -> None:
        """Exits and cancels go on."""
        count = self._count
        logger.critical("runner_unwell: %d turns failed in a row: %s", count, words)
        text = f"{count} turns failed in a row ({words}). Entries are halted; exits go on. Lift it with `python -m trader resume`."
        try:
            self._halt(f"the runner failed {count} times in a row: {words}")
        except Exception:
            # Whatever keeps the halt from being written must not keep the alert from being raised.
            logger.exception("halt_not_written")
        self._tell(Note("error", "runner_unwell", text))
