"""Small parts of what stands around a trade, as HTML: figure cards, rows that are met or not, lines of news, legs in columns.

One element each, so that all figures of a part change at the same moment. Colours are readable in both themes, and never
alone: a sign, a tick or a word says the same.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trader.panel import markup
from trader.panel.markup import Html, tag

_CSS = """
.ar-cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.4rem,1fr));gap:.5rem;margin:.1rem 0 1rem}
.ar-card{border:1px solid light-dark(#d8dee6,#2c3541);border-radius:.45rem;padding:.4rem .6rem .45rem;min-width:0}
.ar-card div{font-size:.82rem;color:light-dark(#4b5663,#a9b3c0);white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.ar-card b{display:block;font-size:1.18rem;font-weight:600;line-height:1.5;white-space:nowrap;font-variant-numeric:tabular-nums}
.ar-card .ar-wrap{white-space:normal;overflow-wrap:anywhere}
.ar-row{display:flex;gap:.45rem;line-height:1.4;padding:.12rem 0}
.ar-row>span:first-child{flex:0 0 .9rem;font-weight:700;text-align:center}
.ar-row>span:last-child{min-width:0;overflow-wrap:anywhere}
.ar-line{display:flex;gap:.5rem;line-height:1.45;padding:.1rem 0;min-width:0}
.ar-line>span:first-child{flex:0 0 auto;font-variant-numeric:tabular-nums;color:light-dark(#4b5663,#a9b3c0)}
.ar-line>span:last-child{min-width:0;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.ar-news-head{display:flex;justify-content:space-between;gap:.6rem;margin-bottom:.4rem}
.st-key-news_box [data-testid="stMarkdownContainer"]{margin-bottom:0}
.ar-told{margin-bottom:1rem}
.ar-news-rows{height:8.25rem;overflow-y:auto;overflow-x:hidden}
.ar-up{color:light-dark(#15703a,#5fd08c)}
.ar-down{color:light-dark(#b3261e,#ff8f87)}
.ar-old{color:light-dark(#8a5200,#f0b357)}
.ar-legs{width:100%;table-layout:fixed;margin-bottom:1rem;border-collapse:collapse;font-variant-numeric:tabular-nums}
.ar-legs th,.ar-legs td{padding:.28rem .3rem;text-align:right;font-weight:400;border:0;border-bottom:1px solid light-dark(#e3e8ee,#262e39)}
.ar-legs th:first-child{width:28%;text-align:left;color:light-dark(#4b5663,#a9b3c0)}
.ar-legs thead th{font-weight:600}
div:has(>.st-key-preview_folded),div:has(>.st-key-preview_fold_figures){display:none}
@media (max-width:640px){
div:has(>.st-key-preview_open){display:none}
div:has(>.st-key-preview_folded){display:flex}
[data-testid="stColumn"]:has(.st-key-result_chart):not(:has(.st-key-result_box)){display:none}
.stApp:has(.st-key-result_box) div:has(>.st-key-preview_figures){display:none}
.stApp:has(.st-key-result_box) div:has(>.st-key-preview_fold_figures){display:flex}
div:has(>.st-key-preflight_rows),.st-key-preflight_rows{height:62px!important;flex-basis:62px!important}
.ar-news-rows{height:4.95rem}
.ar-line>span:last-child{white-space:normal}
.st-key-start_box,.st-key-preflight_box,.st-key-preview_box,.st-key-result_box,.st-key-waiting_box,.st-key-instead_box,
.st-key-news_box{padding:.45rem .65rem!important;gap:.4rem!important}
.ar-cards{grid-template-columns:repeat(2,minmax(0,1fr));gap:.35rem}
.ar-card{padding:.25rem .5rem .3rem}
.ar-card:last-child:nth-child(odd){grid-column:1/-1}
.st-key-start_box button,.st-key-instead_box button,.st-key-result_box button,.st-key-result_box a,.st-key-alerts_bar button,
.st-key-alerts_rows button,.st-key-lot_sizer button,.st-key-preview_fold summary{min-height:44px}
}
"""
_MARKS = {True: ("✓", "ar-up"), False: ("✗", "ar-down"), None: ("?", "ar-old")}


class Card(NamedTuple):
    """One figure: its name, its value, a second face or the reason below, and more on hover. `tone` colours the value."""

    label: str
    value: str
    note: str  # or `Html`
    more: str = ""
    tone: str = ""


def style() -> None:
    """The looks of everything here; once a page."""
    markup.stylesheet(_CSS)


def cards(figures: Iterable[Card]) -> Html:
    """Figures side by side, two in a row on a phone."""
    return tag("div", *(_card(figure) for figure in figures), class_="ar-cards")


def _card(figure: Card) -> Html:
    tone = {"up": "ar-up", "down": "ar-down"}.get(figure.tone)
    return tag(
        "div",
        tag("div", figure.label),
        tag("b", figure.value, class_=tone),
        tag("div", figure.note, class_="ar-wrap"),
        class_="ar-card",
        title=figure.more or None,
    )


def row(ok: bool | None, name: str, words: str) -> Html:
    """``✓ name words``; ✗ what is not met, ? what is not known."""
    mark, color = _MARKS[ok]
    said = {True: "met", False: "not met", None: "not known"}[ok]
    return tag(
        "div", tag("span", mark, class_=color, title=said), tag("span", tag("b", f"{name} ") if name else None, words),
        class_="ar-row",
    )  # fmt: skip


def line(at: str, words: str, *, tone: str = "", more: str = "") -> Html:
    """A line of news: when, and what. It is cut at its end where there is no room; the whole is on hover."""
    color = {"up": "ar-up", "down": "ar-down", "old": "ar-old"}.get(tone)
    return tag(
        "div", tag("span", at, title=more or None), tag("span", words, class_=color, title=words), class_="ar-line"
    )


def columns(names: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> Html:
    """A column for each name and a row for each figure: fits a phone."""
    head = tag("tr", tag("th", "", scope="col"), *(tag("th", name, scope="col") for name in names))
    body = [tag("tr", tag("th", label, scope="row"), *(tag("td", value) for value in values)) for label, values in rows]
    return tag("table", tag("thead", head), tag("tbody", *body), class_="ar-legs")
