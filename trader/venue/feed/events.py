"""One thing heard of another exchange: a message of its socket, or a row of its REST answers."""

from typing import Any

import msgspec

PRODUCT, TICKER_ROW = "product", "rest_ticker"  # rows of GET /v2/products and GET /v2/tickers
REST_CHANNELS = frozenset({PRODUCT, TICKER_ROW})


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`received_us` is our wall clock, `exchange_us` the exchange's own stamp (None where it gave none), both microseconds
    since 1970; `raw` is the JSON as received and `frame` the same decoded."""

    channel: str
    symbol: str
    received_us: int
    exchange_us: int | None
    raw: bytes
    frame: dict[str, Any]


def event_of(raw: bytes, frame: dict[str, Any], received_us: int) -> FeedEvent:
    """The event of a socket message."""
    stamp = frame.get("ts", frame.get("timestamp"))
    return FeedEvent(
        channel=str(frame.get("type", "")),
        symbol=str(frame.get("sy", frame.get("symbol", ""))),
        received_us=received_us,
        exchange_us=stamp if isinstance(stamp, int) and stamp > 0 else None,
        raw=raw,
        frame=frame,
    )


def row_event(channel: str, row: dict[str, Any], received_us: int) -> FeedEvent:
    """The event of a REST row."""
    stamp = row.get("timestamp")
    return FeedEvent(
        channel=channel,
        symbol=str(row.get("symbol", "")),
        received_us=received_us,
        exchange_us=stamp if isinstance(stamp, int) and stamp > 0 else None,
        raw=msgspec.json.encode(row),
        frame=row,
    )
