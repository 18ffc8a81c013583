"""Other people's positions and orders on a real local exchange: seen by `check`, the start and the prerequisites alike."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from tests.desk.conftest import KEY, SECRET, RunnersHand, announce, picture
from trader.config.preset import Preset
from trader.config.settings import Settings, load_settings
from trader.desk import Desk, NotPossible
from trader.domain.errors import ConfigError
from trader.domain.foreign import beside_phrase, parse_foreign
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderType, Side
from trader.domain.outcome import Ok
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.api.order_requests import OrderRequest
from trader.exchange.delta.gateway import DeltaGateway
from trader.journal import Journal
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

START = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
ETH = Preset.model_validate({"strategy": {"underlying": "ETH"}, "risk": {"liquidation": "warn"}})


def serve(**market: float) -> Iterator[VenueServer]:
    prices = {"start_prices": dict(market)} if market else {}
    source = SyntheticMarket(SyntheticSettings(seed=3, start=START, **prices))
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=5_550_001)
    server = VenueServer(source, VenueSettings(credentials=(credential,), speed=1.0))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_venue() -> Iterator[VenueServer]:
    yield from serve()


@pytest.fixture(scope="module")
def eth_venue() -> Iterator[VenueServer]:
    yield from serve(ETH=3000.0)


class Hand:
    """A person at the exchange's own site; and a runner that lives on."""

    def __init__(self, venue: VenueServer, journal: Journal) -> None:
        self.journal = journal
        self.gateway = DeltaGateway(venue.addresses.rest_url, Credentials(KEY, SECRET))
        self.count = 0

    def start(self, desk: Desk, *, now: bool = False, beside: str | None = None) -> None:
        """At the desk, while the runner's picture is fresh."""
        self.journal.publish(picture(datetime.now(UTC)))
        desk.start(Preset(), now=now, issued_by="cli", beside=beside)

    def order(self, instrument: Instrument, side: Side, quantity: int, price: Decimal | None) -> str:
        self.count += 1
        placed = self.gateway.orders.place(
            OrderRequest(
                product_id=instrument.product_id,
                side=side,
                quantity=quantity,
                client_order_id=f"by-hand-{self.count}",
                limit_price=price,
                order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            )
        )
        assert isinstance(placed, Ok), placed
        return placed.order.venue_order_id

    def contract(self, underlying: str, kind: Kind) -> Instrument:
        """Some contract of a kind that no preset would choose: the nearest expiry's furthest strike still bid."""
        listed = [i for i in self.gateway.instruments(underlying) if i.kind is kind]
        if kind is Kind.PERPETUAL:
            return listed[0]
        quotes = {q.symbol: q for q in self.gateway.tickers(underlying)}
        near = min(i.expiry for i in listed if i.expiry is not None)
        bid = [i for i in listed if i.expiry == near and quotes[i.symbol].bid]
        return min(bid, key=lambda i: abs(abs(quotes[i.symbol].greeks.delta) - 0.5))  # type: ignore[union-attr]


@pytest.fixture
def hand(own_venue: VenueServer, settings: Settings, runner: RunnersHand) -> Iterator[Hand]:
    announce(settings, own_venue)
    runner.live()
    made = Hand(own_venue, runner.journal)
    yield made
    made.gateway.close()


def board(desk: Desk) -> dict[str, tuple[bool | None, str]]:
    return {row.name: (row.ok, row.words) for row in desk.checks()}


