"""Settings of a running venue."""

from pathlib import Path

import msgspec

from trader.venue.core.settings import CoreSettings
from trader.venue.wire.auth import Credential

LOOPBACK = "127.0.0.1"


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to serve a market.

    `speed` is market seconds per wall second; `realtime` makes market time the wall clock (speed 1 only); with
    `hold_until_subscribed` the market stands still until the first client subscribes to prices. Port 0 = any
    free port. `quota_units` per five minutes and `engine_ops_per_sec` per product are the exchange's; `connects_max` is
    new sockets per five minutes and address. `old_socket_login` takes the login frame `auth` that the exchange switched
    off at the end of 2025. `state_path` None = nothing is kept. `control_port` None = no control port, and
    none of the faults it would take. `instance` is what the venue answers when it is asked who it is.
    """

    credentials: tuple[Credential, ...]
    core: CoreSettings = CoreSettings()
    speed: float = 1.0
    realtime: bool = False
    hold_until_subscribed: bool = False
    rest_port: int = 0
    ws_public_port: int = 0
    ws_private_port: int = 0
    quota_units: int = 20_000
    engine_ops_per_sec: int = 500
    connects_max: int = 150
    old_socket_login: bool = False
    state_path: Path | None = None
    control_port: int | None = None
    save_interval_secs: float = 0.05
    instance: str = ""


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running venue listens."""

    rest_url: str
    ws_public_url: str
    ws_private_url: str
    control_url: str | None = None
