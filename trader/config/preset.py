"""The preset: everything a trader decides about one strategy, with description, unit and bounds on each field.

The form on the Configure page, the JSON schema and the validation messages all come from these models. Percentages are
whole percents throughout (2 = 2 %), never fractions; deltas are absolute values between 0 and 1.
"""

import hashlib
import json
import re
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from trader.config.numbers import Flag, Number, Whole
from trader.config.orders import Orders
from trader.config.section import Section, setting, since
from trader.config.strategy import Strategy
from trader.config.structures import may_pay
from trader.domain.expiry import is_iso_date, parse_hhmm
from trader.domain.structure import Structure

SCHEMA_VERSION = 5
PRESET_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,39}$")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HASHED_WHOLE = 3


class Schedule(Section):
    """When to enter and when to be out, in Indian time."""

    entry_time_ist: str = setting("09:30", "Entry time", "Time of day the position is entered.", "HH:MM IST")
    exit_rule: Literal["daily", "days", "before_expiry", "date"] = setting(
        "daily",
        "Out",
        "When everything is closed: at the first exit time after the entry (daily), so many days later (days), so long before "
        "the expiry (before_expiry), or on a date (date).",
        since=5,
    )
    exit_time_ist: str = setting(
        "16:30",
        "Exit time",
        "Time of day everything is closed; daily: if not after the entry time, it is the next day's.",
        "HH:MM IST",
        used={"exit_rule": ["daily", "days", "date"]},
    )
    exit_after_days: Whole = setting(
        1,
        "Days held",
        "Everything is closed at the exit time of so many days after the day of the entry.",
        "days",
        ge=1,
        le=365,
        since=5,
        used={"exit_rule": ["days"]},
    )
    exit_hours_before_expiry: Number = setting(
        Decimal(24),
        "Before the expiry",
        "Everything is closed so long before the contracts expire.",
        "hours",
        gt=0,
        le=8760,
        since=5,
        used={"exit_rule": ["before_expiry"]},
    )
    exit_date: str = setting(
        "",
        "Exit date",
        "Day on which everything is closed at the exit time.",
        "YYYY-MM-DD (IST)",
        since=5,
        used={"exit_rule": ["date"]},
    )
    entry_window_mins: Whole = setting(
        30,
        "Entry window",
        "How late the entry may still be made; after that the run ends without one.",
        "minutes",
        ge=1,
        le=1440,
    )
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = setting(
        WEEKDAYS, "Weekdays", "Days (IST) on which entries are allowed."
    )
    boot_buffer_secs: Whole = setting(
        5,
        "Buffer after start",
        "No entry earlier than this after the run was started or recovered.",
        "market seconds",
        ge=0,
        le=3600,
    )
    exit_before_expiry_mins: Whole = setting(
        45,
        "Out before expiry",
        "The exit is moved to this long before expiry if the exit time would be later.",
        "minutes",
        ge=1,
        le=1440,
    )

    @property
    def out_words(self) -> str:
        """When everything is closed, in words: ``out 16:30 IST``."""
        at = f"{self.exit_time_ist} IST"
        match self.exit_rule:
            case "days":
                return f"out {at} {self.exit_after_days} day{'s' if self.exit_after_days > 1 else ''} later"
            case "date":
                return f"out {self.exit_date} {at}"
            case "before_expiry":
                return f"out {self.exit_hours_before_expiry.normalize():f} h before the expiry"
            case "daily":
                return f"out {at}"

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

    @field_validator("exit_date")
    @classmethod
    def _day(cls, value: str) -> str:
        if value and not is_iso_date(value):
            raise ValueError(f"must be a date YYYY-MM-DD, was {value!r}")
        return value

    @model_validator(mode="after")
    def _leads_out(self) -> Self:
        if self.exit_rule == "daily" and self.entry_time_ist == self.exit_time_ist:
            raise ValueError(f"exit_time_ist must differ from entry_time_ist ({self.entry_time_ist})")
        if self.exit_rule == "date" and not self.exit_date:
            raise ValueError("exit_date must name a day where exit_rule is date, was empty")
        if self.exit_rule == "before_expiry" and self.exit_hours_before_expiry * 60 < self.exit_before_expiry_mins:
            raise ValueError(
                f"exit_hours_before_expiry ({self.exit_hours_before_expiry}) is nearer to the expiry than "
                f"exit_before_expiry_mins ({self.exit_before_expiry_mins} min) allows"
            )
        return self


class TrailingTier(Section):
    """Once profit has peaked at `peak_pct` of the basis, the stop stands at `stop_pct`."""

    peak_pct: Number = Field(gt=0, le=10_000, description="Peak profit that arms the tier, % of basis.")
    stop_pct: Number = Field(
        ge=0, lt=10_000, description="Profit at which the tier then exits, % of basis; 0 = breakeven."
    )


