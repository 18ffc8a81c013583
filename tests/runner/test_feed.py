"""The runner's streams: what they count, and what they teach of the exchange's clock."""

from trader.exchange.common import events as xe
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.statistics import CacheFigures, CallStatistics
from trader.exchange.delta.stream.feeds import DeltaAccountFeed, DeltaMarketFeed
from trader.runner.feed import Feed


def test_reconnections_of_each_stream_are_counted_and_the_first_connect_is_none() -> None:
    counters = CallStatistics()
    url, clock = "ws://127.0.0.1:1", ClockOffset()
    feed = Feed(DeltaMarketFeed(url, clock=clock), DeltaAccountFeed(url, Credentials("k", "s")), counters)
    for connects in (1, 2, 3):
        feed._on_private_message(xe.StreamUp(stream="private", connects=connects))
    feed._on_public_event(xe.StreamUp(stream="public", connects=1))
    cache = CacheFigures(size=0, hits=0, misses=0)
    figures = counters.snapshot(quota_left=0, clock_offset_secs=0.0, cache=cache, breaker_opened=0)
    assert figures.reconnections == {"public": 0, "private": 2}
