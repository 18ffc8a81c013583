"""What the local exchange can send and take: frames per CPU second to a reader of everything, orders per CPU second.

In process and without sockets, on the process's own CPU time, so that a busy machine changes little. The market is the
synthetic one with every chain of BTC and ETH; the reader follows quotes, marks, tickers and trades of all of it, and time moves
in the server's own steps of 100 ms. The share of the day's figures (the first tickers look up 24 hours of each contract) is
told apart.
"""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bench.measuring import Figures, main, percentile
from trader.domain.order import OrderType, Side
from trader.venue.core.exchange import Exchange
from trader.venue.core.records import OrderRequest
from trader.venue.core.settings import CoreSettings
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.tape import Tape
from trader.venue.wire.channels import Change
from trader.venue.wire.compact import compact_broadcast

START = datetime(2026, 11, 20, 6, 7, 3, tzinfo=UTC)
BEAT = timedelta(milliseconds=100)
CHANNELS = ("ob_l1", "ticker", "mark_price", "trades")


class Counter:
    """Stands for a connection."""

    def __init__(self) -> None:
        self.frames = self.bytes = 0

    def send_text(self, text: str) -> None:
        self.frames += 1
        self.bytes += len(text)


def symbols_of(exchange: Exchange) -> list[str]:
    """Every chain and perpetual."""
    return sorted(
        {f"{i.underlying}-{i.expiry:%d%m%y}" if i.expiry else i.symbol for i in exchange.products.live.values()}
    )


def orders(exchange: Exchange, count: int) -> float:
    """CPU seconds of an order that rests, and of its cancel."""
    account = exchange.open_account(initial_balance=Decimal(1_000_000))
    price = (exchange.stats("BTCUSD").band_low * Decimal("1.01")).quantize(Decimal(1))
    request = OrderRequest(
        symbol="BTCUSD", side=Side.BUY, size=1, order_type=OrderType.LIMIT, limit_price=price, client_order_id=None
    )
    began = time.process_time()
    for _ in range(count):
        exchange.cancel(account, exchange.place(account, request, exchange.now), exchange.now)
        exchange.drain_events()
    return (time.process_time() - began) / (2 * count)


def measure(beats: int, placed: int) -> Figures:
    """Figures of `beats` steps of 100 ms of market time, and of `placed` orders."""
    exchange = Exchange(SyntheticMarket(SyntheticSettings(seed=7, start=START)), CoreSettings())
    broadcast = compact_broadcast(exchange, Tape(exchange))
    reader: Any = Counter()
    topics: list[tuple[str, str | None]] = [(name, symbol) for name in CHANNELS for symbol in symbols_of(exchange)]
    began = time.process_time()
    broadcast.joined(reader, Change(added=topics, removed=[], failures={}))
    joining = time.process_time() - began
    reader.frames = reader.bytes = 0
    took: list[float] = []
    wall = 0.0
    for beat in range(1, beats + 1):
        wall += 1.0  # as if the wall clock went on: no batch is held back
        began = time.process_time()
        exchange.advance(START + beat * BEAT)
        broadcast.publish(exchange.now, wall)
        took.append(time.process_time() - began)
    spent = sum(took)
    return {
        "contracts": len(exchange.products.live),
        "frames_per_cpu_sec": round(reader.frames / spent),
        "mb_per_cpu_sec": round(reader.bytes / spent / 1e6, 1),
        "cpu_share_at_speed_1": round(spent / (beats * BEAT.total_seconds()), 3),
        "beat_p50_ms": round(percentile(took, 0.5) * 1000, 1),
        "beat_p99_ms": round(percentile(took, 0.99) * 1000, 1),
        "first_frames_ms": round(joining * 1000, 1),
        "order_cpu_us": round(orders(exchange, placed) * 1e6),
    }


if __name__ == "__main__":
    main("venue_publish", __doc__, measure, beats=300, placed=2000)
