"""The README tells the truth: its variables exist, its links lead somewhere. Its commands: tests/documents."""

import re
from pathlib import Path

from trader.config.settings import VARIABLES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_variables_is_complete() -> None:
    shown = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)) - {"TRADER__SECTION__FIELD"}
    assert shown == set(VARIABLES)


def test_relative_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []
