"""Market maker protection: too much traded in a window, and the group's orders are cancelled and frozen.

A window starts at the first tagged trade and its counters end with it. Source: exchange documentation, "Market Maker
Protection". Limits are in underlying units or in USD (the documentation says both, see `CoreSettings.mmp_limit_unit`).
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from trader.venue.core.refusal import Refused, bad_schema

GROUPS = ("mmp1", "mmp2", "mmp3", "mmp4", "mmp5")
UNTIL_RESET = datetime.max.replace(tzinfo=UTC)
_NAUGHT = Decimal(0)


class MmpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one group in one asset; None or 0 = no such limit. `freeze_interval` 0 = until reset by hand."""

    asset: str
    mmp: str
    window_interval: int
    freeze_interval: int
    trade_limit: Decimal | None = None
    delta_limit: Decimal | None = None
    vega_limit: Decimal | None = None


class MmpState(msgspec.Struct, kw_only=True):
    """A group's configuration and what it traded in the window that runs."""

    config: MmpConfig
    window_ends: datetime | None = None
    traded: Decimal = _NAUGHT
    delta: Decimal = _NAUGHT
    vega: Decimal = _NAUGHT
    frozen_till: datetime | None = None

    def frozen(self, now: datetime) -> bool:
        """True while tagged orders are refused."""
        return self.frozen_till is not None and now < self.frozen_till

    def count(self, now: datetime, *, amount: Decimal, delta: Decimal, vega: Decimal) -> bool:
        """Add a trade; True when it broke a limit, and then the group is frozen.

        `amount` is unsigned, `delta` and `vega` signed, all in the configured unit.
        """
        if self.window_ends is None or now >= self.window_ends:
            self.window_ends = now + timedelta(seconds=self.config.window_interval)
            self.traded = self.delta = self.vega = _NAUGHT
        self.traded += amount
        self.delta += delta
        self.vega += vega
        config = self.config
        if not (
            _beyond(self.traded, config.trade_limit)
            or _beyond(self.delta, config.delta_limit)
            or _beyond(self.vega, config.vega_limit)
        ):
            return False
        freeze = config.freeze_interval
        self.frozen_till = now + timedelta(seconds=freeze) if freeze else UNTIL_RESET
        self.window_ends = None
        return True

    def reset(self) -> None:
        """Thaw, and count from zero."""
        self.frozen_till = self.window_ends = None


def _beyond(value: Decimal, limit: Decimal | None) -> bool:
    return bool(limit) and abs(value) > abs(limit or _NAUGHT)


def check_config(config: MmpConfig, assets: tuple[str, ...]) -> None:
    """Refuse a configuration that means nothing: ``bad_schema``."""
    if config.mmp not in GROUPS:
        raise bad_schema("mmp", f"must be one of: {', '.join(GROUPS)}")
    if config.asset not in assets:
        raise bad_schema("asset", f"must be one of: {', '.join(assets)}")
    if config.window_interval < 1:
        raise bad_schema("window_interval", "must be at least 1 second")
    if config.freeze_interval < 0:
        raise bad_schema("freeze_interval", "must not be negative")
    for name in ("trade_limit", "delta_limit", "vega_limit"):
        value: Decimal | None = getattr(config, name)
        if value is not None and value < 0:
            raise bad_schema(name, "must not be negative")


def check_group(states: dict[tuple[str, str], MmpState], asset: str, group: str, now: datetime, enabled: bool) -> None:
    """May an order of this group be placed? A frozen or unconfigured group may not."""
    if group not in GROUPS:
        raise bad_schema("mmp", f"must be one of: disabled, {', '.join(GROUPS)}")
    if not enabled:
        raise bad_schema("mmp", "market maker protection is not enabled for this account")
    state = states.get((asset, group))
    if state is None:
        raise bad_schema("mmp", f"{group} is not configured for {asset}")
    if state.frozen(now):
        raise Refused("trading_blocked", {"reason": "mmp_frozen", "mmp": group, "asset": asset})
