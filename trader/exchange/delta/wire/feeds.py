"""Shapes of the socket channels beyond quotes and the account's daily business. As in `wire`: numbers as they came.

Source: exchange documentation, "Public Channels", "Private Channels".
"""

from typing import Any

import msgspec

from trader.exchange.delta.wire.core import Flag, Number

RESOLUTIONS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w")


class BookTop(msgspec.Struct, tag_field="type", tag="ob_l2", gc=False):
    """The best 15 levels of both sides, a full replacement each time: `a` asks, `b` bids, each [price, size]."""

    sy: str
    a: list[list[Number]]
    b: list[list[Number]]
    ts: int
    lts: int | None = None


class BookUpdate(msgspec.Struct, tag_field="type", tag="ob_updates", gc=False):
    """Snapshot or increment of a whole book; size 0 deletes a level. `cs` is the checksum after it, `seq` counts by one."""

    action: str
    a: list[list[str]] = []
    b: list[list[str]] = []
    seq: int | None = None
    cs: int | None = None
    sy: str | None = None
    symbol: str | None = None  # the error message's spelling
    msg: str | None = None
    ts: int | None = None


class Trade(msgspec.Struct, tag_field="type", tag="trades", gc=False):
    """`r` is the buyer's role: t(aker) means an aggressive buy. `s` is a float on the wire."""

    sy: str
    p: Number
    s: Number
    t: Number
    r: str | None = None


class CandleFields(msgspec.Struct, gc=False):
    """A running candle. Its start is not told: it follows from `ts` and `res`."""

    sy: str
    o: Number
    h: Number
    l: Number  # noqa: E741 - the wire's name
    c: Number
    ts: int
    res: str = ""
    v: Number = None


CandleFrame: Any = None  # the union of one struct per resolution, because each is a type of its own on the wire
CANDLE_FRAMES: tuple[Any, ...] = tuple(
    msgspec.defstruct(
        f"Candle{res}", [], bases=(CandleFields,), tag_field="type", tag=f"candlestick_{res}", module=__name__
    )
    for res in RESOLUTIONS
)
for _frame in CANDLE_FRAMES:
    CandleFrame = _frame if CandleFrame is None else CandleFrame | _frame


class SettlementAverage(msgspec.Struct, tag_field="type", tag="spot_30mtwap_price", gc=False):
    """The 30-minute average options settle at. Long names, even among the compact channels."""

    symbol: str
    price: Number
    timestamp: Number = None


class Funding(msgspec.Struct, tag_field="type", tag="funding_rate", gc=False):
    """`fr` is percent per `fi` seconds; `nfr` is when it is paid next (microseconds)."""

    sy: str
    fr: Number
    fi: Number = None
    nfr: Number = None
    ts: Number = None


FeedMessage = BookTop | BookUpdate | Trade | SettlementAverage | Funding


class PortfolioMargins(msgspec.Struct, tag_field="type", tag="portfolio_margins"):
    """The account's portfolio margin on one index. `w_ucf` and `wo_ucf` are with and without unrealised cash flows."""

    index_symbol: str
    blocked_margin: Number = None
    im_w_ucf: Number = None
    mm_w_ucf: Number = None
    positions_upl: Number = None
    risk_margin: Number = None
    margin_floor: Number = None
    commission: Number = None
    margin_shortfall: Number = None
    liquidation_risk: Flag = None
    under_liquidation: Flag = None
    timestamp: Number = None


class MmpTrigger(msgspec.Struct, tag_field="type", tag="mmp_trigger"):
    """Market-maker protection went off; `frozen_till` is microseconds, -1 = until reset by hand."""

    asset: str
    frozen_till: Number = None


class LongUserTrade(msgspec.Struct, tag_field="type", tag="user_trades"):
    """The slower spelling of a fill."""

    symbol: str
    order_id: Number
    fill_id: Number
    side: str
    size: Number
    price: Number
    product_id: Number = None
    client_order_id: str | None = None
    role: str | None = None
    reason: str | None = None
    timestamp: Number = None
    seq_no: int | None = None
    commission: Number = None


ProtectionMessage = PortfolioMargins | MmpTrigger | LongUserTrade
