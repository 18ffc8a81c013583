"""Which fields of a preset's section do something, by what its other fields say.

A field that only counts for some settings says so in its metadata: ``for`` names sibling fields and the values they must
have, ``{"strikes_by": ["delta"]}``, or is a list of such alternatives. A sibling that is not in use itself lets nothing
through, so conditions need not repeat each other.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def in_use(model: type[BaseModel], values: Mapping[str, Any]) -> set[str]:
    """The fields of a section that do something; `values` may be a draft's, wrong ones included."""
    return {name for name in model.model_fields if _used(model, values, name)}


def _used(model: type[BaseModel], values: Mapping[str, Any], name: str) -> bool:
    extra = model.model_fields[name].json_schema_extra
    rule: Any = extra.get("for") if isinstance(extra, dict) else None
    if rule is None:
        return True
    alternatives = [rule] if isinstance(rule, Mapping) else rule
    return any(
        all(values.get(other) in wanted and _used(model, values, other) for other, wanted in one.items())
        for one in alternatives
    )
