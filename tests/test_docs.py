"""docs/coverage.md has a row for every requirement, and names tests, files and commands that exist."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COVERAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROWS = [line for line in COVERAGE.splitlines() if line.startswith("| ") and "proof |" not in line]
IDS = COVERAGE.partition("## The ids\n")[2].split()
NAMED = re.compile(r"`(?:(?P<file>[a-z_0-9/]+\.py))?(?:::(?P<test>test_\w+)(?P<more>…)?)?`")
FOLDERS = (ROOT, ROOT / "trader")
row_names = [row.split("|")[1].strip()[:40] for row in ROWS]


def cells(row: str) -> list[str]:
    """What stands between the bars; a bar behind a backslash is text."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def cited(row: str) -> list[tuple[str, str, bool]]:
    """File, test and whether the test's name is cut, for each citation in the proof column; `::test` keeps the file."""
    found: list[tuple[str, str, bool]] = []
    for match in NAMED.finditer(cells(row)[-1]):
        file = match["file"] or (found[-1][0] if found else "")
        if file:
            found.append((file, match["test"] or "", match["more"] is not None))
    return found


def test_every_requirement_has_one_row() -> None:
    assert len(IDS) == len(set(IDS)) > 80
    counted = Counter(cells(row)[0].split()[0] for row in ROWS)
    assert {name: counted[name] for name in IDS if counted[name] != 1} == {}


@pytest.mark.parametrize("name", IDS)
def test_a_requirements_row_says_done_partly_or_open_and_proves_what_is_there(name: str) -> None:
    [row] = [cells(row) for row in ROWS if cells(row)[0].split()[0] == name]
    state, where, proof = row[1:]
    assert re.match(r"done\b|\*partly\*: |\*open\*", state), state
    if not state.startswith("*open*"):
        assert where and proof, "what can be used is somewhere, and something shows it"


@pytest.mark.parametrize("row", ROWS, ids=row_names)
def test_the_proof_of_each_row_exists(row: str) -> None:
    for quoted in re.findall(r"`[^`]+`", cells(row)[-1]):
        assert NAMED.fullmatch(quoted) or re.fullmatch(r"`make \w+`", quoted), (
            f"{quoted} is neither test nor make target"
        )
    for target in re.findall(r"`make (\w+)`", cells(row)[-1]):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for file, test, cut in cited(row):
        path = ROOT / "tests" / file
        assert path.exists(), file
        if test:
            pattern = rf"^def {test}" + ("" if cut else r"\(")
            assert re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE), f"{file} has no {test}"


@pytest.mark.parametrize("row", ROWS, ids=row_names)
def test_the_place_of_each_row_exists(row: str) -> None:
    for name in re.findall(r"`([a-z_0-9/]+\.(?:py|md)|[a-z_]+/[a-z_/]+)`", cells(row)[-2]):
        assert any((folder / name).exists() for folder in FOLDERS), name


def test_most_rows_name_a_test() -> None:
    begun = [row for row in ROWS if not cells(row)[1].startswith("*open*")]
    assert sum(bool(cited(row)) for row in begun) > 0.9 * len(begun)
