"""A desk over a journal of its own, and the hand of a runner to write what a runner would."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trader.config.connection import announcement_path
from trader.config.settings import Settings, load_settings
from trader.desk import Desk
from trader.engine.view import LiveSnapshot, Ops, RunView
from trader.journal import Journal, Lease
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

KEY, SECRET = "desk-key-0123456789", "desk-secret-0123456789-0123456789"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return load_settings(environ={"TRADER_HOME": str(tmp_path / "home")})


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    opened = Desk(settings)
    yield opened
    opened.close()


@pytest.fixture
def journal(settings: Settings) -> Iterator[Journal]:
    opened = Journal.open(settings.journal_url)
    yield opened
    opened.close()


class RunnersHand:
    """Writes lease and live picture as a runner would at `now`."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.lease: Lease | None = None

    def live(self, *runs: RunView, age_secs: float = 0.2, lease_age_secs: float = 0.5) -> None:
        now = datetime.now(UTC)
        self.lease = self.journal.take_lease(
            account="paper",
            holder="hand",
            host="thread",
            pid=4711,
            code_hash="c0de",
            now=now - timedelta(seconds=lease_age_secs),
        )
        self.journal.publish(picture(now - timedelta(seconds=age_secs), *runs))


def picture(wall: datetime, *runs: RunView) -> LiveSnapshot:
    return LiveSnapshot(
        holder="hand",
        host="thread",
        epoch=1,
        env="paper",
        account="paper",
        wall=wall,
        market=wall,
        ops=Ops(
            public_socket="up",
            private_socket="up",
            price_age_s=0.4,
            last_reconciled_at=wall,
            quota_left_pct=98.0,
            clock_skew_s=0.0,
            messages_per_s=20.0,
        ),
        runs=runs,
    )


@pytest.fixture
def runner(journal: Journal) -> RunnersHand:
    return RunnersHand(journal)


@pytest.fixture(scope="module")
def venue() -> Iterator[VenueServer]:
    """A real local venue; reads only, so the module's tests share it."""
    market = SyntheticMarket(SyntheticSettings(seed=3, start=datetime(2026, 3, 3, 5, 0, tzinfo=UTC)))
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=5_550_001)
    server = VenueServer(market, VenueSettings(credentials=(credential,), speed=1.0))
    server.start()
    yield server
    server.stop()


def announce(settings: Settings, venue: VenueServer) -> None:
    settings.home.mkdir(mode=0o700, exist_ok=True)
    body = {
        "rest_url": venue.addresses.rest_url,
        "ws_public_url": venue.addresses.ws_public_url,
        "ws_private_url": venue.addresses.ws_private_url,
        "api_key": KEY,
        "api_secret": SECRET,
        "pid": 1,
    }
    announcement_path(settings.home).write_text(json.dumps(body))
