"""docs/coverage.md names tests and files that exist: a claim whose proof was renamed is found here."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COVERAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROWS = [line for line in COVERAGE.splitlines() if line.startswith("| ") and "proof |" not in line]
NAMED = re.compile(r"`(?:(?P<file>[a-z_0-9/]+\.py))?(?:::(?P<test>test_\w+)(?P<more>…)?)?`")


def cited(row: str) -> list[tuple[str, str, bool]]:
    """File, test and whether the test's name is cut, for each citation in the proof column; `::test` keeps the file."""
    found: list[tuple[str, str, bool]] = []
    for match in NAMED.finditer(row.rsplit(" | ", 1)[1]):
        file = match["file"] or (found[-1][0] if found else "")
        if file:
            found.append((file, match["test"] or "", match["more"] is not None))
    return found


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip()[:40] for row in ROWS])
def test_the_proof_of_each_row_exists(row: str) -> None:
    for file, test, cut in cited(row):
        path = ROOT / "tests" / file
        assert path.exists(), file
        if test:
            pattern = rf"^def {test}" + ("" if cut else r"\(")
            assert re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE), f"{file} has no {test}"


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip()[:40] for row in ROWS])
def test_the_place_of_each_row_exists(row: str) -> None:
    for name in re.findall(r"`([a-z_0-9/]+\.py|[a-z_]+/[a-z_/]+)`", row.rsplit(" | ", 2)[1]):
        folders = (ROOT, ROOT / "trader", ROOT / "trader" / "exchange" / "delta")
        assert any((folder / name).exists() for folder in folders), name


def test_most_rows_name_a_test() -> None:
    assert sum(bool(cited(row)) for row in ROWS) > 0.9 * len(ROWS)
