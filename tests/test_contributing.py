"""The tables of packages name every package there is, and CONTRIBUTING names files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(
    path.parent.relative_to(ROOT).as_posix()
    for path in (ROOT / "trader").rglob("__init__.py")
    if path.parent.name != "trader"
)
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLANNED = ("trader/notify",)  # said to be planned; no package yet


def rows(page: str) -> str:
    """The tables of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if line.startswith("|"))


def test_the_map_has_one_line_for_each_package() -> None:
    told = re.findall(r"^\| `(trader/[a-z_/]+)` \|", CONTRIBUTING, re.MULTILINE)
    assert sorted(told) == PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_architecture_names_the_package_in_its_floor(package: str) -> None:
    """In full, or as a part in brackets behind the package it belongs to."""
    name, parent = package.rpartition("/")[2], package.rpartition("/")[0]
    line = next(
        line for line in rows("docs/architecture.md").splitlines() if f"`{package}`" in line or f"`{parent}`" in line
    )
    assert f"`{package}`" in line or f"`{name}`" in line.partition(f"`{parent}`")[2]


def test_readme_names_every_top_package() -> None:
    top = [package for package in PACKAGES if package.count("/") == 1]
    assert [package for package in top if f"`{package}`" not in rows("README.md")] == []


def test_recipes_name_files_that_exist() -> None:
    named = re.findall(r"`((?:trader|tests|pages|docs)/[A-Za-z_/]+(?:\.py|\.md)?)`", CONTRIBUTING)
    assert len(named) > 50
    assert [
        name for name in named if not name.startswith(PLANNED) and "NAME" not in name and not (ROOT / name).exists()
    ] == []


def test_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", CONTRIBUTING) if "://" not in link]
    assert links and [link for link in links if not (ROOT / link).exists()] == []


def test_no_wheel_is_tracked_and_none_can_be() -> None:
    assert "*.whl" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
