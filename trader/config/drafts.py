"""Edits that are not saved, kept for a browser: one small file each in ``TRADER_HOME/drafts``, the oldest given up.

A draft is a convenience: one that cannot be read is as if there were none, and the log says so.
"""

import contextlib
import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trader.config.document import parse_json_object
from trader.config.files import private_folder, read_text, write_text
from trader.domain.errors import ConfigError

DRAFTS_MOST = 50
LARGEST_CHARS = 100_000
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")

logger = logging.getLogger(__name__)


class DraftStore:
    """The drafts of one installation, by the token a browser made up."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "drafts"

    def save(self, token: str, draft: Mapping[str, Any]) -> None:
        """Keep a draft in one step; of more than 50 those written longest ago go.

        Raises:
            ConfigError: The token is none, the draft is no JSON or too large, or it cannot be written.
        """
        path = self._path(token)
        if path is None:
            raise ConfigError("The draft cannot be kept: its token is not 8 to 64 letters, digits, - and _")
        try:
            text = json.dumps(draft, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"The draft cannot be kept: {error}") from None
        if len(text) > LARGEST_CHARS:
            raise ConfigError(f"The draft has {len(text)} characters; at most {LARGEST_CHARS} are kept")
        private_folder(self._folder, "The folder of drafts")
        write_text(path, text, "The draft")
        self._give_up_oldest()

    def load(self, token: str) -> dict[str, Any] | None:
        """The draft kept under a token, None when there is none that can be read."""
        path = self._path(token)
        if path is None:
            return None
        try:
            text = read_text(path, "The draft")
            return None if text is None else parse_json_object(text, f"The draft {path}")
        except ConfigError as error:
            logger.warning("draft_unreadable: %s", error)
            return None

    def all(self) -> list[tuple[str, datetime, dict[str, Any]]]:
        """Every draft that can be read, with its token and when it was written, the newest first."""
        aged = []
        for path in self._folder.glob("*.json"):
            with contextlib.suppress(OSError):  # dropped by another tab just now
                aged.append((datetime.fromtimestamp(path.lstat().st_mtime, UTC), path.stem))
        found = [(token, at, self.load(token)) for at, token in sorted(aged, reverse=True)]
        return [(token, at, draft) for token, at, draft in found if draft is not None]

    def drop(self, token: str) -> None:
        """Forget a draft; nothing when there is none."""
        path = self._path(token)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _path(self, token: str) -> Path | None:
        # fullmatch: `$` alone would let a trailing newline through.
        return self._folder / f"{token}.json" if _TOKEN.fullmatch(token) else None

    def _give_up_oldest(self) -> None:
        with contextlib.suppress(OSError):
            aged = sorted((path.lstat().st_mtime_ns, path) for path in self._folder.glob("*.json"))
            for _, path in aged[:-DRAFTS_MOST]:
                path.unlink(missing_ok=True)
