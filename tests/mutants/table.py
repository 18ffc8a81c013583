"""The page about the mutants, made from the registry."""

from tests.mutants.mutant import Mutant
from tests.mutants.registry import MUTANTS, NOT_APPLICABLE

PAGE = "docs/mutants.md"

_HEAD = """# Mutants

Defects that have cost other trading bots money, each put into this program by a patch of its tests, and the check that turns
red on it. The same check is green without the patch. Production code carries no switch. A simulated session is judged by the
oracle of `trader/simulation`, a named check is a function of `tests/mutants` that asks the real program; the letters behind it
are the promises of [reliability](reliability.md) that would be broken.

- `python -m tests.mutants` tries them all and prints what caught each; `python -m tests.mutants M27 M35` tries some.
- `python -m tests.mutants --fresh 2000 --seed 1` asks whether sessions drawn by seeds would have met those that simulated
  sessions catch.
- `python -m tests.mutants --random 200 --seed 1` tries random small changes of the engine's functions on sessions and on the
  engine's own tests; what neither sees is printed with its place.
- `python -m tests.mutants --table` prints this page; a test keeps it equal.
- A mutant that survives gets a new fault or a new check. It is not deleted.

| id | defect | how it is put in | what catches it |
|---|---|---|---|
"""

_FOOT = """
Parts of these rows that the product has no place for yet:

| id | part |
|---|---|
"""


def page() -> str:
    """The whole text of docs/mutants.md."""
    rows = "".join(_row(mutant) for mutant in MUTANTS.values())
    rest = "".join(f"| {name} | {words} |\n" for name, words in NOT_APPLICABLE.items())
    return f"{_HEAD}{rows}{_FOOT}{rest}"


def _row(mutant: Mutant) -> str:
    return f"| {mutant.name} | {mutant.defect} | {mutant.patched} | {mutant.check.words} |\n"
