"""Presets, what each would trade now and what stands in its way; the chain."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import Path, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from trader.api.problems import not_found
from trader.api.routing import ADesk, Routes, answer
from trader.config.precedence import resolve
from trader.config.preset import PRESET_NAME, Preset
from trader.desk import Chain, CheckResult, Desk, PresetInfo, Preview

routes = Routes("presets")
Name = Annotated[str, Path(pattern=PRESET_NAME.pattern, description="The preset's name.", examples=["development"])]


class PresetList(msgspec.Struct, frozen=True, kw_only=True):
    """Built-in presets, then the user's."""

    presets: tuple[PresetInfo, ...]


class OnePreset(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    config_hash: str
    config: dict[str, Any]


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    checks: tuple[CheckResult, ...]


@routes.add("GET", "/v1/presets", "read", PresetList)
def list_presets(desk: ADesk) -> Response:
    """All presets; a broken one is listed with its problem."""
    return answer(PresetList(presets=tuple(desk.presets())))


@routes.add("GET", "/v1/presets/{name}", "read", OnePreset)
def get_preset(desk: ADesk, name: Name) -> Response:
    """One preset as it is stored."""
    found = _preset(desk, name)
    return answer(OnePreset(name=name, config_hash=found.config_hash, config=found.model_dump(mode="json")))


@routes.add("GET", "/v1/presets/{name}/plan", "read", Preview)
def get_plan(desk: ADesk, name: Name) -> Response:
    """What the preset would trade now, with premium, fees and margin; or why nothing qualifies."""
    return answer(desk.preview(_preset(desk, name)))


@routes.add("GET", "/v1/presets/{name}/checks", "read", Checks)
def get_checks(desk: ADesk, name: Name) -> Response:
    """The prerequisites of an entry with it now, each with its reason."""
    _preset(desk, name)
    return answer(Checks(checks=tuple(desk.checks(name))))


@routes.add("GET", "/v1/chain", "read", Chain)
def get_chain(
    desk: ADesk,
    preset: Annotated[str | None, Query(pattern=PRESET_NAME.pattern, description="Default the saved one.")] = None,
    run: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="An open run.")] = None,
    expiry: Annotated[AwareDatetime | None, Query(description="Default that of the legs marked.")] = None,
) -> Response:
    """The chain of one expiry with what a preset would trade, or a run holds, marked in it."""
    moment = None if expiry is None else _utc(expiry)
    if run is None:
        chosen = resolve(desk.settings).preset if preset is None else _preset(desk, preset)
        return answer(desk.chain(chosen, moment))
    view = next((one for one in desk.status().runs if one.run_id == run), None)
    if view is None:
        raise not_found(f"open run {run}")
    return answer(desk.chain(view, moment))


def _utc(moment: datetime) -> datetime:
    """Raises: Problem: Outside what the calendar has, once it is in UTC."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise not_found("such expiry") from None


def _preset(desk: Desk, name: str) -> Preset:
    if name not in {one.name for one in desk.presets()}:
        raise not_found(f"preset {name}")
    return desk.load_preset(name)
