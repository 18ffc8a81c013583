"""What a chain read over REST says of the exchange's time."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from tests.engine.scene import CALL, PUT, quote
from trader.domain.clock import Now
from trader.engine.events import ChainRead
from trader.runner.reading import newest_mark

T0 = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


def chain(*stamps: datetime | None) -> ChainRead:
    quotes = tuple(replace(quote((CALL, PUT)[i % 2], T0), ts_mark=at) for i, at in enumerate(stamps))
    return ChainRead(at=Now(T0, None), run_id="run-1", quotes=quotes)


def test_the_youngest_row_tells_the_time() -> None:
    assert newest_mark(chain(T0, T0 + timedelta(seconds=4), None)) == T0 + timedelta(seconds=4)
    assert newest_mark(chain(T0)) == T0
    assert newest_mark(chain(None)) is None


def test_a_row_stamped_a_day_ahead_of_the_others_does_not() -> None:
    assert newest_mark(chain(T0, T0 + timedelta(days=1), T0 - timedelta(seconds=2))) == T0
