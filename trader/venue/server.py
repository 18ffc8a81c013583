"""A venue that serves: three loopback listeners in one asyncio loop around one exchange.

`run()` blocks; `start()` and `stop()` host it in a background thread. Every exchange call happens on the loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import uvicorn

from trader.domain.errors import ConfigError
from trader.machine.signals import ending_signals
from trader.venue.clock import MarketClock
from trader.venue.core.events import Event, PublicTrade, WalletEvent
from trader.venue.core.exchange import Exchange
from trader.venue.core.state import restore
from trader.venue.market.base import HealthSource, MarketSource
from trader.venue.settings import LOOPBACK, Addresses, VenueSettings
from trader.venue.store import Store
from trader.venue.tape import Tape
from trader.venue.wire.auth import KeyRing
from trader.venue.wire.broadcast import BATCH_WALL_SECS
from trader.venue.wire.compact import compact_broadcast
from trader.venue.wire.connection import Doorman
from trader.venue.wire.legacy import legacy_broadcast
from trader.venue.wire.private_socket import PrivateHub
from trader.venue.wire.public_socket import PublicHub
from trader.venue.wire.quota import EngineLimit, Quota
from trader.venue.wire.rest import build_rest_app
from trader.venue.wire.sockets import build_socket_app

if TYPE_CHECKING:
    from trader.venue.faults.desk import FaultDesk

_log = logging.getLogger(__name__)
_IDLE_TICK_SECS = 0.25
_REALTIME_TICK_SECS = 0.1
_START_TIMEOUT_SECS = 20.0


class VenueServer:
    """One exchange on three ports.

    Raises:
        ConfigError: At construction: a busy port, or a state file that cannot be used.
    """

    def __init__(self, market: MarketSource, settings: VenueSettings) -> None:
        self.settings = settings
        self._store = Store(settings.state_path) if settings.state_path is not None else None
        self.faults = _fault_desk(settings)
        try:
            self.exchange = _build_exchange(market, settings, self._store, self.faults)
            self._sockets = _bind(settings)
        except ConfigError:
            if self._store is not None:
                self._store.close()
            raise
        self.instance = settings.instance
        for credential in settings.credentials:
            self.exchange.open_account(credential.user_id)
        self.keys = KeyRing(settings.credentials)
        self.quota = Quota(settings.quota_units)
        self.engine_limit = EngineLimit(settings.engine_ops_per_sec)
        self.tape = Tape(self.exchange)
        self._broadcasts = (compact_broadcast(self.exchange, self.tape), legacy_broadcast(self.exchange, self.tape))
        compact, legacy = self._broadcasts
        self._public = PublicHub(compact)
        self._private = PrivateHub(self.exchange, self.keys, legacy, old_login=settings.old_socket_login)
        self._clock: MarketClock | None = None
        self._market_live = True
        self._unsaved = self._store is not None
        self._last_save = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._stop_when: Callable[[int], bool] | None = None
        self._thread: threading.Thread | None = None
        self._listeners: list[_Listener] = []
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @property
    def addresses(self) -> Addresses:
        """The URLs of the three listeners; valid from construction on."""
        rest, public, private, *control = (s.getsockname()[1] for s in self._sockets)
        return Addresses(
            rest_url=f"http://{LOOPBACK}:{rest}",
            ws_public_url=f"ws://{LOOPBACK}:{public}",
            ws_private_url=f"ws://{LOOPBACK}:{private}",
            control_url=f"http://{LOOPBACK}:{control[0]}" if control else None,
        )

    @property
    def socket_clients(self) -> int:
        """Open socket connections of both kinds."""
        return len(self._public.connections) + len(self._private.connections)

    # hosting

    def run(
        self, on_ready: Callable[[], None] | None = None, *, stop_when: Callable[[int], bool] | None = None
    ) -> None:
        """Serve until `stop()`, or a signal that ends a process.

        `on_ready` is called once all listeners accept; `stop_when` about every second with the number of open sockets,
        and its True ends the venue.
        """
        self._stop_when = stop_when
        asyncio.run(self._main(on_ready))

    def start(self) -> Addresses:
        """Serve from a background thread; returns when all listeners accept."""
        self._thread = threading.Thread(target=self._run_in_thread, name="venue", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT_SECS) or self._failure is not None:
            raise RuntimeError("the venue did not start") from self._failure
        return self.addresses

    def stop(self) -> None:
        """Stop serving, save the state, wait for the background thread. Safe from any thread, and twice."""
        loop, stopping = self._loop, self._stopping
        if loop is not None and stopping is not None and not loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop may close between the check and the call
                loop.call_soon_threadsafe(stopping.set)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_START_TIMEOUT_SECS)

    def _run_in_thread(self) -> None:
        try:
            self.run()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in start()
            self._failure = error
            _log.exception("the venue stopped on an error")
        finally:
            self._ready.set()

    async def _main(self, on_ready: Callable[[], None] | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        if threading.current_thread() is threading.main_thread():
            for number in ending_signals():
                self._loop.add_signal_handler(number, self._end_on, number.name)
        market = self.exchange.market
        self._clock = MarketClock(
            self.exchange.now,
            speed=self.settings.speed,
            end=market.end(),
            realtime=self.settings.realtime,
            held=self.settings.hold_until_subscribed,
        )
        apps = self._build_apps()
        servers = self._listeners = [_Listener(app) for app in apps]
        serving = [
            asyncio.create_task(server.serve(sockets=[bound]))
            for server, bound in zip(servers, self._sockets, strict=True)
        ]
        try:
            while not all(server.started for server in servers):
                if any(task.done() for task in serving):
                    raise RuntimeError("a listener did not start")
                await asyncio.sleep(0.005)
            self._ready.set()
            if on_ready is not None:
                on_ready()
            await self._tick_until_stopped(serving)
        finally:
            for server in servers:
                server.should_exit = True
            for connection in (*self._public.connections, *self._private.connections):
                connection.close(1001, "venue is stopping")
            await asyncio.wait(serving, timeout=5)
            self._save()
            if self._store is not None:
                self._store.close()
            if isinstance(self.exchange.market, HealthSource):
                self.exchange.market.close()

    def _end_on(self, signal_name: str) -> None:
        assert self._stopping is not None
        # A person at the keyboard knows; in the log of one that runs unwatched it must stand why it ended.
        (_log.info if signal_name == "SIGINT" else _log.warning)("venue_stopping signal=%s", signal_name)
        self._stopping.set()

    def _build_apps(self) -> tuple[Any, ...]:
        """The listeners' applications in the order of their sockets."""
        doorman = Doorman(self.settings.connects_max)
        rest = build_rest_app(self)
        if self.faults is not None:
            return self.faults.build_apps(self, rest, self._public, self._private, doorman)
        return rest, build_socket_app(self._public, doorman), build_socket_app(self._private, doorman)

    # the beat

    async def _tick_until_stopped(self, serving: list[asyncio.Task[None]]) -> None:
        """Raises RuntimeError when a listener has ended by itself: half an exchange serves no one."""
        assert self._stopping is not None
        last_care = 0.0
        while not self._stopping.is_set():
            if any(task.done() for task in serving):
                raise RuntimeError("a listener of the venue has ended by itself")
            began = time.monotonic()
            try:
                self.bring_to_now()
                self.after_change()
                for broadcast in self._broadcasts:
                    broadcast.publish(self.exchange.now, began)
                self._private.publish(began)
                if began - last_care >= 1:
                    last_care = began
                    self._look_after_market()
                    if self.faults is not None:
                        self.faults.look_around()
                    for connection in (*self._public.connections, *self._private.connections):
                        connection.keep_alive(began)
                    if self._stop_when is not None and self._stop_when(self.socket_clients):
                        self._stopping.set()
            except Exception:  # noqa: BLE001 - edge of the loop that must live: reported, the next tick tries again
                _log.exception("the venue's tick failed")
            await self._let_writers_work(time.monotonic() - began)
            pause = max(0.001, self._tick_secs() - (time.monotonic() - began))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _let_writers_work(self, secs: float) -> None:
        """Leave the loop to the connections' writers until their queues are empty, at most as long as the batch took (and a
        second): a fast market must not keep this loop so busy that its readers only seem slow."""
        until = time.monotonic() + min(secs, 1.0)
        connections = (*self._public.connections, *self._private.connections)
        while any(each.has_frames_waiting for each in connections) and time.monotonic() < until:
            await asyncio.sleep(0)

    def _look_after_market(self) -> None:
        """Say so when the source lost its prices, and when it has them again."""
        market = self.exchange.market
        if not isinstance(market, HealthSource):
            return
        health = market.health()
        if health.live == self._market_live:
            return
        self._market_live = health.live
        (_log.info if health.live else _log.warning)("market_live=%s reason=%s", health.live, health.reason)
        for broadcast in self._broadcasts:
            broadcast.tell_status("app_status_update", "live" if health.live else "degraded_mode")

    def _tick_secs(self) -> float:
        if not self._public.broadcast.busy and not self._private.connections and not self.exchange.has_resting_orders:
            return _IDLE_TICK_SECS
        return _REALTIME_TICK_SECS if self.settings.speed <= 2 else BATCH_WALL_SECS

    def bring_to_now(self) -> None:
        """Advance the exchange to the present market time."""
        assert self._clock is not None, "the venue is not running"
        if any(broadcast.busy for broadcast in self._broadcasts):
            self._clock.release()
        self.exchange.advance(self._clock.now())
        self.exchange.check_heartbeats(int(time.time() * 1000))

    def after_change(self) -> None:
        """Keep what happened, then tell it: fills and orders in order, each account's newest wallet once. No client hears of
        an order or a fill that a killed exchange would not know any more; the market's own news is kept at an interval."""
        events = self.exchange.drain_events()
        self._unsaved |= bool(events)
        of_accounts = any(not isinstance(event, PublicTrade) for event in events)
        due = time.monotonic() - self._last_save >= self.settings.save_interval_secs
        try:
            if self._unsaved and (of_accounts or due):
                self._save(durably=of_accounts)
        finally:
            self._deliver(events)

    def _deliver(self, events: list[Event]) -> None:
        wallets: dict[int, WalletEvent] = {}
        for event in events:
            if isinstance(event, WalletEvent):
                wallets[event.user_id] = event
            elif isinstance(event, PublicTrade):
                self.tape.record(event)
                for broadcast in self._broadcasts:
                    broadcast.publish_trade(event)
            else:
                self._private.deliver(event)
        for wallet in wallets.values():
            self._private.deliver(wallet)

    def _save(self, *, durably: bool = True) -> None:
        if self._store is None:
            return
        self._store.save(self.exchange, durably=durably)
        self._unsaved = False
        self._last_save = time.monotonic()


