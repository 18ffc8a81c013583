"""Commands of the local exchange: host it, and make the recordings it can play."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trader.cli import numbers, options
from trader.cli.output import emit_json, emit_lines
from trader.cli.ports import require_free_port
from trader.config.files import require_readable
from trader.domain.errors import ConfigError
from trader.domain.numbers import read_number

if TYPE_CHECKING:
    from trader.venue.launch import Announcement


SEED_MAX = 2**31 - 1
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


def venue(
    market: Annotated[
        Literal["synthetic", "recording", "relay"], typer.Option(help="What moves the prices.")
    ] = "synthetic",
    mode: Annotated[
        Literal["normal", "calm", "stress"] | None,
        typer.Option(help="Synthetic: how wild it is; default TRADER_VENUE_MODE, else normal."),
    ] = None,
    recording: Annotated[
        Path | None, typer.Option(help="The recording to play: a file, or the folder of a recorded session.")
    ] = None,
    source: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The same, for --market recording FILE.", show_default=False)
    ] = None,
    relay_rest_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Relay: REST of the exchange to follow; default production.")
    ] = None,
    relay_ws_url: Annotated[str | None, typer.Option(metavar="URL", help="Relay: its public socket.")] = None,
    relay_underlyings: Annotated[str, typer.Option(help="Relay: which coins, separated by commas.")] = "BTC,ETH",
    relay_expiries: Annotated[
        int,
        numbers.whole(0, 1000, "Relay: how many of the nearest expiries; 0 = all."),
    ] = 4,
    speed: Annotated[
        float,
        numbers.number(0, 1_000_000, "Market seconds per second, 1 to 600."),
    ] = 1.0,
    seed: Annotated[
        int | None,
        numbers.whole(
            0, SEED_MAX, "Seed of what is synthetic; default TRADER_VENUE_SEED, else the saved one, else drawn."
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Synthetic: first instant, like 2026-01-31T03:30:00Z.")
    ] = None,
    port: Annotated[
        int,
        numbers.whole(0, 65_533, "REST here, the public socket on the next port, the private on the one after."),
    ] = 0,
    rest_port: Annotated[
        int,
        numbers.whole(0, 65_535, "Port on 127.0.0.1; 0 = any free one."),
    ] = 0,
    ws_public_port: Annotated[int, numbers.whole(0, 65_535, "Port of the public socket.")] = 0,
    ws_private_port: Annotated[int, numbers.whole(0, 65_535, "Port of the private socket.")] = 0,
    balance: Annotated[
        str | None,
        typer.Option(
            metavar="USD", help="Money of an account that is new; default TRADER_VENUE_BALANCE_USD, else 10000."
        ),
    ] = None,
    fees: Annotated[
        Literal["delta", "simple"] | None,
        typer.Option(
            help="What fills cost; simple = percentages and a slippage. Default TRADER_VENUE_FEES, else delta."
        ),
    ] = None,
    maker_fee_pct: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="Simple fees of a resting order; default 0.02.")
    ] = None,
    taker_fee_pct: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="Simple fees of what is taken; default 0.04.")
    ] = None,
    slippage_pct: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="Simple fees: how much worse a taken price is; default 0.05.")
    ] = None,
    fill_ids: Annotated[
        Literal["same", "separate"] | None,
        typer.Option(
            help="Whether REST and the private sockets call one execution by one id; default TRADER_VENUE_FILL_IDS.",
        ),
    ] = None,
    choose: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A choice the exchange leaves open; repeatable (docs/venue.md)."
        ),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="File to keep orders and positions in; without it, nothing.")
    ] = None,
    control: Annotated[
        bool, typer.Option("--control", help="Open a control port that takes faults (docs/venue-faults.md).")
    ] = False,
    control_port: Annotated[
        int | None,
        numbers.whole(0, 65_535, "The control port's number; 0 = any free one."),
    ] = None,
) -> None:
    """Host the local exchange alone: Delta's REST and sockets on 127.0.0.1. Says on a terminal how to point a client at it;
    elsewhere one JSON line when ready."""
    from trader.venue.launch import VenueOptions, serve_venue

    settings = options.read_settings()
    if source is not None and recording is not None:
        raise ConfigError("name the recording once, after --market recording or with --recording")
    if port:
        rest_port, ws_public_port, ws_private_port = (
            given or port + offset for offset, given in enumerate((rest_port, ws_public_port, ws_private_port))
        )
    if control and control_port is None:
        control_port = 0
    for port in (rest_port, ws_public_port, ws_private_port, control_port or 0):
        require_free_port(port, remedy="choose another, or 0 for any free one")
    model = settings.venue_fees if fees is None else fees
    simple = model == "simple"  # the percentages of the environment belong to that model
    serve_venue(
        VenueOptions(
            market=market,
            mode=mode or (settings.venue_mode if market == "synthetic" else "normal"),
            recording=recording or source,
            relay_rest_url=relay_rest_url,
            relay_ws_url=relay_ws_url,
            relay_underlyings=tuple(name.strip().upper() for name in relay_underlyings.split(",") if name.strip()),
            relay_expiries=relay_expiries or None,
            relay_proxy=options.read_settings().proxy_url if market == "relay" else None,
            speed=speed,
            seed=settings.venue_seed if seed is None else seed,
            start=None if start is None else _instant("--start", start),
            rest_port=rest_port,
            ws_public_port=ws_public_port,
            ws_private_port=ws_private_port,
            initial_balance=settings.venue_balance_usd if balance is None else _decimal("--balance", balance),
            fees=model,
            maker_fee_pct=_percent("--maker-fee-pct", maker_fee_pct, settings.venue_maker_fee_pct if simple else None),
            taker_fee_pct=_percent("--taker-fee-pct", taker_fee_pct, settings.venue_taker_fee_pct if simple else None),
            slippage_pct=_percent("--slippage-pct", slippage_pct, settings.venue_slippage_pct if simple else None),
            fill_ids=fill_ids or settings.venue_fill_ids,
            choices=tuple(choose or ()),
            state_path=state,
            control_port=control_port,
        ),
        explain=guide if sys.stdout.isatty() else None,
    )


def guide(announced: "Announcement") -> list[str]:
    """How to point a client at a running venue, for people. The secret is of this venue alone and worth nothing elsewhere."""
    lines = [
        f"Local Delta Exchange ({announced.market} market, speed {announced.speed:g}, seed {announced.seed})",
        "",
        f"  REST            {announced.rest_url}   (paths as documented, /v2/...)",
        f"  public socket   {announced.ws_public_url}   (compact channels)",
        f"  private socket  {announced.ws_private_url}   (key-auth; legacy public channels, too)",
        f"  API key         {announced.api_key}",
        f"  API secret      {announced.api_secret}",
    ]
    if announced.control_url:
        lines.append(f"  faults          {announced.control_url}/catalogue")
    return [
        *lines,
        "",
        "This desk         starts a venue of its own with python -m trader up; to use this one set",
        f"                  DELTA_REST_URL={announced.rest_url}",
        f"                  DELTA_WS_PUBLIC_URL={announced.ws_public_url}  DELTA_WS_PRIVATE_URL={announced.ws_private_url}",
        "                  DELTA_PAPER_API_KEY and DELTA_PAPER_API_SECRET to the key above",
        "Official client   DeltaRestClient(base_url=<REST>, api_key=..., api_secret=...)",
        "ccxt              ccxt.delta({...}); exchange.urls['api'] = {'public': <REST>, 'private': <REST>}",
        f"Try it            curl -A me '{announced.rest_url}/v2/tickers/BTCUSD'",
        "",
        "Ctrl+C ends it. docs/venue.md says more.",
    ]


def import_recording(
    source: Annotated[Path, typer.Argument(help="Parquet file of recorded quotes, or a folder of them.")],
    out: Annotated[Path, typer.Argument(help="Recording to write.")],
    kind: Annotated[Literal["deribit-chain", "deribit-30min"], typer.Option(help="What the source holds.")],
    underlying: Annotated[Literal["BTC", "ETH"], typer.Option(help="Which coin's options.")] = "BTC",
    begin: Annotated[str | None, typer.Option("--from", metavar="INSTANT", help="First instant to take (UTC).")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="First instant not to take (UTC).")] = None,
    spot: Annotated[Path | None, typer.Option(help="Spot candles to follow between index points.")] = None,
    delivery: Annotated[Path | None, typer.Option(help="CSV of official settlement prices.")] = None,
    seed: Annotated[
        int,
        numbers.whole(0, SEED_MAX, "Seed of the bridge where nothing was recorded."),
    ] = 1,
    as_json: options.JsonFlag = False,
) -> None:
    """Make a recording the local exchange can play out of recorded Deribit option chains."""
    from trader.venue.market import importer

    for path in (source, spot, delivery):
        if path is not None:
            require_readable(path)
    report = importer.import_recording(
        source,
        out,
        kind,
        underlying,
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
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # the first year has no earlier one to convert to
        raise ConfigError(f"{option} must be an instant like 2026-01-31T03:30:00Z, was {text[:40]!r}") from None
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise ConfigError(f"{option} must lie in the years {_FIRST_YEAR} to {_LAST_YEAR}, was {text[:40]!r}")
    return instant


def _percent(option: str, text: str | None, default: Decimal | None) -> Decimal | None:
    return default if text is None else _decimal(option, text)


def _decimal(option: str, text: str) -> Decimal:
    try:
        value = read_number(text)
    except ValueError as error:
        raise ConfigError(f"{option} {error}") from None
    if not 0 < value <= 10**12:
        raise ConfigError(f"{option} must be above 0 and at most 1,000,000,000,000, was {value}")
    return value


def add_to(app: typer.Typer) -> None:
    app.command()(venue)
    app.command("import-recording")(import_recording)
