"""A whole installation: the local venue with its faults, the real runner as a process that can be killed, and the desk of its faces."""

import contextlib
import multiprocessing
import os
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.e2e import forked
from tests.e2e.rig import KEY, SECRET, START, USER, await_value
from trader.config.settings import load_settings
from trader.desk import Desk
from trader.domain.errors import TraderError
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.journal.store import Journal
from trader.venue.faults.helper import VenueFaults
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

PERP = "BTCUSD"
PATIENCE_SECS = 60.0  # for conditions: a machine that others use too needs its time
_QUOTA = 10**7  # a test looks much more often than a program would


class StillMarket(SyntheticMarket):
    """Its prices stand still when they are told to, while time goes on: two questions are answered alike, and no price gets old."""

    stands = False

    def advance(self, now: datetime) -> None:
        if not self.stands:
            super().advance(now)


def faulty_venue(speed: float) -> VenueServer:
    """A venue in a thread of this process, with a control port."""
    market = StillMarket(SyntheticSettings(seed=1, start=START))
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER)
    server = VenueServer(
        market, VenueSettings(credentials=(credential,), speed=speed, control_port=0, quota_units=_QUOTA)
    )
    server.start()
    return server


class Live:
    """One account, its venue, its runner and its desk. `journal_url`: another journal than the home's own file."""

    def __init__(self, venue: VenueServer, home: Path, journal_url: str = "") -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        self.venue, self.home = venue, home
        addresses = venue.addresses
        assert addresses.control_url is not None
        self.environment = {
            "TRADER_HOME": str(home), "TRADER_ENV": "paper", "DELTA_PAPER_API_KEY": KEY, "DELTA_PAPER_API_SECRET": SECRET,
            "DELTA_REST_URL": addresses.rest_url, "DELTA_WS_PUBLIC_URL": addresses.ws_public_url,
            "DELTA_WS_PRIVATE_URL": addresses.ws_private_url, **({"DATABASE_URL": journal_url} if journal_url else {}),
        }  # fmt: skip
        self.faults = VenueFaults(addresses.control_url)
        self.gateway = DeltaGateway(addresses.rest_url, Credentials(KEY, SECRET), quota=_QUOTA)
        self.desk = Desk(load_settings(environ=self.environment))
        self.journal = Journal.open(self.desk.settings.journal_url)
        self.installation = self.journal.installation()
        self.perp = next(one for one in self.gateway.instruments("BTC") if one.symbol == PERP)
        self.runner: ForkServerProcess | None = None
        self.said = home.parent / f"{home.name}.txt"

    def at(self, share: str) -> str:
        """A price so far from the index, on tick."""
        tick = self.perp.tick_size
        return f"{(self.gateway.spot('BTC') * Decimal(share) / tick).to_integral_value() * tick:f}"

    # ------------------------------------------------------------ the runner

    def begin(self) -> ForkServerProcess:
        """A runner's process, whether it gets to manage the account or not."""
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload([forked.__name__])
        process = forks.Process(
            target=forked.run, args=({**os.environ, **self.environment}, self.said), name="runner", daemon=True
        )
        process.start()
        return process

    def launch(self) -> None:
        """The account's runner; waits until it has told its first picture."""
        began = datetime.now(UTC)
        self.runner = self.begin()

        def manages() -> bool | None:
            assert self.runner is not None and self.runner.is_alive(), self.said.read_text()
            with contextlib.suppress(TraderError):
                status = self.desk.status()
                seen = status.pictured_at
                return (status.runner.alive and seen is not None and seen > began) or None
            return None

        await_value(manages, PATIENCE_SECS, "a runner that manages the account")

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        assert self.runner is not None
        self.runner.kill()
        self.runner.join(15)

    def end(self) -> None:
        """SIGTERM, as a restart begins."""
        if self.runner is not None and self.runner.is_alive():
            self.runner.terminate()
            self.runner.join(20)
            assert self.runner.exitcode == 0, self.said.read_text()

    def close(self) -> None:
        self.end()
        self.desk.close()
        self.journal.close()
        self.gateway.close()
