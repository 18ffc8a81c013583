"""Commands that host something until they are stopped: the panel, the runner."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import numbers, options
from trader.cli.ports import LOOPBACK, require_free_port
from trader.domain.errors import JournalError, TraderError

if TYPE_CHECKING:
    from trader.config.settings import Settings

_ENTRY = Path(__file__).parents[2] / "streamlit_app.py"


def up(
    port: Annotated[
        int | None,
        numbers.whole(1, 65_535, "Port of the panel on 127.0.0.1; default PORT, else 8501."),
    ] = None,
) -> None:
    """Start the panel with the runner, and on paper the local exchange."""
    settings = options.read_settings()
    chosen = port or settings.port
    require_free_port(chosen, remedy=f"if no panel is running there already, choose another, like PORT={chosen + 1}")
    typer.echo(
        f"Strangle Desk in {settings.env.upper()} mode: open http://{LOOPBACK}:{chosen} in a browser. "
        "Ctrl+C stops it; a run still open is taken up again at the next start."
    )
    sys.stdout.flush()
    command = [sys.executable, "-m", "trader.panel.serve", str(_ENTRY)]
    command += [f"--server.port={chosen}", f"--server.address={LOOPBACK}", "--server.headless=true"]
    # Hot reload would import the runner's modules a second time beside the running ones.
    command += ["--server.fileWatcherType=none", "--browser.gatherUsageStats=false"]
    if os.name == "posix":
        os.execv(sys.executable, command)  # noqa: S606  so that signals reach the panel directly
    raise typer.Exit(subprocess.call(command))  # noqa: S603


def run() -> None:
    """Host the runner in this process until it is stopped; the way to trade live."""
    settings = options.read_settings()
    from trader.runner.host import prepare, run_process

    prepare(settings)
    try:
        _require_exchange(settings)
    except JournalError as error:  # there may be a position that the runner would have closed
        raise JournalError(f"{error} If a position is open, close it with `python -m trader flatten`.") from error
    raise typer.Exit(run_process(settings))


def _require_exchange(settings: "Settings") -> None:
    """A wrong key or address is said at once, not found out at the entry time.

    Not asked on paper with our own local exchange, which the host starts; nor while a run is open: then the runner must
    come up and keep trying, whatever the exchange answers at this moment.

    Raises:
        ConfigError: A key is missing, or an address does not belong to the environment.
        TraderError: The exchange cannot be reached or refuses the key.
    """
    if settings.env == "paper" and settings.rest_url is None:
        return
    from trader.config.connection import resolve_connection

    resolve_connection(settings)  # a missing key is found here, before any request
    with options.open_desk(settings) as desk:
        if desk.status().runs:
            return
        failed = [item for item in desk.checks() if item.name in ("public API", "signed API") and not item.ok]
    if failed:
        raise TraderError(f"The runner was not started, {failed[0].name}: {failed[0].words}")


def add_to(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(run)
