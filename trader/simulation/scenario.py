"""Scenario files: a whole plan and the list of faults that happen in it. Replayed, they need no seed and no rates."""

import json
from pathlib import Path
from typing import Any

import msgspec

from trader.config.files import decode_text, read_small
from trader.domain.errors import ConfigError
from trader.simulation.planned import Plan
from trader.simulation.session import SessionResult, run_plan


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """`faults` are (id, n-th opportunity); `found` is the invariant that was broken when it was made, `text` how."""

    plan: Plan
    faults: tuple[tuple[str, int], ...]
    found: str = ""
    text: str = ""


def load(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ConfigError: It is not there, or is not a scenario of this version.
    """
    content = read_small(path, "The scenario")
    if content is None:
        raise ConfigError(f"The scenario {path} does not exist")
    try:
        return msgspec.json.decode(decode_text(content, f"The scenario {path}"), type=Scenario)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path} is not a scenario: {error}") from error


def save(scenario: Scenario, folder: Path) -> Path:
    """Write a scenario under a name that tells what it found; the path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{scenario.found.lower() or 'session'}-{scenario.plan.seed}.json"
    body: Any = msgspec.to_builtins(scenario)
    path.write_text(json.dumps(body, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def replay(scenario: Scenario) -> SessionResult:
    """Run a scenario: only its faults happen."""
    return run_plan(scenario.plan, frozenset(scenario.faults))
