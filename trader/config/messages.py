"""Validation errors in one clear sentence per field: what is wrong, the limit with its unit, and what was given."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from trader.domain.errors import ConfigError

_SHOWN_MOST = 60
_VERBS = ("must ", "has ", "is ", "cannot ")  # how words begin that continue a field's name


class InvalidConfig(ConfigError):
    """A configuration that cannot be used. `problems` holds one sentence per field at fault."""

    def __init__(self, problems: Sequence[str], where: str = "") -> None:
        self.problems = tuple(problems)
        self.where = where
        text = "; ".join(self.problems)
        super().__init__(f"{where}: {text}" if where else text)


def sentences(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One sentence per problem pydantic found in a value of `model`."""
    return [sentence(details, model) for details in causes(error.errors(include_url=False))]


def causes(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that only follow from others: a list is also called too short when one of its rows is wrong."""
    inner = {tuple(one["loc"][: len(one["loc"]) - cut]) for one in errors for cut in range(1, len(one["loc"]) + 1)}
    return [one for one in errors if one["type"] != "too_short" or tuple(one["loc"]) not in inner]


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean X?`` where a known name is close, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def shown(value: Any) -> str:
    """A given value for a message: short, on one line, text in quotes."""
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_MOST else f"{text[:_SHOWN_MOST]}…"


def path_of(loc: Sequence[str | int]) -> str:
    """``exits.trailing_tiers[0].peak_pct`` from pydantic's location."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def field_at(model: type[BaseModel], loc: Sequence[str | int]) -> FieldInfo | None:
    """The model's field at a location, None where there is none."""
    current: Any = model
    found: FieldInfo | None = None
    for part in loc:
        if isinstance(part, int):
            continue
        fields = getattr(current, "model_fields", {})
        if part not in fields:
            return None
        found = fields[part]
        current = _model_inside(found.annotation)
    return found


def _model_inside(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        model = _model_inside(inner)
        if model is not None:
            return model
    return None


def unit_of(field: FieldInfo | None) -> str:
    """The unit a field's description names, or nothing."""
    extra = field.json_schema_extra if field is not None else None
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


# pydantic's error type → what the value must be. `{...}` are pydantic's own context values; {unit} is ours.
_MUST = {
    "greater_than_equal": "must be at least {ge}{unit}",
    "greater_than": "must be above {gt}{unit}",
    "less_than_equal": "must be at most {le}{unit}",
    "less_than": "must be below {lt}{unit}",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of usual size",
    "int_from_float": "must be a whole number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "model_type": "must be an object with fields",
    "dict_type": "must be an object with fields",
    "model_attributes_type": "must be an object with fields",
    "datetime_type": "must be an instant like 2026-01-31T09:30:00Z",
    "datetime_parsing": "must be an instant like 2026-01-31T09:30:00Z",
    "datetime_from_date_parsing": "must be an instant like 2026-01-31T09:30:00Z",
    "date_type": "must be a day like 2026-01-31",
    "date_parsing": "must be a day like 2026-01-31",
    "date_from_datetime_parsing": "must be a day like 2026-01-31",
    "date_from_datetime_inexact": "must be a day like 2026-01-31",
    "timezone_aware": "must be an instant with a time zone, like 2026-01-31T09:30:00Z",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_long": "must have at most {max_length} characters",
}


def sentence(details: ErrorDetails, model: type[BaseModel]) -> str:
    """One problem that pydantic found in a value of `model`, in words."""
    kind, loc = details["type"], details["loc"]
    path = path_of(loc)
    if kind == "extra_forbidden":
        parent = field_at(model, loc[:-1]) if loc[:-1] else None
        owner = model if parent is None else _model_inside(parent.annotation)
        prefix = path_of(loc[:-1])
        known = [f"{prefix}.{name}" if prefix else name for name in getattr(owner, "model_fields", {})]
        return f"{path} is not a setting{suggestion(path, known)}"
    if kind == "missing":
        return f"{path} is missing"
    if kind == "value_error":
        said = details["msg"].removeprefix("Value error, ")
        return said if not path else f"{path} {said}" if said.startswith(_VERBS) else f"{path}: {said}"
    template = _MUST.get(kind)
    given = "" if details.get("input") is None else f", was {shown(details['input'])}"
    if template is None:
        return f"{path}: {details['msg']}{given}"
    unit = unit_of(field_at(model, loc))
    context = {key: str(value).replace("'", "") for key, value in details.get("ctx", {}).items()}
    must = template.format(**context, unit=f" {unit}" if unit else "")
    if given == "" and "input" in details:
        given = ", was nothing"
    return f"{path or 'the value'} {must}{given}"
