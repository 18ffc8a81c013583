"""Commands of the local exchange: host it, and make the recordings it can play."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines
from trader.cli.ports import require_free_port
from trader.domain.errors import ConfigError


class Market(StrEnum):
    SYNTHETIC = "synthetic"
    RECORDING = "recording"


class Source(StrEnum):
    """What kind of recorded quotes an import reads."""

    CHAIN = "deribit-chain"
    HALF_HOURLY = "deribit-30min"


class Underlying(StrEnum):
    BTC = "BTC"
    ETH = "ETH"


def venue(
    market: Annotated[Market, typer.Option(help="What moves the prices.")] = Market.SYNTHETIC,
    recording: Annotated[Path | None, typer.Option(help="The recording to play.")] = None,
    speed: Annotated[float, typer.Option(help="Market seconds per second, 1 to 600.")] = 1.0,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of what is synthetic; drawn when not given.")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Synthetic: first instant, like 2026-01-31T03:30:00Z.")
    ] = None,
    rest_port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 = any free one.")] = 0,
    ws_public_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the public socket.")] = 0,
    ws_private_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the private socket.")] = 0,
    balance: Annotated[str, typer.Option(help="Initial balance in USD.")] = "10000",
    state: Annotated[
        Path | None, typer.Option(help="File to keep orders and positions in; without it, nothing.")
    ] = None,
    control: Annotated[
        bool, typer.Option("--control", help="Open a control port that takes faults (docs/venue-faults.md).")
    ] = False,
    control_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The control port's number; 0 = any free one.")
    ] = None,
) -> None:
    """Host the local exchange alone: Delta's REST and sockets on 127.0.0.1. Prints one JSON line when ready."""
    from trader.venue.launch import VenueOptions, serve_venue

    if control and control_port is None:
        control_port = 0
    for port in (rest_port, ws_public_port, ws_private_port, control_port or 0):
        require_free_port(port, remedy="choose another, or 0 for any free one")
    serve_venue(
        VenueOptions(
            market=market.value,
            recording=recording,
            speed=speed,
            seed=seed,
            start=None if start is None else _instant("--start", start),
            rest_port=rest_port,
            ws_public_port=ws_public_port,
            ws_private_port=ws_private_port,
            initial_balance=_decimal("--balance", balance),
            state_path=state,
            control_port=control_port,
        )
    )


def import_recording(
    source: Annotated[Path, typer.Argument(help="Parquet file of recorded quotes, or a folder of them.")],
    out: Annotated[Path, typer.Argument(help="Recording to write.")],
    kind: Annotated[Source, typer.Option(help="What the source holds.")],
    underlying: Annotated[Underlying, typer.Option(help="Which coin's options.")] = Underlying.BTC,
    begin: Annotated[str | None, typer.Option("--from", metavar="INSTANT", help="First instant to take (UTC).")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="First instant not to take (UTC).")] = None,
    spot: Annotated[Path | None, typer.Option(help="Spot candles to follow between index points.")] = None,
    delivery: Annotated[Path | None, typer.Option(help="CSV of official settlement prices.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bridge where nothing was recorded.")] = 1,
    as_json: options.JsonFlag = False,
) -> None:
    """Make a recording the local exchange can play out of recorded Deribit option chains."""
    from trader.venue.market import importer

    for path in (source, spot, delivery):
        if path is not None and not path.exists():
            raise ConfigError(f"{path} does not exist")
    report = importer.import_recording(
        source,
        out,
        kind.value,
        underlying.value,
        None if begin is None else _instant("--from", begin),
        None if end is None else _instant("--to", end),
        spot,
        delivery=delivery,
        seed=seed,
    )
    if as_json:
        emit_json(report)
        return
    emit_lines(
        [
            f"Wrote {report.out}: {report.first:%Y-%m-%d %H:%M} to {report.last:%Y-%m-%d %H:%M} UTC",
            f"{report.contracts} contracts of {report.expiries} expiries, {report.settlements} official settlements",
            f"quotes: {report.quotes_recorded} recorded, {report.quotes_interpolated} interpolated between strikes",
            f"index: {report.spot_recorded} recorded points, {report.spot_interpolated} interpolated",
            f"crossed or unusable sides dropped: {report.sides_dropped}",
        ]
    )


def _instant(option: str, text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} must be an instant like 2026-01-31T03:30:00Z, was {text!r}") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _decimal(option: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ConfigError(f"{option} must be a number, was {text!r}") from None
    if not value.is_finite():
        raise ConfigError(f"{option} must be a finite number, was {text!r}")
    return value


def add_to(app: typer.Typer) -> None:
    app.command()(venue)
    app.command("import-recording")(import_recording)
