"""The command that records an exchange's public market data, to be replayed by the local exchange later."""

import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from trader.cli import numbers, options
from trader.cli.output import emit_json
from trader.domain.errors import ConfigError
from trader.machine.signals import ending_signals

if TYPE_CHECKING:
    from trader.venue.feed.public_feed import FeedOptions
    from trader.venue.feed.recorder import RecordFigures


Exchange = Literal["local", "testnet", "production"]  # whose market is recorded


def record(
    out: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Folder for the files; default recordings/ in TRADER_HOME, by date."),
    ] = None,
    exchange: Annotated[
        Exchange | None, typer.Option(help="Whose public data; default: that of the environment (paper = local).")
    ] = None,
    rest_url: Annotated[str | None, typer.Option(metavar="URL", help="REST address instead of --exchange.")] = None,
    ws_url: Annotated[str | None, typer.Option(metavar="URL", help="Public socket instead of --exchange.")] = None,
    underlyings: Annotated[str, typer.Option(help="Which coins, separated by commas.")] = "BTC,ETH",
    expiries: Annotated[
        int,
        numbers.whole(0, 1000, "How many of the nearest expiries; 0 = all."),
    ] = 4,
    books: Annotated[
        int,
        numbers.whole(0, 98, "Contracts near the money with their whole book."),
    ] = 90,
    secs: Annotated[
        float | None,
        numbers.seconds("Stop after so many seconds; else Ctrl+C stops it.", most=1e9),
    ] = None,
    rotate_minutes: Annotated[
        float,
        numbers.number(0, 1e6, "Begin a new file after so many minutes."),
    ] = 15.0,
    rotate_mb: Annotated[
        float,
        numbers.number(0, 1e6, "Begin a new file at about this size."),
    ] = 64.0,
    as_json: options.JsonFlag = False,
) -> None:
    """Record public market data to Parquet files, as received; needs no key. Ctrl+C completes the last file."""
    from trader.venue.feed.recorder import Recorder, RecordOptions

    settings = options.read_settings()
    started = datetime.now(UTC)
    folder = out or settings.home / "recordings" / f"{started:%Y%m%d-%H%M%S}"
    recorder = Recorder(
        RecordOptions(
            feed=_feed(settings, exchange, rest_url, ws_url, underlyings, expiries, books),
            folder=folder,
            rotate_secs=rotate_minutes * 60,
            rotate_mb=rotate_mb,
            secs=secs,
        )
    )
    before = {number: signal.signal(number, lambda *_: recorder.stop()) for number in ending_signals()}
    try:
        if not as_json:
            typer.echo(f"Recording to {folder}; Ctrl+C stops it and completes the file.")
        figures = recorder.run(None if as_json else _reporter())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if as_json:
        emit_json({**msgspec.structs.asdict(figures), "files": [str(file) for file in figures.files]})
        return
    typer.echo(f"{_words(figures)}; {len(figures.files)} files in {folder}")
    typer.echo(f"Play it: python -m trader venue --market recording {folder}")


def _reporter() -> "Callable[[RecordFigures], None] | None":
    """Progress for a person watching; a log file gets none of it."""
    if not sys.stderr.isatty():
        return None
    return lambda figures: typer.echo(_words(figures), err=True)


def _words(figures: "RecordFigures") -> str:
    words = f"{figures.rows:,} messages, {figures.mb:.1f} MB"
    if figures.dropped:
        words += f", {figures.dropped:,} DROPPED: this disk is too slow"
    if not figures.connected and figures.silent_secs is not None and figures.silent_secs > 1:
        words += f", disconnected for {figures.silent_secs:.0f} s"
    return words


def _feed(
    settings: Any,
    exchange: Exchange | None,
    rest_url: str | None,
    ws_url: str | None,
    underlyings: str,
    expiries: int,
    books: int,
) -> "FeedOptions":
    """What to follow.

    Raises:
        ConfigError: An address is missing or cannot be used, or no local venue runs.
    """
    from trader.venue.feed.public_feed import FeedOptions, check_options

    if (rest_url is None) != (ws_url is None):
        raise ConfigError("an exchange of your own needs both addresses, --rest-url and --ws-url")
    if rest_url is None or ws_url is None:
        chosen = exchange or ("local" if settings.env == "paper" else settings.env)
        rest_url, ws_url = _addresses(settings, chosen)
    names = tuple(name.strip().upper() for name in underlyings.split(",") if name.strip())
    feed = FeedOptions(
        rest_url=rest_url,
        ws_url=ws_url,
        underlyings=names,
        expiries=expiries or None,
        books=books,
        proxy=settings.proxy_url,
    )
    check_options(feed)
    return feed


def _addresses(settings: Any, exchange: Exchange) -> tuple[str, str]:
    from trader.config.announced import refuse_stranger
    from trader.config.connection import read_announcement
    from trader.venue.feed.public_feed import public_addresses

    if exchange != "local":
        return public_addresses(exchange)
    announced = read_announcement(settings.home)
    if announced is None:
        raise ConfigError(
            "no local exchange runs here: start the panel (python -m trader up), or name another with --exchange"
        )
    refuse_stranger(settings.home)
    return announced.rest_url, announced.ws_public_url


def add_to(app: typer.Typer) -> None:
    app.command()(record)
