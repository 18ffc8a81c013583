"""The configuration form, made from the preset model: what each field is, and how a draft becomes a preset.

A draft is plain JSON values by section and field (decimals as strings), exactly what a preset's JSON holds; it may be
invalid while it is being edited. Everything the page asks of it is here, without Streamlit.
"""

import copy
import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, NamedTuple, cast, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from trader.config.document import add_later_fields, read_preset
from trader.config.files import decode_text
from trader.config.preset import SECTIONS, Preset, TrailingTier
from trader.config.relevance import alternatives, in_use
from trader.config.strategy import LegRow
from trader.panel import format as fmt

Draft = dict[str, Any]
FieldKind = Literal["choice", "days", "toggle", "integer", "decimal", "tiers", "legs", "expiry", "text"]

SECTION_TITLES = {
    "strategy": "Strategy",
    "schedule": "Schedule",
    "exits": "Exits",
    "orders": "Orders",
    "risk": "Risk",
    "system": "System",
}


# What a row of a table consists of, and how its columns are called.
ROWS: dict[str, type[TrailingTier | LegRow]] = {"tiers": TrailingTier, "legs": LegRow}
WIDE = (*ROWS, "days")
COLUMNS = {
    "peak_pct": "Peak",
    "stop_pct": "Stop",
    "key": "Key",
    "kind": "Kind",
    "side": "Side",
    "ratio": "Ratio",
    "by": "Strike by",
    "value": "Value",
}

CHOICE_WORDS = {
    "touch": "Bid (touch)",
    "mid": "Middle of the book",
    "mark": "Mark",
    "refuse": "Refuse the entry",
    "warn": "Enter with an alert",
    "accept": "Accept",
    "unwind": "Unwind",
    "short_strangle": "Short strangle",
    "short_straddle": "Short straddle",
    "iron_condor": "Iron condor",
    "iron_fly": "Iron fly",
    "ratio_strangle": "Ratio strangle",
    "one_leg": "One leg",
    "custom": "Custom legs",
    "call": "Call",
    "put": "Put",
    "sell": "Sell",
    "buy": "Buy",
    "delta": "|delta| band",
    "premium": "Premium",
    "distance": "% from spot",
    "steps": "Steps from the money",
    "deviations": "Standard deviations",
    "strike": "Exact strike",
    "width": "Width",
    "chase": "Limit chase",
    "market": "Market",
    "twap": "TWAP",
    "iceberg": "Iceberg",
    "limit": "Limit",
    "closest": "Closest to it",
    "at_least": "At least that",
    "at_most": "At most that",
    "cost": "What closing costs then",
    "pct": "A share",
    "none": "None",
    "any": "Any",
    "isolated": "Isolated",
    "portfolio": "Portfolio",
    "on": "On",
    "off": "Off",
    "daily": "Daily, at the exit time",
    "days": "After some days",
    "before_expiry": "Before the expiry",
    "date": "On a date",
}


