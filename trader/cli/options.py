"""Options several commands share, and how they reach the desk."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trader.desk import Desk

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
PresetName = Annotated[str | None, typer.Option("--preset", help="Preset by name; without it the saved snapshot.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Override one field; may be repeated.")
]


def open_desk() -> "Desk":
    """The desk for the chosen environment. Imported here because `--help` and errors of usage need none of it."""
    from trader.config.settings import load_settings
    from trader.desk import Desk

    return Desk(load_settings())
