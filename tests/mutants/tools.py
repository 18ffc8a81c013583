"""What defects are made with: a function exchanged wherever the program knows it.

The oracle of the simulation keeps the real functions: who judges must not have the defect of the judged.
"""

import sys
from typing import Any

import pytest

Patch = pytest.MonkeyPatch

_JUDGES = frozenset(
    f"trader.simulation.{name}"
    for name in "alone books covering cushioning entries evidence finishing guarding heard leaving limiting liquidating losing margining nonsense notes oracle ordering paying reckoning sharing slicing ticketing timing triggers".split()
)


def everywhere(patch: Patch, real: Any, new: Any) -> None:
    """Put `new` where `real` stands in any module of the program, by name or as a value of one of its tables."""
    found = 0
    for name, module in list(sys.modules.items()):
        if not name.startswith("trader.") or name in _JUDGES:
            continue
        for key, value in list(vars(module).items()):
            if value is real:
                patch.setattr(module, key, new)
                found += 1
            elif isinstance(value, dict) and not key.startswith("__"):
                for entry, held in list(value.items()):
                    if held is real:
                        patch.setitem(value, entry, new)
    assert found, f"{real!r} stands nowhere in the program"
