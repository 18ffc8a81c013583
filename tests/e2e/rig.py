"""A whole desk without faces: the local venue over real HTTP and WebSocket, a journal on disk, the real runner in a thread."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.config.connection import announcement_path
from trader.config.preset import Preset
from trader.config.settings import load_settings
from trader.desk import Desk
from trader.engine.view import RunView
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.stream.feeds import DeltaAccountFeed, DeltaMarketFeed
from trader.journal.commands import Command
from trader.journal.lease import Lease
from trader.journal.store import Journal
from trader.runner.feed import Feed
from trader.runner.runner import Runner
from trader.runner.steady_clock import SteadyClock
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

KEY, SECRET = "rig-key-0123456789", "rig-secret-0123456789-0123456789"
START = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)  # 10:30 IST on a Tuesday
USER = 5_550_001


def start_venue(*, speed: float = 60.0, seed: int = 1, market: Any = None) -> VenueServer:
    """A venue in a thread of this process, on free ports."""
    market = market or SyntheticMarket(SyntheticSettings(seed=seed, start=START))
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER)
    server = VenueServer(market, VenueSettings(credentials=(credential,), speed=speed))
    server.start()
    return server


def preset(**sections: dict[str, Any]) -> Preset:
    """The default preset with some fields changed, section by section. A limit that does not fill is chased soon, not
    after the default's half minute, which is longer than these tests wait; a stop may lie anywhere."""
    usual = {"orders": {"timeout_secs": 2}, "risk": {"liquidation": "warn"}}
    return Preset.model_validate({**sections, **{name: {**usual[name], **sections.get(name, {})} for name in usual}})


class Rig:
    """One account's runner over a venue. `wrap` may put something between the runner and the gateway."""

    def __init__(self, venue: VenueServer, folder: Path, wrap: Callable[[DeltaGateway], Any] = lambda g: g) -> None:
        self.venue = venue
        self.folder = folder
        self.wrap = wrap
        self.lease_secs = 1.0  # short: the next runner need not wait for it
        folder.chmod(0o700)
        self.journal = Journal.open(f"sqlite:///{folder / 'journal.db'}")
        self.runner: Runner | None = None
        self.lease: Lease | None = None
        self._thread: threading.Thread | None = None
        addresses = venue.addresses
        self.credentials = Credentials(KEY, SECRET)
        self.gateway = DeltaGateway(addresses.rest_url, self.credentials)

    def boot(self, steady: SteadyClock | None = None) -> Runner:
        """A fresh runner instance on the same journal, as after a restart of its host; `steady` is the clock it is given."""
        gateway = DeltaGateway(self.venue.addresses.rest_url, self.credentials)
        market = DeltaMarketFeed(self.venue.addresses.ws_public_url, clock=gateway.clock)
        account = DeltaAccountFeed(self.venue.addresses.ws_private_url, self.credentials, clock=gateway.clock)
        feed = Feed(market, account, gateway.counters)
        self.lease = self._lease()
        runner = Runner(
            journal=self.journal,
            lease=self.lease,
            env="paper",
            gateway=self.wrap(gateway),
            feed=feed,
            host="thread",
            steady=steady,
        )
        self.runner = runner
        self._thread = threading.Thread(target=runner.run, name="runner", daemon=True)
        self._thread.start()
        assert runner.ready.wait(40)
        return runner

    def _lease(self) -> Lease:
        def take() -> Lease | None:
            return self.journal.take_lease(
                account="paper",
                holder=uuid.uuid4().hex,
                host="thread",
                pid=1,
                code_hash="test",
                ttl_secs=self.lease_secs,
                now=datetime.now(UTC),
            )

        return await_value(take, 40, "a free lease")

    def desk(self) -> Desk:
        """A face's desk on the same journal and venue; whoever opens it closes it."""
        addresses, settings = self.venue.addresses, load_settings(environ={"TRADER_HOME": str(self.folder)})
        body = {
            "rest_url": addresses.rest_url, "ws_public_url": addresses.ws_public_url,
            "ws_private_url": addresses.ws_private_url, "api_key": KEY, "api_secret": SECRET, "pid": 1,
        }  # fmt: skip
        announcement_path(settings.home).write_text(json.dumps(body))
        return Desk(settings)

    def halt(self) -> None:
        """Stop the runner; the position stays."""
        assert self.runner is not None and self._thread is not None
        self.runner.stop()
        self._thread.join(40)
        assert not self._thread.is_alive()

    def start(self, chosen: Preset, *, now: bool = True) -> str:
        command_id = uuid.uuid4().hex
        body = {
            "config": chosen.model_dump(mode="json"),
            "config_hash": chosen.config_hash,
            "now": now,
            "confirm": None,
        }
        self._command(command_id, "start", body)
        return command_id

    def stop(self, run_id: str | None = None) -> str:
        command_id = uuid.uuid4().hex
        self._command(command_id, "stop", {"run_id": run_id})
        return command_id

    def order(self, *tickets: dict[str, Any]) -> None:
        """Ask for single orders, and wait until that is accepted."""
        command_id = uuid.uuid4().hex
        body = {"tickets": list(tickets), "link": "none", "confirm": None, "key": "", "who": "asha"}
        self._command(command_id, "order", body)
        row = await_value(
            lambda: ((row := self.journal.command(command_id)) and row.status != "new" and row) or None,
            20,
            "an answered order",
        )
        assert row.status == "accepted", row.detail

    def _command(self, command_id: str, kind: Any, body: dict[str, Any]) -> None:
        self.journal.submit_command(
            Command(
                command_id=command_id,
                account="paper",
                kind=kind,
                issued_at=datetime.now(UTC),
                issued_by="cli",
                body=body,
            )
        )

    def view(self) -> RunView | None:
        """The newest run as the present runner published it last (not as an earlier instance left it)."""
        snapshot = self.journal.snapshot("paper")
        if snapshot is None or self.lease is None or snapshot.epoch != self.lease.epoch or not snapshot.runs:
            return None
        return snapshot.runs[-1]

    def await_view(self, condition: Callable[[RunView], object], secs: float, what: str) -> RunView:
        """The first published view for which the condition holds."""

        def look() -> RunView | None:
            view = self.view()
            return view if view is not None and condition(view) else None

        return await_value(look, secs, f"{what}; last seen: {self.view()}")

    def ledger_change(self) -> Decimal:
        """What the venue's own cash ledger moved by since the account was opened (USD, exact)."""
        return self.gateway.wallet().balance - Decimal(10_000)


def await_value(look: Callable[[], Any], secs: float, what: str, every_secs: float = 0.01) -> Any:
    """Poll until `look` gives something, else fail saying what was awaited."""
    deadline = time.monotonic() + secs
    while time.monotonic() < deadline:
        value = look()
        if value is not None:
            return value
        time.sleep(every_secs)
    raise AssertionError(f"not seen within {secs} s: {what}")
