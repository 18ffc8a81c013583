"""What the account may do in all, whatever its runs' presets say. A document of the account, not of a preset."""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from trader.config.document import parse_json_object
from trader.config.messages import InvalidConfig, sentences
from trader.config.numbers import Flag, Number, Whole
from trader.domain.errors import ConfigError

SCHEMA = 1
_MOST = 1_000_000
_RICHEST = Decimal(1_000_000_000)


def _count(default: int, title: str, words: str, most: int = _MOST, unit: str = "contracts") -> Any:
    return Field(default, ge=1, le=most, title=title, description=words, json_schema_extra={"unit": unit})


def _usd(default: int, title: str, words: str) -> Any:
    unit: dict[str, Any] = {"unit": "USD"}
    return Field(Decimal(default), gt=0, le=_RICHEST, title=title, description=words, json_schema_extra=unit)


def _share(default: int, title: str, words: str, least: int = 0) -> Any:
    unit: dict[str, Any] = {"unit": "% of the limit"}
    return Field(Decimal(default), ge=least, le=100, title=title, description=words, json_schema_extra=unit)


def _off(default: int, most: int, unit: str, title: str, words: str) -> Any:
    """A bound that 0 switches off."""
    return Field(
        Decimal(default), ge=0, le=most, title=title, description=f"{words} 0 = off.", json_schema_extra={"unit": unit}
    )


def _least(default: int, most: int, unit: str, title: str, words: str) -> Any:
    """The same, of whole numbers."""
    return Field(default, ge=0, le=most, title=title, description=f"{words} 0 = off.", json_schema_extra={"unit": unit})


def _bound(title: str, words: str, unit: str = "contracts", **least: Any) -> Any:
    """A bound of single contracts; without one the account's own holds alone."""
    most = _MOST if unit == "contracts" else _RICHEST
    return Field(None, le=most, title=title, description=words, json_schema_extra={"unit": unit}, **least)