DEFAULT_TIERS = (
    TrailingTier(peak_pct=Decimal(40), stop_pct=Decimal(0)),
    TrailingTier(peak_pct=Decimal(50), stop_pct=Decimal(25)),
)


class Exits(Section):
    """When to close. P&L is what closing now would leave, fees and tax included, as % of the basis: the net credit, or, where
    the legs cost more than they bring, the most that can be lost at expiry."""

    max_loss_pct: Number = setting(
        Decimal(60),
        "Max loss",
        "Exit when the loss reaches this share of the basis: the net credit, or where there is none the most that can be lost.",
        "% of basis",
        gt=0,
        le=1000,
    )
    max_profit_pct: Number = setting(
        Decimal(80),
        "Max profit",
        "Exit when the profit reaches this share of the basis; of a net credit at most 100, of what is paid more.",
        "% of basis",
        gt=0,
        le=10_000,
    )
    trailing_enabled: Flag = setting(True, "Trailing stop", "Whether the tiers below are used.")
    trailing_tiers: tuple[TrailingTier, ...] = setting(
        DEFAULT_TIERS,
        "Trailing tiers",
        "Each: once profit has peaked here, exit if it falls back to the stop. Both columns must rise.",
        used={"trailing_enabled": [True]},
    )
    trailing_step_peak_pct: Number = setting(
        Decimal(10),
        "Further step up",
        "After the last tier, each further rise of the peak by this much ...",
        "% of basis",
        used={"trailing_enabled": [True]},
        gt=0,
        le=100,
    )
    trailing_step_stop_pct: Number = setting(
        Decimal(5),
        "... lifts the stop by",
        "... lifts the stop by this much; 0 = the last tier stays.",
        "% of basis",
        used={"trailing_enabled": [True]},
        ge=0,
        le=100,
    )
    breakeven_cushion: Literal["cost", "pct", "none"] = setting(
        "cost",
        "Breakeven cushion",
        "Where a stop of 0 % stands: above it by what closing costs when it is armed (spread and fees), by a share, or not at all. "
        "Prices move until the exit is filled: without a cushion three of four such exits end in a loss.",
        since=5,
        used={"trailing_enabled": [True]},
    )
    breakeven_cushion_pct: Number = setting(
        Decimal(5),
        "Cushion",
        "A stop of 0 % stands at this profit.",
        "% of basis",
        since=5,
        used={"trailing_enabled": [True], "breakeven_cushion": ["pct"]},
        gt=0,
        le=50,
    )
    liquidation_guard_pct: Number = setting(
        Decimal(70),
        "Liquidation guard",
        "Everything is closed when a short leg's mark has gone this share of the way from its entry to its liquidation (isolated "
        "margin); 0 = never.",
        "% of the way",
        since=5,
        ge=0,
        lt=100,
    )
    confirmations: Whole = setting(
        2,
        "Confirmations",
        "Consecutive fresh evaluations that must agree before a price rule exits; 2 ignores a single bad print.",
        "evaluations",
        ge=1,
        le=10,
    )
    spread_guard_pct: Number = setting(
        Decimal(50),
        "Spread guard",
        "A spread is wide where the ask of a short leg lies further above the mark than this (of a long leg the bid below it; at "
        "least 5 ticks). Exits at a loss (max loss, trailing stop, breakeven) count it no further than this, for spread_guard_secs; "
        "where nobody offers a short leg, for as long as that lasts. Profit target, arming and every P&L shown are at the ask itself.",
        "% of mark",
        gt=0,
        le=1000,
    )
    spread_guard_secs: Whole = setting(
        60,
        "Spread guard lasts",
        "For how long exits at a loss look past a wide spread; a spread that stays wide is the price, and then counts in full. "
        "0 = never: every print counts at once.",
        "seconds of the exchange's time",
        since=5,
        ge=0,
        le=600,
    )
    settle_within_mins: Whole = setting(
        360,
        "Held to settlement",
        "This near its expiry, a leg to be closed that nobody offers, or only further above its mark than "
        "risk.exit_limit_pct, is held to settlement and watched; 0 = never.",
        "minutes before expiry",
        since=3,
        ge=0,
        le=1440,
    )
    blind_exit_secs: Whole = setting(
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


class Risk(Section):
    """Limits the gate enforces on every order."""

    max_order_quantity: Whole = setting(
        1_000, "Largest order", "No order may be larger.", "contracts", ge=1, le=1_000_000
    )
    price_collar_pct: Number = setting(
        Decimal(20),
        "Price collar",
        "A limit price may not be further from the mark than this (but at least 5 ticks are allowed).",
        "% of mark",
        gt=0,
        le=100,
    )
    exit_limit_pct: Number = setting(
        Decimal(100),
        "Dearest exit",
        "A closing order never pays more above the mark than this (but at least 20 ticks are allowed); dearer offers are "
        "waited out, and you are told.",
        "% of mark",
        since=3,
        ge=1,
        le=1000,
    )
    orders_per_second: Whole = setting(
        5,
        "Order rate",
        "Most orders in any second, counted before an entry; exits may use 10, of which 4 are always kept for them.",
        "orders/s",
        ge=1,
        le=10,
    )
    max_orders_per_leg: Whole = setting(
        6,
        "Orders per leg",
        "Most orders of one leg in a row of which none fills whole, entry and exit apart; then trading is halted until "
        "resumed, and exits go on more slowly.",
        "orders",
        since=2,
        ge=1,
        le=20,
    )
    naked_leg_secs: Whole = setting(
        30,
        "Leg alone",
        "How long a short leg may stand without what its structure gives it; 5 s before, an entry gives up and closes.",
        "seconds",
        since=2,
        ge=10,
        le=600,
    )
    daily_loss_limit_usd: Number = setting(
        Decimal(500),
        "Daily loss limit",
        "When the account's loss of today (IST), realised and open, reaches this, no further entry of this preset.",
        "USD",
        gt=0,
        le=Decimal(10_000_000),
    )
    min_leg_ticks: Whole = setting(
        10, "Cheapest leg", "A leg that would be sold for less is not.", "ticks", since=5, ge=1, le=100_000
    )
    min_leg_premium_usd: Number = setting(
        Decimal(0),
        "Smallest premium of a leg",
        "A sold leg that brings less is not sold.",
        "USD",
        since=5,
        ge=0,
        le=1_000_000,
    )
    min_premium_usd: Number = setting(
        Decimal(0),
        "Smallest premium",
        "A credit of all legs under this is not taken.",
        "USD",
        since=5,
        ge=0,
        le=1_000_000,
    )
    max_start_loss_pct: Number = setting(
        Decimal(60),
        "Dearest start",
        "No entry whose spread and fees of both ways would use up more of the maximum loss in the first second.",
        "% of max loss",
        since=5,
        gt=0,
        le=100,
    )
    max_fee_share_pct: Number = setting(
        Decimal(40),
        "Largest fee share",
        "No entry whose fees, in and out, are more of the basis.",
        "% of basis",
        since=5,
        gt=0,
        le=100,
    )
    liquidation: Literal["refuse", "warn"] = setting(
        "refuse",
        "Stop beyond liquidation",
        "What becomes of an entry whose maximum loss a leg's liquidation (isolated margin) would come before: refused, or made with "
        "an alert.",
        since=5,
    )
    margin_mode: Literal["any", "isolated", "portfolio"] = setting(
        "any",
        "Margin mode",
        "Which margin mode the account must be in for an entry. Isolated: each short leg is liquidated for itself; portfolio: "
        "legs are netted.",
        "",
        since=5,
    )
    auto_topup: Literal["any", "on", "off"] = setting(
        "any",
        "Auto top-up",
        "Whether new positions must draw free balance before they are liquidated (on), or must not (off), for an entry.",
        "",
        since=5,
    )
    max_runs_per_day: Whole = setting(
        3, "Runs per day", "Most runs per underlying that sell on one IST day.", "runs", ge=1, le=50
    )


class System(Section):
    """How the run reports."""

    status_report_mins: Whole = setting(
        5,
        "Status report",
        "How often a held position's premium, P&L, trailing level and distance to each exit are told, in the log and the timeline.",
        "minutes",
        ge=1,
        le=1440,
    )
    spot_move_alert_pct: Number = setting(
        Decimal(2),
        "Spot move alert",
        "Alert when spot has moved this far since the strikes were picked and, once that was told, each time it has moved as far "
        "again, up or down. At most once a minute.",
        "% of spot",
        gt=0,
        le=50,
    )


class Preset(Section):
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
        self.orders.must_fit(
            self.structure,
            self.strategy.quantity,
            entry_mins=self.schedule.entry_window_mins,
            exit_mins=self.schedule.exit_before_expiry_mins,
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


def _canonical(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, dict):
        return {k: _canonical(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(v) for v in value]
    return value


SECTIONS: dict[str, type[Section]] = {
    "strategy": Strategy,
    "schedule": Schedule,
    "exits": Exits,
    "orders": Orders,
    "risk": Risk,
    "system": System,
}

PresetName = Annotated[str, Field(pattern=PRESET_NAME.pattern)]
