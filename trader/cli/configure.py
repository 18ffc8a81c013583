"""Commands that show the configuration: which value counts and where it came from."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines, table
from trader.domain.errors import ConfigError, TraderError

if TYPE_CHECKING:
    from trader.config.preset import Preset
    from trader.config.settings import Settings

config = typer.Typer(help="The configuration a start would use.", rich_markup_mode=None)
presets = typer.Typer(help="The presets there are.", rich_markup_mode=None)


@config.command("show")
def show_config(
    preset: options.PresetName = None, sets: options.Overrides = None, as_json: options.JsonFlag = False
) -> None:
    """Each value with where it came from: command line > environment > snapshot > preset > default."""
    from trader.config.precedence import resolve

    settings = options.read_settings()
    resolution = resolve(settings, preset=preset, overrides=sets or ())
    chosen = resolution.preset
    if as_json:
        values = chosen.model_dump(mode="json")
        fields = {row.path: {"value": _at(values, row.path), "origin": row.origin} for row in resolution.fields}
        emit_json({"preset": chosen.name, "config_hash": chosen.config_hash, "fields": fields})
        return
    rows = [[row.path, _words(row.value), row.origin] for row in resolution.fields]
    _emit_preset(chosen, ["field", "value", "origin"], rows)
    emit_lines([f"risk.exit_limit_pct: {_exit_figures(settings, chosen)}"])


def _exit_figures(settings: "Settings", preset: "Preset") -> str:
    """What a closing order would pay at most, in money, where the exchange can be asked."""
    from trader.desk.market import exit_figures

    try:
        with options.open_desk(settings) as desk:
            seen = desk.preview(preset)
    except TraderError as error:
        return f"in USD once the exchange can be asked ({error})"
    return exit_figures(seen) or f"in USD once a strike qualifies ({'; '.join(seen.reasons)})"


@presets.command("list")
def list_presets(as_json: options.JsonFlag = False) -> None:
    """The built-in presets and the saved ones; exit code 1 when a saved one cannot be used."""
    from trader.config.presets import PresetStore

    found = PresetStore(options.read_settings().home).list()
    if as_json:
        emit_json({"presets": found})
    else:
        rows = [[info.name, info.structure.replace("_", " ") or "–", _kind(info), info.problem] for info in found]
        emit_lines(table(["name", "structure", "kind", "problem"], rows))
    if any(info.problem for info in found):
        raise typer.Exit(1)


@presets.command("show")
def show_preset(
    name: Annotated[str, typer.Argument(help="Name of the preset.")], as_json: options.JsonFlag = False
) -> None:
    """One preset in full."""
    from trader.config.presets import PresetStore
    from trader.config.snapshot import field_paths

    chosen = PresetStore(options.read_settings().home).load(name)
    if as_json:
        emit_json({**chosen.model_dump(mode="json"), "config_hash": chosen.config_hash})
        return
    values = chosen.model_dump(mode="python")
    _emit_preset(chosen, ["field", "value"], [[path, _words(_at(values, path))] for path in field_paths()])


@presets.command("set")
def set_preset(
    name: Annotated[str, typer.Argument(help="Name of the preset.")],
    changes: Annotated[list[str], typer.Argument(metavar="SECTION.FIELD=VALUE...", help="What to change in it.")],
    new_name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Store it under this new name.")] = None,
) -> None:
    """Change a preset's fields and store it; a built-in one is overridden."""
    from trader.config.precedence import changed
    from trader.config.presets import PresetStore

    store = PresetStore(options.read_settings().home)
    loaded = store.load(name)
    preset = changed(loaded, changes, name=new_name or name)
    if new_name is None:
        store.save(preset, overwrite=True, expected=loaded)
    else:
        store.save(preset)
    _emit_valid(preset, "Stored")


@presets.command("validate")
def validate_preset(
    what: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A preset's name, or a file that holds one.")],
) -> None:
    """Say what a preset does, or in one sentence each what is wrong with it; nothing is stored."""
    from trader.config.document import read_preset
    from trader.config.files import read_text
    from trader.config.presets import PresetStore

    if "." not in what and "/" not in what:
        _emit_valid(PresetStore(options.read_settings().home).load(what), "Valid")
        return
    text = read_text(Path(what), "The file")
    if text is None:
        raise ConfigError(f"The file {what} does not exist")
    _emit_valid(read_preset(text, f"The file {what}"), "Valid")


def _emit_valid(preset: "Preset", done: str) -> None:
    from trader.desk.meaning import does

    emit_lines([f"{done}: preset {preset.name}, hash {preset.config_hash}.", does(preset)])


def _emit_preset(preset: "Preset", head: list[str], rows: list[list[str]]) -> None:
    """A preset's fields, those that do something as it stands."""
    from trader.config.relevance import fields_in_use
    from trader.desk.meaning import does

    used = fields_in_use(preset)
    emit_lines([f"preset {preset.name}, hash {preset.config_hash}", does(preset)])
    emit_lines(table(head, [row for row in rows if row[0] in used]))
    if idle := len(rows) - len(used):
        emit_lines([f"{idle} fields do nothing as these are set; --json shows them."])


def _at(values: dict[str, Any], path: str) -> Any:
    section, name = path.split(".")
    return values[section][name]


def _kind(info: Any) -> str:
    if not info.built_in:
        return "saved"
    return "built in, overridden by a saved one" if info.stored else "built in"


def _words(value: Any) -> str:
    """A value as `--set` takes it: lists with commas, rows as peak:stop."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(_words(item) for item in value)
    if hasattr(value, "model_dump"):
        return _words(value.model_dump())
    if isinstance(value, dict):
        return ":".join(_words(item) for item in value.values())
    return str(value)


def add_to(app: typer.Typer) -> None:
    app.add_typer(config, name="config")
    app.add_typer(presets, name="presets")
