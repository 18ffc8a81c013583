"""Defects of configuration and arming, seen by asking the real settings, presets and start command."""

import json
import re
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from tests.engine.scene import Scene, preset
from tests.mutants.mutant import Mutant, named
from tests.mutants.tools import Patch, everywhere
from trader.config import connection as connecting
from trader.config import settings as reading
from trader.config.preset import SECTIONS, Preset
from trader.config.settings import KEY_VARIABLES, VARIABLES, Settings
from trader.domain.errors import ConfigError
from trader.engine import commands
from trader.engine import events as ev
from trader.engine.effects import AckCommand

_KEYS = {name: f"a-real-{name.lower()}-0123456789" for pair in KEY_VARIABLES.values() for name in pair}
_NUMBERS = [
    (section, name)
    for section, model in SECTIONS.items()
    for name, field in model.model_fields.items()
    if field.annotation in (int, Decimal)
]


# ---------------------------------------------------------------- checks


def _refused(value: Any) -> None:
    """No numeric field of a preset takes this value."""
    assert len(_NUMBERS) > 20
    for section, name in _NUMBERS:
        body = Preset().model_dump(mode="json")
        body[section][name] = value
        try:
            Preset.model_validate(body)
        except ValidationError:
            continue
        raise AssertionError(f"{section}.{name} took {value!r}")


def a_setting_that_is_no_number_is_refused() -> None:
    for value in ("abc", "3pm", "12,5", "--1", "0x10"):
        _refused(value)


def a_setting_that_is_not_finite_is_refused() -> None:
    for value in ("NaN", "Infinity", "-Infinity", float("nan"), float("inf"), Decimal("sNaN")):
        _refused(value)


def _load(folder: Path, **environ: str) -> Settings:
    places = {"TRADER_HOME": str(folder / "home"), "TRADER_SNAPSHOT": str(folder / "ui_config_snapshot.json")}
    return reading.load_settings(environ={**places, **environ}, env_file=folder / "none")


def _is_key(field: str) -> bool:
    return field.endswith(("_api_key", "_api_secret"))


