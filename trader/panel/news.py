"""What happened today: results of the day's runs, pinned, and the desk's own sentences, newest first, one line each."""

import re
from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace
from streamlit.delta_generator import DeltaGenerator

from trader.desk import Day, DayResult, Happening, Status
from trader.engine.view import Totals
from trader.panel import cards, markup, parts, runs, words
from trader.panel import format as fmt
from trader.panel.markup import Html, join, tag

_NUMBERS = re.compile(r"\d[\d.,:]*")
_END = "run_finished"  # its figures stand in the pinned result
_TONES = {"error": "down", "warning": "old"}
_MARKS = {"error": "Critical: ", "warning": "Warning: "}
_EMPTY = "Nothing has happened yet. Results of the day, restarts and warnings will stand here."


def draw(place: DeltaGenerator, status: Status | str) -> None:
    """Fixed height with a scroll of its own; keeps its place while there is nothing to tell. One element, no widgets."""
    day = None if isinstance(status, str) else status.day
    lines = [] if isinstance(status, str) else news_lines(status)
    said = "Today: not known" if isinstance(status, str) else day_words(day, status.totals)
    head = tag(
        "div",
        tag("b", "News", title="From the journal, newest first; the day's results stay on top."),
        tag("span", said, class_="ar-day"),
        class_="ar-news-head",
    )
    with place.container(border=True, key="news_box"):
        rows = lines or [cards.line("", _EMPTY)]
        markup.draw(join(head, tag("div", *rows, class_="ar-news-rows", tabindex=0, role="log", aria_label="News")))


def day_words(day: Day | None, totals: Totals | None = None) -> str:
    """``Today −$27.50 realised · −$3.10 open · loss limit $500 · account's $50 · 3 of 3 runs``."""
    if day is None:
        return "Today: not known"
    total = [f"Today {parts.dollars(day.realised, signed=True)} realised"]
    if day.open_today:
        total.append(f"{parts.dollars(day.open_today, signed=True)} open")
    if day.loss_limit is not None:
        total.append(f"loss limit {parts.dollars(day.loss_limit, parts.places(day.loss_limit))}")
    if totals is not None:
        most = Decimal(str(totals.limits["daily_loss_usd"]))
        limit = f"account's {parts.dollars(most, parts.places(most))}"
        total.append("entries are locked" if totals.locked else limit)
    made = f"{day.runs_made} run{'' if day.runs_made == 1 else 's'}"
    total.append(made if day.runs_most is None else f"{day.runs_made} of {day.runs_most} runs")
    return " · ".join(total)


def news_lines(status: Status) -> list[Html]:
    """Results of the day, what is so now, what came before."""
    day = status.day
    results = [] if day is None else [_result(result) for result in day.results]
    now = [cards.line("now", line, tone="down") for line in _urgent(status)]
    pinned = set() if day is None else {result.run_id for result in day.results}
    told = [one for one in status.happened if not (one.code == _END and one.run_id in pinned)]
    return results + now + [_line(one, status) for one in grouped(told)]


def _result(result: DayResult) -> Html:
    """``05:06 Max loss: −$13.90 (−22.7 %)``: coloured by its sign, which stands in it too."""
    reason = words.exit_reason(result.reason)
    share = "" if result.pnl_pct is None else f" ({parts.percent(result.pnl_pct)})"
    money = "nothing was sold" if result.pnl_pct is None else parts.dollars(result.pnl, signed=True)
    text = f"{reason[:1].upper()}{reason[1:]}: {money}{share} · {result.underlying} {result.preset}"
    return cards.line(fmt.ist_clock(result.at)[:5], text, tone=parts.tone(result.pnl), more=fmt.ist_full(result.at))


def _urgent(status: Status) -> list[str]:
    """What is so now beside what the headline says already."""
    run = status.run
    return [line for line in status.situation if run is None or not run.words or run.words not in line]


def _line(one: Happening, status: Status) -> Html:
    often = f" × {one.times}" if one.times > 1 else ""
    seen = f" — acknowledged by {one.acked_by}" if one.acked_at is not None else ""
    tone = "" if seen else _TONES.get(one.level, "")
    whose = runs.of_record(status, one.run_id)
    text = f"{_MARKS.get(one.level, '')}{f'{whose}: ' if whose else ''}{fmt.plain(one.text)}{often}{seen}"
    return cards.line(_clock(one, status), text, tone=tone, more=f"this machine's clock: {fmt.ist_full(one.at)}")


def _clock(one: Happening, status: Status) -> str:
    """The exchange's time, the one clock of the page; where it was not known and is not this machine's, that is said."""
    own_time = words.pace(status.ops) != 1
    if one.market is not None:
        return fmt.ist_clock(one.market)
    return f"{fmt.ist_clock(one.at)}{' wall' if own_time else ''}"


def grouped(happened: Iterable[Happening]) -> list[Happening]:
    """The same thing said again, with other numbers or for another run, is one line: the newest, and how often."""
    merged: dict[tuple[str, str, str], Happening] = {}
    for one in happened:
        key = (one.level, one.code, _NUMBERS.sub("#", one.text))
        first = merged.get(key)
        whose = first.run_id if first is not None and first.run_id == one.run_id else ""
        merged[key] = one if first is None else replace(first, times=first.times + one.times, run_id=whose)
    return list(merged.values())
