"""The preset: everything a trader decides about one strategy, with description, unit and bounds on each field.

The form on the Configure page, the JSON schema and the validation messages all come from these models. Percentages are
whole percents throughout (2 = 2 %), never fractions; deltas are absolute values between 0 and 1. A field's metadata says its
unit, the version of the file that brought it (`since`), and for which other values it counts (`for`, see `relevance`).
"""

import hashlib
import json
import re
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from math import ceil
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo

from trader.config.leg_rows import selector_of, words_of
from trader.config.numbers import Flag, Number, Whole
from trader.config.relevance import in_use
from trader.config.structures import build, custom_legs, may_pay, repeats
from trader.domain.expiry import parse_hhmm
from trader.domain.structure import LEG_KEY, MOST_LEGS, Structure, flaws

SCHEMA_VERSION = 4
PRESET_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,39}$")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Algo = Literal["chase", "market", "twap", "iceberg"]
_HASHED_WHOLE = 3
RELATIVE_EXPIRIES = ("today", "next_day", "nearest", "weekly", "monthly")


def _field(
    default: Any, title: str, description: str, unit: str = "", *, since: int = 1, used: Any = None, **bounds: Any
) -> Any:
    extra: dict[str, Any] = {"unit": unit, "since": since} | ({} if used is None else {"for": used})
    return Field(default=default, title=title, description=description, json_schema_extra=extra, **bounds)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class LegRow(_Section):
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


