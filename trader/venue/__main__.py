"""A venue as somebody's child process: its options come as one JSON document on standard input, because an argument list
can be read by every user of the machine and the options hold a secret. People start one with ``python -m trader venue``."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from trader.venue.launch import VenueOptions, run_venue


def _path(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise TypeError(f"options hold no {kind.__name__}")


if __name__ == "__main__":
    run_venue(msgspec.json.decode(sys.stdin.buffer.read(), type=VenueOptions, dec_hook=_path))
