"""How the Dashboard's live part is laid out: one grid of figures (HTML) and charts (Streamlit's own boxes) around each other.

The figures are one element, so that they change at the same moment; `display: contents` lets its sections be placed between
the charts. Heights are fixed where what is inside comes and goes.
"""

# While the beat shows another board than the page was made for, what is about to move is hidden, and a moment longer, until the
# last run's leftovers are cleared away; what is new in the page appears as late.
_BOARDS = ("none", "waits", "open", "over")
_BETWEEN = ", ".join(
    f".stMain:has(.lv-is-{board}):has({', '.join(f'.lv-for-{other}' for other in _BOARDS if other != board)})"
    for board in _BOARDS
)
_APPEARING = "\n".join(
    f"@keyframes lv-for-{board} {{ from, to {{ visibility: hidden; }} }}\n"
    f".stMain:has(.lv-for-{board}) .stVerticalBlock > :has(> .st-key-dash) ~ * {{ animation: lv-for-{board} 0.4s; }}"
    for board in _BOARDS
)
_MOVED = """
  .st-key-dash > :not(:has(.st-key-live)), .stVerticalBlock > :has(> .st-key-dash) ~ *,
  .st-key-live:not(:has(.lv-legs)) > :not(:has(.lv-live))
"""

CSS = (
    """
.st-key-dash {
  --lv-line: light-dark(#d8dee6, #2c3541); --lv-muted: light-dark(#566273, #9aa7b6);
  --lv-up: light-dark(#12733a, #4cc67f); --lv-down: light-dark(#b3272d, #ff8a8a); --lv-amber: light-dark(#8a4b00, #f0ad4e);
  --lv-soft: light-dark(#f1f4f8, #1a2029);
}
.st-key-dash { display: grid; grid-template-columns: minmax(0, 1fr); row-gap: 0; }
.st-key-dash:has(.lv-legs) {
  grid-template-columns: minmax(0, 1.75fr) minmax(0, 1fr); column-gap: 12px; row-gap: 0;
  grid-template-rows: auto auto 118px 8px minmax(326px, auto) 8px auto;
  grid-template-areas: "runs runs" "hero hero" "corridor corridor" ". ." "chart exits" ". ." "legs legs" "orders log";
}
.st-key-dash :is(
  :is(.stVerticalBlock, [data-testid="stLayoutWrapper"]):has(:is(.st-key-live, .lv-live)),
  .st-key-live :is(.stElementContainer:has(.lv-live), .stMarkdown, .stMarkdown > div, [data-testid="stMarkdownContainer"]),
  .lv-live
) { display: contents; }
.st-key-dash > .stElementContainer:has(> .stHtml) { position: absolute; }
/* Left over from the board before, for a moment: it would take a place in the grid. */
.st-key-dash:has(.lv-legs) [data-testid="stLayoutWrapper"]:has(> .st-key-live) ~ * { display: none; }

.st-key-dash:has(.lv-legs) .lv-runs { grid-area: runs; }
.st-key-dash:has(.lv-legs) .lv-hero { grid-area: hero; }
.st-key-dash .lv-exits { grid-area: exits; align-self: stretch; }
.st-key-dash .lv-legs { grid-area: legs; }
.st-key-dash .st-key-corridor { grid-area: corridor; }
.st-key-dash [data-testid="stLayoutWrapper"]:has(> .st-key-chart_head) {
  grid-area: chart; align-self: start; justify-self: end; z-index: 2; margin: 7px 10px 0 0; width: auto; }
.st-key-dash .st-key-pnl_chart { grid-area: chart; height: 100%; }
.st-key-dash > :has(> .st-key-orders_place) { grid-area: orders; margin-top: 8px; }
.st-key-dash > :has(> .st-key-log_place) { grid-area: log; margin-top: 8px; }

.lv-hero, .lv-exits, .lv-legs, .st-key-corridor, .st-key-pnl_chart {
  border: 1px solid var(--lv-line); border-radius: 0.45rem; padding: 8px 14px; min-width: 0;
}
.lv-hero { border-bottom: 0; border-radius: 0.45rem 0.45rem 0 0; padding-bottom: 0; }
.lv-hero.lv-alone { border-bottom: 1px solid var(--lv-line); border-radius: 0.45rem; padding-bottom: 8px; }
.st-key-corridor { border-top: 0; border-radius: 0 0 0.45rem 0.45rem; padding: 0 6px; height: 118px; }
.st-key-pnl_chart { padding: 6px 6px 0; height: 100%; }

.lv-runs { border: 1px solid var(--lv-line); border-radius: 0.45rem; padding: 6px 14px; margin-bottom: 8px; min-width: 0; }
.lv-live .lv-runs .lv-table :is(th, td):nth-child(2) { text-align: left; }
.lv-runs thead th:nth-child(1) { width: 33%; }
.lv-runs thead th:nth-child(2) { width: 35%; }
.lv-runs tr.shown { background: var(--lv-soft); }
.lv-live .lv-runs th small { display: inline; font-weight: 400; margin-left: 8px; }
.lv-live .lv-runs tfoot tr > * { border: 0; }
.lv-work { display: grid; gap: 8px; margin: 6px 0; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
.lv-work > div { display: grid; grid-template-columns: auto minmax(60px, 1fr); gap: 0 10px; align-items: center; }
.lv-live progress { appearance: none; border: 0; border-radius: 5px; overflow: hidden; background: var(--lv-line); }
.lv-live progress::-webkit-progress-bar { background: var(--lv-line); }
.lv-live progress::-webkit-progress-value { background: currentColor; }
.lv-live progress::-moz-progress-bar { background: currentColor; }
.lv-work progress { width: 100%; height: 10px; color: #2f6fd0; }
.lv-work > div > :is(span, small) { grid-column: 1 / -1; }
.lv-work small { color: var(--lv-muted); }

.lv-top { display: flex; gap: 16px; align-items: baseline; justify-content: space-between; min-height: 28px; }
.lv-headline { font-size: 1.25rem; font-weight: 650; line-height: 28px; }
.lv-id { color: var(--lv-muted); font-size: 0.86rem; line-height: 20px; min-height: 20px; }
.lv-worry { font-size: 0.9rem; line-height: 26px; text-align: right; }
.lv-worry.bad, .lv-words.bad { color: var(--lv-down); }
.lv-worry.old { color: var(--lv-amber); }
.lv-worry progress { width: 90px; height: 8px; margin: 0 8px; color: #e5484d; vertical-align: middle; }

.lv-cards { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 4px 14px; margin: 4px 0 0; }
.lv-card { height: 66px; min-width: 0; overflow: hidden; }
.lv-card dt, .lv-card dd { margin: 0; padding: 0; }
.lv-card dt { color: var(--lv-muted); font-size: 0.84rem; font-weight: 400; line-height: 18px; }
.lv-card .v { font-size: 1.5rem; font-weight: 620; line-height: 28px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.lv-card .n { color: var(--lv-muted); font-size: 0.84rem; line-height: 17px; white-space: nowrap; }
.lv-live .up { color: var(--lv-up); }
.lv-live .down { color: var(--lv-down); }
.lv-live.old :is(.v, .v.up, .v.down, td, td span) { color: var(--lv-muted); }

.lv-live .lv-table tr { border: 0; }
.lv-title { font-weight: 600; line-height: 22px; }
.lv-live .lv-table { border-collapse: collapse; table-layout: fixed; width: 100%; margin: 0; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
.lv-live .lv-table :is(th, td) { border: 0; border-bottom: 1px solid var(--lv-line); padding: 3px 0 3px 8px; text-align: right;
  vertical-align: top; line-height: 16px; color: inherit; }
.lv-live .lv-table :is(th, td):first-child { padding-left: 0; text-align: left; }
.lv-table thead th { color: var(--lv-muted); font-weight: 400; vertical-align: bottom; }
.lv-table tbody th, .lv-table tfoot th { font-weight: 600; }
.lv-table td span { display: block; white-space: nowrap; }
.lv-table small { display: block; color: var(--lv-muted); font-size: 0.8rem; white-space: nowrap; }
.lv-live .lv-table tbody tr:last-child > * { border-bottom: 0; }
.lv-live .lv-cols :is(th, td) { padding-top: 4px; padding-bottom: 4px; }
.lv-live .lv-cols tbody tr:last-child > * { border-bottom: 1px solid var(--lv-line); }
.lv-live .lv-cols tfoot tr > * { border-bottom: 0; font-weight: 600; }
.lv-cols tr.old td { color: var(--lv-amber); }
.lv-exits thead th:nth-child(1) { width: 21%; }
.lv-exits thead th:nth-child(2) { width: 23%; }
.lv-exits thead th:nth-child(n + 3) { width: 18.6%; }
.lv-cols thead th { width: 7.4%; }
.lv-cols thead th:nth-child(1) { width: 12%; }
.lv-cols thead th:nth-child(7) { width: 9%; }
.lv-cols thead th:nth-child(8) { width: 8.6%; }
.lv-cols thead th:nth-child(10) { width: 11.5%; }
.lv-greeks span { display: inline-block !important; margin-left: 18px; }
.lv-words { font-size: 0.86rem; line-height: 17px; margin: 4px 0 0; }
.lv-exits { display: flex; flex-direction: column; }
.lv-exits .lv-net { margin-top: auto; padding-top: 6px; }
.lv-steps { margin: 6px 0; padding-left: 20px; }
.lv-live .lv-steps li { font-size: 0.88rem; line-height: 20px; margin: 0; padding: 0; }
.lv-net { font-size: 0.86rem; line-height: 21px; display: flex; flex-wrap: wrap; gap: 4px 8px; }
.lv-badge { background: var(--lv-soft); border-radius: 4px; padding: 0 6px; white-space: nowrap; }
.lv-badge.good { color: var(--lv-up); }
.lv-badge.bad { color: var(--lv-down); font-weight: 600; }

@media (max-width: 760px) {
  .st-key-dash:has(.lv-legs) {
    grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); grid-template-rows: auto auto 98px 6px 202px 6px auto 6px auto;
    grid-template-areas: "runs runs" "hero hero" "corridor corridor" ". ." "chart chart" ". ." "exits exits" ". ." "legs legs"
      "orders log";
  }
  .lv-hero, .lv-exits, .lv-legs, .lv-runs { padding: 6px 10px; }
  .lv-runs :is(table, tbody, tfoot) { display: block; }
  .lv-runs thead { display: none; }
  .lv-live .lv-runs tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 8px; padding: 4px 0; border-bottom: 1px solid var(--lv-line); }
  .lv-live .lv-runs tfoot tr { border-bottom: 0; }
  .lv-live .lv-runs .lv-table tr > * { border: 0 !important; padding: 0; width: auto; line-height: 18px; }
  .lv-live .lv-runs tr > :nth-child(2) { order: 2; }
  .lv-live .lv-runs tr > :nth-child(4) { order: 3; font-size: 0.8rem; color: var(--lv-muted); }
  .lv-live .lv-runs td.void { display: none; }
  .lv-live .lv-runs tfoot tr > :nth-child(2) { grid-column: 1 / -1; }
  .lv-hero { padding-bottom: 0; }
  .lv-top { display: block; min-height: 0; }
  .lv-headline { font-size: 1.08rem; line-height: 24px; }
  .lv-worry, .lv-id { font-size: 0.8rem; line-height: 17px; height: 34px; overflow: hidden; text-align: left; }
  .lv-worry:empty, .lv-top:has(.lv-worry:not(:empty)) + .lv-id { display: none; }
  .lv-worry progress { width: 60px; }
  .lv-cards { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 2px 10px; margin-top: 4px; }
  .lv-card { height: 57px; }
  .lv-card dt, .lv-card .n { font-size: 0.8rem; line-height: 16px; }
  .lv-card .v { font-size: 1.25rem; line-height: 23px; }
  .st-key-corridor { height: 98px; }
  .st-key-corridor, .st-key-corridor * { max-height: 96px; }
  .st-key-pnl_chart, .st-key-pnl_chart * { max-height: 194px; }
  .st-key-dash_look button, .st-key-dash summary { min-height: 44px; }
  .st-key-dash [data-testid="stLayoutWrapper"]:has(> .st-key-chart_head) { margin: 4px 6px 0 0; }
  .lv-live .lv-exits .lv-table { font-size: 0.8rem; }
  .lv-live .lv-exits .lv-table :is(th, td) { padding: 2px 0 2px 4px; line-height: 16px; }
  .lv-live .lv-exits .lv-table :is(th, td):first-child { padding-left: 0; }
  .lv-exits .lv-table small { font-size: 0.76rem; }
  .lv-words, .lv-net { margin-top: 4px; line-height: 17px; font-size: 0.82rem; }
  .lv-cols, .lv-cols tbody, .lv-cols tfoot { display: block; }
  .lv-cols thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .lv-cols tr { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1px 6px; padding: 3px 0;
    border-bottom: 1px solid var(--lv-line); }
  .lv-cols tfoot tr { border-bottom: 0; }
  .lv-live .lv-cols tr > * { border: 0 !important; padding: 0 !important; text-align: left; line-height: 16px; order: 2; }
  .lv-live .lv-cols tr > th { align-self: end; font-size: 0.92rem; }
  .lv-live .lv-cols tr > :is(th, [data-label="P&L"], [data-label="of it fees"]) { order: 0; }
  .lv-live .lv-cols tr > [data-label="Price age"] { order: 1; }
  .lv-cols td { display: block; white-space: nowrap; }
  .lv-cols td::before { content: attr(data-label); display: block; color: var(--lv-muted); font-size: 0.74rem; line-height: 13px;
    font-weight: 400; }
  .lv-cols td.void { display: none; }
  .lv-live .lv-cols td[data-label^="IV"] { font-size: 0.78rem; letter-spacing: -0.02em; }
  .lv-cols .lv-greeks { grid-column: span 3; }
  .lv-greeks span { margin: 0 10px 0 0; }
  .stVerticalBlock:has(> * > .st-key-dash .lv-legs) .ar-news-rows { height: 3.3rem; }
  .stVerticalBlock:has(> * > .st-key-dash .lv-legs) .ar-day { display: none; }
  .st-key-alerts_bar:has([data-testid="stPopover"]) > .stElementContainer:first-child { display: none; }
  .stVerticalBlock:has(> * > .st-key-dash .lv-legs) { gap: 8px; }
  .st-key-dash > :is(:has(> .st-key-orders_place), :has(> .st-key-log_place)):has(details[open]) { grid-column: 1 / -1; }
}
"""
    + f"""
{_APPEARING}
:is({_MOVED}) {{ transition: visibility 0s linear 0.4s; }}
:is({_BETWEEN}) :is({_MOVED}), :is({_BETWEEN}) :is({_MOVED}) * {{ visibility: hidden !important; transition: none; }}
[data-testid="stLayoutWrapper"]:has(> .st-key-dash_page) {{ position: absolute; height: 0; overflow: hidden; }}
"""
)
