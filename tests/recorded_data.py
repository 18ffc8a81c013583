"""Where recorded market data lies, if it is on this machine: it is not part of the repository, and tests of it skip without."""

import os
from pathlib import Path


def recorded(part: str) -> Path | None:
    """A file or folder of the recorded data, by its name in it; None where it is absent."""
    checkout = Path(__file__).parents[1]
    for place in (os.environ.get("TRADER_DATA"), checkout.parent / "shared" / "data"):
        if place and (Path(place) / part).exists():
            return Path(place) / part
    return None
