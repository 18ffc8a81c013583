"""What a preset's strategy means in legs, and the sentence for each that means nothing."""

from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trader.config.builtin import BUILT_IN
from trader.config.leg_rows import selector_of, words_of
from trader.config.messages import sentences
from trader.config.preset import SECTIONS, Preset
from trader.config.relevance import fields_in_use, in_use
from trader.config.section import since
from trader.config.strategy import Strategy, rows_of
from trader.config.structures import may_pay
from trader.desk.meaning import does
from trader.domain.structure import (
    ByDelta,
    ByDeviations,
    ByDistance,
    ByPremium,
    BySteps,
    ByStrike,
    ByWidth,
    Selector,
)
from trader.domain.structure_words import in_words, title

STRUCTURES = get_args(Strategy.model_fields["structure"].annotation)
BAND = ByDelta(Decimal("0.10"), Decimal("0.15"))


def row(key: str, side: str = "sell", by: str = "delta", value: str = "0.10-0.15", **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": "put" if key.endswith("P") else "call", "side": side, "ratio": 1, "by": by, "value": value} | more  # fmt: skip


CONDOR_ROWS = [row("LC", "buy", "width", "1000 from C"), row("LP", "buy", "width", "1000 from P"), row("C"), row("P")]


def legs_of(**strategy: Any) -> list[tuple[str, str, str, int, int, Selector]]:
    structure = Preset.model_validate({"strategy": strategy}).structure
    return [(leg.key, leg.kind.value, leg.side.value, leg.ratio, leg.rank, leg.selector) for leg in structure.legs]


def problem(preset: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        Preset.model_validate(preset)
    [sentence] = sentences(caught.value, Preset)
    return sentence


def two(selector: Selector, *, call: int = 1, put: int = 1) -> list[tuple[str, str, str, int, int, Selector]]:
    return [("C", "call", "sell", call, 0, selector), ("P", "put", "sell", put, 0, selector)]


def winged(shorts: Selector, call: Selector, put: Selector) -> list[tuple[str, str, str, int, int, Selector]]:
    return [
        ("LC", "call", "buy", 1, 0, call),
        ("LP", "put", "buy", 1, 0, put),
        ("C", "call", "sell", 1, 1, shorts),
        ("P", "put", "sell", 1, 1, shorts),
    ]


WIDE = (ByWidth(Decimal(1000), "C"), ByWidth(Decimal(1000), "P"))


@pytest.mark.parametrize(
    ("strategy", "legs"),
    [
        ({}, two(BAND)),
        ({"strikes_by": "premium", "premium_usd": 80, "premium_rule": "at_least"}, two(ByPremium(Decimal(80), "at_least"))),
        ({"strikes_by": "distance", "distance_pct": 4}, two(ByDistance(Decimal(4)))),
        ({"strikes_by": "steps", "steps": 0}, two(BySteps(0))),
        ({"strikes_by": "deviations", "deviations": "1.5"}, two(ByDeviations(Decimal("1.5")))),
        (
            {"strikes_by": "strike", "call_strike": 70000, "put_strike": 60000},
            [("C", "call", "sell", 1, 0, ByStrike(Decimal(70000))), ("P", "put", "sell", 1, 0, ByStrike(Decimal(60000)))],
        ),
        ({"structure": "short_straddle", "strikes_by": "distance"}, two(BySteps(0))),
        ({"structure": "ratio_strangle", "call_ratio": 2, "put_ratio": 3}, two(BAND, call=2, put=3)),
        ({"structure": "iron_condor"}, winged(BAND, *WIDE)),
        ({"structure": "iron_fly"}, winged(BySteps(0), *WIDE)),
        ({"structure": "iron_condor", "wings_by": "delta"}, winged(BAND, *[ByDelta(Decimal("0.03"), Decimal("0.06"))] * 2)),
        ({"structure": "iron_fly", "wings_by": "premium"}, winged(BySteps(0), *[ByPremium(Decimal(20))] * 2)),
        ({"structure": "one_leg"}, [("C", "call", "sell", 1, 0, BAND)]),
        ({"structure": "one_leg", "leg_kind": "put", "leg_side": "buy"}, [("LP", "put", "buy", 1, 0, BAND)]),
        (
            {"structure": "one_leg", "leg_kind": "put", "strikes_by": "strike", "put_strike": 60000},
            [("P", "put", "sell", 1, 0, ByStrike(Decimal(60000)))],
        ),
        ({"structure": "custom", "legs": CONDOR_ROWS}, winged(BAND, *WIDE)),
        (
            {"structure": "custom", "legs": [row("A", by="steps", value="2", ratio=3), row("LP", "buy", "premium", "<=7.5")]},
            [("A", "call", "sell", 3, 0, BySteps(2)), ("LP", "put", "buy", 1, 0, ByPremium(Decimal("7.5"), "at_most"))],
        ),
        (
            {"structure": "custom", "legs": [row("C"), row("X", "buy", "steps", "9"), row("LP", "buy")]},
            [("C", "call", "sell", 1, 1, BAND), ("X", "call", "buy", 1, 0, BySteps(9)), ("LP", "put", "buy", 1, 1, BAND)],
        ),
    ],
)  # fmt: skip
def test_a_strategy_names_its_legs(strategy: dict[str, Any], legs: list[Any]) -> None:
    assert legs_of(**strategy) == legs


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ({"structure": "strangle"},
            f"strategy.structure must be one of {', '.join(STRUCTURES[:-1])} or {STRUCTURES[-1]}, was 'strangle'"),
        ({"structure": "ratio_strangle", "call_ratio": 0}, "strategy.call_ratio must be at least 1 × quantity, was 0"),
        ({"structure": "iron_condor", "wing_width_usd": 0}, "strategy.wing_width_usd must be above 0 USD, was 0"),
        ({"structure": "iron_condor", "wings_by": "delta", "wing_delta_max": "0.10"},
            "strategy: wing_delta_max (0.10) must be below delta_min (0.10)"),
        ({"structure": "iron_fly", "wings_by": "delta", "wing_delta_min": "0.06"},
            "strategy: wing_delta_min (0.06) must be below wing_delta_max (0.06)"),
        ({"structure": "iron_condor", "wings_by": "premium", "strikes_by": "premium", "premium_usd": 20},
            "strategy: wing_premium_usd (20) must be below premium_usd (20)"),
        ({"strikes_by": "strike", "call_strike": 70000}, "strategy: put_strike must be above 0 USD where strikes are exact, was 0"),
        ({"strikes_by": "strike", "call_strike": 60000, "put_strike": 60000},
            "strategy: put_strike (60000) must be below call_strike (60000)"),
        ({"structure": "one_leg", "strikes_by": "strike", "put_strike": 60000},
            "strategy: call_strike must be above 0 USD where strikes are exact, was 0"),
        ({"structure": "one_leg", "leg_side": "hold"}, "strategy.leg_side must be one of sell or buy, was 'hold'"),
        ({"structure": "custom"}, "strategy: legs must name 1 to 8 legs where the structure is custom, was none"),
        ({"structure": "custom", "legs": [row("C")] * 9}, "strategy.legs: a structure has 1 to 8 legs, was 9"),
        ({"structure": "custom", "legs": [row("C"), row("C", by="steps", value="1")]}, "strategy.legs: the key 'C' is used twice"),
        ({"structure": "custom", "legs": [row("C"), row("D", "buy")]},
            "strategy.legs: C and D would be the same contract: both are a call found in the same way"),
        ({"structure": "custom", "legs": [row("call")]},
            "strategy.legs[0].key must be 1 to 3 capital letters or digits, beginning with a letter, was 'call'"),
        ({"structure": "custom", "legs": [row("C", ratio=0)]}, "strategy.legs[0].ratio must be at least 1, was 0"),
        ({"structure": "custom", "legs": [row("C"), row("LC", "buy", "width", "500 from P")]},
            "strategy.legs: the width of LC is measured from 'P', which is no other leg"),
        ({"structure": "custom", "legs": [row("C"), row("P"), row("LC", "buy", "width", "500 from P")]},
            "strategy.legs: the width of LC (call) is measured from P, which is a put"),
        ({"structure": "custom", "legs": [row("C", by="width", value="1000")]},
            "strategy.legs[0].value must be a width in USD and the leg it is measured from, like 1000 from C, was '1000'"),
        ({"structure": "custom", "legs": [row("C", by="width", value="0 from P")]},
            "strategy.legs[0].value must be at least 0.01 USD, was 0"),
        ({"structure": "custom", "legs": [row("C", value="0.15-0.10")]},
            "strategy.legs[0].value must be a band of |delta| whose lower end is below its upper, was '0.15-0.10'"),
        ({"structure": "custom", "legs": [row("C", by="steps", value="1.5")]},
            "strategy.legs[0].value must be a whole number, was '1.5'"),
        ({"structure": "custom", "legs": [row("C", by="deviations", value="9")]},
            "strategy.legs[0].value must be at most 6 standard deviations, was 9"),
        ({"structure": "ratio_strangle", "quantity": 400, "put_ratio": 3},
            "strategy.quantity (400) times the ratio of P (3) exceeds risk.max_order_quantity (1000)"),
    ],
)  # fmt: skip
def test_what_no_structure_can_mean_is_one_sentence(strategy: dict[str, Any], said: str) -> None:
    assert problem({"strategy": strategy}) == said


