"""Line charts as inline SVG: one time axis, panels below one another. Colours are the document's (`trader.report.document`)."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import NamedTuple

from trader.domain.expiry import IST
from trader.report.html import Html, join, tag

_WIDTH, _LEFT, _RIGHT, _TOP, _BETWEEN, _FOOT = 720, 74, 10, 18, 30, 26
_TICKS_MOST = 6
_STEPS = [timedelta(minutes=1) * n for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080)]


class Line(NamedTuple):
    """A named column; `kind` is its CSS class. `step`: holds until it changes."""

    name: str
    kind: str
    values: Sequence[float | None]
    step: bool = False


class Mark(NamedTuple):
    """Something that happened. `kind`: entry, exit, decision."""

    at: datetime
    kind: str
    text: str


class Panel(NamedTuple):
    """Lines on one scale; `shown` writes a value of the axis."""

    title: str
    height: int
    lines: Sequence[Line]
    shown: Callable[[float], str]
    marks: Sequence[Mark] = ()


def chart(
    at: Sequence[datetime], panels: Sequence[Panel], gaps: Sequence[tuple[datetime, datetime]], *, words: str
) -> Html | None:
    """None where there is nothing to draw.

    Args:
        at: Ascending; each line has a value for each.
        gaps: Stretches that nobody watched: no line crosses them.
        words: The chart in a sentence, for those who do not see it.
    """
    panels = [panel for panel in panels if any(v is not None for line in panel.lines for v in line.values)]
    if len(at) < 2 or not panels or at[-1] <= at[0]:
        return None
    across = _Across(at[0], at[-1])
    top, drawn = _TOP, list[Html]()
    bottom = _TOP + sum(panel.height for panel in panels) + _BETWEEN * (len(panels) - 1)
    drawn += [
        _rect(across.x(begin), _TOP, across.x(end) - across.x(begin), bottom - _TOP)
        for begin, end in gaps
        if at[0] <= begin and end <= at[-1]
    ]
    for panel in panels:
        drawn.append(_panel(panel, at, across, top, gaps))
        top += panel.height + _BETWEEN
    drawn += [
        _label(across.x(instant), bottom + 18, f"{instant.astimezone(IST):{form}}", "middle")
        for instant, form in across.ticks()
    ]
    height = bottom + _FOOT
    return tag("svg", *drawn, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=words, class_="chart")


class _Across:
    """The time axis."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self._first, self._span = first, last - first

    def x(self, at: datetime) -> float:
        share = (at - self._first) / self._span
        return _LEFT + min(max(share, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[tuple[datetime, str]]:
        """Round Indian times, and how each is written: the day where it begins."""
        step = next((one for one in _STEPS if self._span / one <= _TICKS_MOST), self._span / _TICKS_MOST)
        midnight = self._first.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
        number = ceil((self._first - midnight) / step)
        found = []
        while (at := midnight + number * step) <= self._first + self._span:
            found.append((at, "%d %b" if not (at.hour or at.minute) else "%H:%M"))
            number += 1
        return found


def _panel(
    panel: Panel, at: Sequence[datetime], across: _Across, top: int, gaps: Sequence[tuple[datetime, datetime]]
) -> Html:
    known = [v for line in panel.lines for v in line.values if v is not None]
    low, high = min(known), max(known)
    if high - low < 1e-9 * max(abs(high), 1):
        low, high = low - max(abs(low) * 0.01, 1e-6), high + max(abs(high) * 0.01, 1e-6)
    margin = (high - low) * 0.06
    low, high = low - margin, high + margin

    def y(value: float) -> float:
        return top + (high - value) / (high - low) * panel.height

    parts: list[Html] = [_label(_LEFT, top - 6, panel.title, "start", "title")]
    for value in _round_values(low, high):
        kind = "zero" if value == 0 else "grid"
        parts.append(_path(kind, f"M{_LEFT} {y(value):.1f}H{_WIDTH - _RIGHT}"))
        parts.append(_label(_LEFT - 6, y(value) + 4, panel.shown(value), "end"))
    parts += [_path(line.kind, _way(line, at, across, y, gaps), line.name) for line in panel.lines]
    if panel.lines:
        parts += [_mark(mark, across, y, panel.lines[0], at) for mark in panel.marks]
    return tag("g", *parts)


def _way(
    line: Line,
    at: Sequence[datetime],
    across: _Across,
    y: Callable[[float], float],
    gaps: Sequence[tuple[datetime, datetime]],
) -> str:
    """The path of a line; it begins again after what is not known and after a gap."""
    begins = {end for _, end in gaps}
    said: list[str] = []
    up = True
    for instant, value in zip(at, line.values, strict=True):
        if value is None:
            up = True
            continue
        x = f"{across.x(instant):.1f}"
        if up or instant in begins:
            said.append(f"M{x} {y(value):.1f}")
        else:
            said.append(f"H{x}V{y(value):.1f}" if line.step else f"L{x} {y(value):.1f}")
        up = False
    return "".join(said)


_SHAPES = {
    "entry": "M{x} {y}m-6 -11h12l-6 10z",  # points down: sold
    "exit": "M{x} {y}m-6 11h12l-6 -10z",
    "decision": "M{x} {y}m0 -6l6 6l-6 6l-6 -6z",
}


def _mark(mark: Mark, across: _Across, y: Callable[[float], float], line: Line, at: Sequence[datetime]) -> Html:
    before = [v for instant, v in zip(at, line.values, strict=True) if v is not None and instant <= mark.at]
    height = y(before[-1] if before else 0.0)
    shape = _SHAPES.get(mark.kind, _SHAPES["decision"]).format(x=f"{across.x(mark.at):.1f}", y=f"{height:.1f}")
    return _path(f"mark {mark.kind if mark.kind in _SHAPES else 'decision'}", shape, mark.text)


def _round_values(low: float, high: float) -> list[float]:
    """Three or four values of few digits between two."""
    raw = (high - low) / 4
    power = 10 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    return [number * step for number in range(ceil(low / step), floor(high / step) + 1)]


def _path(kind: str, way: str, name: str = "") -> Html:
    """`way` is numbers that were written here; unlike other text it may be long."""
    title = tag("title", name) if name else ""
    return Html(f'<path class="{kind}" d="{way}">{title}</path>')


def _rect(x: float, y: float, width: float, height: float) -> Html:
    return join(
        tag(
            "rect",
            tag("title", "Not watched"),
            x=f"{x:.1f}",
            y=f"{y:.1f}",
            width=f"{max(width, 1):.1f}",
            height=f"{height:.1f}",
            class_="gap",
        )
    )


def _label(x: float, y: float, words: str, anchor: str, kind: str = "label") -> Html:
    return tag("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=kind)
