"""Configurations that a record or a command carries, read once per content: a start, its record and every fold of it share one."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from trader.config.preset import Preset


def pinned_preset(config: Mapping[str, Any]) -> Preset:
    """A preset from its JSON values.

    Raises:
        ValidationError: They are no preset.
    """
    return _read(msgspec.json.encode(config))


@lru_cache(maxsize=64)
def _read(text: bytes) -> Preset:
    return Preset.model_validate(msgspec.json.decode(text))
