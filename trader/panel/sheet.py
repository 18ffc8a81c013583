"""Tables to read, as HTML: columns on a desk, a card for each row on a phone, where no column may be cut off; and the rest of
the style of the pages that have them."""

from collections.abc import Iterable, Sequence

from trader.panel import markup
from trader.panel.markup import Html, tag

# Narrower than this a table is cards, what is drawn for wide screens (keys beginning with `wide_`) gives way to its twin for
# narrow ones (`narrow_`), and whatever is touched is 44 px high.
CSS = """
.sheet { overflow-x: auto; margin-bottom: 0.8rem; }
.sheet table { border-collapse: collapse; width: 100%; margin: 0; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
.sheet :is(th, td) { border: 0; border-bottom: 1px solid light-dark(#d8dee6, #2c3541); padding: 5px 12px 5px 0; text-align: left;
  vertical-align: top; color: inherit; }
.sheet thead th { color: light-dark(#566273, #9aa7b6); font-weight: 400; white-space: nowrap; }
.sheet tbody th { font-weight: 600; white-space: nowrap; }
.sheet .n { text-align: right; white-space: nowrap; padding-right: 28px; }
.sheet .up { color: light-dark(#12733a, #4cc67f); }
.sheet .down { color: light-dark(#b3272d, #ff8a8a); }
[class*="st-key-narrow_"] { display: none; }
@media (max-width: 760px) {
  [class*="st-key-narrow_"] { display: flex; }
  [class*="st-key-wide_"] { display: none; }
  [class*="st-key-narrow_"] button { justify-content: flex-start; text-align: left; }
  :is(.stButton, .stDownloadButton, .stNumberInput, .stButtonGroup, .stFileUploader, .stDialog) button, .stTextInput input,
  .stNumberInput input, .stSelectbox :is(input, button), .stTabs :is(button, [role="tab"]), .stPageLink a, .stCheckbox label,
  [data-testid="stElementToolbar"] button { min-height: 44px; }
  :is(.stMultiSelect, .stDateInput) :is(input, button), :is(.stMultiSelect, .stDateInput) [role="group"], .stPagination button { min-height: 44px; }
  .stPagination button { min-width: 44px; }
  .stNumberInput button, .stDialog button, [data-testid="stElementToolbar"] button { min-width: 44px; }
  :is(.stNumberInput, .stSelectbox, .stTextInput) div:has(> input, > div > input) { height: auto; min-height: 44px; }
  .stCheckbox label { align-items: center; }
  .sheet thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .sheet :is(table, tbody) { display: block; }
  .sheet tr { display: block; border-bottom: 1px solid light-dark(#d8dee6, #2c3541); padding: 6px 0; }
  .sheet :is(th, td), .sheet .n { display: flex; justify-content: space-between; gap: 12px; border: 0; padding: 1px 0;
    text-align: right; white-space: normal; overflow-wrap: anywhere; }
  .sheet td::before { content: attr(data-label); color: light-dark(#566273, #9aa7b6); text-align: left; flex: none; }
}
"""


def style() -> None:
    """Once on a page that has such tables."""
    markup.stylesheet(CSS)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, name: str, right: Iterable[str] = ()) -> Html:
    """Rows of text or `Html`; the first column names the row.

    Args:
        name: What the table is, for those who do not see it.
        right: Columns of numbers.
    """
    numbers = set(right)
    return tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", title, scope="col", class_=_side(title, numbers)) for title in head))),
            tag("tbody", *(_row(head, row, numbers) for row in rows)),
            aria_label=name,
        ),
        class_="sheet",
    )


def _row(head: Sequence[str], row: Sequence[str], numbers: set[str]) -> Html:
    cells = (
        tag("td", cell, data_label=title, class_=_side(title, numbers))
        for title, cell in zip(head[1:], row[1:], strict=True)
    )
    return tag("tr", tag("th", row[0], scope="row"), *cells)


def _side(title: str, numbers: set[str]) -> str | None:
    return "n" if title in numbers else None


def draw(head: Sequence[str], rows: Iterable[Sequence[str]], *, name: str, right: Iterable[str] = ()) -> None:
    """Draw such a table."""
    markup.draw(table(head, rows, name=name, right=right))
