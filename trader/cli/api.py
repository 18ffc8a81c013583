"""The HTTP API alone, without the panel: a server on loopback until it is stopped."""

import sys
from typing import Annotated

import typer

from trader.cli import numbers, options
from trader.cli.ports import LOOPBACK, require_free_port


def api(
    port: Annotated[int, numbers.whole(1, 65_535, "Port of the API on 127.0.0.1.")] = 8502,
) -> None:
    """Serve the HTTP API without the panel. Trading is done by a runner elsewhere: `python -m trader run`, or the panel's."""
    settings = options.read_settings()
    require_free_port(port, remedy="choose another with --port")
    with options.open_desk(settings) as desk:
        from trader.api.serve import serve
        from trader.config.tokens import TokenStore

        typer.echo(f"HTTP API in {settings.env.upper()} mode: http://{LOOPBACK}:{port}/api/health. Ctrl+C stops it.")
        sys.stdout.flush()
        serve(desk, TokenStore(settings.home), port)


def add_to(app: typer.Typer) -> None:
    app.command()(api)
