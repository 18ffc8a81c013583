"""What every section of a preset is made of: fields with title, description, unit and bounds.

A field's metadata says its unit, the version of the file that brought it (`since`), and for which other values it counts
(`for`, see `relevance`).
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


def setting(
    default: Any, title: str, description: str, unit: str = "", *, since: int = 1, used: Any = None, **bounds: Any
) -> Any:
    extra: dict[str, Any] = {"unit": unit, "since": since} | ({} if used is None else {"for": used})
    return Field(default=default, title=title, description=description, json_schema_extra=extra, **bounds)


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


def since(field: FieldInfo) -> int:
    """The version of the file that brought a field."""
    extra = field.json_schema_extra
    return int(str(extra.get("since", 1))) if isinstance(extra, dict) else 1
