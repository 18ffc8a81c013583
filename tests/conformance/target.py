"""What a conformance run is pointed at, and how its answers are held against the field tables.

Without settings it is a local exchange started for the run. To point it elsewhere:

    CONFORMANCE_REST_URL=https://cdn-ind.testnet.deltaex.org \
    CONFORMANCE_WS_PUBLIC_URL=wss://socket-ind-pub.testnet.deltaex.org \
    CONFORMANCE_WS_PRIVATE_URL=wss://socket-ind.testnet.deltaex.org \
    CONFORMANCE_API_KEY=... CONFORMANCE_API_SECRET=... \
    python -m pytest tests/conformance

Without a key only public cases run. Production is refused: the private cases place orders. The local exchange owes every
field of the newest edition and no other; anybody else only what a client cannot do without.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import websocket

from tests.conformance.schema.check import validate
from trader.config.environments import Environment, check_urls, environment_of
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderType, Side
from trader.domain.outcome import Ok
from trader.domain.quote import Quote
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.transport import Reply
from trader.exchange.delta.api.order_requests import CancelScope, OrderRequest
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.http.rest import Endpoint
from trader.exchange.delta.http.signing import sign_login
from trader.venue.core.settings import CoreSettings
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

_LOCAL_KEY, _LOCAL_SECRET = "conformance-key", "conformance-secret"


@dataclass
class Target:
    """A venue, a client of it, and what its answers looked like."""

    rest_url: str
    ws_public_url: str
    ws_private_url: str
    key: str
    secret: str
    newest: bool
    server: VenueServer | None = None
    seen: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        credentials = Credentials(self.key, self.secret) if self.key else None
        self.gateway = DeltaGateway(self.rest_url, credentials)
        self.gateway.rest.on_reply = self._hold_against_tables
        self._contract: Instrument | None = None

    def _hold_against_tables(self, endpoint: Endpoint, reply: Reply) -> None:
        name = endpoint.name
        for plain, templated in (
            ("GET /v2/orders/client_order_id", "GET /v2/orders/client_order_id/{client_oid}"),
            ("GET /v2/l2orderbook", "GET /v2/l2orderbook/{symbol}"),
            ("GET /v2/trades", "GET /v2/trades/{symbol}"),
        ):
            name = templated if name == plain else name
        if "csv" in name or "download" in name:
            self.seen.setdefault(name, [])
            return
        payload = json.loads(reply.body)
        if name in ("GET /v2/products", "GET /v2/tickers") and not isinstance(payload.get("result"), list):
            name += "/{symbol}"
        rows = payload.get("result")
        if isinstance(rows, list) and len(rows) > 120:  # of a thousand alike, the ends show as much
            payload["result"] = rows[:60] + rows[-60:]
        found = validate(name if reply.status == 200 else "error", payload, newest=self.newest)
        self.seen.setdefault(name, []).extend(found)

    def problems(self, endpoint: str) -> list[str]:
        """Departures seen in the answers of an endpoint; it must have answered at all."""
        assert endpoint in self.seen, f"{endpoint} was not asked; asked were {sorted(self.seen)}"
        return self.seen[endpoint]

    @property
    def perpetual(self) -> Instrument:
        found = self.gateway.market.product("BTCUSD")
        assert found is not None
        return found

    @property
    def option(self) -> Instrument:
        """A call near the money that does not expire within the run."""
        if self._contract is None:
            listed = [i for i in self.gateway.instruments("BTC") if i.kind is Kind.CALL and i.expiry is not None]
            quotes = {quote.symbol: quote for quote in self.gateway.tickers("BTC")}
            far = [i for i in listed if (i.expiry or datetime.now(UTC)).timestamp() - time.time() > 6 * 3600]
            two_sided = [i for i in far if (q := quotes.get(i.symbol)) and q.bid and q.ask]
            assert two_sided, "no call has two sides"
            spot = self.gateway.spot("BTC")
            self._contract = min(two_sided, key=lambda i: (i.expiry, abs((i.strike or Decimal(0)) - spot)))
        return self._contract

    def quote(self) -> Quote:
        return self.gateway.market.ticker(self.option.symbol).quote

    def low(self) -> Decimal:
        """A price at which a buy rests: on tick, inside the band, far below the bid."""
        quote = self.quote()
        assert quote.bid is not None
        return max(quote.band_low or Decimal(1), (quote.bid * Decimal("0.7")).quantize(Decimal(1)))

    def request(self, **changes: Any) -> OrderRequest:
        self.count += 1
        fields: dict[str, Any] = {
            "product_id": self.option.product_id, "side": Side.BUY, "quantity": 1, "limit_price": self.low(),
            "client_order_id": f"cf-{int(time.time())}-{self.count}",
        }  # fmt: skip
        return OrderRequest(**(fields | changes))

    def resting(self, **changes: Any) -> Ok:
        outcome = self.gateway.orders.place(self.request(**changes))
        assert isinstance(outcome, Ok), outcome
        return outcome

    def bought(self, instrument: Instrument | None = None, quantity: int = 1, **changes: Any) -> Ok:
        contract = instrument or self.option
        outcome = self.resting(
            product_id=contract.product_id, quantity=quantity, order_type=OrderType.MARKET, limit_price=None, **changes
        )
        self.wait(lambda: self.gateway.position(contract.product_id).quantity != 0)
        return outcome

    def tidy(self) -> None:
        """No order and no position of this key is left."""
        self.gateway.orders.cancel_all(CancelScope())
        if any(self.gateway.positions(underlying) for underlying in ("BTC", "ETH")):
            self.gateway.account.close_all(self.gateway.who_am_i())
        self.wait(lambda: not self.gateway.open_orders() and not self.gateway.positions("BTC"))

    @staticmethod
    def wait(condition: Callable[[], Any], secs: float = 15.0) -> Any:
        deadline = time.monotonic() + secs
        while not (value := condition()):
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.01)
        return value

    # ------------------------------------------------------------------------------------------------- sockets

    @contextmanager
    def socket(self, *, private: bool = False, log_in: bool = False) -> Iterator["Frames"]:
        """A bare connection, logged in where asked."""
        url = self.ws_private_url if private or log_in else self.ws_public_url
        frames = Frames(websocket.create_connection(url, timeout=10, header=["User-Agent: conformance"]))
        try:
            if log_in:
                stamp = str(int(time.time() + self.gateway.clock_offset_secs))
                payload = {"api-key": self.key, "signature": sign_login(self.secret, stamp), "timestamp": stamp}
                frames.send({"type": "key-auth", "payload": payload})
                answer = frames.next("key-auth")
                assert validate("key-auth", answer) == [] and answer["success"], answer
            yield frames
        finally:
            frames.close()


class Frames:
    """Frames of one connection, those not yet asked for kept."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._kept: list[dict[str, Any]] = []

    def send(self, frame: dict[str, Any]) -> None:
        self._connection.send(json.dumps(frame))

    def subscribe(self, channel: str, *symbols: str) -> dict[str, Any]:
        """Subscribe and give the acknowledgement, which must name the channel without an error."""
        entry: dict[str, Any] = {"name": channel, **({"symbols": list(symbols)} if symbols else {})}
        self.send({"type": "subscribe", "payload": {"channels": [entry]}})
        answer = self.next("subscriptions")
        assert validate("subscriptions", answer) == [], answer
        (mine,) = [row for row in answer["channels"] if row["name"] == channel]
        assert "error" not in mine, mine
        return answer

    def next(self, kind: str, *, secs: float = 12.0, where: Callable[[dict[str, Any]], bool] = lambda f: True) -> Any:
        """The next frame of a type.

        Raises:
            LookupError: None came in time.
        """
        deadline = time.monotonic() + secs
        for index, frame in enumerate(self._kept):
            if frame.get("type") == kind and where(frame):
                return self._kept.pop(index)
        while (left := deadline - time.monotonic()) > 0:
            self._connection.settimeout(left)
            try:
                frame = json.loads(self._connection.recv())
            except websocket.WebSocketTimeoutException:
                break
            if frame.get("type") == kind and where(frame):
                return frame
            self._kept.append(frame)
        raise LookupError(
            f"no {kind} frame within {secs:g} s; came: {sorted({str(f.get('type')) for f in self._kept})}"
        )

    def close(self) -> None:
        self._connection.close()