def test_only_what_is_in_use_must_agree_with_itself() -> None:
    aside = {"delta_min": "0.40", "delta_max": "0.30", "wing_delta_max": "0.45", "put_strike": 9}
    assert Preset.model_validate({"strategy": {"structure": "short_straddle", **aside}}).strategy.delta_max < 1
    assert "delta_min (0.40) must be below" in problem({"strategy": aside})
    exits = {"trailing_step_stop_pct": 20, "trailing_tiers": [{"peak_pct": 150, "stop_pct": 0}]}
    assert Preset.model_validate({"exits": {"trailing_enabled": False, **exits}}).exits.trailing_tiers
    assert "must not exceed" in problem({"exits": exits})


@pytest.mark.parametrize(
    ("exits", "words"),
    [
        ({"max_profit_pct": 150}, "exits.max_profit_pct (150) must be at most 100 % of basis where"),
        ({"trailing_tiers": [{"peak_pct": 120, "stop_pct": 60}]}, "exits.trailing_tiers: the peak (120) must be at most 100 %"),
    ],
)  # fmt: skip
def test_a_credit_cannot_earn_more_than_itself_and_what_is_bought_can(exits: dict[str, Any], words: str) -> None:
    assert problem({"exits": exits}).startswith(words)
    assert problem({"exits": exits, "strategy": {"structure": "iron_condor"}}).startswith(words)
    for strategy in ({"structure": "one_leg", "leg_side": "buy"}, {"structure": "custom", "legs": CONDOR_ROWS}):
        assert may_pay(Preset.model_validate({"exits": exits, "strategy": strategy}).structure)


