"""Options several commands share, and how a command reaches settings and desk.

The imports stand inside: `--help` and errors of usage need none of it, and every command pays only for what it uses.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trader.config.settings import Settings
    from trader.desk import Desk

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
PresetName = Annotated[str | None, typer.Option("--preset", help="Preset by name; without it the saved snapshot.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Override one field; may be repeated.")
]


def read_settings() -> "Settings":
    """The settings of this process; what looks like a slip of the pen in them is said on stderr.

    Raises:
        ConfigError: They cannot be used.
    """
    from trader.config.settings import load_settings

    settings = load_settings()
    for warning in settings.warnings:
        typer.echo(f"Warning: {warning}.", err=True)
    return settings


@contextmanager
def open_desk(settings: "Settings") -> "Iterator[Desk]":
    """The desk for the chosen environment and account, closed at the end of the block."""
    from trader.desk import Desk

    desk = Desk(settings)
    try:
        yield desk
    finally:
        desk.close()


def require_run(desk: "Desk", run_id: str | None) -> None:
    """A run that was named must be there; none named is fine.

    Raises:
        ConfigError: There is no such run.
    """
    from trader.domain.errors import ConfigError

    if run_id is not None and desk.status(run_id).run is None:
        raise ConfigError(f"There is no run {run_id[:60]!r}; `python -m trader history` lists the finished ones")


def person() -> str:
    """Who sits at this terminal, for the record; empty where the system does not say."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
