"""The shell of a report: one HTML file without network, scripts or foreign fonts, for a screen, a phone, the dark, and A4."""

from collections.abc import Sequence

from trader.report.html import Html, tag

_CSS = """
:root { color-scheme: light dark; --ink: light-dark(#16202c, #e4eaf1); --soft: light-dark(#566273, #9aa7b6);
  --line: light-dark(#d8dee6, #2c3541); --paper: light-dark(#ffffff, #11161d); --card: light-dark(#f5f7fa, #1a212b);
  --blue: light-dark(#1d62d0, #6ea8ff); --up: light-dark(#12733a, #4cc67f); --down: light-dark(#b3272d, #ff8a8a);
  --amber: light-dark(#9a5b00, #f0b35a); --violet: light-dark(#7a3fb8, #c39bff); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 28px 20px 40px; }
h1 { font-size: 1.55rem; margin: 0.1rem 0 0.3rem; line-height: 1.2; }
h2 { font-size: 1.02rem; margin: 1.7rem 0 0.5rem; }
.kicker { color: var(--soft); font-size: 0.85rem; }
.env { display: inline-block; padding: 0 7px; border: 1px solid; border-radius: 4px; font-size: 0.75rem; font-weight: 700; }
.paper { color: var(--blue); } .testnet { color: var(--amber); } .production { color: var(--down); }
.verdict { font-size: 1.08rem; margin: 0.5rem 0 1rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 8px; margin: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 7px 11px; }
.facts dt { color: var(--soft); font-size: 0.8rem; }
.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
:is(th, td) { border-bottom: 1px solid var(--line); padding: 4px 10px 4px 0; text-align: left; vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; }
.n { text-align: right; white-space: nowrap; }
td.whole { white-space: nowrap; }
td.id { min-width: 15ch; font-family: ui-monospace, Consolas, monospace; font-size: 0.78rem; overflow-wrap: anywhere; }
.up { color: var(--up); } .down { color: var(--down); } .unknown { color: var(--amber); }
.note, footer { color: var(--soft); font-size: 0.82rem; }
footer { margin-top: 2rem; border-top: 1px solid var(--line); padding-top: 0.6rem; overflow-wrap: anywhere; }
ul { margin: 0.2rem 0; padding-left: 1.2rem; }
pre { columns: 2; column-gap: 24px; font: 0.72rem/1.35 ui-monospace, Consolas, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; margin: 0; }
summary { cursor: pointer; font-weight: 600; }
.way { position: relative; height: 12px; margin-top: 4px; }
.way i { position: absolute; top: 0; bottom: 0; min-width: 1px; border-radius: 2px; background: currentColor; }
.bars :is(td, th):last-child { width: 58%; padding-right: 0; }
.chart { display: block; width: 100%; height: auto; }
.chart text { fill: var(--soft); font: 11px system-ui, sans-serif; } .chart .title { fill: var(--ink); font-weight: 600; }
.chart path { fill: none; stroke-width: 1.6; stroke: var(--soft); vector-effect: non-scaling-stroke; }
.chart .grid { stroke: var(--line); stroke-width: 1; } .chart .zero { stroke: var(--soft); stroke-width: 1; }
.chart .pnl { stroke: var(--blue); stroke-width: 2; } .chart .spot { stroke: var(--ink); }
.chart .loss { stroke: var(--down); stroke-dasharray: 5 4; } .chart .profit { stroke: var(--up); stroke-dasharray: 5 4; }
.chart .trail { stroke: var(--amber); } .chart .iv1 { stroke: var(--violet); } .chart .iv0 { stroke: var(--blue); }
.chart .iv2 { stroke: var(--amber); } .chart .iv3 { stroke: var(--up); }
.chart .mark { stroke: var(--paper); stroke-width: 1; } .chart .mark.entry { fill: var(--down); }
.chart .mark.exit { fill: var(--up); } .chart .mark.decision { fill: var(--amber); }
.chart .gap { fill: var(--soft); opacity: 0.22; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; padding: 0; margin: 0.2rem 0 0; list-style: none; font-size: 0.8rem;
  color: var(--soft); }
.legend i { display: inline-block; width: 16px; border-top: 3px solid; margin-right: 5px; vertical-align: middle; }
@media (max-width: 640px) {
  main { padding: 16px 12px 30px; }
  .chart { min-width: 560px; }
  .chart text { font-size: 12.5px; }
  .bars td:last-child { display: block; width: auto; }
  .stack thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .stack :is(table, tbody, tr) { display: block; }
  .stack tr { border-bottom: 1px solid var(--line); padding: 6px 0; }
  .stack :is(th, td) { display: flex; justify-content: space-between; gap: 14px; border: 0; padding: 1px 0; text-align: right;
    white-space: normal; overflow-wrap: anywhere; }
  .stack td::before { content: attr(data-label); color: var(--soft); text-align: left; flex: none; }
  pre { columns: 1; }
}
@page { size: A4; margin: 14mm 13mm; }
@media print {
  :root { color-scheme: light; font-size: 13.5px; }
  body { font-size: 9pt; }
  section p { margin: 0.2rem 0; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; margin-top: 1.1rem; }
  tr, .facts, .chart, .legend, .keep { break-inside: avoid; }
  thead { display: table-header-group; }
  table { font-size: 7.6pt; } td.id { font-size: 6.4pt; } :is(th, td) { padding-block: 2px; }
  .verdict { font-size: 1rem; }
  .wide { overflow: visible; }
  .facts { grid-template-columns: repeat(5, 1fr); } .facts div { padding: 4px 7px; }
  .facts div, .way i { print-color-adjust: exact; }
  pre { font-size: 6.4pt; columns: 3; }
}
"""
# Nothing is fetched and nothing runs, whatever stands in the texts.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_ENVIRONMENTS = {"paper": "PAPER", "testnet": "TESTNET", "production": "LIVE"}

