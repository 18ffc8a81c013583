"""The option chain as one HTML table: calls, strike, puts; on a phone two lines a strike, the strike staying where it is."""

from decimal import Decimal

from trader.desk import Chain, ChainRow, ChainSide
from trader.panel import parts
from trader.panel.markup import Html, tag

Cell = tuple[str, str]  # above, and small below

# From the strike outwards: name, what it is at more length.
_COLUMNS = (
    ("Bid", "size", "Bid in USD per unit of the underlying; contracts bid for"),
    ("Ask", "size", "Ask in USD per unit of the underlying; contracts offered"),
    ("Mark", "spread", "Mark price; bid-ask spread in % of the mid"),
    ("IV", "OI", "Implied volatility of the mark; open interest in contracts"),
    ("Δ", "Γ 1 %", "Delta of one unit; how much it changes when spot moves 1 %"),
    ("Θ", "ν", "USD a day and USD a point of implied volatility, for one unit"),
)
_WHY = "Why not"

CSS = """
.ch-box { max-height: 30rem; overflow: auto; border: 1px solid light-dark(#d8dee6, #2c3541); border-radius: .45rem; overscroll-behavior: contain; }
.ch-box table { border-collapse: separate; border-spacing: 0; width: 100%; margin: 0; font-size: .84rem; font-variant-numeric: tabular-nums; }
.ch-box :is(th, td) { border: 0; border-bottom: 1px solid light-dark(#e6eaef, #232b35); padding: 2px 7px; text-align: right;
  line-height: 1.2; white-space: nowrap; color: inherit; font-weight: 400; }
.ch-box i { display: block; font-style: normal; font-size: .74rem; color: light-dark(#566273, #9aa7b6); }
.ch-box thead th { position: sticky; top: 0; z-index: 2; background: light-dark(#f4f6f9, #171d26); color: light-dark(#4b5663, #a9b3c0); }
.ch-box tbody th { position: sticky; left: 0; right: 0; z-index: 1; text-align: center; font-weight: 650;
  background: light-dark(#f4f6f9, #171d26); }
.ch-box thead .k { left: 0; right: 0; z-index: 3; text-align: center; }
.ch-box .y { white-space: normal; min-width: 7.5rem; max-width: 13rem; font-size: .76rem; color: light-dark(#566273, #9aa7b6); text-align: left; }
.ch-box .t { background: light-dark(#fbf6ea, #1c1a14); }
.ch-box .p { background: light-dark(#dbe8fd, #17294a); font-weight: 600; }
.ch-box td.y.p { color: light-dark(#173f86, #b9d2ff); }
.ch-box .m > * { border-bottom: 2px solid #3b82f6; }
.ch-box .g { color: light-dark(#566273, #9aa7b6); }
.ch-box .w { display: none; }
@media (max-width: 760px) {
  .ch-box { max-height: 26rem; }
  .ch-box :is(table, thead, tbody) { display: block; width: max-content; }
  .ch-box tr { display: grid; grid-template-columns: 5.1rem repeat(6, 4rem) 11rem; }
  .ch-box thead { position: sticky; top: 0; z-index: 3; }
  .ch-box thead tr > :nth-child(-n + 7) { display: none; }
  .ch-box tr > .k { grid-column: 1; grid-row: 1 / span 2; position: sticky; left: 0; text-align: left; padding-right: 2px;
    border-right: 1px solid light-dark(#d8dee6, #2c3541); }
  .ch-box tbody tr > :nth-child(-n + 7) { grid-row: 1; border-bottom: 0; }
  .ch-box tr > :nth-child(n + 9) { grid-row: 2; }
  .ch-box thead tr > :nth-child(n + 9) { grid-row: 1; }
  .ch-box .w { display: inline; font-size: .74rem; color: light-dark(#566273, #9aa7b6); }
  .ch-box .w.d { display: block; margin-top: .75rem; }
  .ch-box .y { max-width: none; }
PLACES
}
"""


def _css() -> str:
    # Columns of calls run towards the strike, those of puts away from it; on a phone both stand under the same heads.
    lines = []
    for number in range(7):  # 0-5 figures from the strike outwards, 6 the reason
        call, put = 7 - number, 9 + number
        lines.append(f"  .ch-box tr > :is(:nth-child({call}), :nth-child({put})) {{ grid-column: {number + 2}; }}")
    return CSS.replace("PLACES", "\n".join(lines))


