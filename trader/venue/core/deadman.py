"""The dead-man switch: a client that stops acknowledging loses its orders, never its positions.

Deadlines are wall-clock milliseconds (a client's silence is measured in its own time, whatever the market's speed) and
are passed in. Source: exchange documentation, "Deadman Switch" and "Heartbeat Management".
"""

from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.venue.core.records import NO_MMP, Order
from trader.venue.core.refusal import bad_schema

ACTIONS = ("cancel_orders", "spreads")


class HeartbeatAction(msgspec.Struct, frozen=True, kw_only=True):
    """What happens after `unhealthy_count` missed beats. `tag` ``mmp`` = only orders of a protection group.

    `spreads` moves resting limit orders away from the market by `value` basis points of their price (the documentation
    does not name the unit).
    """

    action: str
    unhealthy_count: int = 1
    value: Decimal | None = None
    tag: str | None = None


class Heartbeat(msgspec.Struct, kw_only=True):
    """One heartbeat. It guards nothing until its first acknowledgement with a ttl."""

    heartbeat_id: str
    impact: str
    contract_types: list[str]
    underlying_assets: list[str]
    product_symbols: list[str]
    config: list[HeartbeatAction]
    ttl_ms: int = 0
    last_ack_ms: int | None = None
    due_ms: int | None = None
    missed: int = 0

    @property
    def enabled(self) -> bool:
        return self.due_ms is not None

    def acknowledge(self, now_ms: int, ttl_ms: int) -> None:
        """A sign of life: the next one is due `ttl_ms` from now; 0 switches the heartbeat off."""
        self.ttl_ms, self.last_ack_ms, self.missed = ttl_ms, now_ms, 0
        self.due_ms = now_ms + ttl_ms if ttl_ms else None

    def miss_until(self, now_ms: int) -> list[HeartbeatAction]:
        """Count the beats missed up to now; gives the actions that become due, in their order."""
        due: list[HeartbeatAction] = []
        while self.due_ms is not None and now_ms >= self.due_ms:
            self.missed += 1
            due += [action for action in self.config if action.unhealthy_count == self.missed]
            if self.missed >= max((a.unhealthy_count for a in self.config), default=1):
                self.due_ms = None  # everything it can do is done; the next acknowledgement arms it again
            else:
                self.due_ms += self.ttl_ms
        return due

    def covers(self, order: Order, instrument: Instrument, action: HeartbeatAction) -> bool:
        """Is an order inside what this heartbeat guards?"""
        if action.tag == "mmp" and order.mmp == NO_MMP:
            return False
        if self.product_symbols:
            return order.symbol in self.product_symbols
        if self.underlying_assets and instrument.underlying not in self.underlying_assets:
            return False
        return not self.contract_types or _CONTRACT_TYPES[instrument.kind] in self.contract_types


_CONTRACT_TYPES = {Kind.CALL: "call_options", Kind.PUT: "put_options", Kind.PERPETUAL: "perpetual_futures"}


def check_heartbeat(heartbeat: Heartbeat) -> None:
    """Refuse a heartbeat that could guard nothing: ``bad_schema``.

    `impact` is ``contracts`` (then contract types are needed) or ``products`` (then symbols are); the schema's other
    words (low, medium, high) are taken too and guard what is listed.
    """
    if not heartbeat.heartbeat_id:
        raise bad_schema("heartbeat_id", "is required")
    if heartbeat.impact not in ("contracts", "products", "low", "medium", "high"):
        raise bad_schema("impact", "must be one of: contracts, products")
    if heartbeat.impact == "contracts" and not heartbeat.contract_types:
        raise bad_schema("contract_types", "is required for impact contracts")
    if heartbeat.impact == "products" and not heartbeat.product_symbols:
        raise bad_schema("product_symbols", "is required for impact products")
    for action in heartbeat.config:
        if action.action not in ACTIONS:
            raise bad_schema("config", f"action must be one of: {', '.join(ACTIONS)}")
        if action.unhealthy_count < 1:
            raise bad_schema("config", "unhealthy_count must be at least 1")
        if action.action == "spreads" and (action.value is None or action.value <= 0):
            raise bad_schema("config", "spreads needs a value above 0")
