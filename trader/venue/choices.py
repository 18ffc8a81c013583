"""Settings of the exchange's undocumented behaviour by name, as a person types them: ``bare_cancel_all=nothing``."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.errors import ConfigError
from trader.domain.numbers import read_number
from trader.venue.core.settings import CoreSettings

_ELSEWHERE = frozenset(  # options of their own
    "seed initial_balance fees maker_fee_pct taker_fee_pct slippage_pct fill_ids first_user_id first_order_id".split()
)
_AT_LEAST_ONE = frozenset(
    {
        "option_leverage",
        "perpetual_leverage",
        "max_leverage",
        "twap_sample_secs",
        "funding_interval_secs",
        "max_order_size",
        "max_open_orders",
    }
)
NAMES = tuple(name for name in CoreSettings.__struct_fields__ if name not in _ELSEWHERE)


def with_choices(core: CoreSettings, choices: Iterable[str]) -> CoreSettings:
    """The settings with ``name=value`` pairs applied.

    Raises:
        ConfigError: An unknown name, or a value that setting does not take; the sentence says which.
    """
    changes: dict[str, Any] = {}
    kinds = {field.name: field.type for field in msgspec.structs.fields(CoreSettings)}
    for choice in choices:
        name, separator, value = choice.partition("=")
        if not separator or name not in NAMES:
            raise ConfigError(f"{choice!r} is no NAME=VALUE of the exchange's settings; the names: {', '.join(NAMES)}")
        try:
            given = read_number(value) if kinds[name] in (int, float, Decimal) else value
            changes[name] = msgspec.convert(str(given), kinds[name], strict=False)
        except (msgspec.ValidationError, ValueError) as error:
            raise ConfigError(f"{name} does not take {value!r}: {error}") from None
        _check_number(name, changes[name])
    return msgspec.structs.replace(core, **changes)


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool | str):
        return
    least = 1 if name in _AT_LEAST_ONE else 0
    number = Decimal(str(value))
    if not number.is_finite() or number < least:
        raise ConfigError(f"{name} must be a number of at least {least}, was {value}")
