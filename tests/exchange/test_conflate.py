from datetime import UTC, datetime
from decimal import Decimal

from trader.domain.quote import Quote
from trader.exchange.common.events import StreamDown, StreamUp
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.wire.core import BestQuote, MarkPrice, SpotPrice, Ticker, TickerItem

A, B = "C-BTC-78000-040926", "P-BTC-70000-040926"
T0 = 1_788_431_318_000_000
SECOND = 1_000_000


def at(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def ticker(
    symbol: str = A, ts: int = T0, mark: str | None = "700", spot: str | None = "77000", **changes: object
) -> Ticker:
    fields = {
        "q": ["717", "64", "708", "80", None],
        "qiv": ["0.32", "0.30", "0.31"],
        "g": ["-0.6", "0.0003", "-1.4", "-229", "16"],
        "oi": ["14613", "0"],
        "pb": ["0.1", "2021.5"],
        **changes,
    }
    return Ticker(d=[TickerItem(s=symbol, m=mark, **fields)], ts=ts, sp=spot)  # type: ignore[arg-type]


def quote(symbol: str = A, ts: int = T0, bid: str | None = "1", ask: str | None = "2") -> BestQuote:
    return BestQuote(sy=symbol, ts=ts, ap=ask, ask_size="3", bp=bid, bs="4")


def one(conflator: Conflator) -> Quote:
    [only] = conflator.take()
    return only


def test_ticker_alone_makes_a_whole_quote() -> None:
    conflator = Conflator()
    conflator.offer(ticker())
    made = one(conflator)
    assert (made.mark, made.ask, made.bid) == (Decimal(700), Decimal(717), Decimal(708))
    assert (made.ask_size, made.bid_size) == (64, 80)
    assert made.greeks is not None
    assert (made.greeks.delta, made.greeks.rho, made.greeks.theta, made.greeks.vega) == (-0.6, -1.4, -229, 16)
    assert (made.ask_iv, made.bid_iv, made.mark_iv) == (0.32, 0.30, 0.31)
    assert (made.spot, made.open_interest, made.band_high) == (Decimal(77000), Decimal(14613), Decimal("2021.5"))
    assert made.ts_mark == made.ts_quote == made.ts_greeks == at(T0)


def test_channels_merge_and_keep_their_own_times() -> None:
    conflator = Conflator()
    conflator.offer(ticker())
    conflator.take()
    conflator.offer(quote(ts=T0 + SECOND))
    conflator.offer(MarkPrice(sy=f"MARK:{A}", ts=T0 + 2 * SECOND, p="701"))
    conflator.offer(SpotPrice(sy=".DEXBTUSD", ts=T0 + 3 * SECOND, p="77100"))
    merged = one(conflator)
    assert (merged.bid, merged.ask, merged.mark, merged.spot) == (Decimal(1), Decimal(2), Decimal(701), Decimal(77100))
    assert (merged.ts_quote, merged.ts_mark, merged.ts_greeks) == (at(T0 + SECOND), at(T0 + 2 * SECOND), at(T0))
    assert merged.greeks is not None
    assert conflator.market_time == at(T0 + 3 * SECOND)
    assert conflator.spots == {"BTC": Decimal(77100)}


def test_older_ticker_does_not_undo_a_newer_quote_or_mark() -> None:
    conflator = Conflator()
    conflator.offer(quote(ts=T0 + SECOND))
    conflator.offer(MarkPrice(sy=f"MARK:{A}", ts=T0 + SECOND, p="701"))
    conflator.take()
    conflator.offer(ticker(ts=T0))
    merged = one(conflator)
    assert (merged.bid, merged.mark, merged.ts_quote) == (Decimal(1), Decimal(701), at(T0 + SECOND))
    assert merged.greeks is not None


def test_only_the_newest_of_a_kind_is_kept() -> None:
    conflator = Conflator()
    for step in range(100):
        conflator.offer(quote(ts=T0 + step, bid=str(step + 1)))
        conflator.offer(quote(symbol=B, ts=T0 + step))
    made = {q.symbol: q for q in conflator.take()}
    assert made.keys() == {A, B}
    assert made[A].bid == Decimal(100)
    assert conflator.take() == []


def test_emptied_side_and_missing_mark_are_none_not_what_they_were() -> None:
    conflator = Conflator()
    conflator.offer(ticker())
    conflator.take()
    conflator.offer(quote(ts=T0 + 1, bid=None))
    conflator.offer(MarkPrice(sy=f"MARK:{A}", ts=T0 + 1, p="NaN"))
    merged = one(conflator)
    assert (merged.bid, merged.bid_size, merged.ask, merged.mark) == (None, None, Decimal(2), None)
    assert merged.ts_mark == at(T0 + 1)


def test_ticker_without_greeks_says_that_there_are_none() -> None:
    conflator = Conflator()
    conflator.offer(ticker())
    conflator.take()
    conflator.offer(ticker(ts=T0 + 1, g=None, qiv=None))
    merged = one(conflator)
    assert (merged.greeks, merged.mark_iv) == (None, None)


def test_chain_ticker_updates_every_contract_in_it() -> None:
    conflator = Conflator()
    items = [TickerItem(s=A, m="1"), TickerItem(s=B, m="2")]
    conflator.offer(Ticker(d=items, ts=T0, sp="77000"))
    assert {q.symbol: q.mark for q in conflator.take()} == {A: Decimal(1), B: Decimal(2)}


def test_index_alone_makes_no_quotes() -> None:
    conflator = Conflator()
    conflator.offer(SpotPrice(sy=".DEETHUSD", ts=T0, p="3000"))
    assert conflator.take() == []
    assert conflator.spots == {"ETH": Decimal(3000)}


def test_wakes_once_until_taken() -> None:
    wakes: list[int] = []
    conflator = Conflator(lambda: wakes.append(1), wall=lambda: 1_790_000_000.0)
    assert conflator.arrived_at is None
    conflator.offer(quote())
    conflator.offer(quote())
    assert len(wakes) == 1
    assert conflator.arrived_at == at(1_790_000_000_000_000)
    conflator.take()
    conflator.offer(quote())
    assert len(wakes) == 2


def test_new_connection_starts_from_nothing_so_that_an_earlier_clock_is_believed() -> None:
    conflator = Conflator()
    conflator.offer(ticker(ts=T0))
    conflator.take()
    conflator.on_event(StreamDown(stream="public", reason="x"))
    assert conflator.market_time == at(T0)
    conflator.on_event(StreamUp(stream="public", connects=2))
    assert (conflator.market_time, conflator.spots) == (None, {})
    earlier = T0 - 86_400 * SECOND
    conflator.offer(quote(ts=earlier))
    restarted = one(conflator)
    assert (restarted.ts_quote, restarted.mark) == (at(earlier), None)
    assert conflator.market_time == at(earlier)


DAY = 86_400 * SECOND


def test_one_message_stamped_a_day_ahead_makes_nothing_old_and_nothing_expired() -> None:
    conflator = Conflator(wall=lambda: 0.0)
    conflator.offer(ticker())
    conflator.take()
    conflator.offer(MarkPrice(sy=f"MARK:{A}", ts=T0 + DAY, p="1"))
    assert one(conflator).mark == Decimal(700)
    assert conflator.market_time == at(T0)
    conflator.offer(MarkPrice(sy=f"MARK:{A}", ts=T0 + SECOND, p="702"))
    assert (one(conflator).mark, conflator.market_time) == (Decimal(702), at(T0 + SECOND))
    conflator.offer(MarkPrice(sy=f"MARK:{A}", ts=T0 + DAY, p="1"))  # again, later: the first was contradicted
    assert one(conflator).mark == Decimal(702)


def test_all_rows_of_one_message_are_one_witness() -> None:
    conflator = Conflator(wall=lambda: 0.0)
    conflator.offer(ticker())
    conflator.take()
    far = ticker(ts=T0 + DAY)
    far.d.extend(ticker(B).d)
    conflator.offer(far)
    conflator.take()
    assert conflator.market_time == at(T0)


def test_an_exchange_that_has_moved_on_is_followed_at_its_second_message() -> None:
    conflator = Conflator(wall=lambda: 0.0)
    conflator.offer(ticker())
    conflator.take()
    conflator.offer(quote(ts=T0 + DAY))
    conflator.take()
    conflator.offer(quote(ts=T0 + DAY + SECOND, bid="5"))
    assert (one(conflator).bid, conflator.market_time) == (Decimal(5), at(T0 + DAY + SECOND))


def test_a_venue_that_runs_fast_is_believed_at_once() -> None:
    wall = [0.0]
    conflator = Conflator(wall=lambda: wall[0])
    for tick in range(5):
        wall[0] += 0.5
        conflator.offer(quote(ts=T0 + tick * 300 * SECOND))
        conflator.take()
        assert conflator.market_time == at(T0 + tick * 300 * SECOND)
