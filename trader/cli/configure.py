"""Commands that show the configuration: which value counts and where it came from."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines, table
from trader.domain.errors import TraderError

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
    emit_lines([f"preset {chosen.name}, hash {chosen.config_hash}"])
    emit_lines(table(["field", "value", "origin"], [[r.path, _words(r.value), r.origin] for r in resolution.fields]))
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
        rows = [[info.name, _kind(info), info.problem] for info in found]
        emit_lines(table(["name", "kind", "problem"], rows))
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
    emit_lines([f"preset {chosen.name}, hash {chosen.config_hash}"])
    emit_lines(table(["field", "value"], [[path, _words(_at(values, path))] for path in field_paths()]))


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