STYLE = _css()
# The chain begins at the strikes next to spot; where a hand has scrolled to stays, until another expiry is shown.
SCRIPT = """
(() => {
  const centre = () => document.querySelectorAll('.ch-box').forEach(box => {
    const row = box.querySelector('.m');
    if (!row || box.dataset.centred === box.dataset.of) return;
    box.dataset.centred = box.dataset.of;
    box.scrollTop += row.getBoundingClientRect().bottom - box.getBoundingClientRect().top - box.clientHeight / 2;
  });
  clearInterval(window.strangleChain);
  window.strangleChain = setInterval(centre, 400);
})();
"""


def table(chain: Chain) -> Html:
    """All strikes of the chain."""
    above = next((row.strike for row in chain.rows if chain.spot is not None and row.strike > chain.spot), None)
    places = parts.price_places([side.mark for row in chain.rows for side in (row.call, row.put) if side is not None])
    below = max((row.strike for row in chain.rows if above is None or row.strike < above), default=None)
    return tag(
        "div",
        tag(
            "table",
            tag("thead", _head()),
            tag("tbody", *(_row(row, chain, places, last_below=row.strike == below) for row in chain.rows)),
            aria_label=f"{chain.underlying} option chain",
        ),
        class_="ch-box",
        data_of=f"{chain.underlying} {chain.expiry}",
        tabindex=0,
        role="region",
        aria_label="Option chain, scrolls",
    )


def _head() -> Html:
    heads = [tag("th", name, tag("i", small), title=title, scope="col") for name, small, title in _COLUMNS]
    puts = [tag("th", name, tag("i", small), title=title, scope="col") for name, small, title in _COLUMNS]
    return tag(
        "tr",
        tag("th", _WHY, tag("i", "call not picked"), scope="col", class_="y"),
        *reversed(heads),
        tag("th", "Strike", tag("i", "calls ← → puts"), scope="col", class_="k"),
        *puts,
        tag("th", _WHY, tag("i", "put not picked"), scope="col", class_="y"),
    )


def _row(row: ChainRow, chain: Chain, places: int, *, last_below: bool) -> Html:
    strike = f"{row.strike.normalize():,f}"
    spot = chain.spot
    in_the_money = None if spot is None else "call" if row.strike < spot else "put"
    call = _side(row.call, chain, places, itm=in_the_money == "call")
    put = _side(row.put, chain, places, itm=in_the_money == "put")
    return tag(
        "tr",
        *reversed(call),
        tag(
            "th",
            tag("span", "C ", class_="w"),
            strike,
            tag("span", f"P {strike}", class_="w d"),
            scope="row",
            class_="k",
        ),
        *put,
        class_="m" if last_below else None,
    )


def _side(side: ChainSide | None, chain: Chain, places: int, *, itm: bool) -> list[Html]:
    """From the strike outwards."""
    if side is None:
        return [tag("td", parts.DASH, class_="g") for _ in range(6)] + [tag("td", "not listed", class_="y")]
    look = "p" if side.picked else "t" if itm else None
    cells = [tag("td", above, tag("i", below), class_=look) for above, below in _cells(side, chain, places)]
    said = side.why if not side.picked else ": ".join(filter(None, (side.picked.capitalize(), side.why)))
    return [*cells, tag("td", said, class_="y p" if side.picked else "y")]


def _cells(side: ChainSide, chain: Chain, places: int) -> list[Cell]:
    spot = None if chain.spot is None else float(chain.spot)
    gamma = None if side.gamma is None or spot is None else side.gamma * spot / 100
    return [
        (parts.price(side.bid, places), _count(side.bid_size)),
        (parts.price(side.ask, places), _count(side.ask_size)),
        (parts.price(side.mark, places), parts.percent(side.spread_pct, 0, signed=False)),
        (parts.percent(None if side.iv is None else side.iv * 100, signed=False), _count(side.open_interest)),
        (parts.number(side.delta, 3), parts.number(gamma, 3)),
        (parts.number(side.theta, 1), parts.number(side.vega, 1)),
    ]


def _count(value: Decimal | int | None) -> str:
    """Contracts, short: ``1,240``, ``85k``."""
    if value is None:
        return parts.DASH
    number = float(value)
    return f"{number / 1000:,.0f}k" if number >= 20_000 else f"{number:,.0f}"
