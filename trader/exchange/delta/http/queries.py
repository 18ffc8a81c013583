"""Parts of a request's query, as the exchange wants them."""

from collections.abc import Sequence
from datetime import datetime

IDS_PER_CALL = 10  # comma lists longer than this are refused

Query = Sequence[tuple[str, str]]


def filters(**lists: Sequence[str]) -> list[tuple[str, str]]:
    """Comma lists; an empty filter is left out, because an empty parameter is refused."""
    return [(name, ",".join(values)) for name, values in lists.items() if values]


def span(since: datetime | None, until: datetime | None = None) -> list[tuple[str, str]]:
    """A span of time, open where an end is None."""
    ends = (("start_time", since), ("end_time", until))
    return [(name, micros_text(instant)) for name, instant in ends if instant is not None]


def micros_text(instant: datetime) -> str:
    """Microseconds since 1970."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return str(int(instant.timestamp() * 1_000_000))


def id_lists(product_ids: Sequence[int]) -> list[str]:
    """Comma lists of these products, as many as it takes."""
    ids = [str(product_id) for product_id in sorted(set(product_ids))]
    return [",".join(ids[start : start + IDS_PER_CALL]) for start in range(0, len(ids), IDS_PER_CALL)]