# ---------------------------------------------------------------- which fields do something


@pytest.mark.parametrize(
    ("strategy", "used"),
    [
        ({}, {"strikes_by", "delta_min", "delta_max"}),
        ({"structure": "short_straddle", "strikes_by": "premium", "wings_by": "delta"}, set()),
        ({"structure": "iron_fly"}, {"wings_by", "wing_width_usd"}),
        ({"structure": "iron_condor", "strikes_by": "steps", "wings_by": "delta"},
            {"strikes_by", "steps", "wings_by", "wing_delta_min", "wing_delta_max"}),
        ({"structure": "one_leg", "leg_kind": "put", "strikes_by": "strike"}, {"leg_kind", "leg_side", "strikes_by", "put_strike"}),
        ({"structure": "ratio_strangle", "strikes_by": "strike"}, {"call_ratio", "put_ratio", "strikes_by", "call_strike", "put_strike"}),
        ({"structure": "custom"}, {"legs"}),
    ],
)  # fmt: skip
def test_fields_in_use_follow_the_structure(strategy: dict[str, Any], used: set[str]) -> None:
    always = {"underlying", "structure", "quantity", "expiry", "min_hours_to_expiry", "max_spread_pct", "min_bid_size", "min_open_interest"}  # fmt: skip
    defaults = Strategy().model_dump()
    assert in_use(Strategy, defaults | strategy) == always | used


def other_values(section: str, name: str, value: Any) -> Any:
    """Another value a field can have."""
    choices = {"structure": None, "legs": None, "strikes_by": None, "wings_by": None, "leg_kind": "put", "leg_side": "buy", "premium_rule": "at_most"}  # fmt: skip
    if name in choices:
        return choices[name]
    return value + (1 if isinstance(value, int) else Decimal("0.01"))


@pytest.mark.parametrize("preset", BUILT_IN.values(), ids=lambda preset: preset.name)
def test_a_strategy_field_does_something_exactly_while_it_is_in_use(preset: Preset) -> None:
    used = fields_in_use(preset)
    for name, field in Strategy.model_fields.items():
        value = other_values("strategy", name, getattr(preset.strategy, name)) if since(field) == 4 else None
        if value is None:
            continue
        other = Preset.model_validate(preset.model_dump() | {"strategy": preset.strategy.model_dump() | {name: value}})
        assert (other.structure != preset.structure) == (f"strategy.{name}" in used), name


def test_conditions_name_fields_of_the_same_section_and_values_they_can_have() -> None:
    from trader.config.relevance import alternatives

    for model in SECTIONS.values():
        for field in model.model_fields.values():
            for one in alternatives(field):
                for other, wanted in one.items():
                    allowed = getattr(model.model_fields[other].annotation, "__args__", (True, False))
                    assert set(wanted) <= set(allowed)


# ---------------------------------------------------------------- the digest, the words, the rows