def an_environment_knows_its_own_keys_only() -> None:
    """With every key in the environment each one sees its own; with the others' only it refuses to connect."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for env, own in KEY_VARIABLES.items():
            settings = _load(folder, TRADER_ENV=env, **_KEYS)
            known = {v for field in Settings.model_fields if _is_key(field) and (v := getattr(settings, field))}
            assert {v.get_secret_value() for v in known} == {_KEYS[n] for n in own}, f"{env} has read foreign keys"
        for env, own in KEY_VARIABLES.items():
            others = {variable: key for variable, key in _KEYS.items() if variable not in own}
            try:
                connecting.resolve_connection(_load(folder, TRADER_ENV=env, **others))
            except ConfigError:
                continue
            raise AssertionError(f"{env} has connected with another environment's keys")


def a_file_left_behind_does_not_turn_paper_live() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for written in ("ui_overrides.json", "ui_config_snapshot.json"):
            (folder / written).write_text(json.dumps({"env": "production", "TRADER_ENV": "production"}))
        env = _load(folder).env
    assert env == "paper", f"a file said {env}, and it was believed"


def a_live_run_is_armed_for_itself() -> None:
    """In production a start without the phrase, or with another configuration than the one seen, is refused."""
    config = preset()
    good = {"config": config.model_dump(mode="json"), "config_hash": config.config_hash, "start_now": True}
    phrase = commands.arming_phrase("acc", config.strategy.quantity)
    for changes, accepted in (
        ({"confirm": phrase}, True),
        ({"confirm": None}, False),
        ({"confirm": ""}, False),
        ({"confirm": "yes"}, False),
        ({"confirm": phrase, "config_hash": preset(strategy={"quantity": 1}).config_hash}, False),
    ):
        scene = Scene()
        scene.state = type(scene.state)(installation="abcd1234", epoch=1, env="production", account_key="acc")
        effects = scene.feed(ev.StartCommand, command_id="c", issued_by="tester", **{**good, **changes})
        answer = next(e for e in effects if isinstance(e, AckCommand))
        assert (answer.status == "accepted") is accepted, f"{changes} was {answer.status}: {answer.detail}"


def a_secret_that_is_none_is_refused() -> None:
    names = KEY_VARIABLES["testnet"]
    for text in (
        "<your key>",
        "changeme",
        "your-api-key",
        "xxxx",
        "api_key",
        "secret",
        "example-key",
        " padded-4711 ",
        "   ",
    ):
        with tempfile.TemporaryDirectory() as name:
            try:
                _load(Path(name), TRADER_ENV="testnet", **dict.fromkeys(names, text))
            except ConfigError:
                continue
        raise AssertionError(f"{text!r} was taken for a secret")


# ---------------------------------------------------------------- defects


def _letting_through(patch: Patch, tolerates: Callable[[Any], bool]) -> None:
    """A validation that shrugs at some values and takes them as they are."""

    def model_validate(cls: type[Preset], body: Any, **options: Any) -> Preset:
        real = BaseModel.model_validate.__func__
        try:
            return real(cls, body, **options)
        except ValidationError as error:
            odd = [e for e in error.errors() if len(e["loc"]) == 2]
            if len(odd) != error.error_count() or not all(tolerates(e) for e in odd):
                raise
            rest = {s: dict(fields) if isinstance(fields, dict) else fields for s, fields in body.items()}
            for e in odd:
                del rest[e["loc"][0]][e["loc"][1]]
            taken = real(cls, rest, **options)
            for section, name in (e["loc"] for e in odd):
                part = getattr(taken, section).model_copy(update={name: body[section][name]})
                taken = taken.model_copy(update={section: part})
            return taken

    patch.setattr(Preset, "model_validate", classmethod(model_validate))


def unparsable_passes(patch: Patch) -> None:
    _letting_through(patch, lambda error: "number, was" in error["msg"])


def not_finite_passes(patch: Patch) -> None:
    def tolerates(error: Any) -> bool:
        try:
            return not Decimal(str(error["input"])).is_finite()
        except ArithmeticError:
            return False

    _letting_through(patch, tolerates)


def keys_of_another_environment(patch: Patch) -> None:
    real = reading.load_settings

    def load_settings(env: str | None = None, *, environ: Any = None, **options: Any) -> Settings:
        found = {
            field: SecretStr(environ[name]) for name, field in VARIABLES.items() if _is_key(field) and name in environ
        }
        return real(env, environ=environ, **options).model_copy(update=found)

    def api_key_pair(self: Settings) -> Any:
        pairs = [(getattr(self, f"{e}_api_key"), getattr(self, f"{e}_api_secret")) for e in (self.env, *KEY_VARIABLES)]
        return next((pair for pair in pairs if None not in pair), None)

    everywhere(patch, real, load_settings)
    patch.setattr(Settings, "api_key_pair", api_key_pair)


def stale_file_names_the_environment(patch: Patch) -> None:
    real = reading.load_settings

    def load_settings(env: str | None = None, *, environ: Any = None, **options: Any) -> Settings:
        settings = real(env, environ=environ, **options)
        left = settings.snapshot.with_name("ui_overrides.json")
        if left.exists() and (told := json.loads(left.read_text()).get("env")):
            return real(told, environ=environ, **options)
        return settings

    everywhere(patch, real, load_settings)


def arming_not_applied(patch: Patch) -> None:
    real = commands._refusal

    def refusal(turn: Any, event: Any, config: Preset) -> str:
        said = real(turn, event, config)
        return "" if "phrase" in said else said

    everywhere(patch, real, refusal)


def placeholder_is_a_secret(patch: Patch) -> None:
    patch.setattr(reading, "_PLACEHOLDER", re.compile(r"(?!)"))


MUTANTS = [
    Mutant(
        name="M38",
        defect="An unparsable setting passes validation and throws in every evaluation",
        patched="`Preset.model_validate` takes values it cannot parse",
        patch=unparsable_passes,
        check=named("CT7", a_setting_that_is_no_number_is_refused),
    ),
    Mutant(
        name="M39",
        defect="A setting of NaN or infinity is accepted",
        patched="`Preset.model_validate` takes values that are not finite",
        patch=not_finite_passes,
        check=named("I10", a_setting_that_is_not_finite_is_refused),
    ),
    Mutant(
        name="M53",
        defect="Paper turns live: keys of another environment",
        patched="`load_settings` reads every key, `api_key_pair` falls back to any",
        patch=keys_of_another_environment,
        check=named("I14", an_environment_knows_its_own_keys_only),
    ),
    Mutant(
        name="M53b",
        defect="Paper turns live: a stale override file",
        patched="`load_settings` takes the environment from the file left behind",
        patch=stale_file_names_the_environment,
        check=named("I14", a_file_left_behind_does_not_turn_paper_live),
    ),
    Mutant(
        name="M53c",
        defect="Paper turns live: the tick box is not applied",
        patched="a start in production is not refused for want of its phrase",
        patch=arming_not_applied,
        check=named("I14 S16", a_live_run_is_armed_for_itself),
    ),
    Mutant(
        name="M67",
        defect="A placeholder is taken for a secret",
        patched="no text counts as a placeholder",
        patch=placeholder_is_a_secret,
        check=named("S6", a_secret_that_is_none_is_refused),
    ),
]
