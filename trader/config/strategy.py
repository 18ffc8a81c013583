"""What is traded: coin, structure, strikes, expiry, and what a strike must offer."""

from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from trader.config.leg_rows import selector_of, words_of
from trader.config.numbers import Number, Whole
from trader.config.relevance import in_use
from trader.config.section import Section, setting
from trader.config.structures import build, custom_legs, repeats
from trader.domain.structure import LEG_KEY, MOST_LEGS, Structure, flaws

RELATIVE_EXPIRIES = ("today", "next_day", "nearest", "weekly", "monthly")


class LegRow(Section):
    """One leg of a custom structure."""

    key: str = Field(description="Name of the leg: 1 to 3 capital letters or digits, beginning with a letter.")
    kind: Literal["call", "put"] = Field(description="Call or put.")
    side: Literal["sell", "buy"] = Field(description="Sold or bought.")
    ratio: Whole = Field(ge=1, le=100, description="Contracts per contract of the quantity.")
    by: Literal["delta", "premium", "distance", "steps", "deviations", "strike", "width"] = Field(
        description="How the strike is found."
    )
    value: str = Field(
        description="delta 0.10-0.15; premium 100, >=100 or <=100 USD; distance 3 (% of spot); steps 2; deviations 1.5; "
        "strike 65000; width 1000 from C (USD further out than leg C)."
    )

    @field_validator("key")
    @classmethod
    def _plain_key(cls, value: str) -> str:
        if not LEG_KEY.fullmatch(value):
            raise ValueError(f"must be 1 to 3 capital letters or digits, beginning with a letter, was {value!r}")
        return value

    @field_validator("value")
    @classmethod
    def _finds_a_strike(cls, value: str, info: ValidationInfo) -> str:
        if "by" in info.data:
            selector_of(info.data["by"], value)
        return value.strip()


def rows_of(structure: Structure) -> tuple[LegRow, ...]:
    """A structure's legs as rows of a custom one."""
    rows = []
    for leg in structure.legs:
        by, value = words_of(leg.selector)
        row = {"key": leg.key, "kind": leg.kind.value, "side": leg.side.value, "ratio": leg.ratio}
        rows.append(LegRow.model_validate({**row, "by": by, "value": value}))
    return tuple(rows)


_TWO_SIDED = ["short_strangle", "iron_condor", "ratio_strangle"]


def _ratio(kind: str) -> Any:
    return setting(
        1,
        f"{kind} ratio",
        f"{kind}s sold per contract of the quantity.",
        "× quantity",
        since=4,
        used={"structure": ["ratio_strangle"]},
        ge=1,
        le=100,
    )


def _exact(kind: str) -> Any:
    of_one_leg = {"strikes_by": ["strike"], "leg_kind": [kind.lower()]}
    return setting(
        Decimal(0),
        f"{kind} strike",
        "Exactly this strike or none; 0 = not chosen yet.",
        "USD",
        since=4,
        used=[{"strikes_by": ["strike"], "structure": _TWO_SIDED}, of_one_leg],
        ge=0,
        le=Decimal(10_000_000),
    )


