"""Figures of the Chain & payoff page as HTML: what the position is, what ends it and where, margin and volatility, what if."""

from collections.abc import Iterable, Sequence

from trader.desk import Chain, Fire, Outcomes, Position, Shock, Volatility, WhatIf
from trader.domain.basis import CREDIT, MAX_LOSS, basis_words
from trader.domain.margin import counted_words
from trader.panel import cards, chain_charts, markup, parts
from trader.panel import format as fmt
from trader.panel.cards import Card
from trader.panel.markup import Html, join, tag
from trader.panel.payoff_chart import leg_name

CSS = """
.cp-legs { display: flex; flex-wrap: wrap; gap: 4px 8px; margin: 0 0 8px; font-size: .9rem; }
.cp-legs span { background: light-dark(#eef2f7, #1a2029); border-radius: .35rem; padding: 1px 8px; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.cp-legs b { font-weight: 650; }
.cp-table { border-collapse: collapse; width: 100%; margin: 0; font-size: .88rem; font-variant-numeric: tabular-nums; }
.cp-table :is(th, td) { border: 0; border-bottom: 1px solid light-dark(#d8dee6, #2c3541); padding: 3px 0 3px 8px; text-align: right;
  line-height: 1.25; vertical-align: top; color: inherit; font-weight: 400; }
.cp-table :is(th, td):first-child { text-align: left; padding-left: 0; }
.cp-table thead th { color: light-dark(#566273, #9aa7b6); }
.cp-table tbody th { font-weight: 600; }
.cp-table small { display: block; color: light-dark(#566273, #9aa7b6); font-size: .78rem; font-weight: 400; }
.cp-table .up { color: light-dark(#12733a, #4cc67f); }
.cp-table .down { color: light-dark(#b3272d, #ff8a8a); }
.cp-table .at { background: light-dark(#eef2f7, #1a2029); }
.cp-note { font-size: .84rem; line-height: 1.35; color: light-dark(#4b5663, #a9b3c0); margin: 6px 0 1rem; }
.cp-warn { font-size: .86rem; line-height: 1.35; color: light-dark(#8a4b00, #f0ad4e); margin: 0 0 6px; }
.cp-keys { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: .82rem; }
.cp-keys i { display: inline-block; width: 14px; height: 10px; margin-right: 5px; border-radius: 2px; }
.st-key-chain_page [data-testid="stVerticalBlockBorderWrapper"] { padding: 8px 12px; }
@media (max-width: 760px) {
  .cp-table { font-size: .82rem; }
  .cp-table small { font-size: .76rem; }
  .st-key-payoff, .st-key-payoff * { max-height: 300px; }
  .st-key-chain_page :is(button, summary, [role="slider"], [data-baseweb="select"]) { min-height: 44px; }
}
"""


def head(name: str, position: Position, then: WhatIf, ends: Outcomes, sigma: float | None) -> Html:
    """The structure's name, the legs, and the figures of the position as it is now. `then`: what it is now (no shift)."""
    return join(_legs(name, position), cards.cards(_figures(position, then, ends, sigma)))


def _legs(name: str, position: Position) -> Html:
    said = [tag("span", name)]
    for leg in position.legs:
        what = {"sell": ("Sell", "Sold"), "buy": ("Buy", "Bought")}[leg.side.value][position.held]
        said.append(
            tag(
                "span",
                tag("b", f"{what} {leg.quantity:,} {leg_name(leg)}"),
                f" at {parts.price(leg.price)}",
                title=leg.symbol,
            )
        )
    expiry = min(leg.expiry for leg in position.legs)
    ends = f"expiry {fmt.ist_day_time(expiry)}"
    if position.exit_at is not None:
        ends = f"out {fmt.ist_day_time(position.exit_at)}, {ends}"
    said.append(tag("span", ends, title=f"{fmt.utc_hint(position.exit_at)}; expiry {fmt.utc_hint(expiry)}"))
    return tag("div", *said, class_="cp-legs")


