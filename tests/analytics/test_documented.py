"""Every figure has its definition in the docs."""

from pathlib import Path

import pytest

from trader.analytics.attribution import Attribution
from trader.analytics.performance import Performance

TEXT = (Path(__file__).parents[2] / "docs" / "analytics.md").read_text()


@pytest.mark.parametrize("name", Performance.__struct_fields__)
def test_a_figure_is_defined(name: str) -> None:
    assert f"`{name}`" in TEXT


@pytest.mark.parametrize("name", [one for one in Attribution.__struct_fields__ if one not in ("pnl", "moved")])
def test_a_part_of_the_pnl_is_defined(name: str) -> None:
    assert f"| {name} |" in TEXT