# As the built-in presets stood when journals had them first; those whose stops and strikes have been chosen again since with what
# they had then.
BEFORE_STRUCTURES: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "default": ("34df325199a88fc5", {"max_loss_pct": "100"}, {}),
    "conservative": ("b8a457a57f0164f1", {}, {}),
    "aggressive": ("2407211465e09e0a", {"max_loss_pct": "150"}, {"delta_min": "0.18", "delta_max": "0.25"}),
    "development": ("db62127ec8483b46", {"max_loss_pct": "100"}, {}),
}


@pytest.mark.parametrize(("name", "then"), BEFORE_STRUCTURES.items())
def test_a_preset_that_was_not_touched_keeps_the_digest_that_journals_have(
    name: str, then: tuple[str, dict[str, str], dict[str, str]]
) -> None:
    digest, exits, strategy = then
    body = BUILT_IN[name].model_dump()
    stored = {**body, "exits": {**body["exits"], **exits}, "strategy": {**body["strategy"], **strategy}}
    stored["risk"] = {**body["risk"], "liquidation": "refuse"}
    assert Preset.model_validate(stored).config_hash == digest


def test_a_new_field_changes_the_digest_once_it_is_set() -> None:
    found = {Preset.model_validate({"strategy": {"steps": steps}}).config_hash for steps in (3, 4, 5)}
    assert len(found) == 3 and Preset().config_hash in found


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ({}, "sells 1 call and 1 put at |delta| 0.10-0.15"),
        ({"quantity": 10, "structure": "short_straddle"}, "sells 10 calls and 10 puts at the strike nearest to spot"),
        ({"structure": "iron_condor"},
            "sells 1 call and 1 put at |delta| 0.10-0.15, buys 1 call and 1 put 1,000 USD further out, first in and last out"),
        ({"structure": "ratio_strangle", "put_ratio": 2, "strikes_by": "premium"},
            "sells 1 call and 2 puts quoted closest to 100 USD"),
        ({"strikes_by": "strike", "call_strike": 70000, "put_strike": 60000}, "sells 1 call at 70,000 and 1 put at 60,000"),
        ({"structure": "one_leg", "leg_side": "buy", "strikes_by": "steps", "steps": -1}, "buys 1 call 1 strike in the money"),
        ({"structure": "custom", "legs": [row("A"), row("B", by="distance", value="5"), row("LC", "buy", "width", "500 from B")]},
            "sells 1 call at |delta| 0.10-0.15 and 1 call 5 % of spot out of the money, "
            "buys 1 call 500 USD further out than B, first in and last out"),
    ],
)  # fmt: skip
def test_a_structure_is_said_in_words(strategy: dict[str, Any], words: str) -> None:
    preset = Preset.model_validate({"strategy": strategy})
    assert in_words(preset.structure, preset.strategy.quantity) == words


def test_a_preset_says_what_its_percentages_are_of() -> None:
    assert title(BUILT_IN["iron_fly"].structure) == "iron fly"
    assert does(Preset()).endswith("at |delta| 0.10-0.15. Percentages are of the net credit.")
    assert does(BUILT_IN["iron_fly"]).endswith("Percentages are of the net credit.")
    bought = Preset.model_validate({"strategy": {"structure": "one_leg", "leg_side": "buy"}})
    assert does(bought).endswith("of the most that can be lost: the premium paid.")


POSITIVE = st.decimals("0.1", "5", places=2)
SELECTORS = st.one_of(
    st.tuples(st.decimals("0.01", "0.50", places=3), st.decimals("0.51", "0.99", places=3)).map(lambda b: ByDelta(*b)),
    st.builds(ByPremium, POSITIVE, st.sampled_from(["closest", "at_least", "at_most"])),
    st.builds(ByDistance, POSITIVE),
    st.builds(BySteps, st.integers(-50, 50)),
    st.builds(ByDeviations, POSITIVE),
    st.builds(ByStrike, POSITIVE),
    st.builds(ByWidth, POSITIVE, st.sampled_from(["C", "LC", "X9"])),
)


@given(SELECTORS)
def test_a_selector_in_words_reads_back_as_itself(selector: Selector) -> None:
    assert selector_of(*words_of(selector)) == selector


@pytest.mark.parametrize("preset", BUILT_IN.values(), ids=lambda preset: preset.name)
def test_a_built_in_structure_as_legs_of_ones_own_is_the_same(preset: Preset) -> None:
    rows = [row.model_dump() for row in rows_of(preset.structure)]
    own = Preset.model_validate({"strategy": preset.strategy.model_dump() | {"structure": "custom", "legs": rows}})
    assert own.structure.legs == preset.structure.legs
