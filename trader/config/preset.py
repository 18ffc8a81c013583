"""The preset: everything a trader decides about a short strangle, with description, unit and bounds on each field.

The form on the Configure page, the JSON schema and the validation messages all come from these models. Percentages are
whole percents throughout (2 = 2 %), never fractions; deltas are absolute values between 0 and 1.
"""

import hashlib
import json
import re
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from trader.config.numbers import Flag, Number, Whole
from trader.domain.expiry import parse_hhmm

SCHEMA_VERSION = 4
PRESET_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,39}$")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Algo = Literal["chase", "market", "twap", "iceberg"]
Only = tuple[str, tuple[str, ...]]
RELATIVE_EXPIRIES = ("today", "next_day", "nearest", "weekly", "monthly")


def _field(default: Any, title: str, description: str, unit: str = "", only: Only | None = None, **bounds: Any) -> Any:
    """`only`: another field of the section and its values for which this one counts; the form shows it for those alone."""
    extra: dict[str, Any] = {"unit": unit} if only is None else {"unit": unit, "for": only}
    return Field(default=default, title=title, description=description, json_schema_extra=extra, **bounds)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


class Strategy(_Section):
    """What to sell."""

    underlying: Literal["BTC", "ETH"] = _field("BTC", "Underlying", "Coin whose options are sold.")
    quantity: Whole = _field(
        1,
        "Quantity per leg",
        "Contracts sold of the call and of the put (BTC: 0.001 BTC each).",
        "contracts",
        ge=1,
        le=100_000,
    )
    delta_min: Number = _field(
        Decimal("0.10"),
        "Delta from",
        "Lower end of the |delta| band a strike must lie in.",
        "|delta|",
        ge=Decimal("0.01"),
        le=Decimal("0.50"),
    )
    delta_max: Number = _field(
        Decimal("0.15"),
        "Delta to",
        "Upper end of the |delta| band; the strike nearest the middle is taken.",
        "|delta|",
        ge=Decimal("0.01"),
        le=Decimal("0.60"),
    )
    expiry: str = _field(
        "next_day",
        "Expiry",
        "Which listed expiry: today, next_day, nearest, weekly (next Friday), monthly (last Friday of the month) or a date YYYY-MM-DD.",
    )
    min_hours_to_expiry: Number = _field(
        Decimal(2),
        "Minimum time to expiry",
        "An expiry nearer than this is not sold.",
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
        1, "Smallest bid size", "A strike is skipped when fewer contracts are bid.", "contracts", ge=0, le=1_000_000
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

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.delta_min >= self.delta_max:
            raise ValueError(f"delta_min ({self.delta_min}) must be below delta_max ({self.delta_max})")
        return self


class Schedule(_Section):
    """When to enter and when to be out, in Indian time."""

    entry_time_ist: str = _field("09:30", "Entry time", "Time of day the strangle is sold.", "HH:MM IST")
    exit_time_ist: str = _field(
        "16:30",
        "Exit time",
        "Time of day everything is bought back; if not after the entry time, it is the next day's.",
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
    """Once profit has peaked at `peak_pct` of premium, the stop stands at `stop_pct`."""

    peak_pct: Number = Field(gt=0, le=100, description="Peak profit that arms the tier, % of premium received.")
    stop_pct: Number = Field(
        ge=0, lt=100, description="Profit at which the tier then exits, % of premium received; 0 = breakeven."
    )


DEFAULT_TIERS = (
    TrailingTier(peak_pct=Decimal(40), stop_pct=Decimal(0)),
    TrailingTier(peak_pct=Decimal(50), stop_pct=Decimal(25)),
)


class Exits(_Section):
    """When to buy back. P&L is the cost to close now, fees and tax included, as % of premium received."""

    max_loss_pct: Number = _field(
        Decimal(100),
        "Max loss",
        "Exit when the loss reaches this share of premium received.",
        "% of premium",
        gt=0,
        le=1000,
    )
    max_profit_pct: Number = _field(
        Decimal(80),
        "Max profit",
        "Exit when the profit reaches this share of premium received.",
        "% of premium",
        gt=0,
        le=100,
    )
    trailing_enabled: Flag = _field(True, "Trailing stop", "Whether the tiers below are used.")
    trailing_tiers: tuple[TrailingTier, ...] = _field(
        DEFAULT_TIERS,
        "Trailing tiers",
        "Each: once profit has peaked here, exit if it falls back to the stop. Both columns must rise.",
    )
    trailing_step_peak_pct: Number = _field(
        Decimal(10),
        "Further step up",
        "After the last tier, each further rise of the peak by this much ...",
        "% of premium",
        gt=0,
        le=100,
    )
    trailing_step_stop_pct: Number = _field(
        Decimal(5),
        "... lifts the stop by",
        "... lifts the stop by this much; 0 = the last tier stays.",
        "% of premium",
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
        if self.trailing_step_stop_pct > self.trailing_step_peak_pct:
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
    )
    entry_duration_secs: Whole = _field(
        600,
        "Entry duration",
        "TWAP: over how long the slices are spread. What is left then is worked as a chase.",
        "market seconds",
        only=("entry_algo", ("twap",)),
        ge=2,
        le=86_400,
    )
    entry_slices: Whole = _field(
        10,
        "Entry slices",
        "TWAP: into how many equal parts each leg is cut; every part is at least one contract.",
        "slices",
        only=("entry_algo", ("twap",)),
        ge=2,
        le=500,
    )
    entry_visible_pct: Number = _field(
        Decimal(10),
        "Entry share shown",
        "Iceberg: how much of a leg is in the book at a time, rounded up to whole contracts.",
        "% of quantity",
        only=("entry_algo", ("iceberg",)),
        gt=0,
        le=100,
    )
    entry_refresh_secs: Whole = _field(
        2,
        "Entry refresh",
        "Iceberg: how long after one part has filled the next is shown.",
        "seconds",
        only=("entry_algo", ("iceberg",)),
        ge=0,
        le=3600,
    )
    entry_child: Literal["limit", "market"] = _field(
        "limit",
        "Entry slice",
        "TWAP and iceberg: limit works each slice as a chase, market takes what the book has.",
        only=("entry_algo", ("twap", "iceberg")),
    )
    exit_algo: Algo = _field(
        "chase",
        "Exit algorithm",
        "How a leg is bought back at the exit time and at the maximum profit. Stops and whatever else must end quickly take no "
        "slices: there twap and iceberg count as chase.",
    )
    exit_duration_secs: Whole = _field(
        300,
        "Exit duration",
        "TWAP: over how long the slices are spread. What is left then is worked as a chase.",
        "market seconds",
        only=("exit_algo", ("twap",)),
        ge=2,
        le=86_400,
    )
    exit_slices: Whole = _field(
        10,
        "Exit slices",
        "TWAP: into how many equal parts each leg is cut; every part is at least one contract.",
        "slices",
        only=("exit_algo", ("twap",)),
        ge=2,
        le=500,
    )
    exit_visible_pct: Number = _field(
        Decimal(10),
        "Exit share shown",
        "Iceberg: how much of a leg is in the book at a time, rounded up to whole contracts.",
        "% of quantity",
        only=("exit_algo", ("iceberg",)),
        gt=0,
        le=100,
    )
    exit_refresh_secs: Whole = _field(
        2,
        "Exit refresh",
        "Iceberg: how long after one part has filled the next is shown.",
        "seconds",
        only=("exit_algo", ("iceberg",)),
        ge=0,
        le=3600,
    )
    exit_child: Literal["limit", "market"] = _field(
        "limit",
        "Exit slice",
        "TWAP and iceberg: limit works each slice as a chase, market takes what the book has.",
        only=("exit_algo", ("twap", "iceberg")),
    )
    stop_in_slices: Flag = _field(
        False,
        "Stop in slices",
        "Whether Stop & Exit takes the exit's slices too; without it everything is closed at once.",
        only=("exit_algo", ("twap", "iceberg")),
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
        ge=1,
        le=20,
    )
    naked_leg_secs: Whole = _field(
        30,
        "Leg alone",
        "How long one leg may be sold without the other; 5 s before, an entry gives up and buys back.",
        "seconds",
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
    """One complete configuration of a short strangle."""

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
        if self.strategy.quantity > self.risk.max_order_quantity:
            raise ValueError(
                f"strategy.quantity ({self.strategy.quantity}) exceeds risk.max_order_quantity ({self.risk.max_order_quantity})"
            )
        return self

    @model_validator(mode="after")
    def _algorithms_fit(self) -> Self:
        orders, schedule = self.orders, self.schedule
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
                duration = (min(parts, self.strategy.quantity) - 1) * getattr(orders, f"{side}_refresh_secs")
            if algo in ("twap", "iceberg") and duration > mins * 60:
                named = "duration_secs" if algo == "twap" else "refresh_secs"
                raise ValueError(
                    f"orders.{side}_{named} makes the {side} last {duration} s, longer than {window} ({mins} min) allows"
                )
        return self

    def canonical_json(self) -> str:
        """The one text of this configuration: sorted keys, decimals normalised, no white space."""
        return json.dumps(_canonical(self.model_dump(mode="python")), sort_keys=True, separators=(",", ":"))

    @property
    def config_hash(self) -> str:
        """Short digest of everything but the name: what a run pins and what a confirmation is bound to."""
        body = _canonical(self.model_dump(mode="python", exclude={"name"}))
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


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