class Spec(NamedTuple):
    """One field of the form. `bounds` is words like ``0.01 to 0.5``; `choices` only for a fixed set of answers."""

    section: str
    name: str
    title: str
    help: str
    unit: str
    kind: FieldKind
    bounds: str
    choices: tuple[str, ...]
    decides: bool  # about other fields: whether they do something
    depends: bool  # on other fields, likewise

    @property
    def path(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def label(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title


class Checked(NamedTuple):
    """A draft after validation: the preset, or one sentence per field path ('' = the whole draft)."""

    preset: Preset | None
    errors: dict[str, str]


def specs(section: str) -> list[Spec]:
    """The fields of a section in the model's order."""
    fields = SECTIONS[section].model_fields
    deciding = {other for info in fields.values() for one in alternatives(info) for other in one}
    return [_spec(section, name, info, name in deciding) for name, info in fields.items()]


@cache
def all_specs() -> Mapping[str, Spec]:
    """By path; made once, since a page asks for them several times a second."""
    return {spec.path: spec for section in SECTIONS for spec in specs(section)}


def shown_fields(draft: Mapping[str, Any], errors: Mapping[str, str]) -> set[str]:
    """The paths of the fields that do something as the draft stands, and of those whose own value is wrong."""
    used = {f"{section}.{name}" for section, model in SECTIONS.items() for name in in_use(model, draft[section])}
    return used | (errors.keys() & all_specs().keys())


def in_rows(fields: Sequence[Spec], most: int) -> list[list[Spec]]:
    """Rows of the form: a choice that decides about others begins one, so does what follows them; what is wide has its own."""
    rows: list[list[Spec]] = []
    before: Spec | None = None
    for spec in fields:
        apart = (
            before is None
            or spec.kind in WIDE
            or before.kind in WIDE
            or (spec.decides and spec.depends)
            or before.depends > spec.depends
        )
        if apart or len(rows[-1]) == most:
            rows.append([])
        rows[-1].append(spec)
        before = spec
    return rows


def _spec(section: str, name: str, info: FieldInfo, decides: bool) -> Spec:
    extra = info.json_schema_extra
    unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
    kind, choices = _kind(name, info.annotation)
    title, help_ = info.title or name, info.description or ""
    return Spec(section, name, title, help_, unit, kind, bounds(info), choices, decides, bool(alternatives(info)))


def _kind(name: str, annotation: Any) -> tuple[FieldKind, tuple[str, ...]]:
    if name == "expiry":
        return "expiry", ()
    for kind, row in ROWS.items():
        if get_args(annotation)[:1] == (row,):
            return cast(FieldKind, kind), ()
    if get_origin(annotation) is Literal:
        return "choice", tuple(get_args(annotation))
    if get_origin(annotation) is tuple:
        return "days", tuple(get_args(get_args(annotation)[0]))
    plain: dict[Any, FieldKind] = {bool: "toggle", int: "integer", Decimal: "decimal", str: "text"}
    return plain[annotation], ()


def bounds(info: FieldInfo) -> str:
    """``1 to 50``, as a field of any model declares it."""
    low, high = "", ""
    for rule in info.metadata:
        if isinstance(rule, annotated_types.Ge):
            low = f"{_num(rule.ge)}"
        elif isinstance(rule, annotated_types.Gt):
            low = f"above {_num(rule.gt)}"
        elif isinstance(rule, annotated_types.Le):
            high = f"{_num(rule.le)}"
        elif isinstance(rule, annotated_types.Lt):
            high = f"below {_num(rule.lt)}"
    if low and high:
        return f"{low} to {high}"
    return f"from {low}" if low else f"up to {high}" if high else ""


def _num(value: Any) -> str:
    return f"{Decimal(str(value)):,f}"


def draft_of(preset: Preset) -> Draft:
    """A preset as a draft to edit."""
    draft: Draft = json.loads(preset.canonical_json())
    return draft


def fitted(kept: Any) -> Draft | None:
    """A draft that was kept outside this process, if the form can show it: every field there and of its kind. Wrong numbers
    may be in it, as they may be in any draft. What came with a later version than its own gets its default."""
    kept = copy.deepcopy(kept)
    add_later_fields(kept, 1)
    try:
        name = Preset(name=kept["name"]).name
        body = {spec.path: kept[spec.section][spec.name] for spec in all_specs().values()}
    except (KeyError, TypeError, ValidationError):
        return None
    if not all(_showable(spec, body[spec.path]) for spec in all_specs().values()):
        return None
    return {"name": name} | {section: {spec.name: body[spec.path] for spec in specs(section)} for section in SECTIONS}


def _showable(spec: Spec, value: Any) -> bool:
    if spec.kind in ("integer", "decimal"):
        return value is None or number(value) is not None
    if spec.kind in ROWS:
        row = ROWS[spec.kind].model_fields
        return isinstance(value, list) and all(isinstance(one, dict) and one.keys() == row.keys() and all(
            part is None or _cell(row[name], part) for name, part in one.items()) for one in value)  # fmt: skip
    if spec.kind == "days":
        return isinstance(value, list) and all(day in spec.choices for day in value)
    if spec.kind == "choice":
        return value in spec.choices
    return isinstance(value, bool if spec.kind == "toggle" else str)


def _cell(field: FieldInfo, value: Any) -> bool:
    return number(value) is not None if field.annotation in (int, Decimal) else isinstance(value, str)


def number(value: Any) -> float | None:
    """A draft's number for a number field; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def decimals(value: float | None) -> int:
    """How many decimals it takes to show a number whole."""
    return 0 if value is None else max(0, -int(Decimal(number_text(value)).as_tuple().exponent))


def check(draft: Mapping[str, Any]) -> Checked:
    """Validate a draft. Errors are sentences that name the field as the form does, the value and the limit."""
    try:
        return Checked(Preset.model_validate(dict(draft)), {})
    except ValidationError as error:
        known = all_specs()
        errors: dict[str, str] = {}
        for item in error.errors(include_url=False):
            path = ".".join(str(part) for part in item["loc"][:2])
            path = path if path in known else path.split(".")[0]
            said = errors.get(path)
            if said is None:
                errors[path] = _sentence(known, item)
            elif len(item["loc"]) > 2:  # each row of a table says what is wrong with it
                errors[path] = f"{said} {_sentence(known, item)}"
        return Checked(None, errors)


def _sentence(known: Mapping[str, Spec], item: Any) -> str:
    path = ".".join(str(part) for part in item["loc"][:2])
    title = known[path].title if path in known else _place(item["loc"])
    if len(item["loc"]) > 2 and path in known:
        row = item["loc"][2]
        title += f", row {row + 1}" if isinstance(row, int) else ""
        title += f", {COLUMNS[item['loc'][3]].lower()}" if len(item["loc"]) > 3 else ""
        if item.get("input") is None:
            return f"{title}: must be filled in."
    was = f", was {fmt.plain(item['input'], 40)}" if isinstance(item.get("input"), str | int | float | Decimal) else ""
    words = _rule_words(known, item, was)
    return f"{title}: {words}." if title else f"{words[:1].upper()}{words[1:]}."


_LIMITS = {
    "greater_than_equal": ("must be at least", "ge"),
    "greater_than": ("must be above", "gt"),
    "less_than_equal": ("must be at most", "le"),
    "less_than": ("must be below", "lt"),
}
_KINDS = {
    "decimal_parsing": "must be a number",
    "decimal_type": "must be a number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a finite number",
}


def _rule_words(known: Mapping[str, Spec], item: Any, was: str) -> str:
    kind: str = item["type"]
    if kind in _LIMITS:
        words, limit = _LIMITS[kind]
        return f"{words} {_num(item['ctx'][limit])}{was}"
    if kind in _KINDS:
        return _KINDS[kind] + was
    if kind == "extra_forbidden":
        return "is not a known setting"
    if kind == "value_error":
        return _in_titles(known, str(item["ctx"]["error"]))
    message: str = item["msg"]
    return f"{message[:1].lower()}{message[1:]}{was}"


def _in_titles(known: Mapping[str, Spec], words: str) -> str:
    """Rules over several fields speak of them by their names in the file; the form shows titles."""
    for spec in sorted(known.values(), key=lambda spec: -len(spec.name)):
        if "_" in spec.name or f"{spec.section}." in words:
            words = words.replace(spec.path, spec.title).replace(spec.name, spec.title)
    return words


def _place(loc: tuple[Any, ...]) -> str:
    if not loc:
        return ""
    named = [SECTION_TITLES.get(str(loc[0]), fmt.plain(loc[0], 40)), *(fmt.plain(part, 40) for part in loc[1:3])]
    return " · ".join(named)


def number_text(typed: float) -> str:
    """A number field's value in plain digits, as the models read it; nothing is rounded."""
    return f"{Decimal(repr(typed)):f}".removesuffix(".0")


def shown(value: Any) -> str:
    """A draft's value as words for the table of differences."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            join = " → " if "peak_pct" in value[0] else " "
            return ", ".join(join.join(shown(part) for part in row.values()) for row in value)
        return " ".join(str(day) for day in value) or fmt.DASH
    return fmt.DASH if value is None else fmt.plain(choice_words(value), 80)


def choice_words(item: Any) -> str:
    """An answer of a fixed set as the form calls it; anything else as it is."""
    return CHOICE_WORDS.get(item, str(item))


def differences(saved: Draft, edited: Draft) -> list[tuple[str, str, str]]:
    """What the edit changes: field, saved value, edited value, in the form's order. Numbers compare as numbers."""
    rows = []
    for spec in all_specs().values():
        old, new = value_at(saved, spec.path), value_at(edited, spec.path)
        if not same(old, new):
            rows.append((f"{SECTION_TITLES[spec.section]} · {spec.title}", shown(old), shown(new)))
    return rows


def value_at(draft: Draft, path: str) -> Any:
    """A draft's value at ``section.field``, None where it has none."""
    section, name = path.split(".")
    return draft.get(section, {}).get(name)


def same(old: Any, new: Any) -> bool:
    """Whether two values of a draft mean the same: numbers compare as numbers, however they are written."""
    if old == new:
        return True
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(same(a, b) for a, b in zip(old, new, strict=True))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same(old[key], new[key]) for key in old)
    if isinstance(old, bool) or isinstance(new, bool):
        return False
    try:
        return Decimal(str(old)) == Decimal(str(new))
    except InvalidOperation:
        return False


def by_section(errors: Mapping[str, str]) -> dict[str, int]:
    """How many errors each section has; those of the whole draft are under ''."""
    counts: dict[str, int] = {}
    for path in errors:
        section = path.split(".")[0]
        counts[section] = counts.get(section, 0) + 1
    return counts


def read_upload(data: bytes) -> Preset:
    """A preset file someone hands in: an export, or a stored preset's file.

    Raises:
        ConfigError: Broken JSON, unknown or missing keys, values out of bounds; the message names each.
    """
    return read_preset(decode_text(data, "The file"), "The file")


def export(preset: Preset) -> str:
    """A preset as a file to keep or hand on: indented JSON that `read_upload` takes back."""
    return json.dumps(json.loads(preset.canonical_json()), indent=2) + "\n"
