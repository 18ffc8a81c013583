"""The editor: one widget per preset field, in sections, each with its sentence when the value cannot be used."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, get_args

import pandas as pd
import streamlit as st
from pydantic.fields import FieldInfo

from trader.config.preset import SECTIONS, Preset
from trader.config.strategy import RELATIVE_EXPIRIES, rows_of
from trader.desk.meaning import does
from trader.panel import draft, form, markup
from trader.panel.form import Spec
from trader.panel.format import red, safe, strong
from trader.panel.markup import tag

_COLUMNS = 3
_STEPS = {"|delta|": 0.01, "σ": 0.1}
_WIDTHS = {"tiers": 420, "legs": 820}
_MOST_FIELDS = max(len(model.model_fields) for model in SECTIONS.values()) + 1  # and the rules over several fields

# A tab's name with the number in it would make another tab of it, and the one that is open would close under the hand.
_STYLE = """
.errors-line { min-height: 1.5rem; padding: 0.4rem 0 0.8rem; display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: 0.9rem; }
.errors { color: light-dark(#b3272d, #ff8a8a); font-weight: 600; }
.st-key-cfg_editor [role="tab"] p::after { color: light-dark(#b3272d, #ff8a8a); font-weight: 600; }
""" + "\n".join(
    f'.st-key-cfg_editor:has(.errors-{section}-{count}) [role="tab"]:nth-of-type({place}) p::after {{ content: " ✗ {count}"; }}'
    for place, section in enumerate(SECTIONS, start=1)
    for count in range(1, _MOST_FIELDS + 1)
)
_EXPIRY_WORDS = {
    "today": "Today",
    "next_day": "Next day",
    "nearest": "Nearest",
    "weekly": "Weekly (Friday)",
    "monthly": "Monthly (last Friday)",
}
# How the columns of a table of rows are drawn; a column of neither kind is text.
_NUMBER_COLUMNS = {
    "peak_pct": ("Peak, % of basis", "Profit peak that arms the tier."),
    "stop_pct": ("Stop, % of basis", "Exit at this profit; 0 = breakeven."),
    "ratio": ("Ratio", "Contracts per contract of the quantity."),
}


def draw(listed: Sequence[datetime], figures: Callable[[Preset], Mapping[str, str]]) -> form.Checked:
    """All sections; returns the draft's verdict. Values go into the draft as they are typed.

    Args:
        listed: Expiries the exchange lists for the draft's underlying.
        figures: What values mean in money for a valid draft, in words by field path; shown beside the fields.
    """
    markup.stylesheet(_STYLE)
    _take_choices()
    shown = form.shown_fields(draft.current(), form.check(draft.current()).errors)
    slots: dict[str, Any] = {}
    titles = [form.SECTION_TITLES[name] for name in SECTIONS]
    for tab, section in zip(st.tabs(titles, key="cfg_tabs"), SECTIONS, strict=True):
        with tab:
            slots[section] = st.empty()
            fields = [spec for spec in form.specs(section) if spec.path in shown]
            for row in form.in_rows(fields, _COLUMNS):
                wide = row[0].kind in form.WIDE
                columns = [st.container()] if wide else st.columns(_COLUMNS, gap="medium")
                for column, spec in zip(columns, row, strict=False):
                    with column:
                        _field(spec, listed)
                        slots[spec.path] = st.empty()
    for spec in form.all_specs().values():
        if spec.kind in form.ROWS and spec.path not in shown:
            st.session_state.pop(_filled(_key(spec)), None)  # when it is shown again, it begins with what the draft has
    verdict = form.check(draft.current())
    markup.draw(_counted(form.by_section(verdict.errors), verdict.preset))
    for path, sentence in verdict.errors.items():
        slots.get(path, st).markdown(red(sentence))
    if verdict.preset is not None:
        for path, words in figures(verdict.preset).items():
            if path in slots:
                slots[path].markdown(safe(words))
    return verdict


def _counted(errors: Mapping[str, int], preset: Preset | None) -> markup.Html:
    """What the preset does, in a sentence; while it cannot be used, how many errors each section has instead. The style
    writes the number behind the tab's name besides."""
    said = (
        tag("span", f"{form.SECTION_TITLES[section]}: {count} to correct", class_=f"errors errors-{section}-{count}")
        for section, count in errors.items()
        if section in SECTIONS
    )
    return tag("div", *said, "" if preset is None else does(preset), class_="errors-line")


def _key(spec: Spec) -> str:
    return f"cfg.{draft.generation()}.{spec.path}"


def _filled(key: str) -> str:
    """Where it is kept what a table was first filled with."""
    return f"{key}.first"


def _take_choices() -> None:
    """Choices that were just made, before anything is drawn: they decide which fields are. Custom legs that are not there
    yet begin with those of the structure before."""
    before = form.check(draft.current()).preset
    for spec in form.all_specs().values():
        if spec.kind in ("choice", "toggle") and _key(spec) in st.session_state:
            draft.put(spec.section, spec.name, st.session_state[_key(spec)])
    strategy = draft.current()["strategy"]
    if before is not None and strategy["structure"] == "custom" and not strategy["legs"]:
        draft.put("strategy", "legs", [row.model_dump(mode="json") for row in rows_of(before.structure)])


def _field(spec: Spec, listed: Sequence[datetime]) -> None:
    value = draft.current()[spec.section].get(spec.name)
    key = _key(spec)
    draw_widget = {
        "choice": _choice,
        "days": _days,
        "toggle": _toggle,
        "integer": _integer,
        "decimal": _decimal,
        "text": _text,
        "tiers": _rows,
        "legs": _rows,
    }.get(spec.kind)
    draft.put(
        spec.section,
        spec.name,
        _expiry(spec, key, value, listed) if draw_widget is None else draw_widget(spec, key, value),
    )


def _help(spec: Spec) -> str:
    return f"{spec.help} Allowed: {spec.bounds} {spec.unit}".rstrip() + "." if spec.bounds else spec.help


def _remember(key: str, value: Any) -> None:
    """A widget's first value comes from the draft; later ones from what was typed."""
    if key not in st.session_state:
        st.session_state[key] = value


def _choice(spec: Spec, key: str, value: Any) -> Any:
    _remember(key, value)
    return st.selectbox(spec.label, spec.choices, key=key, help=_help(spec), format_func=form.choice_words)


def _days(spec: Spec, key: str, value: Any) -> Any:
    _remember(key, list(value or ()))
    chosen = st.pills(
        spec.label, spec.choices, selection_mode="multi", key=key, help=_help(spec), format_func=str.capitalize
    )
    return [day for day in spec.choices if day in chosen]


def _toggle(spec: Spec, key: str, value: Any) -> Any:
    _remember(key, bool(value))
    return st.toggle(spec.label, key=key, help=_help(spec))


def _integer(spec: Spec, key: str, value: Any) -> Any:
    # A field of floats: one of integers cuts 2.7 to 2 in the browser, and nobody is told.
    typed = _number(spec, key, value, 1.0)
    if typed is None or typed == form.number(value):
        return None if typed is None else value
    return int(typed) if typed.is_integer() else form.number_text(typed)


def _decimal(spec: Spec, key: str, value: Any) -> Any:
    typed = _number(spec, key, value, _STEPS.get(spec.unit, 1.0))
    if typed is None or typed == form.number(value):  # what was not touched stays to its last digit
        return None if typed is None else value
    return form.number_text(typed)


def _number(spec: Spec, key: str, value: Any, step: float) -> float | None:
    """A number field. It shows as many decimals as the field has by custom, or as the value needs."""
    _remember(key, form.number(value))
    needed = form.decimals(st.session_state[key])
    typed: float | None = st.number_input(
        spec.label, step=step, format=f"%.{max(needed, 2 if step < 1 else 0)}f", key=key, help=_help(spec)
    )
    return typed


def _text(spec: Spec, key: str, value: Any) -> Any:
    _remember(key, str(value))
    typed = st.text_input(spec.label, key=key, help=_help(spec), max_chars=40)
    return value if typed == value else typed.strip()


def _expiry(spec: Spec, key: str, value: Any, listed: Sequence[datetime]) -> Any:
    days = [f"{instant:%Y-%m-%d}" for instant in listed]
    unlisted = [value] if value not in days and value not in RELATIVE_EXPIRIES else []
    _remember(key, value)
    return st.selectbox(spec.label, [*RELATIVE_EXPIRIES, *days, *unlisted], key=key, help=_help(spec),
                        format_func=lambda item: _expiry_words(item, days))  # fmt: skip


def _expiry_words(item: str, days: Sequence[str]) -> str:
    if item in _EXPIRY_WORDS:
        return _EXPIRY_WORDS[item]
    return f"{date.fromisoformat(item):%a %d %b %Y}" if item in days else f"{item} (not listed)"


def _rows(spec: Spec, key: str, value: Any) -> Any:
    """A table one can add to; the draft keeps what the table was first filled with plus the edits."""
    names = form.ROWS[spec.kind].model_fields
    _remember(_filled(key), value)
    filled = st.session_state[_filled(key)]
    st.markdown(strong(spec.title))
    st.text(spec.help)
    if spec.kind == "legs":
        st.text(f"Value: {names['value'].description}")
    frame = pd.DataFrame(
        {
            name: pd.Series(
                [form.number(row[name]) if name in _NUMBER_COLUMNS else row[name] for row in filled],
                dtype="float64" if name in _NUMBER_COLUMNS else "object",
            )
            for name in names
        }
    )
    with st.container(width=_WIDTHS[spec.kind]):
        edited = st.data_editor(
            frame, num_rows="dynamic", hide_index=True, key=key, column_config=_columns(names), width="stretch"
        )
    written = {(name, form.number(row[name])): row[name] for row in filled for name in names if name in _NUMBER_COLUMNS}
    rows = [{name: _cell(name, row[name], written) for name in names} for row in edited.to_dict("records")]
    return [row for row in rows if any(part is not None for part in row.values())]


def _columns(fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, field in fields.items():
        if name in _NUMBER_COLUMNS:
            title, help_ = _NUMBER_COLUMNS[name]
            made[name] = st.column_config.NumberColumn(
                title, format="%g", help=safe(help_), width="small" if name == "ratio" else None
            )
        elif choices := get_args(field.annotation):
            made[name] = st.column_config.SelectboxColumn(
                form.COLUMNS[name],
                options=choices,
                format_func=form.choice_words,
                help=safe(field.description or ""),
                width="medium" if name == "by" else "small",
            )
        else:
            made[name] = st.column_config.TextColumn(
                form.COLUMNS[name],
                help=safe(field.description or ""),
                max_chars=40,
                width="small" if name == "key" else "medium",
            )
    return made


def _cell(name: str, value: Any, written: Mapping[tuple[str, float | None], Any]) -> Any:
    """A cell as the draft has it; a number as it was written where it was not touched."""
    if pd.isna(value) or value == "":
        return None
    if name not in _NUMBER_COLUMNS:
        return value
    number = float(value)
    if (name, number) in written:
        return written[name, number]
    return int(number) if name == "ratio" and number.is_integer() else form.number_text(number)
