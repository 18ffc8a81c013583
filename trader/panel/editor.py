"""The editor: one widget per preset field, in sections, each with its sentence when the value cannot be used."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd
import streamlit as st

from trader.config.preset import RELATIVE_EXPIRIES, SECTIONS, Preset
from trader.panel import draft, form, markup
from trader.panel.form import Spec
from trader.panel.format import red, safe
from trader.panel.markup import tag

_COLUMNS = 3
_TIERS_WIDTH = 420
_MOST_FIELDS = max(len(model.model_fields) for model in SECTIONS.values()) + 1  # and the rules over several fields

# A tab's name with the number in it would make another tab of it, and the one that is open would close under the hand.
_STYLE = """
.errors-line { min-height: 1.5rem; padding-bottom: 0.8rem; display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: 0.9rem; }
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
_CHOICE_WORDS = {
    "touch": "Bid (touch)",
    "mid": "Middle of the book",
    "mark": "Mark",
    "accept": "Accept",
    "unwind": "Unwind",
}


def draw(listed: Sequence[datetime], figures: Callable[[Preset], Mapping[str, str]]) -> form.Checked:
    """All sections; returns the draft's verdict. Values go into the draft as they are typed.

    Args:
        listed: Expiries the exchange lists for the draft's underlying.
        figures: What values mean in money for a valid draft, in words by field path; shown beside the fields.
    """
    markup.stylesheet(_STYLE)
    slots: dict[str, Any] = {}
    titles = [form.SECTION_TITLES[name] for name in SECTIONS]
    for tab, section in zip(st.tabs(titles, key="cfg_tabs"), SECTIONS, strict=True):
        with tab:
            slots[section] = st.empty()
            small = [spec for spec in form.specs(section) if spec.kind not in ("tiers", "days")]
            wide = [spec for spec in form.specs(section) if spec.kind in ("tiers", "days")]
            for start in range(0, len(small), _COLUMNS):
                row = small[start : start + _COLUMNS]
                for column, spec in zip(st.columns(_COLUMNS, gap="medium"), row, strict=False):
                    with column:
                        _field(spec, listed)
                        slots[spec.path] = st.empty()
            for spec in wide:
                _field(spec, listed)
                slots[spec.path] = st.empty()
    verdict = form.check(draft.current())
    markup.draw(_counted(form.by_section(verdict.errors)))
    for path, sentence in verdict.errors.items():
        slots.get(path, st).markdown(red(sentence))
    if verdict.preset is not None:
        for path, words in figures(verdict.preset).items():
            slots[path].markdown(safe(words))
    return verdict


def _counted(errors: Mapping[str, int]) -> markup.Html:
    """How many errors each section has, in words; the style writes the number behind the tab's name besides."""
    said = (
        tag("span", f"{form.SECTION_TITLES[section]}: {count} to correct", class_=f"errors errors-{section}-{count}")
        for section, count in errors.items()
        if section in SECTIONS
    )
    return tag("div", *said, class_="errors-line")


def _field(spec: Spec, listed: Sequence[datetime]) -> None:
    value = draft.current()[spec.section].get(spec.name)
    key = f"cfg.{draft.generation()}.{spec.path}"
    draw_widget = {
        "choice": _choice,
        "days": _days,
        "toggle": _toggle,
        "integer": _integer,
        "decimal": _decimal,
        "text": _text,
        "tiers": _tiers,
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
    return st.selectbox(
        spec.label, spec.choices, key=key, help=_help(spec), format_func=lambda item: _CHOICE_WORDS.get(item, item)
    )


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
    typed = _number(spec, key, value, 0.01 if spec.unit == "|delta|" else 1.0)
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


def _tiers(spec: Spec, key: str, value: Any) -> Any:
    """The tiers as a table one can add to; the draft keeps what the table was first filled with plus the edits."""
    first = f"{key}.first"
    _remember(first, value)
    filled = st.session_state[first]
    st.markdown("**Trailing tiers**")
    st.text(spec.help)
    frame = pd.DataFrame(
        [{"Peak": form.number(tier["peak_pct"]), "Stop": form.number(tier["stop_pct"])} for tier in filled],
        columns=["Peak", "Stop"],
        dtype="float64",
    )
    with st.container(width=_TIERS_WIDTH):
        edited = st.data_editor(frame, num_rows="dynamic", hide_index=True, key=key, column_config={
            "Peak": st.column_config.NumberColumn("Peak, % of premium", format="%g", help="Profit peak that arms the tier."),
            "Stop": st.column_config.NumberColumn("Stop, % of premium", format="%g", help="Exit at this profit; 0 = breakeven."),
        })  # fmt: skip
    written = {form.number(text): text for tier in filled for text in tier.values() if text is not None}
    return [
        {"peak_pct": _tier_text(row["Peak"], written), "stop_pct": _tier_text(row["Stop"], written)}
        for row in edited.to_dict("records")
        if not (pd.isna(row["Peak"]) and pd.isna(row["Stop"]))
    ]


def _tier_text(value: Any, written: Mapping[float | None, str]) -> str | None:
    """A number of the table as the draft has it: as it was written where it was not touched."""
    return None if pd.isna(value) else written.get(float(value)) or form.number_text(float(value))
