"""A recorded session on disk: a folder of Parquet files, each a stretch of events in the order they were heard.

Columns: `at` (when it happened in the session's market time), `received` (our clock), `exchange` (its own stamp, null where
it gave none), `channel`, `symbol`, `frame` (the JSON as received). Every file begins with the products then listed, so that
it can be played alone. See docs/recordings.md.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trader.domain.errors import ConfigError
from trader.domain.quote import credible_newest
from trader.exchange.common.rows import UNREADABLE, read_loosely
from trader.venue.feed.events import FeedEvent

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
METADATA_KEY = b"strangle-desk.session"
SUFFIX = ".session.parquet"
_STAMP = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("at", _STAMP, nullable=False),
        pa.field("received", _STAMP, nullable=False),
        pa.field("exchange", _STAMP),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("frame", pa.string(), nullable=False),
    ]
)
_BATCH_ROWS = 4096


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself, as JSON in its metadata; `part` counts the files of a session from 1."""

    version: int
    rest_url: str
    ws_url: str
    underlyings: tuple[str, ...]
    started: datetime
    part: int


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded event; `at_us` never falls from row to row."""

    at_us: int
    event: FeedEvent


class SessionWriter:
    """Writes one file. It carries another name until it is complete: what a crash leaves behind cannot be taken for one."""

    def __init__(self, path: Path, info: SessionInfo) -> None:
        self.path = path
        self._partial = path.with_name(path.name + ".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = SCHEMA.with_metadata({METADATA_KEY: msgspec.json.encode(info)})
        self._writer = pq.ParquetWriter(self._partial, schema, compression="zstd")
        self.rows = 0

    def write(self, rows: Sequence[SessionRow]) -> None:
        """Append rows as one group."""
        if not rows:
            return
        columns: dict[str, list[Any]] = {
            "at": [row.at_us for row in rows],
            "received": [row.event.received_us for row in rows],
            "exchange": [row.event.exchange_us for row in rows],
            "channel": [row.event.channel for row in rows],
            "symbol": [row.event.symbol for row in rows],
            "frame": [row.event.raw.decode() for row in rows],
        }
        self._writer.write_table(pa.Table.from_pydict(columns, schema=SCHEMA))
        self.rows += len(rows)

    @property
    def bytes_written(self) -> int:
        """Size on disk so far."""
        return self._partial.stat().st_size if self._partial.exists() else 0

    def discard(self) -> None:
        """Leave no file behind."""
        self._writer.close()
        self._partial.unlink(missing_ok=True)

    def close(self) -> None:
        """Complete the file and give it its name."""
        self._writer.close()
        self._partial.replace(self.path)


def is_session(path: Path) -> bool:
    """Whether a path is a recorded session: a folder with files of one, or one of them."""
    if path.is_dir():
        return any(path.glob(f"*{SUFFIX}"))
    return path.name.endswith(SUFFIX)


def session_files(path: Path) -> list[Path]:
    """The files of a session in their order.

    Raises:
        ConfigError: There are none, or one of them is no such file.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise ConfigError(f"{path} holds no recorded session (*{SUFFIX})")
    return sorted(files, key=lambda file: (read_info(file).started, read_info(file).part))


def read_info(path: Path) -> SessionInfo:
    """What a file says of itself.

    Raises:
        ConfigError: It cannot be read, or is of another kind or version.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ConfigError(f"cannot read the recorded session {path}: {error}") from None
    if METADATA_KEY not in metadata:
        raise ConfigError(f"{path} is no recorded session: its metadata has no {METADATA_KEY.decode()}")
    try:
        info = msgspec.json.decode(metadata[METADATA_KEY], type=SessionInfo)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"the metadata of the recorded session {path} cannot be read: {error}") from None
    if info.version != FORMAT_VERSION:
        raise ConfigError(f"{path} has format {info.version}, this program reads {FORMAT_VERSION}")
    return info


@contextmanager
def _damage_in_words(path: Path) -> Iterator[None]:
    """A file that was cut or changed fails anywhere in it, in as many ways as the format has parts."""
    try:
        yield
    except (OSError, ValueError, KeyError, AttributeError, pa.ArrowException, msgspec.MsgspecError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigError(f"the recorded session {path} is damaged: {said}") from None


def last_instant(path: Path) -> datetime:
    """When a file's last event happened; one stamp far ahead of all others is not believed."""
    with _damage_in_words(path), pq.ParquetFile(path) as file:
        groups = file.metadata.num_row_groups
        stamps = file.read_row_group(groups - 1, columns=["at"]).column("at").drop_null().to_pylist() if groups else []
    latest = credible_newest(at if at.tzinfo is not None else at.replace(tzinfo=UTC) for at in stamps)
    if latest is None:
        raise ConfigError(f"the recorded session {path} is empty")
    return latest


def read_rows(files: Sequence[Path], channel: str | None = None) -> Iterator[SessionRow]:
    """All events of some files in order, or those of one channel; a few thousand in memory at a time. Rows that cannot be
    read, or are stamped out of their order, are left out."""
    for path in files:
        yield from _in_order(path, _rows_of_file(path, channel))


def _rows_of_file(path: Path, channel: str | None) -> Iterator[SessionRow]:
    left_out = 0
    with _damage_in_words(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=SCHEMA.names):
            chosen = batch if channel is None else batch.filter(pc.equal(batch.column("channel"), channel))
            for row in _rows_of(chosen):
                if row is None:
                    left_out += 1
                else:
                    yield row
    if left_out:
        logger.warning("session_rows_left_out file=%s rows=%d reason=unreadable", path.name, left_out)


def _in_order(path: Path, rows: Iterator[SessionRow]) -> Iterator[SessionRow]:
    """Rows whose time never falls: a row ahead of its successor would hold up everything behind it until its time comes."""
    before, held, left_out = 0, None, 0
    for row in rows:
        if held is None or row.at_us >= held.at_us:
            if held is not None:
                before = held.at_us
                yield held
            held = row
            continue
        left_out += 1
        if row.at_us >= before:
            held = row  # the one before it was the odd one
    if held is not None:
        yield held
    if left_out:
        logger.warning("session_rows_left_out file=%s rows=%d reason=out of order", path.name, left_out)


def _rows_of(batch: pa.RecordBatch) -> Iterator[SessionRow | None]:
    """The events of a batch; None in the place of one that cannot be read."""
    stamps = {name: pc.cast(batch.column(name), pa.int64()).to_pylist() for name in ("at", "received", "exchange")}
    texts = {name: batch.column(name).to_pylist() for name in ("channel", "symbol", "frame")}
    for index in range(batch.num_rows):
        at_us, raw = stamps["at"][index], (texts["frame"][index] or "").encode()
        frame = _frame(raw)
        if at_us is None or frame is None or texts["channel"][index] is None:
            yield None
            continue
        yield SessionRow(
            at_us=at_us,
            event=FeedEvent(
                channel=texts["channel"][index],
                symbol=texts["symbol"][index] or "",
                received_us=stamps["received"][index] or at_us,
                exchange_us=stamps["exchange"][index],
                raw=raw,
                frame=frame,
            ),
        )


def _frame(raw: bytes) -> dict[str, Any] | None:
    try:
        frame = msgspec.json.decode(raw)
    except UNREADABLE:
        frame = read_loosely(raw)
    return frame if isinstance(frame, dict) else None
