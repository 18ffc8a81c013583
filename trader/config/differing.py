"""Where two configurations differ, field by field, in words."""

from decimal import Decimal

import msgspec
from pydantic import BaseModel

from trader.config.preset import SECTIONS, Preset


class Changed(msgspec.Struct, frozen=True):
    """A field with two values, as a person writes them: ``strategy.quantity``, Quantity, 2, 5."""

    field: str
    title: str
    before: str
    after: str


def changed_fields(before: Preset, after: Preset) -> tuple[Changed, ...]:
    """Every field in which two configurations differ, in the order of the form."""
    return tuple(
        Changed(f"{section}.{name}", field.title or name, _words(old), _words(new))
        for section, model in SECTIONS.items()
        for name, field in model.model_fields.items()
        if (old := getattr(getattr(before, section), name)) != (new := getattr(getattr(after, section), name))
    )


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, BaseModel):
        return ":".join(_words(part) for _, part in value)
    if isinstance(value, tuple):
        return f"({', '.join(_words(item) for item in value)})"
    return str(value)