Cells = Sequence[str]


def document(title: str, *parts: Html | None) -> str:
    """The whole file."""
    head = (
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", title),
        Html(f"<style>{_CSS}</style>"),
    )
    return f"<!doctype html>\n{tag('html', tag('head', *head), tag('body', tag('main', *parts)), lang='en')}\n"


def environment(env: str) -> Html:
    """PAPER, TESTNET or LIVE; one that is not known is shown as the most dangerous one."""
    known = env in _ENVIRONMENTS
    return tag("span", _ENVIRONMENTS[env] if known else "LIVE?", class_=f"env {env if known else 'production'}")


def facts(rows: Sequence[tuple[str, str | None]]) -> Html:
    """Figures beside one another; None is left out."""
    cells = (tag("div", tag("dt", name), tag("dd", value)) for name, value in rows if value is not None)
    return tag("dl", *cells, class_="facts")


def table(
    head: Cells,
    rows: Sequence[Cells],
    *,
    name: str,
    right: Cells = (),
    ids: Cells = (),
    whole: Cells = (),
    kind_of: str = "",
) -> Html:
    """Rows of text or `Html`; on a phone a card for each row. `right`: columns of numbers; `ids`: of long names; `whole`: of what is not
    to be broken; `kind_of`: a CSS class of the table."""

    def kind(title: str) -> str | None:
        return "n" if title in right else "id" if title in ids else "whole" if title in whole else None

    heads = (tag("th", title, scope="col", class_=kind(title)) for title in head)
    body = (
        tag(
            "tr",
            tag("th", row[0], scope="row", data_label=head[0]),
            *(
                tag("td", cell, data_label=title, class_=kind(title))
                for title, cell in zip(head[1:], row[1:], strict=True)
            ),
        )
        for row in rows
    )
    made = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body), aria_label=name)
    return tag("div", made, class_=f"wide stack {kind_of}".rstrip())


def section(title: str, *parts: Html | None, note: str = "", keep: bool = False) -> Html | None:
    """A part under its heading; None where there is nothing in it. `keep`: on one page of paper."""
    if not any(part is not None for part in parts):
        return None
    return tag(
        "section",
        tag("h2", title),
        tag("p", note, class_="note") if note else None,
        *parts,
        class_="keep" if keep else None,
    )


def legend(lines: Sequence[tuple[str, str]]) -> Html:
    """Name and CSS variable of each line of a chart."""
    return tag(
        "ul",
        *(tag("li", tag("i", style=f"color: var(--{colour})"), name) for name, colour in lines),
        class_="legend",
    )


def footer(*lines: str) -> Html:
    return tag("footer", *(tag("div", line) for line in lines))
