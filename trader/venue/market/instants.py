"""Instants as whole milliseconds or microseconds since 1970."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND, _MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)


def to_ms(instant: datetime) -> int:
    """Milliseconds since the epoch of an aware instant, rounded down."""
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The aware UTC instant of milliseconds since the epoch."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def to_us(instant: datetime) -> int:
    """Microseconds since the epoch of an aware instant."""
    return (instant - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """Inverse of `to_us`. Raises OverflowError for values no calendar holds."""
    return _EPOCH + timedelta(microseconds=us)


def check_onwards(before: datetime, now: datetime) -> None:
    """Market time never goes back. Raises ValueError where it would."""
    if now < before:
        raise ValueError(f"market time cannot go back from {before.isoformat()} to {now.isoformat()}")