class _Listener(uvicorn.Server):
    """A uvicorn server among several in one loop: it leaves signals alone."""

    def __init__(self, app: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                date_header=False,
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                ws_max_size=1 << 20,
                timeout_graceful_shutdown=2,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _fault_desk(settings: VenueSettings) -> FaultDesk | None:
    """What a control port controls; without one not even its code is loaded."""
    if settings.control_port is None:
        return None
    from trader.venue.faults.desk import FaultDesk

    return FaultDesk()


def _build_exchange(
    market: MarketSource, settings: VenueSettings, store: Store | None, faults: FaultDesk | None
) -> Exchange:
    """A fresh exchange, or the one the state file holds."""
    build = Exchange if faults is None else faults.build_exchange
    saved = store.load() if store is not None else None
    if saved is None:
        return build(market, settings.core)
    header, rows, market_state = saved
    try:
        market.restore(market_state)
        exchange = build(market, settings.core)
        restore(exchange, header, rows)
    except ValueError as error:
        raise ConfigError(f"the state file {settings.state_path} belongs to another market: {error}") from None
    return exchange


def _bind(settings: VenueSettings) -> tuple[socket.socket, ...]:
    """Listening sockets on loopback, in the order REST, public, private and, where there is one, control."""
    bound: list[socket.socket] = []
    ports = [settings.rest_port, settings.ws_public_port, settings.ws_private_port]
    if settings.control_port is not None:
        ports.append(settings.control_port)
    for port in ports:
        # The protocol is named because asyncio switches Nagle's delay off (40 ms per answer) only for sockets that say TCP.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen(128)
        except (OSError, OverflowError) as error:
            for other in (*bound, listener):
                other.close()
            raise ConfigError(f"port {port} on {LOOPBACK} cannot be used: {error}") from None
        bound.append(listener)
    return tuple(bound)