def _figures(position: Position, then: WhatIf, ends: Outcomes, sigma: float | None) -> list[Card]:
    decimals = parts.places(position.basis.usd)
    now = position.pct(float(position.pnl))
    coin = position.underlying
    spot = float(position.spot)
    evens = " / ".join(parts.spot(at) for at in ends.breakevens) or parts.DASH
    return [
        Card(
            "P&L if closed" if position.held else "You start at",
            parts.dollars(position.pnl, decimals, signed=True),
            f"{parts.percent(now)} of {basis_words(position.basis.name)}",
            "Cost to close now, fees in.",
            parts.tone(position.pnl),
        ),
        Card("Percentages are of", parts.dollars(position.basis.usd, decimals), basis_words(position.basis.name), _basis_more(position)),
        Card("Most at expiry", _bound(ends.max_profit, decimals), "fees in", "Best P&L if held to settlement."),
        Card("Least at expiry", _bound(ends.max_loss, decimals), _least(position, ends), "Worst P&L if held to settlement."),
        Card("Breakevens", evens, "at expiry, fees in", "Spot at expiry."),
        Card(
            f"{coin}, 1 σ to the exit",
            "±" + parts.dollars(sigma, 0) if sigma is not None else parts.DASH,
            parts.percent(None if sigma is None else sigma / spot * 100, 2, signed=False),
            "Expected move until the position ends, at the mean implied volatility of its legs.",
        ),
        Card(
            "Δ · Γ",
            parts.dollars(then.delta * spot / 100, decimals, signed=True),
            f"for +1 % of {coin}; {parts.dollars(then.gamma * (spot / 100) ** 2, decimals, signed=True)} more for the next",
            f"Delta {parts.number(then.delta, 5, signed=True)} {coin}",
            parts.tone(then.delta),
        ),
        Card(
            "Θ · ν",
            parts.dollars(then.theta, decimals, signed=True),
            f"a day; {parts.dollars(then.vega, decimals, signed=True)} a point of IV",
            "All legs together.",
            parts.tone(then.theta),
        ),
    ]  # fmt: skip


def _basis_more(position: Position) -> str:
    if position.basis.name == CREDIT:
        return "What the legs bring when they are traded, fees not in."
    return f"The legs bring no credit, so percentages are of {basis_words(MAX_LOSS)} at expiry."


def _bound(value: object, decimals: int) -> str:
    return "unbounded" if value is None else parts.dollars(value, decimals, signed=True)  # type: ignore[arg-type]


def _least(position: Position, ends: Outcomes) -> str:
    if ends.max_loss is None:
        return "until an exit fires"
    return f"{parts.percent(position.pct(float(ends.max_loss)), 0)} of {basis_words(position.basis.name)}"


# ------------------------------------------------------------------------------------------------- what ends it


def fires_table(position: Position, marks: Sequence[Fire]) -> Html:
    """Every exit with its level and the spots where it fires, and how far these are."""
    coin = position.underlying
    rows = [_fire(position, one) for one in marks]
    head = ("What ends it", "At", f"{coin} below", f"{coin} above")
    exit_row = tag(
        "tr",
        tag("th", "Exit time", scope="row"),
        tag("td", fmt.ist_day_time(position.exit_at)),
        tag("td", f"in {fmt.duration(position.ends - position.market)}", colspan=2),
    )
    note = (
        f"Spots on the line of now: cost to close, each strike's implied volatility as it is. "
        f"Percentages are of {basis_words(position.basis.name)}."
    )
    warned = _liquidated_first(position, marks)
    return join(
        tag("div", warned, class_="cp-warn") if warned else None,
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
            tag("tbody", *rows, exit_row),
            class_="cp-table",
            aria_label="What ends it",
        ),
        tag("div", note, class_="cp-note"),
    )


