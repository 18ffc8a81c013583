"""Three versions of one preset: as this tab loaded it, as it is stored now, and as it is edited here. Pure.

Whoever saves compares the first two; where they differ somebody else has saved meanwhile, and nothing of either may be lost
without a question.
"""

import copy
from collections.abc import Collection
from typing import Any, NamedTuple

from trader.panel import form
from trader.panel.form import Draft


class Change(NamedTuple):
    """A field that was stored differently meanwhile. `clash`: it was edited here too, to something else."""

    path: str
    title: str
    loaded: Any
    stored: Any
    mine: Any
    clash: bool

    @property
    def words(self) -> str:
        """``Quantity per leg 2 → 5``."""
        return f"{self.title} {form.shown(self.loaded)} → {form.shown(self.stored)}"


def changes(loaded: Draft, stored: Draft, mine: Draft) -> list[Change]:
    """What was stored meanwhile, in the form's order."""
    found = []
    for spec in form.all_specs().values():
        was, now, edited = (form.value_at(version, spec.path) for version in (loaded, stored, mine))
        if not form.same(was, now):
            clash = not form.same(edited, was) and not form.same(edited, now)
            found.append(Change(spec.path, spec.title, was, now, edited, clash))
    return found


def merged(loaded: Draft, stored: Draft, mine: Draft, keep: Collection[str]) -> Draft:
    """The edit on top of what is stored now: fields not edited here take the stored value, of the clashes only the paths in
    `keep` stay as edited."""
    result = copy.deepcopy(mine)
    for change in changes(loaded, stored, mine):
        if not (change.clash and change.path in keep):
            section, name = change.path.split(".")
            result[section][name] = copy.deepcopy(change.stored)
    return result