def open_target() -> Iterator[Target]:
    """The target the environment names, else a local exchange for as long as it is used."""
    url = os.environ.get("CONFORMANCE_REST_URL")
    if url:
        public, private = os.environ["CONFORMANCE_WS_PUBLIC_URL"], os.environ["CONFORMANCE_WS_PRIVATE_URL"]
        environment = environment_of(url)
        if environment is Environment.PRODUCTION:
            pytest.exit("conformance runs place orders: point them at a testnet or at this machine", returncode=2)
        check_urls(environment.value, url, public, private)
        key, secret = (os.environ.get(name, "") for name in ("CONFORMANCE_API_KEY", "CONFORMANCE_API_SECRET"))
        yield Target(url, public, private, key, secret, newest=False)
        return
    with open_local() as target:
        yield target


@contextmanager
def open_local(start: datetime | None = None, **choices: Any) -> Iterator[Target]:
    """A local exchange whose market begins at an instant, now where none is given; `choices` of its `CoreSettings`."""
    settings = VenueSettings(
        credentials=(Credential(api_key=_LOCAL_KEY, api_secret=_LOCAL_SECRET, user_id=5_550_001),),
        core=CoreSettings(margined_lag_secs=0.0, seed=5, initial_balance=Decimal(100_000), **choices),
        realtime=start is None,
    )
    server = VenueServer(SyntheticMarket(SyntheticSettings(seed=5, start=start or datetime.now(UTC))), settings)
    server.start()
    at = server.addresses
    target = Target(
        at.rest_url, at.ws_public_url, at.ws_private_url, _LOCAL_KEY, _LOCAL_SECRET, newest=True, server=server
    )
    yield target
    target.gateway.close()
    server.stop()