def _liquidated_first(position: Position, marks: Sequence[Fire]) -> str:
    """The sides on which the estimated liquidation lies nearer to spot than the maximum loss, in one sentence."""
    spot = float(position.spot)
    found = {one.code: one.spots for one in marks}
    sides = []
    for name, sign in (("below", -1), ("above", 1)):
        ends = [
            min((sign * (at - spot) for at in found.get(code, ()) if sign * (at - spot) > 0), default=None)
            for code in ("liquidation", "max_loss")
        ]
        if ends[0] is not None and (ends[1] is None or ends[0] < ends[1]):
            sides.append(name)
    if not sides:
        return ""
    return (
        f"The estimated liquidation comes before the max loss ({' and '.join(sides)}): the margin of a short option that is not "
        "topped up is used up first."
    )


def _fire(position: Position, one: Fire) -> Html:
    spot = float(position.spot)
    below, above = [at for at in one.spots if at <= spot], [at for at in one.spots if at > spot]
    decimals = parts.places(position.basis.usd)
    level = parts.percent(one.level_pct, 0) if one.level_pct is not None else ""
    name = one.name[0].upper() + one.name[1:]
    estimate = tag("small", "estimate") if one.code == "liquidation" and "estimate" in one.words else None
    more = one.words
    if one.exit_spots:
        more += f"; shortly before the exit {' and '.join(parts.spot(at) for at in one.exit_spots)}"
    if not one.spots:
        empty = one.words or "spot alone does not bring it"
        away = tag("td", parts.DASH, tag("small", empty, style="white-space:normal"), colspan=2)
        return tag("tr", tag("th", name, scope="row", title=one.words or None), _level(level, one, decimals), away)
    return tag(
        "tr",
        tag("th", name, estimate, scope="row", title=more or None),
        _level(level, one, decimals),
        _ends(below, spot),
        _ends(above, spot),
        data_fire=one.code,
    )


def _level(level: str, one: Fire, decimals: int) -> Html:
    return tag(
        "td", level, tag("small", parts.dollars(one.level, decimals, signed=True)) if one.level is not None else None
    )


def _ends(spots: Sequence[float], spot: float) -> Html:
    if not spots:
        return tag("td", parts.DASH)
    said = " · ".join(parts.spot(at) for at in spots)
    near = min(spots, key=lambda at: abs(at - spot))
    return tag("td", said, tag("small", parts.percent((near / spot - 1) * 100, 2)))


def map_note(position: Position) -> Html:
    """What the map's colours mean, and what it is of."""
    keys = [tag("span", tag("i", style=f"background:{color}"), words) for color, words in chain_charts.KEYS]
    said = (
        f"% of {basis_words(position.basis.name)}, cost to close; each strike's implied volatility stays as it is now. Indian time; drawn "
        f"at {fmt.ist_clock(position.market)}."
    )
    return join(tag("div", *keys, class_="cp-keys"), tag("div", said, class_="cp-note"))


# ------------------------------------------------------------------------------------------------- what if


def what_if_table(position: Position, then: WhatIf, now: WhatIf) -> Html:
    """P&L then, and what each leg does to it."""
    decimals = parts.places(position.basis.usd)
    rows = [
        tag(
            "tr",
            tag("th", f"{'−' if leg.units < 0 else '+'}{leg.quantity:,} {leg_name(leg)}", scope="row"),
            tag("td", parts.price(before.price), " → ", parts.price(after.price)),
            tag("td", parts.dollars(after.change, decimals, signed=True), class_=parts.tone(after.change)),
        )
        for leg, before, after in zip(position.legs, now.legs, then.legs, strict=True)
    ]
    change = then.pnl - now.pnl
    total = tag(
        "tr",
        tag("th", "P&L then", scope="row"),
        tag("td", f"{parts.percent(then.pct)} of {basis_words(position.basis.name)}"),
        tag("td", parts.dollars(then.pnl, decimals, signed=True), class_=parts.tone(then.pnl)),
        class_="at",
    )
    said = (
        f"{position.underlying} {parts.spot(then.spot)} at {fmt.ist_day_time(then.at)}, IV "
        f"{parts.number(then.iv_points, 0, signed=True) if then.iv_points else '±0'} points: "
        f"{parts.dollars(change, decimals, signed=True)} against now. Then Δ "
        f"{parts.number(then.delta, 4, signed=True)} {position.underlying}, Θ {parts.dollars(then.theta, decimals, signed=True)} "
        f"a day, ν {parts.dollars(then.vega, decimals, signed=True)} a point."
    )
    return join(
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", name, scope="col") for name in ("Leg", "Model price", "P&L change")))),
            tag("tbody", *rows, total),
            class_="cp-table",
            aria_label="What if",
        ),
        tag("div", said, class_="cp-note"),
    )