class Strategy(Section):
    """What to trade."""

    underlying: Literal["BTC", "ETH"] = setting("BTC", "Underlying", "Coin whose options are traded.")
    structure: Literal[
        "short_strangle", "short_straddle", "iron_condor", "iron_fly", "ratio_strangle", "one_leg", "custom"
    ] = setting(
        "short_strangle",
        "Structure",
        "Which legs: a call and a put sold out of the money (strangle) or at it (straddle), each with a bought one further out "
        "(condor, fly), in unequal numbers (ratio), a single one, or a list of your own.",
        since=4,
    )
    quantity: Whole = setting(
        1,
        "Quantity per leg",
        "Contracts of each leg (BTC: 0.001 BTC each); a leg with a ratio takes that many times as many.",
        "contracts",
        ge=1,
        le=100_000,
    )
    leg_kind: Literal["call", "put"] = setting(
        "call", "Leg", "Which option the single leg is.", since=4, used={"structure": ["one_leg"]}
    )
    leg_side: Literal["sell", "buy"] = setting(
        "sell", "Side", "Whether the single leg is sold or bought.", since=4, used={"structure": ["one_leg"]}
    )
    call_ratio: Whole = _ratio("Call")
    put_ratio: Whole = _ratio("Put")
    strikes_by: Literal["delta", "premium", "distance", "steps", "deviations", "strike"] = setting(
        "delta",
        "Strikes by",
        "How the strikes out of the money are found; straddle and fly are sold at the strike nearest to spot.",
        since=4,
        used={"structure": [*_TWO_SIDED, "one_leg"]},
    )
    delta_min: Number = setting(
        Decimal("0.10"),
        "Delta from",
        "Lower end of the |delta| band a strike must lie in.",
        "|delta|",
        used={"strikes_by": ["delta"]},
        ge=Decimal("0.01"),
        le=Decimal("0.50"),
    )
    delta_max: Number = setting(
        Decimal("0.15"),
        "Delta to",
        "Upper end of the |delta| band; the strike nearest the middle is taken.",
        "|delta|",
        used={"strikes_by": ["delta"]},
        ge=Decimal("0.01"),
        le=Decimal("0.60"),
    )
    premium_usd: Number = setting(
        Decimal(100),
        "Premium",
        "The strike whose mid price, as quoted per coin, is closest to this.",
        "USD per coin",
        since=4,
        used={"strikes_by": ["premium"]},
        gt=0,
        le=Decimal(1_000_000),
    )
    premium_rule: Literal["closest", "at_least", "at_most"] = setting(
        "closest",
        "Premium is",
        "The closest on either side, or only strikes that bring at least or at most the premium.",
        since=4,
        used={"strikes_by": ["premium"]},
    )
    distance_pct: Number = setting(
        Decimal(3),
        "Distance",
        "The strike nearest to this far from spot: calls above it, puts below.",
        "% of spot",
        since=4,
        used={"strikes_by": ["distance"]},
        ge=Decimal("0.1"),
        le=Decimal(90),
    )
    steps: Whole = setting(
        3,
        "Steps",
        "Listed strikes out of the money from the one nearest to spot; 0 is that one, negative is in the money.",
        "strikes",
        since=4,
        used={"strikes_by": ["steps"]},
        ge=-50,
        le=50,
    )
    deviations: Number = setting(
        Decimal(1),
        "Standard deviations",
        "The strike nearest to spot moved by this many standard deviations until expiry, at the at-the-money volatility.",
        "σ",
        since=4,
        used={"strikes_by": ["deviations"]},
        ge=Decimal("0.1"),
        le=Decimal(6),
    )
    call_strike: Number = _exact("Call")
    put_strike: Number = _exact("Put")
    wings_by: Literal["width", "delta", "premium"] = setting(
        "width",
        "Wings by",
        "How the bought strikes further out are found.",
        since=4,
        used={"structure": ["iron_condor", "iron_fly"]},
    )
    wing_width_usd: Number = setting(
        Decimal(1000),
        "Wing width",
        "The wing is the strike nearest to this far beyond the sold one.",
        "USD",
        since=4,
        used={"wings_by": ["width"]},
        gt=0,
        le=Decimal(1_000_000),
    )
    wing_delta_min: Number = setting(
        Decimal("0.03"),
        "Wing delta from",
        "Lower end of the |delta| band of the wings.",
        "|delta|",
        since=4,
        used={"wings_by": ["delta"]},
        ge=Decimal("0.01"),
        le=Decimal("0.45"),
    )
    wing_delta_max: Number = setting(
        Decimal("0.06"),
        "Wing delta to",
        "Upper end of the |delta| band of the wings; it must lie below the band of the sold legs.",
        "|delta|",
        since=4,
        used={"wings_by": ["delta"]},
        ge=Decimal("0.01"),
        le=Decimal("0.45"),
    )
    wing_premium_usd: Number = setting(
        Decimal(20),
        "Wing premium",
        "The wing is the strike whose mid price, as quoted per coin, is closest to this.",
        "USD per coin",
        since=4,
        used={"wings_by": ["premium"]},
        gt=0,
        le=Decimal(1_000_000),
    )
    legs: tuple[LegRow, ...] = setting(
        (),
        "Legs",
        f"Your own structure: 1 to {MOST_LEGS} legs. Bought legs that cover sold ones are entered first and closed last.",
        since=4,
        used={"structure": ["custom"]},
    )
    expiry: str = setting(
        "next_day",
        "Expiry",
        "Which listed expiry: today, next_day, nearest, weekly (next Friday), monthly (last Friday of the month) or a date YYYY-MM-DD.",
    )
    min_hours_to_expiry: Number = setting(
        Decimal(2),
        "Minimum time to expiry",
        "An expiry nearer than this is not traded.",
        "hours",
        ge=Decimal("0.1"),
        le=Decimal(2000),
    )
    max_spread_pct: Number = setting(
        Decimal(40),
        "Widest spread",
        "A strike is skipped when its bid-ask spread exceeds this share of its mid price.",
        "% of mid",
        gt=0,
        le=Decimal(200),
    )
    min_bid_size: Whole = setting(
        1,
        "Smallest bid size",
        "A strike is skipped when fewer contracts are bid; for a leg to be bought, offered.",
        "contracts",
        ge=0,
        le=1_000_000,
    )
    min_open_interest: Number = setting(
        Decimal(0),
        "Smallest open interest",
        "A strike is skipped when fewer contracts are open.",
        "contracts",
        ge=0,
        le=Decimal(10**9),
    )

    @field_validator("expiry")
    @classmethod
    def _expiry_rule(cls, value: str) -> str:
        if value in RELATIVE_EXPIRIES:
            return value
        try:
            canonical = date.fromisoformat(value).isoformat()
        except ValueError:
            canonical = None
        if canonical != value:  # Python reads 20270103 and 2027-W01-1 too
            raise ValueError(f"must be one of {', '.join(RELATIVE_EXPIRIES)} or a date YYYY-MM-DD, was {value!r}")
        return value

    @field_validator("legs")
    @classmethod
    def _legs_agree(cls, rows: tuple[LegRow, ...]) -> tuple[LegRow, ...]:
        legs = custom_legs(rows)
        for flaw in (*(flaws(legs) if legs else ()), *repeats(legs)):
            raise ValueError(flaw.removeprefix("legs: "))
        return rows

    @model_validator(mode="after")
    def _structure_stands(self) -> Self:
        """Rules over several fields, of those alone that are in use: what is set aside may contradict itself."""
        used = in_use(Strategy, self.__dict__)
        for low, high in (
            ("delta_min", "delta_max"),
            ("wing_delta_min", "wing_delta_max"),
            ("wing_delta_max", "delta_min"),
            ("wing_premium_usd", "premium_usd"),
            ("put_strike", "call_strike"),
        ):
            if {low, high} <= used and not getattr(self, low) < getattr(self, high):
                raise ValueError(f"{low} ({getattr(self, low)}) must be below {high} ({getattr(self, high)})")
        for name in ("call_strike", "put_strike"):
            if name in used and not getattr(self, name):
                raise ValueError(f"{name} must be above 0 USD where strikes are exact, was 0")
        if "legs" in used and not self.legs:
            raise ValueError(f"legs must name 1 to {MOST_LEGS} legs where the structure is custom, was none")
        return self

    @cached_property
    def legs_of_structure(self) -> Structure:
        """Built once: a strategy does not change."""
        return build(self)