def test_a_start_at_once_was_accepted_on_an_account_that_check_had_called_foreign(
    desk: Desk, journal: Journal, hand: Hand, runner: RunnersHand
) -> None:
    call = hand.contract("BTC", Kind.CALL)
    perpetual = hand.contract("BTC", Kind.PERPETUAL)
    hand.order(call, Side.SELL, 3, None)
    resting = hand.order(call, Side.SELL, 2, Decimal(1_500))
    hand.order(perpetual, Side.BUY, 4, None)
    assert desk.foreign("ETH") == ()  # what stands on one underlying does not bar another's preset
    runner.live()  # on a busy machine the orders above took longer than a picture is believed
    assert [row for row in desk.prerequisites(ETH) if not row.ok and row.name != "runner"] == []
    hand.order(hand.contract("ETH", Kind.CALL), Side.SELL, 1, None)

    seen = desk.foreign("BTC")
    assert [(thing.kind, thing.symbol, thing.quantity) for thing in seen] == [
        ("position", "BTCUSD", 4),
        ("position", call.symbol, -3),
        ("order", call.symbol, 2),
    ]
    assert seen[-1].order_id == resting
    met, words = board(desk)["nothing foreign"]
    assert met is False and all(thing.words in words for thing in seen) and beside_phrase(seen) in words

    with pytest.raises(NotPossible, match="Nothing was started: this account holds") as refused:
        hand.start(desk, now=True)
    assert beside_phrase(seen) in str(refused.value) and call.symbol in str(refused.value)
    with pytest.raises(ConfigError, match="confirms something else"):
        hand.start(desk, now=True, beside="START BESIDE THEM")
    assert journal.pending_commands("paper") == []

    hand.start(desk, now=True, beside=beside_phrase(seen))
    (row,) = journal.pending_commands("paper")
    assert parse_foreign(row.body["foreign"]) == seen and row.body["beside"] == beside_phrase(seen)

    hand.order(call, Side.SELL, 1, None)  # what was confirmed has grown: the phrase of then is none of now
    with pytest.raises(ConfigError, match="confirms something else"):
        hand.start(desk, now=True, beside=beside_phrase(seen))


def test_a_scheduled_start_is_taken_and_its_confirmation_with_it(desk: Desk, journal: Journal, hand: Hand) -> None:
    hand.order(hand.contract("BTC", Kind.CALL), Side.SELL, 3, None)
    hand.start(desk)
    hand.start(desk, beside=beside_phrase(desk.foreign("BTC")))
    bodies = [row.body for row in journal.pending_commands("paper")]
    assert ["beside" in body for body in bodies] == [False, True]
    assert msgspec.json.encode(bodies[1])


# ------------------------------------------------------------ an exchange that lists one underlying only


def test_an_exchange_that_lists_eth_only_failed_every_check(
    eth_venue: VenueServer, settings: Settings, desk: Desk, runner: RunnersHand
) -> None:
    announce(settings, eth_venue)
    runner.live()
    of_btc = board(desk)
    assert {name for name, (met, _) in of_btc.items() if met is not True} == {"legs", "account size", "margin"}
    assert "BTC" in of_btc["legs"][1]
    of_eth = desk.checks(overrides=["strategy.underlying=ETH", "risk.liquidation=warn"])
    assert [row for row in of_eth if not row.ok] == []
    assert "ETH at" in next(row.words for row in of_eth if row.name == "public API")
    gateway = DeltaGateway(eth_venue.addresses.rest_url, Credentials(KEY, SECRET))
    assert gateway.health().reasons == [] and gateway.trading_refusal() == ""
    gateway.close()


def test_a_runner_comes_up_on_a_testnet_that_lists_eth_only(eth_venue: VenueServer, settings: Settings) -> None:
    from trader.cli.hosts import _require_exchange

    at = eth_venue.addresses
    testnet = load_settings(
        environ={
            "TRADER_HOME": str(settings.home),
            "TRADER_ENV": "testnet",
            "DELTA_REST_URL": at.rest_url,
            "DELTA_WS_PUBLIC_URL": at.ws_public_url,
            "DELTA_WS_PRIVATE_URL": at.ws_private_url,
            "DELTA_TESTNET_API_KEY": KEY,
            "DELTA_TESTNET_API_SECRET": SECRET,
        }
    )
    _require_exchange(testnet)  # raises where a runner would not be started