# ------------------------------------------------------------------------------------------------- margin, volatility


def shock_table(position: Position, shocks: Iterable[Shock], available: object) -> Html:
    """Margin and P&L with spot elsewhere."""
    decimals = parts.places(position.basis.usd)
    head = (f"{position.underlying} at", "Margin, estimated", "P&L")
    rows = [
        tag(
            "tr",
            tag("th", parts.spot(one.spot), tag("small", parts.percent(one.move_pct, 0) if one.move_pct else "now"), scope="row"),
            tag("td", parts.dollars(one.margin, parts.places(one.margin))),
            tag(
                "td", parts.dollars(one.pnl, decimals, signed=True), tag("small", parts.percent(one.pct, 0)),
                class_=parts.tone(one.pnl),
            ),
            class_=None if one.move_pct else "at",
        )
        for one in shocks
    ]  # fmt: skip
    free = "" if available is None else f" Free on the account: {parts.dollars(available, 2)}."  # type: ignore[arg-type]
    note = f"Now, volatility as it is; {counted_words(position.margined.mode)}: an estimate.{free}"
    return join(
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
            tag("tbody", *rows),
            class_="cp-table",
            aria_label="Margin if spot moves",
        ),
        tag("div", note, class_="cp-note"),
    )


def volatility_table(chain: Chain, moved: Volatility | str) -> Html:
    """Realised beside implied; what they are, and that nothing acts on them."""
    implied = chain.atm_iv
    found = {} if isinstance(moved, str) else moved.realised
    rows = [("Implied, at the money", implied, "")] + [
        (f"Realised, {name}", value, _ratio(implied, value)) for name, value in found.items()
    ]
    body = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            tag("td", parts.percent(None if value is None else value * 100, signed=False)),
            tag("td", ratio),
        )
        for name, value, ratio in rows
    ]
    return join(
        tag(
            "table",
            tag(
                "thead", tag("tr", *(tag("th", name, scope="col") for name in ("Volatility a year", "", "Implied is")))
            ),
            tag("tbody", *body),
            class_="cp-table",
            aria_label="Implied and realised volatility",
        ),
        tag("div", _verdict(chain, implied, moved), class_="cp-note"),
    )


def _ratio(implied: float | None, realised: float | None) -> str:
    return parts.DASH if implied is None or not realised else f"{implied / realised:.2f} × of it"


def _verdict(chain: Chain, implied: float | None, moved: Volatility | str) -> str:
    if isinstance(moved, str):
        return f"Realised volatility is not known: {moved}"
    day = moved.realised.get("24 h")
    said = "There is too little history to compare."
    if implied is not None and day:
        dear = "more" if implied >= day else "less"
        said = f"Options of this expiry price in {dear} movement than {chain.underlying} made in the last 24 h."
    return f"{said} For reading only: no rule of a preset asks for it, and no entry waits for it."


def chain_line(chain: Chain) -> Html:
    """What the table shows, and how old it is."""
    parts_ = [f"{chain.underlying} {parts.spot(chain.spot)}", f"expiry {fmt.ist_day_time(chain.expiry)}"]
    if chain.expiry is not None and chain.market is not None:
        parts_.append(f"in {fmt.duration(chain.expiry - chain.market)}")
    parts_.append(f"as of {fmt.ist_clock(chain.market)} IST")
    if chain.hidden:
        parts_.append(f"{chain.hidden} far strikes left out")
    return tag("div", " · ".join(parts_), class_="cp-note")


def empty(words: str) -> None:
    """Nothing to draw, and why."""
    markup.draw(note(words))


def note(words: str) -> Html:
    """A sentence beside figures."""
    return tag("div", words, class_="cp-note")
