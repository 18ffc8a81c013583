"""Defects of the stop at breakeven: no cushion, one that is taken away again, one that is only shown."""

from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import TIERS, holding, peak_then_back
from tests.mutants.tools import Patch, everywhere
from trader.engine import exits
from trader.engine.state import ZERO

_CUSHIONED = {**TIERS, "breakeven_cushion": "pct", "breakeven_cushion_pct": "10"}


def no_cushion(patch: Patch) -> None:
    everywhere(patch, exits.cushion, lambda rules, peak, closing_pct: ZERO)


def the_next_peak_takes_it_away(patch: Patch) -> None:
    real = exits.ratchet

    def ratchet(rules: Any, trail: Any, pct: Any, closing_pct: Any) -> Any:
        risen = real(rules, trail, pct, closing_pct)
        if risen is None or trail is None or trail.level is None:
            return risen
        return replace(risen, level=exits.trailing_level(rules, risen.peak))

    everywhere(patch, real, ratchet)


def it_is_only_shown(patch: Patch) -> None:
    real = exits.triggered

    def triggered(rules: Any, level: Any, pct: Any, basis: str, peak: Any) -> Any:
        tier = None if peak is None else exits.trailing_level(rules, peak)
        return real(rules, level if tier is None else tier, pct, basis, peak)

    everywhere(patch, real, triggered)


MUTANTS = [
    Mutant(
        name="B01",
        defect="A stop at breakeven stands at 0, and prices move until the exit is filled",
        patched="`cushion` is 0",
        patch=no_cushion,
        check=sessions("BE1", peak_then_back()),
    ),
    Mutant(
        name="B02",
        defect="The next peak takes the cushion away",
        patched="`ratchet` gives the level of the tiers alone",
        patch=the_next_peak_takes_it_away,
        check=sessions("BE1 CT9", holding(exits=_CUSHIONED, iv_moves=((14, 0.85), (24, 0.8), (40, 1.4)))),
    ),
    Mutant(
        name="B03",
        defect="The cushion is recorded and shown, and the stop fires at 0",
        patched="`triggered` is asked with the level of the tiers",
        patch=it_is_only_shown,
        check=sessions("CT7", holding(exits=_CUSHIONED, iv_moves=((14, 0.75), (40, 0.95 / 0.75)))),
    ),
]
