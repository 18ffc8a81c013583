"""Commands that host something until they are stopped: the panel, the runner, the local exchange."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from trader.cli.ports import LOOPBACK, require_free_port

_ENTRY = Path(__file__).parents[2] / "streamlit_app.py"


def up(
    port: Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="Port of the panel on 127.0.0.1.")] = 8501,
) -> None:
    """Start the panel with the runner, and on paper the local exchange, in one process."""
    from trader.config.settings import load_settings

    settings = load_settings()
    require_free_port(port, remedy="is a panel running already? Else choose another: PORT=8502")
    typer.echo(
        f"Strangle Desk in {settings.env.upper()} mode: open http://{LOOPBACK}:{port} in a browser. "
        "Ctrl+C stops it; a run still open is taken up again at the next start."
    )
    sys.stdout.flush()
    command = [sys.executable, "-m", "streamlit", "run", str(_ENTRY)]
    command += [f"--server.port={port}", f"--server.address={LOOPBACK}", "--server.headless=true"]
    # Hot reload would import the runner's modules a second time beside the running one.
    command += ["--server.fileWatcherType=none", "--browser.gatherUsageStats=false"]
    if os.name == "posix":
        os.execv(sys.executable, command)  # noqa: S606  signals reach the panel directly
    raise typer.Exit(subprocess.call(command))  # noqa: S603


def run() -> None:
    """Host the runner in this process until it is stopped; the way to trade live."""
    from trader.config.settings import load_settings
    from trader.runner.host import run_process

    raise typer.Exit(run_process(load_settings()))


def add_to(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(run)
