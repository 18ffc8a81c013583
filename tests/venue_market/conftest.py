import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data; tests that need it are skipped where it is absent."""
    root = Path(__file__).parents[2]
    for place in (os.environ.get("TRADER_DATA"), root.parent / "shared" / "data"):
        if place and (Path(place) / "README.md").is_file():
            return Path(place)
    pytest.skip("no real market data (TRADER_DATA)")
