"""Starts a venue as a process of its own: builds its market, serves, and announces itself in one JSON line."""

import logging
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from trader.config.announced import lock_beside
from trader.domain.errors import ConfigError
from trader.machine.locks import ProcessLock
from trader.venue.choices import with_choices
from trader.venue.core.settings import CoreSettings, FeeModel, FillIds
from trader.venue.linger import Linger
from trader.venue.market.base import MarketSource
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.market.temper import MarketMode
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.store import saved_seed
from trader.venue.wire.auth import Credential

_log = logging.getLogger(__name__)
SPEED_MAX = 600.0
BALANCE_USD_MAX = 1_000_000_000
FEE_PCT_MAX = 5
_PERCENTAGES = ("maker_fee_pct", "taker_fee_pct", "slippage_pct")
ALREADY_SERVED = 3  # exit code
_PROBED_SECS = 2.0  # others take the lock for a moment to see whether it is free
_SEED_MAX = 2**31 - 1


class VenueOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to start a venue.

    `speed` is market seconds per wall second; at 1 the synthetic market's time is the wall clock. `seed` None takes the
    saved state's, else a random one. `mode` is how wild the synthetic market is. Key and secret None are drawn at random. Ports 0 are any free ones; the host is
    always loopback. `relay_*` name the exchange whose public data a relay follows; without addresses the production one.
    `initial_balance` is USD and for an account that is opened now; one of the state file has its own. `fees` with its three
    percentages (of the simple model only; None = the model's own) is as in `CoreSettings`. `fill_ids` says whether REST and the private channels name an execution alike. `choices` are ``name=value`` pairs of `CoreSettings`. `state_path` None keeps nothing. `start` is the first instant of
    a synthetic market that is not real time. With `parent_pid` and `linger_secs` the venue ends once that process is gone and no socket was connected
    for that long. `control_port` None has no control port, and so none of the faults it takes.
    """

    market: Literal["synthetic", "recording", "relay"] = "synthetic"
    mode: MarketMode = "normal"
    recording: Path | None = None
    relay_rest_url: str | None = None
    relay_ws_url: str | None = None
    relay_underlyings: tuple[str, ...] = ("BTC", "ETH")
    relay_expiries: int | None = 4
    relay_proxy: str | None = None
    speed: float = 1.0
    seed: int | None = None
    start: datetime | None = None
    rest_port: int = 0
    ws_public_port: int = 0
    ws_private_port: int = 0
    api_key: str | None = None
    api_secret: str | None = None
    initial_balance: Decimal = Decimal(10_000)
    fees: FeeModel = "delta"
    maker_fee_pct: Decimal | None = None
    taker_fee_pct: Decimal | None = None
    slippage_pct: Decimal | None = None
    fill_ids: FillIds = CoreSettings().fill_ids
    choices: tuple[str, ...] = ()
    quota_units: int = 20_000
    control_port: int | None = None
    state_path: Path | None = None
    announce_path: Path | None = None
    parent_pid: int | None = None
    linger_secs: float | None = None


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What a client needs to know of a running venue. Holds the secret: never log it."""

    rest_url: str
    ws_public_url: str
    ws_private_url: str
    api_key: str
    api_secret: str
    seed: int
    market: str
    speed: float
    pid: int
    parent_pid: int | None
    instance: str
    control_url: str | None = None


class AlreadyServed(ConfigError):
    """Another exchange announces itself in the same place."""


def run_venue(options: VenueOptions) -> None:
    """`serve_venue` for a child process: what cannot be used ends it with one sentence on stderr and exit code 2; another
    exchange that was first, with exit code 3."""
    try:
        serve_venue(options)
    except AlreadyServed as error:
        print(str(error), file=sys.stderr)  # noqa: T201 - the command's answer
        raise SystemExit(ALREADY_SERVED) from None
    except ConfigError as error:
        print(str(error), file=sys.stderr)  # noqa: T201 - the command's answer
        raise SystemExit(2) from None


def serve_venue(options: VenueOptions, *, explain: Callable[[Announcement], Iterable[str]] | None = None) -> None:
    """Serve until a signal that ends a process (or the lingering ends). When everything listens the JSON line goes to stdout, or with
    `explain` its lines for people instead.

    Raises:
        AlreadyServed: Another exchange announces itself at `announce_path`.
        ConfigError: An option cannot be used (a busy port, a missing recording).
    """
    linger = _linger(options)
    place = None if options.announce_path is None else _AnnouncedPlace(options.announce_path)
    try:
        server, announcement = build_venue(options)
        line = msgspec.json.encode(announcement)

        def announce() -> None:
            if place is not None:
                place.write(line + b"\n")
            told = [line.decode()] if explain is None else explain(announcement)
            print("\n".join(told), flush=True)  # noqa: T201 - the command's answer

        def look_after(socket_clients: int) -> bool:
            if place is not None:
                place.keep()
            return linger is not None and linger(socket_clients)

        server.run(announce, stop_when=look_after)
    finally:
        if place is not None:
            place.leave()


class _AnnouncedPlace:
    """The file an exchange announces itself in, its alone from before it begins until after it has ended: the lock beside the
    file tells others that there is one, whether it is still starting, has been stopped, or is ending.

    Raises:
        AlreadyServed: Another exchange has the place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = b""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = ProcessLock(lock_beside(path))
        if not self._lock.take(_PROBED_SECS):
            raise AlreadyServed(f"another local exchange announces itself in {path}")
        path.unlink(missing_ok=True)  # of one that was killed, or of another folder this one is a copy of

    def write(self, content: bytes) -> None:
        self._content = content
        write_private(self._path, content)

    def keep(self) -> None:
        """Write it again when somebody has removed or damaged it: without it no one finds this exchange."""
        if self._content and self._lock.still_there and _content_of(self._path) != self._content:
            _log.warning("announcement_lost path=%s; written again", self._path)
            write_private(self._path, self._content)

    def leave(self) -> None:
        if self._content and _content_of(self._path) == self._content:
            self._path.unlink(missing_ok=True)
        self._lock.release()


def _content_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def build_venue(options: VenueOptions) -> tuple[VenueServer, Announcement]:
    """A venue that listens but does not serve yet, and its announcement.

    Raises:
        ConfigError: An option cannot be used; the message says which and why.
    """
    _check(options)
    seed = options.seed
    if seed is None and options.state_path is not None:
        seed = saved_seed(options.state_path)
    if seed is None:
        seed = secrets.randbelow(_SEED_MAX)
    core = with_choices(_core(options, seed), options.choices)
    credential = Credential(
        api_key=options.api_key or secrets.token_hex(16),
        api_secret=options.api_secret or secrets.token_hex(32),
        user_id=core.first_user_id,
    )
    settings = VenueSettings(
        credentials=(credential,),
        core=core,
        speed=options.speed,
        realtime=_is_realtime(options),
        # A replay begins when somebody watches, not while they are still typing.
        hold_until_subscribed=options.market == "recording",
        rest_port=options.rest_port,
        ws_public_port=options.ws_public_port,
        ws_private_port=options.ws_private_port,
        quota_units=options.quota_units,
        control_port=options.control_port,
        state_path=options.state_path,
        instance=secrets.token_hex(16),
    )
    server = VenueServer(_market(options, seed), settings)
    _say_balance_came_too_late(server, core)
    announcement = Announcement(
        **msgspec.structs.asdict(server.addresses),
        api_key=credential.api_key,
        api_secret=credential.api_secret,
        seed=seed,
        market=options.market,
        speed=options.speed,
        pid=os.getpid(),
        parent_pid=options.parent_pid,
        instance=settings.instance,
    )
    return server, announcement


def _core(options: VenueOptions, seed: int) -> CoreSettings:
    percentages = {name: value for name in _PERCENTAGES if (value := getattr(options, name)) is not None}
    return CoreSettings(
        seed=seed,
        initial_balance=options.initial_balance,
        fees=options.fees,
        fill_ids=options.fill_ids,
        **percentages,
    )


def _say_balance_came_too_late(server: VenueServer, core: CoreSettings) -> None:
    account = server.exchange.accounts[core.first_user_id]
    if account.initial_balance != core.initial_balance:
        _log.warning(
            "the account was opened with %s USD and keeps its money; a balance of %s USD is for an account that is new",
            f"{account.initial_balance:f}",
            f"{core.initial_balance:f}",
        )


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step, readable by its owner only.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError as error:
        raise ConfigError(f"the announcement file {path} cannot be written: {error}") from None


def _check(options: VenueOptions) -> None:
    if not 0 < options.speed <= SPEED_MAX:
        raise ConfigError(f"speed must be above 0 and at most {SPEED_MAX:g}, was {options.speed:g}")
    if options.market == "recording" and options.recording is None:
        raise ConfigError("the market is recording, so the recording to play must be named")
    if options.market != "recording" and options.recording is not None:
        raise ConfigError(
            f"a recording was given, but the market is {options.market}; choose the market recording to play it"
        )
    if options.market != "synthetic" and options.mode != "normal":
        raise ConfigError(f"the mode {options.mode} is of the synthetic market, but the market is {options.market}")
    if options.market == "relay" and (options.speed != 1 or options.start is not None):
        raise ConfigError("a relay runs with the market it relays: at speed 1, starting now")
    if options.market != "relay" and (options.relay_rest_url or options.relay_ws_url):
        raise ConfigError(f"an exchange to relay was given, but the market is {options.market}")
    if (options.relay_rest_url is None) != (options.relay_ws_url is None):
        raise ConfigError("an exchange to relay needs both addresses, REST and public socket")
    if not 0 < options.initial_balance <= BALANCE_USD_MAX:
        raise ConfigError(
            f"the initial balance must be above 0 and at most {BALANCE_USD_MAX} USD, was {options.initial_balance}"
        )
    for name in _PERCENTAGES:
        percent: Decimal | None = getattr(options, name)
        if percent is None:
            continue
        if options.fees != "simple":
            raise ConfigError(f"{name} was given, but it is of the fee model simple and the model is {options.fees}")
        if not 0 <= percent <= FEE_PCT_MAX:
            raise ConfigError(f"{name} must be 0 to {FEE_PCT_MAX} %, was {percent}")
    if options.start is not None and options.start.tzinfo is None:
        raise ConfigError("start must carry a time zone")
    for name in ("rest_port", "ws_public_port", "ws_private_port", "control_port"):
        port = getattr(options, name)
        if port is not None and not 0 <= port <= 65_535:
            raise ConfigError(f"{name} must be 0 to 65535, was {port}")


def _is_realtime(options: VenueOptions) -> bool:
    return options.market == "relay" or (options.market == "synthetic" and options.speed == 1 and options.start is None)


def _market(options: VenueOptions, seed: int) -> MarketSource:
    if options.market == "synthetic":
        start = options.start or datetime.now(UTC)
        return SyntheticMarket(SyntheticSettings(seed=seed, start=start, mode=options.mode))
    if options.market == "relay":
        return _relay(options)
    # Imported here: a synthetic venue does without pyarrow, which a recording needs.
    from trader.venue.feed.session_file import is_session
    from trader.venue.market.recording import RecordingMarket
    from trader.venue.market.recording_file import RecordingError

    assert options.recording is not None
    if is_session(options.recording):
        from trader.venue.feed.session import SessionMarket

        return SessionMarket(options.recording)
    if not options.recording.is_file():
        what = "is not a file" if options.recording.exists() else "does not exist"
        raise ConfigError(f"the recording {options.recording} {what}")
    try:
        return RecordingMarket(options.recording, seed)
    except RecordingError as error:
        raise ConfigError(str(error)) from None


def _relay(options: VenueOptions) -> MarketSource:
    from trader.venue.feed.public_feed import FeedOptions
    from trader.venue.feed.relay import RelayMarket

    feed = FeedOptions(
        underlyings=options.relay_underlyings, expiries=options.relay_expiries, proxy=options.relay_proxy
    )
    if options.relay_rest_url is not None and options.relay_ws_url is not None:
        feed = msgspec.structs.replace(feed, rest_url=options.relay_rest_url, ws_url=options.relay_ws_url)
    return RelayMarket(feed)


def _linger(options: VenueOptions) -> Linger | None:
    if options.linger_secs is None:
        return None
    if options.parent_pid is None:
        raise ConfigError("lingering needs the parent's process id")
    return Linger(options.parent_pid, options.linger_secs)
