"""What a stream reports about itself, beside the market and account messages it carries."""

import msgspec

from trader.domain.fill import Fill, Position
from trader.domain.order import OrderSnapshot
from trader.domain.wallet import Wallet


class StreamUp(msgspec.Struct, frozen=True, kw_only=True):
    """Connected, logged in where needed, and subscribed. Whatever was missed meanwhile has to be read over REST."""

    stream: str
    connects: int


class StreamDown(msgspec.Struct, frozen=True, kw_only=True):
    """The connection ended or was given up as silent; the stream reconnects by itself."""

    stream: str
    reason: str


class SequenceGap(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one symbol were lost, or the exchange restarted its numbering: reconcile over REST."""

    channel: str
    symbol: str
    expected: int
    received: int


class LoginRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The private stream could not log in: no order or fill news will arrive."""

    reason: str


class SubscriptionRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange refused one channel."""

    stream: str
    channel: str
    reason: str


class UnreadableMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message could not be decoded; on a private stream treat it like a gap."""

    stream: str
    detail: str


class TradingStatusChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A product was disrupted or resumed (`trading_status`: operational, disrupted_cancel_only, ...)."""

    symbol: str
    product_id: int
    trading_status: str


class VenueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Maintenance news; `status` is live, maintenance, api_fallback or degraded_mode where told."""

    event: str
    status: str | None


StreamEvent = (
    StreamUp
    | StreamDown
    | SequenceGap
    | LoginRefused
    | SubscriptionRefused
    | UnreadableMessage
    | TradingStatusChanged
    | VenueStatus
)

PrivateMessage = OrderSnapshot | Fill | Position | Wallet | StreamEvent
