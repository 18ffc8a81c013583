"""Defects of liquidation: not asked before the sale, not watched, not told, told wrongly."""

from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import Plans, held
from tests.mutants.tools import Patch, everywhere
from trader.engine import ladder, liquidation, waiting
from trader.engine.account import positions
from trader.engine.turn import Turn
from trader.simulation.planned import Deed, Plan

_SLIDE = (10.0, 90.0, 0.025)


def _sliding(*, risk: str = "warn", max_loss_pct: str = "1000", guard_pct: str = "70", slide: Any = _SLIDE) -> Plans:
    """Sessions in which spot slides through the call's liquidation, without a leap."""

    def plan(seed: int) -> Plan:
        exits = {"max_loss_pct": max_loss_pct, "max_profit_pct": "100", "liquidation_guard_pct": guard_pct}
        quiet = held(seed, exits=exits, exit_time="10:33")
        preset = {**quiet.preset, "risk": {**quiet.preset["risk"], "liquidation": risk}}
        market = replace(quiet.market, iv=0.5, slides=(slide,))
        return replace(quiet, preset=preset, market=market, liquidates=True)

    return lambda: [plan(seed) for seed in range(3)]


def _told_absurd_prices() -> Plans:
    """Sessions told absurd index prices between the choice of strikes and the entry; the breaker of jumps is off."""

    def plan(seed: int) -> Plan:
        exits = {"max_loss_pct": "20", "max_profit_pct": "100", "liquidation_guard_pct": "0"}
        quiet = held(seed, exits=exits, rates={"Q2.spot": 0.5}, start_now=False)
        preset = {
            **quiet.preset,
            "schedule": {**quiet.preset["schedule"], "boot_buffer_secs": 10},
            "risk": {**quiet.preset["risk"], "liquidation": "warn"},
        }
        deeds = (Deed(secs=0.1, kind="limits"), *quiet.deeds)
        return replace(quiet, preset=preset, limits=({"index_jump_pct": 0},), deeds=deeds)

    return lambda: [plan(seed) for seed in range(6)]


def the_guard_is_only_shown(patch: Patch) -> None:
    everywhere(patch, liquidation.near_liquidation, lambda run, limits, market: "")


def no_stop_is_too_late(patch: Patch) -> None:
    everywhere(patch, liquidation.stop_beyond, lambda *_: None)


def it_is_entered_without_a_word(patch: Patch) -> None:
    real = Turn.alert

    def alert(self: Turn, run_id: str, level: str, code: str, text: str, **more: Any) -> None:
        if code != "stop_beyond_liquidation":
            real(self, run_id, level, code, text, **more)

    patch.setattr(Turn, "alert", alert)


def the_ladder_knows_no_liquidation(patch: Patch) -> None:
    everywhere(patch, ladder._liquidations, lambda *_: [])


def liquidated_where_the_margin_ends(patch: Patch) -> None:
    """At the bankruptcy price, and nothing that the exchange tells changes it."""
    real = liquidation.short_option_liquidation

    def short_option_liquidation(**terms: Any) -> Any:
        found = real(**terms)
        return found.__class__(liquidation_price=found.bankruptcy_price, bankruptcy_price=found.bankruptcy_price)

    everywhere(patch, real, short_option_liquidation)
    everywhere(patch, positions.see_liquidation, lambda turn, positions: None)


def the_guard_is_at_half_the_way(patch: Patch) -> None:
    real = liquidation.limit_of

    def limit_of(exits: Any, *rest: Any) -> Any:
        return real(exits.model_copy(update={"liquidation_guard_pct": exits.liquidation_guard_pct / 2}), *rest)

    everywhere(patch, real, limit_of)


def any_index_is_believed(patch: Patch) -> None:
    everywhere(patch, waiting._index_flaw, lambda *_: "")


MUTANTS = [
    Mutant(
        name="Q01",
        defect="A leg is liquidated while the guard looks on",
        patched="`near_liquidation` finds nothing",
        patch=the_guard_is_only_shown,
        check=sessions("LG2", _sliding()),
    ),
    Mutant(
        name="Q02",
        defect="What would be liquidated before its stop fires is sold",
        patched="`stop_beyond` finds nothing",
        patch=no_stop_is_too_late,
        check=sessions("LG1", _sliding(risk="refuse", max_loss_pct="150")),
    ),
    Mutant(
        name="Q03",
        defect="A stop beyond a liquidation is let pass without a word",
        patched="`Turn.alert` passes over `stop_beyond_liquidation`",
        patch=it_is_entered_without_a_word,
        check=sessions("LG1", _sliding(max_loss_pct="150")),
    ),
    Mutant(
        name="Q04",
        defect="The ladder tells nothing of a liquidation",
        patched="`_liquidations` has no rungs",
        patch=the_ladder_knows_no_liquidation,
        check=sessions("LG3", _sliding(slide=(10.0, 90.0, 0.001))),
    ),
    Mutant(
        name="Q05",
        defect="A liquidation is expected where the whole margin is lost",
        patched="`short_option_liquidation` tells the bankruptcy price, what the exchange tells is not heard",
        patch=liquidated_where_the_margin_ends,
        check=sessions("LG3", _sliding(slide=(10.0, 90.0, 0.001))),
    ),
    Mutant(
        name="Q06",
        defect="The guard closes at half of the share that the preset says",
        patched="`limit_of` halves it",
        patch=the_guard_is_at_half_the_way,
        check=sessions("LG4", _sliding()),
    ),
    Mutant(
        name="Q07",
        defect="What an entry needs and costs is reckoned from an absurd index price",
        patched="`_index_flaw` finds nothing",
        patch=any_index_is_believed,
        check=sessions("LG1", _told_absurd_prices()),
    ),
]