class Strategy(_Section):
    """What to trade."""

    underlying: Literal["BTC", "ETH"] = _field("BTC", "Underlying", "Coin whose options are traded.")
    structure: Literal[
        "short_strangle", "short_straddle", "iron_condor", "iron_fly", "ratio_strangle", "one_leg", "custom"
    ] = _field(
        "short_strangle",
        "Structure",
        "Which legs: a call and a put sold out of the money (strangle) or at it (straddle), each with a bought one further out "
        "(condor, fly), in unequal numbers (ratio), a single one, or a list of your own.",
        since=4,
    )
    quantity: Whole = _field(
        1,
        "Quantity per leg",
        "Contracts of each leg (BTC: 0.001 BTC each); a leg with a ratio takes that many times as many.",
        "contracts",
        ge=1,
        le=100_000,
    )
    leg_kind: Literal["call", "put"] = _field(
        "call", "Leg", "Which option the single leg is.", since=4, used={"structure": ["one_leg"]}
    )
    leg_side: Literal["sell", "buy"] = _field(
        "sell", "Side", "Whether the single leg is sold or bought.", since=4, used={"structure": ["one_leg"]}
    )
    call_ratio: Whole = _field(
        1,
        "Call ratio",
        "Calls sold per contract of the quantity.",
        "× quantity",
        since=4,
        used={"structure": ["ratio_strangle"]},
        ge=1,
        le=100,
    )
    put_ratio: Whole = _field(
        1,
        "Put ratio",
        "Puts sold per contract of the quantity.",
        "× quantity",
        since=4,
        used={"structure": ["ratio_strangle"]},
        ge=1,
        le=100,
    )
    strikes_by: Literal["delta", "premium", "distance", "steps", "deviations", "strike"] = _field(
        "delta",
        "Strikes by",
        "How the strikes out of the money are found; straddle and fly are sold at the strike nearest to spot.",
        since=4,
        used={"structure": [*_TWO_SIDED, "one_leg"]},
    )
    delta_min: Number = _field(
        Decimal("0.10"),
        "Delta from",
        "Lower end of the |delta| band a strike must lie in.",
        "|delta|",
        used={"strikes_by": ["delta"]},
        ge=Decimal("0.01"),
        le=Decimal("0.50"),
    )
    delta_max: Number = _field(
        Decimal("0.15"),
        "Delta to",
        "Upper end of the |delta| band; the strike nearest the middle is taken.",
        "|delta|",
        used={"strikes_by": ["delta"]},
        ge=Decimal("0.01"),
        le=Decimal("0.60"),
    )
    premium_usd: Number = _field(
        Decimal(100),
        "Premium",
        "The strike whose mid price, as quoted per coin, is closest to this.",
        "USD per coin",
        since=4,
        used={"strikes_by": ["premium"]},
        gt=0,
        le=Decimal(1_000_000),
    )
    premium_rule: Literal["closest", "at_least", "at_most"] = _field(
        "closest",
        "Premium is",
        "The closest on either side, or only strikes that bring at least or at most the premium.",
        since=4,
        used={"strikes_by": ["premium"]},
    )
    distance_pct: Number = _field(
        Decimal(3),
        "Distance",
        "The strike nearest to this far from spot: calls above it, puts below.",
        "% of spot",
        since=4,
        used={"strikes_by": ["distance"]},
        ge=Decimal("0.1"),
        le=Decimal(90),
    )
    steps: Whole = _field(
        3,
        "Steps",
        "Listed strikes out of the money from the one nearest to spot; 0 is that one, negative is in the money.",
        "strikes",
        since=4,
        used={"strikes_by": ["steps"]},
        ge=-50,
        le=50,
    )
    deviations: Number = _field(
        Decimal(1),
        "Standard deviations",
        "The strike nearest to spot moved by this many standard deviations until expiry, at the at-the-money volatility.",
        "σ",
        since=4,
        used={"strikes_by": ["deviations"]},
        ge=Decimal("0.1"),
        le=Decimal(6),
    )
    call_strike: Number = _field(
        Decimal(0),
        "Call strike",
        "Exactly this strike or none; 0 = not chosen yet.",
        "USD",
        since=4,
        used=[{"strikes_by": ["strike"], "structure": _TWO_SIDED}, {"strikes_by": ["strike"], "leg_kind": ["call"]}],
        ge=0,
        le=Decimal(10_000_000),
    )
    put_strike: Number = _field(
        Decimal(0),
        "Put strike",
        "Exactly this strike or none; 0 = not chosen yet.",
        "USD",
        since=4,
        used=[{"strikes_by": ["strike"], "structure": _TWO_SIDED}, {"strikes_by": ["strike"], "leg_kind": ["put"]}],
        ge=0,
        le=Decimal(10_000_000),
    )
    wings_by: Literal["width", "delta", "premium"] = _field(
        "width",
        "Wings by",
        "How the bought strikes further out are found.",
        since=4,
        used={"structure": ["iron_condor", "iron_fly"]},
    )
    wing_width_usd: Number = _field(
        Decimal(1000),
        "Wing width",
        "The wing is the strike nearest to this far beyond the sold one.",
        "USD",
        since=4,
        used={"wings_by": ["width"]},
        gt=0,
        le=Decimal(1_000_000),
    )
    wing_delta_min: Number = _field(
        Decimal("0.03"),
        "Wing delta from",
        "Lower end of the |delta| band of the wings.",
        "|delta|",
        since=4,
        used={"wings_by": ["delta"]},
        ge=Decimal("0.01"),
        le=Decimal("0.45"),
    )
    wing_delta_max: Number = _field(
        Decimal("0.06"),
        "Wing delta to",
        "Upper end of the |delta| band of the wings; it must lie below the band of the sold legs.",
        "|delta|",
        since=4,
        used={"wings_by": ["delta"]},
        ge=Decimal("0.01"),
        le=Decimal("0.45"),
    )
    wing_premium_usd: Number = _field(
        Decimal(20),
        "Wing premium",
        "The wing is the strike whose mid price, as quoted per coin, is closest to this.",
        "USD per coin",
        since=4,
        used={"wings_by": ["premium"]},
        gt=0,
        le=Decimal(1_000_000),
    )
    legs: tuple[LegRow, ...] = _field(
        (),
        "Legs",
        f"Your own structure: 1 to {MOST_LEGS} legs. Bought legs that cover sold ones are entered first and closed last.",
        since=4,
        used={"structure": ["custom"]},
    )
    expiry: str = _field(
        "next_day",
        "Expiry",
        "Which listed expiry: today, next_day, nearest, weekly (next Friday), monthly (last Friday of the month) or a date YYYY-MM-DD.",
    )
    min_hours_to_expiry: Number = _field(
        Decimal(2),
        "Minimum time to expiry",
        "An expiry nearer than this is not traded.",
        "hours",
        ge=Decimal("0.1"),
        le=Decimal(2000),
    )
    max_spread_pct: Number = _field(
        Decimal(40),
        "Widest spread",
        "A strike is skipped when its bid-ask spread exceeds this share of its mid price.",
        "% of mid",
        gt=0,
        le=Decimal(200),
    )
    min_bid_size: Whole = _field(
        1,
        "Smallest bid size",
        "A strike is skipped when fewer contracts are bid; for a leg to be bought, offered.",
        "contracts",
        ge=0,
        le=1_000_000,
    )
    min_open_interest: Number = _field(
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


class Schedule(_Section):
    """When to enter and when to be out, in Indian time."""

    entry_time_ist: str = _field("09:30", "Entry time", "Time of day the position is entered.", "HH:MM IST")
    exit_time_ist: str = _field(
        "16:30",
        "Exit time",
        "Time of day everything is closed; if not after the entry time, it is the next day's.",
        "HH:MM IST",
    )
    entry_window_mins: Whole = _field(
        30,
        "Entry window",
        "How late the entry may still be made; after that the run ends without one.",
        "minutes",
        ge=1,
        le=1440,
    )
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = _field(
        WEEKDAYS, "Weekdays", "Days (IST) on which entries are allowed."
    )
    boot_buffer_secs: Whole = _field(
        5,
        "Buffer after start",
        "No entry earlier than this after the run was started or recovered.",
        "market seconds",
        ge=0,
        le=3600,
    )
    exit_before_expiry_mins: Whole = _field(
        45,
        "Out before expiry",
        "The exit is moved to this long before expiry if the exit time would be later.",
        "minutes",
        ge=1,
        le=1440,
    )

    @field_validator("entry_time_ist", "exit_time_ist")
    @classmethod
    def _time_of_day(cls, value: str) -> str:
        parse_hhmm(value)
        return value

    @field_validator("weekdays")
    @classmethod
    def _some_day(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one day")
        if len(set(value)) != len(value):
            raise ValueError("names a day twice")
        return tuple(sorted(value, key=WEEKDAYS.index))

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.entry_time_ist == self.exit_time_ist:
            raise ValueError(f"exit_time_ist must differ from entry_time_ist ({self.entry_time_ist})")
        return self


class TrailingTier(_Section):
    """Once profit has peaked at `peak_pct` of the basis, the stop stands at `stop_pct`."""

    peak_pct: Number = Field(gt=0, le=10_000, description="Peak profit that arms the tier, % of basis.")
    stop_pct: Number = Field(
        ge=0, lt=10_000, description="Profit at which the tier then exits, % of basis; 0 = breakeven."
    )


DEFAULT_TIERS = (
    TrailingTier(peak_pct=Decimal(40), stop_pct=Decimal(0)),
    TrailingTier(peak_pct=Decimal(50), stop_pct=Decimal(25)),
)


class Exits(_Section):
    """When to close. P&L is what closing now would leave, fees and tax included, as % of the basis: the net credit, or, where
    the legs cost more than they bring, the most that can be lost at expiry."""

    max_loss_pct: Number = _field(
        Decimal(100),
        "Max loss",
        "Exit when the loss reaches this share of the basis: the net credit, or where there is none the most that can be lost.",
        "% of basis",
        gt=0,
        le=1000,
    )
    max_profit_pct: Number = _field(
        Decimal(80),
        "Max profit",
        "Exit when the profit reaches this share of the basis; of a net credit at most 100, of what is paid more.",
        "% of basis",
        gt=0,
        le=10_000,
    )
    trailing_enabled: Flag = _field(True, "Trailing stop", "Whether the tiers below are used.")
    trailing_tiers: tuple[TrailingTier, ...] = _field(
        DEFAULT_TIERS,
        "Trailing tiers",
        "Each: once profit has peaked here, exit if it falls back to the stop. Both columns must rise.",
        used={"trailing_enabled": [True]},
    )
    trailing_step_peak_pct: Number = _field(
        Decimal(10),
        "Further step up",
        "After the last tier, each further rise of the peak by this much ...",
        "% of basis",
        used={"trailing_enabled": [True]},
        gt=0,
        le=100,
    )
    trailing_step_stop_pct: Number = _field(
        Decimal(5),
        "... lifts the stop by",
        "... lifts the stop by this much; 0 = the last tier stays.",
        "% of basis",
        used={"trailing_enabled": [True]},
        ge=0,
        le=100,
    )
    confirmations: Whole = _field(
        2,
        "Confirmations",
        "Consecutive fresh evaluations that must agree before a price rule exits; 2 ignores a single bad print.",
        "evaluations",
        ge=1,
        le=10,
    )
    spread_guard_pct: Number = _field(
        Decimal(50),
        "Spread guard",
        "An ask further above mark than this is counted as mark plus this when deciding.",
        "% of mark",
        gt=0,
        le=1000,
    )
    settle_within_mins: Whole = _field(
        360,
        "Held to settlement",
        "This near its expiry, a leg to be closed that nobody offers, or only further above its mark than "
        "risk.exit_limit_pct, is held to settlement and watched; 0 = never.",
        "minutes before expiry",
        since=3,
        ge=0,
        le=1440,
    )
    blind_exit_secs: Whole = _field(
        60, "Blind exit", "Exit when a leg has had no usable price for this long.", "seconds", ge=10, le=3600
    )

    @field_validator("trailing_tiers")
    @classmethod
    def _tiers_rise(cls, tiers: tuple[TrailingTier, ...]) -> tuple[TrailingTier, ...]:
        if len(tiers) > 20:
            raise ValueError(f"at most 20 tiers, got {len(tiers)}")
        for tier in tiers:
            if tier.stop_pct >= tier.peak_pct:
                raise ValueError(f"a tier's stop ({tier.stop_pct}) must lie below its peak ({tier.peak_pct})")
        for low, high in zip(tiers, tiers[1:], strict=False):
            if high.peak_pct <= low.peak_pct:
                raise ValueError(f"peaks must rise: {high.peak_pct} follows {low.peak_pct}")
            if high.stop_pct < low.stop_pct:
                raise ValueError(f"stops must not loosen: {high.stop_pct} follows {low.stop_pct}")
        return tiers

    @model_validator(mode="after")
    def _steps_never_overtake(self) -> Self:
        if self.trailing_enabled and self.trailing_step_stop_pct > self.trailing_step_peak_pct:
            raise ValueError(
                f"trailing_step_stop_pct ({self.trailing_step_stop_pct}) must not exceed "
                f"trailing_step_peak_pct ({self.trailing_step_peak_pct})"
            )
        return self


class Orders(_Section):
    """How orders are worked."""

    entry_algo: Algo = _field(
        "chase",
        "Entry algorithm",
        "How a leg is sold: chase stands in the book and concedes step by step, market takes what the book has, twap sells equal "
        "slices over a time, iceberg shows a share at a time.",
        since=4,
    )
    entry_duration_secs: Whole = _field(
        600,
        "Entry duration",
        "TWAP: over how long the slices are spread. What is left then is worked as a chase.",
        "market seconds",
        since=4,
        used={"entry_algo": ["twap"]},
        ge=2,
        le=86_400,
    )
    entry_slices: Whole = _field(
        10,
        "Entry slices",
        "TWAP: into how many equal parts each leg is cut; every part is at least one contract.",
        "slices",
        since=4,
        used={"entry_algo": ["twap"]},
        ge=2,
        le=500,
    )
    entry_visible_pct: Number = _field(
        Decimal(10),
        "Entry share shown",
        "Iceberg: how much of a leg is in the book at a time, rounded up to whole contracts.",
        "% of quantity",
        since=4,
        used={"entry_algo": ["iceberg"]},
        gt=0,
        le=100,
    )
    entry_refresh_secs: Whole = _field(
        2,
        "Entry refresh",
        "Iceberg: how long after one part has filled the next is shown.",
        "seconds",
        since=4,
        used={"entry_algo": ["iceberg"]},
        ge=0,
        le=3600,
    )
    entry_child: Literal["limit", "market"] = _field(
        "limit",
        "Entry slice",
        "TWAP and iceberg: limit works each slice as a chase, market takes what the book has.",
        since=4,
        used={"entry_algo": ["twap", "iceberg"]},
    )
    exit_algo: Algo = _field(
        "chase",
        "Exit algorithm",
        "How a leg is bought back at the exit time and at the maximum profit. Stops and whatever else must end quickly take no "
        "slices: there twap and iceberg count as chase.",
        since=4,
    )
    exit_duration_secs: Whole = _field(
        300,
        "Exit duration",
        "TWAP: over how long the slices are spread. What is left then is worked as a chase.",
        "market seconds",
        since=4,
        used={"exit_algo": ["twap"]},
        ge=2,
        le=86_400,
    )
    exit_slices: Whole = _field(
        10,
        "Exit slices",
        "TWAP: into how many equal parts each leg is cut; every part is at least one contract.",
        "slices",
        since=4,
        used={"exit_algo": ["twap"]},
        ge=2,
        le=500,
    )
    exit_visible_pct: Number = _field(
        Decimal(10),
        "Exit share shown",
        "Iceberg: how much of a leg is in the book at a time, rounded up to whole contracts.",
        "% of quantity",
        since=4,
        used={"exit_algo": ["iceberg"]},
        gt=0,
        le=100,
    )
    exit_refresh_secs: Whole = _field(
        2,
        "Exit refresh",
        "Iceberg: how long after one part has filled the next is shown.",
        "seconds",
        since=4,
        used={"exit_algo": ["iceberg"]},
        ge=0,
        le=3600,
    )
    exit_child: Literal["limit", "market"] = _field(
        "limit",
        "Exit slice",
        "TWAP and iceberg: limit works each slice as a chase, market takes what the book has.",
        since=4,
        used={"exit_algo": ["twap", "iceberg"]},
    )
    stop_in_slices: Flag = _field(
        False,
        "Stop in slices",
        "Whether Stop & Exit takes the exit's slices too; without it everything is closed at once.",
        since=4,
        used={"exit_algo": ["twap", "iceberg"]},
    )
    entry_reference: Literal["touch", "mid", "mark"] = _field(
        "touch",
        "Entry price from",
        "Where the first entry limit stands: the bid (touch), the middle of the book, or the mark.",
    )
    retries: Whole = _field(4, "Retries", "Further limit attempts after the first one.", "attempts", ge=0, le=4)
    slippage_pct: Number = _field(
        Decimal(2),
        "Slippage per retry",
        "Each retry concedes this much more in the filling direction.",
        "% of price",
        ge=0,
        le=20,
    )
    timeout_secs: Whole = _field(
        30, "Timeout", "How long an entry order may rest before it is cancelled and retried.", "seconds", ge=1, le=600
    )
    exit_timeout_secs: Whole = _field(
        3,
        "Exit timeout",
        "How long a closing order may rest before it is cancelled and retried.",
        "seconds",
        ge=1,
        le=60,
    )
    market_fallback: Flag = _field(
        True,
        "Market fallback",
        "After the last limit attempt, send a market order for the remainder; a closing order takes at once what the book "
        "has, as far as is accepted by then.",
    )
    partial_policy: Literal["accept", "unwind"] = _field(
        "unwind",
        "Partly filled entry",
        "When a leg cannot be completed: accept keeps it if enough is filled on both legs, unwind buys everything back.",
    )
    min_fill_pct: Number = _field(
        Decimal(50),
        "Smallest accepted share",
        "With accept: each leg must be filled at least this much.",
        "% of quantity",
        used={"partial_policy": ["accept"]},
        gt=0,
        le=100,
    )


class Risk(_Section):
    """Limits the gate enforces on every order."""

    max_order_quantity: Whole = _field(
        1_000, "Largest order", "No order may be larger.", "contracts", ge=1, le=1_000_000
    )
    price_collar_pct: Number = _field(
        Decimal(20),
        "Price collar",
        "A limit price may not be further from the mark than this (but at least 5 ticks are allowed).",
        "% of mark",
        gt=0,
        le=100,
    )
    exit_limit_pct: Number = _field(
        Decimal(100),
        "Dearest exit",
        "A closing order never pays more above the mark than this (but at least 20 ticks are allowed); dearer offers are "
        "waited out, and you are told.",
        "% of mark",
        since=3,
        ge=1,
        le=1000,
    )
    orders_per_second: Whole = _field(
        5,
        "Order rate",
        "Most orders in any second, counted before an entry; exits may use 10, of which 4 are always kept for them.",
        "orders/s",
        ge=1,
        le=10,
    )
    max_orders_per_leg: Whole = _field(
        6,
        "Orders per leg",
        "Most orders of one leg in a row of which none fills whole, entry and exit apart; then trading is halted until "
        "resumed, and exits go on more slowly.",
        "orders",
        since=2,
        ge=1,
        le=20,
    )
    naked_leg_secs: Whole = _field(
        30,
        "Leg alone",
        "How long a short leg may stand without what its structure gives it; 5 s before, an entry gives up and closes.",
        "seconds",
        since=2,
        ge=10,
        le=600,
    )
    daily_loss_limit_usd: Number = _field(
        Decimal(500),
        "Daily loss limit",
        "When today's realised loss (IST day) reaches this, no further entry.",
        "USD",
        gt=0,
        le=Decimal(10_000_000),
    )
    max_runs_per_day: Whole = _field(3, "Runs per day", "Most runs per underlying and IST day.", "runs", ge=1, le=50)


class System(_Section):
    """How the run reports."""

    status_report_mins: Whole = _field(
        5, "Status report", "How often a status line is written to the log.", "minutes", ge=1, le=1440
    )
    spot_move_alert_pct: Number = _field(
        Decimal(2), "Spot move alert", "Alert when spot has moved this far since the entry.", "% of spot", gt=0, le=50
    )


class Preset(_Section):
    """One complete configuration of a strategy."""

    name: str = Field(default="default", description="Lower-case name: letters, digits, - and _, at most 40.")
    strategy: Strategy = Strategy()
    schedule: Schedule = Schedule()
    exits: Exits = Exits()
    orders: Orders = Orders()
    risk: Risk = Risk()
    system: System = System()

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not PRESET_NAME.fullmatch(value):  # `$` alone would let a line break through
            raise ValueError(f"must match {PRESET_NAME.pattern}, was {value!r}")
        return value

    @model_validator(mode="after")
    def _quantity_within_risk(self) -> Self:
        leg = max(self.structure.legs, key=lambda leg: leg.ratio)
        if self.strategy.quantity * leg.ratio > self.risk.max_order_quantity:
            times = f" times the ratio of {leg.key} ({leg.ratio})" if leg.ratio > 1 else ""
            raise ValueError(
                f"strategy.quantity ({self.strategy.quantity}){times} exceeds "
                f"risk.max_order_quantity ({self.risk.max_order_quantity})"
            )
        return self

    @model_validator(mode="after")
    def _algorithms_fit(self) -> Self:
        orders, schedule, ranks = self.orders, self.schedule, len({leg.rank for leg in self.structure.legs})
        for side, window, mins in (
            ("entry", "schedule.entry_window_mins", schedule.entry_window_mins),
            ("exit", "schedule.exit_before_expiry_mins", schedule.exit_before_expiry_mins),
        ):
            algo, duration, slices = (getattr(orders, f"{side}_{name}") for name in ("algo", "duration_secs", "slices"))
            if algo == "twap":
                if slices > self.strategy.quantity:
                    raise ValueError(
                        f"orders.{side}_slices ({slices}) exceeds strategy.quantity ({self.strategy.quantity}): "
                        "a slice is at least one contract"
                    )
                if duration < slices:
                    raise ValueError(
                        f"orders.{side}_duration_secs ({duration}) is too short for orders.{side}_slices ({slices}): "
                        "a slice takes at least a second"
                    )
            elif algo == "iceberg":
                parts = ceil(100 / getattr(orders, f"{side}_visible_pct"))
                most = self.strategy.quantity * max(leg.ratio for leg in self.structure.legs)
                duration = (min(parts, most) - 1) * getattr(orders, f"{side}_refresh_secs")
            duration *= ranks  # one rank is complete before the next is begun
            if algo in ("twap", "iceberg") and duration > mins * 60:
                named = "duration_secs" if algo == "twap" else "refresh_secs"
                raise ValueError(
                    f"orders.{side}_{named} makes the {side} last {duration} s, longer than {window} ({mins} min) allows"
                )
        return self

    @model_validator(mode="after")
    def _profit_within_credit(self) -> Self:
        """A credit cannot earn more than itself; what is bought can earn many times what it may lose."""
        if may_pay(self.structure):
            return self
        asked = {"exits.max_profit_pct": self.exits.max_profit_pct}
        if self.exits.trailing_enabled and self.exits.trailing_tiers:
            asked["exits.trailing_tiers: the peak"] = self.exits.trailing_tiers[-1].peak_pct
        for words, pct in asked.items():
            if pct > 100:
                raise ValueError(f"{words} ({pct}) must be at most 100 % of basis where the structure brings a credit")
        return self

    @property
    def structure(self) -> Structure:
        """The legs that the strategy names."""
        return self.strategy.legs_of_structure

    def canonical_json(self) -> str:
        """The one text of this configuration: sorted keys, decimals normalised, no white space."""
        return json.dumps(_canonical(self.model_dump(mode="python")), sort_keys=True, separators=(",", ":"))

    @property
    def config_hash(self) -> str:
        """Short digest of everything but the name: what a run pins and what a confirmation is bound to.

        A field that came after the third version counts once it is not at its default: a preset that was not touched keeps
        the digest that journals have of it.
        """
        body = _canonical(self.model_dump(mode="python", exclude={"name"}))
        for section, name, default in _not_always_hashed():
            if getattr(getattr(self, section), name) == default:
                del body[section][name]
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@cache
def _not_always_hashed() -> list[tuple[str, str, Any]]:
    """Section, name and default of the fields that came later."""
    return [
        (section, name, field.default)
        for section, model in SECTIONS.items()
        for name, field in model.model_fields.items()
        if since(field) > _HASHED_WHOLE
    ]


def since(field: FieldInfo) -> int:
    """The version of the file that brought a field."""
    extra = field.json_schema_extra
    return int(str(extra.get("since", 1))) if isinstance(extra, dict) else 1


def _canonical(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, dict):
        return {k: _canonical(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(v) for v in value]
    return value


SECTIONS: dict[str, type[_Section]] = {
    "strategy": Strategy,
    "schedule": Schedule,
    "exits": Exits,
    "orders": Orders,
    "risk": Risk,
    "system": System,
}

PresetName = Annotated[str, Field(pattern=PRESET_NAME.pattern)]