class ContractLimits(BaseModel):
    """Bounds of single contracts, narrower than the account's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order_contracts_least: Whole | None = _bound(
        "Smallest order", "Contracts of an order, or of a leg, that opens.", ge=1
    )
    order_contracts: Whole | None = _bound("Largest order", "Contracts of one entry order.", ge=1)
    contracts: Whole | None = _bound("Contracts", "Contracts of all runs.", ge=1)
    notional_usd: Number | None = _bound("Notional", "Contracts x contract value x index price.", "USD", gt=0)


_NONE = ContractLimits()


def _contracts(value: Any) -> Any:
    """Where all of it is one text, as on a command line, that is JSON."""
    if not isinstance(value, str):
        return value
    try:
        return parse_json_object(value, "It") if value.strip() else {}
    except ConfigError as error:
        raise ValueError(f"must be a JSON object by contract: {error}") from None


class AccountLimits(BaseModel):
    """Bounds of new risk over all runs of an account; an exit is never asked. Contracts count what is open and what works."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    open_runs: Whole = _count(6, "Runs", "Most unfinished runs at once.", 50, "runs")
    open_runs_per_underlying: Whole = _count(
        3, "Runs per underlying", "Most unfinished runs on one underlying.", 50, "runs"
    )
    order_contracts_least: Whole = _count(1, "Smallest order", "Contracts of an order, or of a leg, that opens.")
    order_contracts: Whole = _count(10_000, "Largest order", "Contracts of one entry order.")
    order_notional_usd: Number = _usd(
        5_000_000, "Order value", "Contracts x contract value x index price of one entry order."
    )
    order_share_pct: Number = _off(
        0, 1_000_000, "% of the balance", "Order as share of balance", "The same as a share of the balance."
    )
    position_share_pct: Number = _off(
        0, 1_000_000, "% of the balance", "Position as share of balance", "Notional in one contract, of the balance."
    )
    price_deviation_pct: Number = _off(
        50,
        1000,
        "% of the mark",
        "Price deviation",
        "How far beyond the mark (a stop's trigger) an entry's limit may reach, at least 5 ticks.",
    )
    duplicate_secs: Whole = _least(
        5, 3600, "s", "Duplicates", "How soon the very same order of another command is taken for a second press."
    )
    leverage_most: Number = Field(
        Decimal(5),
        ge=1,
        le=200,
        title="Leverage",
        description="Highest leverage that a ticket may ask for.",
        json_schema_extra={"unit": "x"},
    )
    leverage_default: Number = _off(
        0,
        200,
        "x",
        "Usual leverage",
        "Leverage set first for an order in a perpetual that names none, at most the highest.",
    )
    single_orders: Flag = Field(
        True,
        title="Single orders",
        description="Whether single orders may open anything; off, only strategies do. What closes and cancels never asks.",
    )
    orders_per_second: Whole = _count(
        6, "Order rate", "Entry orders of all runs in any second; exits keep 4 of 10.", 6, "orders a second"
    )
    ticket_orders_per_second: Whole = _count(
        20,
        "Order rate of tickets",
        "Entry orders of all tickets in any second; what closes has 10 more, and runs are counted apart.",
        200,
        "orders a second",
    )
    contracts_per_instrument: Whole = _count(20_000, "Contracts per instrument", "Contracts of all runs in one option.")
    contracts_per_underlying: Whole = _count(
        50_000, "Contracts per underlying", "Contracts of all runs on one underlying."
    )
    contracts_total: Whole = _count(100_000, "Contracts in all", "Contracts of all runs.")
    notional_per_instrument_usd: Number = _usd(
        5_000_000, "Notional per instrument", "Contracts x contract value x index price, in one option."
    )
    notional_per_underlying_usd: Number = _usd(10_000_000, "Notional per underlying", "The same on one underlying.")
    notional_total_usd: Number = _usd(20_000_000, "Notional in all", "The same of all runs.")
    daily_loss_usd: Number = _usd(
        5_000, "Daily loss", "Realised and open loss of all runs on one IST day; then no entry until the next day."
    )
    weekly_loss_usd: Number = _usd(
        15_000, "Weekly loss", "The same since Monday (IST); then no entry until the next week."
    )
    loss_warn_pct: Number = _share(
        70, "Loss warning", "Share of either loss limit at which an alert is raised; 0 = none."
    )
    loss_bars_pct: Number = _share(
        90,
        "Loss bars entries",
        "Share of either loss limit from which no entry is made, as long as the loss stands there.",
        1,
    )
    daily_loss_closes: Flag = Field(
        True, title="Daily loss closes all runs", description="Whether reaching the daily loss closes all open runs."
    )
    weekly_loss_closes: Flag = Field(
        False, title="Weekly loss closes all runs", description="Whether reaching the weekly loss closes all open runs."
    )
    margin_share_pct: Number = Field(
        Decimal(100),
        gt=0,
        le=100,
        title="Share of free margin",
        description="Most of the available margin that one entry may take.",
        json_schema_extra={"unit": "%"},
    )

    index_jump_pct: Number = _off(
        3, 100, "%", "Index jump", "Move of the index within the time below that lets no entry begin."
    )
    index_jump_secs: Whole = _count(
        60, "Index jump within", "The time in which such a move counts; by up to a twelfth of it more.", 3600, "s"
    )
    wide_spread_pct: Number = _off(
        100,
        1000,
        "% of the mark",
        "Spread blow-out",
        "Spread at which more than half of the watched contracts let no entry begin.",
    )
    crossed_contracts: Whole = _least(
        1, 50, "contracts", "Crossed books", "Watched contracts with the bid above the ask that let no entry begin."
    )
    frozen_secs: Whole = _least(
        120, 3600, "s", "Frozen feed", "How long index and marks may stand still before no entry begins."
    )
    api_failures: Whole = _least(
        5, 100, "requests", "Unanswered requests", "Requests in a row without an answer after which no entry begins."
    )
    calm_secs: Whole = _count(
        60, "Calm", "How long none of these may have been so before entries begin again.", 3600, "s"
    )

    instruments: Annotated[dict[str, ContractLimits], BeforeValidator(_contracts)] = Field(
        {},
        max_length=200,
        title="Single contracts",
        description="Narrower bounds by symbol, or by how symbols begin (C-BTC): the longest that fits counts.",
        json_schema_extra={"unit": "JSON"},
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        """A bound of a part is not above the bound of the whole."""
        for lower, upper in _NESTED:
            if getattr(self, lower) > getattr(self, upper):
                raise ValueError(f"{lower} ({getattr(self, lower)}) exceeds {upper} ({getattr(self, upper)})")
        if self.leverage_default and self.leverage_default < 1:
            raise ValueError(f"leverage_default must be 0 (off) or at least 1, was {self.leverage_default}")
        return self

    def document(self) -> dict[str, Any]:
        """As JSON values, with the version of the form."""
        body: dict[str, Any] = _plain(self.model_dump(exclude={"instruments"}))
        contracts = {name: one.model_dump(exclude_none=True) for name, one in self.instruments.items()}
        return {"schema": SCHEMA, **body, "instruments": _plain(contracts)}

    def of(self, symbol: str) -> ContractLimits:
        """What bounds one contract besides."""
        names = [name for name in self.instruments if symbol.startswith(name)]
        return self.instruments[max(names, key=len)] if names else _NONE


def _plain(value: Any) -> Any:
    """Decimals as texts, however deep."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return f"{value:f}" if isinstance(value, Decimal) else value


_NESTED = (
    ("order_contracts_least", "order_contracts"),
    ("open_runs_per_underlying", "open_runs"),
    ("contracts_per_instrument", "contracts_per_underlying"),
    ("contracts_per_underlying", "contracts_total"),
    ("notional_per_instrument_usd", "notional_per_underlying_usd"),
    ("notional_per_underlying_usd", "notional_total_usd"),
    ("daily_loss_usd", "weekly_loss_usd"),
    ("loss_warn_pct", "loss_bars_pct"),
    ("leverage_default", "leverage_most"),
)


def read_limits(document: dict[str, Any]) -> AccountLimits:
    """Limits from a document; what it leaves out is the default.

    Raises:
        ConfigError: It is not one; the sentence names the field and what it must be.
    """
    fields = dict(document)
    schema = fields.pop("schema", SCHEMA)
    if schema != SCHEMA:
        raise ConfigError(f"Limits of schema {schema!r} cannot be read; this version reads {SCHEMA}.")
    try:
        return AccountLimits.model_validate(fields)
    except ValidationError as error:
        raise InvalidConfig(sentences(error, AccountLimits)) from error


def parse_limits(text: str) -> AccountLimits:
    """The same from the text of a file."""
    return read_limits(parse_json_object(text, "The file of the limits"))
