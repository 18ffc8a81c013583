"""Which fields of a preset's section do something, by what its other fields say.

A field that only counts for some settings says so in its metadata: ``for`` names sibling fields and the values they must
have, ``{"strikes_by": ["delta"]}``, or is a list of such alternatives. A sibling that is not in use itself lets nothing
through, so conditions need not repeat each other.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def in_use(model: type[BaseModel], values: Mapping[str, Any]) -> set[str]:
    """The fields of a section that do something; `values` may be a draft's, wrong ones included."""
    rules = _rules(model)
    return {name for name in model.model_fields if _used(rules, values, name)}


def fields_in_use(preset: BaseModel) -> set[str]:
    """The same over all sections of a preset, as ``section.field``."""
    return {
        f"{name}.{field}"
        for name, section in preset
        if isinstance(section, BaseModel)
        for field in in_use(type(section), dict(section))
    }


def alternatives(field: FieldInfo) -> list[Mapping[str, list[Any]]]:
    """Under which values of its siblings a field does something; none where it always does."""
    extra = field.json_schema_extra
    rule: Any = extra.get("for") if isinstance(extra, dict) else None
    return [] if rule is None else [rule] if isinstance(rule, Mapping) else rule


@cache
def _rules(model: type[BaseModel]) -> dict[str, list[Mapping[str, list[Any]]]]:
    return {name: alternatives(field) for name, field in model.model_fields.items()}


def _used(rules: Mapping[str, list[Mapping[str, list[Any]]]], values: Mapping[str, Any], name: str) -> bool:
    return not rules[name] or any(
        all(values.get(other) in wanted and _used(rules, values, other) for other, wanted in one.items())
        for one in rules[name]
    )
