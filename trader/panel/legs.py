"""The legs and their sum, of one picture: a table on a desk, cards on a phone, of the same cells."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal

from trader.desk import is_unoffered
from trader.engine.view import LegView, RunView
from trader.panel import format as fmt
from trader.panel import parts
from trader.panel.markup import Html, tag


def legs(run: RunView) -> Html:
    """One row a leg and one of totals. P&L and fees of the legs add up to the last digit to the sums."""
    decimals = parts.places(run.premium)
    pnls = adding_up([leg.pnl for leg in run.legs], run.pnl, decimals)
    fees = adding_up([_fees(leg) for leg in run.legs], _total_fees(run), decimals)
    deltas = parts.delta_places(run.quantity, run.contract_value)
    prices = parts.price_places([price for leg in run.legs for price in (leg.avg_px, leg.ask, leg.mark)])
    touch = "Ask" if all(leg.side == "sell" for leg in run.legs) else "Ask or bid"
    head = (
        "Leg", "P&L", "of it fees", "Entry", touch, "Mark", "Liquidated at", f"Pos. Δ, {run.underlying}", "Θ a day", "IV entry → now",
        "To strike", "Price age",
    )  # fmt: skip
    return tag(
        "section",
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
            tag(
                "tbody",
                *(
                    _leg(leg, pnl, fee, (decimals, prices, deltas), head)
                    for leg, pnl, fee in zip(run.legs, pnls, fees, strict=True)
                ),
            ),
            tag("tfoot", _total(run, decimals, deltas, head)),
            class_="lv-table lv-cols",
        ),
        class_="lv-legs",
        aria_label="Legs",
    )


def adding_up(values: Sequence[Decimal | None], total: Decimal | None, decimals: int) -> list[Decimal | None]:
    """Values rounded so that what is shown adds up to the rounded total: each is less than one unit of its last digit off.

    Each on its own where one is unknown, or where they do not make up the total.
    """
    known = [value for value in values if value is not None]
    unit = Decimal(1).scaleb(-decimals)
    if total is None or len(known) != len(values) or abs(sum(known) - total) >= unit / 2:
        return [None if value is None else round(value, decimals) for value in values]
    floors = [value.quantize(unit, ROUND_FLOOR) for value in known]
    missing = int((round(total, decimals) - sum(floors)) / unit)
    by_rest = sorted(range(len(known)), key=lambda i: known[i] - floors[i], reverse=True)
    return [floor + unit if i in by_rest[:missing] else floor for i, floor in enumerate(floors)]


def _fees(leg: LegView) -> Decimal | None:
    """What was paid, and what buying back now would cost."""
    return None if leg.fees_paid is None else leg.fees_paid + (leg.fee_to_close or 0)


def _total_fees(run: RunView) -> Decimal | None:
    fees = [fee for leg in run.legs if (fee := _fees(leg)) is not None]
    return sum(fees, Decimal(0)) if len(fees) == len(run.legs) and fees else None


def _leg(
    leg: LegView, pnl: Decimal | None, fees: Decimal | None, places: tuple[int, int, int], head: Sequence[str]
) -> Html:
    """`places`: decimals of dollars, prices and deltas."""
    decimals, prices, deltas = places
    closed = not leg.open_quantity and leg.exit_px is not None
    cells = (
        tag("span", parts.dollars(pnl, decimals, signed=True), class_=parts.tone(pnl)),
        parts.dollars(fees, decimals),
        parts.price(leg.avg_px, prices),
        f"{'bought' if leg.side == 'sell' else 'sold'} {parts.price(leg.exit_px, prices)}"
        if closed
        else _touch(leg, prices),
        parts.price(leg.mark, prices),
        _liquidation(leg, prices),
        parts.number(leg.position_delta, deltas, signed=True),
        parts.dollars(leg.position_theta, decimals, signed=True),
        _ivs(leg),
        parts.percent(leg.distance_pct),
        _age(leg, closed),
    )
    return tag(
        "tr",
        tag("th", name(leg), scope="row", title=leg.symbol),
        *(_cell(label, cell) for label, cell in zip(head[1:], cells, strict=True)),
        data_leg=leg.key,
        class_=None if leg.fresh or closed or not leg.open_quantity else "old",
    )


def _touch(leg: LegView, prices: int) -> str:
    """The ask of what is short, the bid of what is long; what a stop counts instead, where the spread guard binds."""
    touch = "no ask" if is_unoffered(leg) else parts.price(leg.ask if leg.side == "sell" else leg.bid, prices)
    return touch if leg.counted_px is None else f"{touch}, counted {parts.price(leg.counted_px, prices)}"


def _liquidation(leg: LegView, prices: int) -> str:
    """The mark at which the exchange takes the leg over; an estimate is marked with ≈."""
    if leg.liquidation_px is None:
        return parts.DASH
    return f"{'' if leg.liquidation_told else '≈ '}{parts.price(leg.liquidation_px, prices)}"


def name(leg: LegView) -> str:
    """``C 80,000``; with what is open of it while that is not all. The exchange's own name is read by hovering."""
    short = f"{fmt.plain(leg.key, 8)} {leg.strike.normalize():,f}"
    if leg.open_quantity == leg.quantity:
        return short
    if not leg.open_quantity:
        back, not_yet = ("bought back", "not sold yet") if leg.side == "sell" else ("sold again", "not bought yet")
        return f"{short}, {back if leg.exit_px is not None else not_yet}"
    return f"{short}, {leg.open_quantity:,} of {leg.quantity:,}"


def _ivs(leg: LegView) -> str:
    """One unit for both, so that a phone shows them in one of four columns."""
    return f"{_iv(leg.iv_at_entry)} → {_iv(leg.iv)}".replace("\u00a0% →", " →")


def _iv(value: float | None) -> str:
    return parts.percent(None if value is None else value * 100, signed=False)


def _age(leg: LegView, closed: bool) -> str:
    if closed:
        return "not needed"
    if leg.price_age_s is None:
        return "unknown"
    return fmt.age(leg.price_age_s) if leg.fresh or not leg.open_quantity else f"⚠ {fmt.age(leg.price_age_s)}, old"


def _cell(label: str, content: str) -> Html:
    return tag("td", content, data_label=label)


def _total(run: RunView, decimals: int, deltas: int, head: Sequence[str]) -> Html:
    cells: list[Html] = [
        _cell(head[1], tag("span", parts.dollars(run.pnl, decimals, signed=True), class_=parts.tone(run.pnl))),
        _cell(head[2], parts.dollars(_total_fees(run), decimals)),
        tag("td", colspan=4, class_="void"),
        _cell(head[7], parts.number(run.net_delta, deltas, signed=True)),
        _cell(head[8], parts.dollars(run.net_theta, decimals, signed=True)),
        tag("td", *_in_money(run, decimals), colspan=3, class_="lv-greeks", data_label="In money"),
    ]
    return tag("tr", tag("th", f"Σ {parts.legs_words(len(run.legs))}", scope="row"), *cells, data_leg="total")


def _in_money(run: RunView, decimals: int) -> list[Html]:
    """What the greeks of all legs mean: dollars for 1 % of spot, and for one point of implied volatility."""
    if run.net_delta is None or run.spot is None:
        return [tag("span", "greeks not known yet")]
    per_pct = run.net_delta * float(run.spot) / 100
    said = [tag("span", f"≈ {parts.dollars(per_pct, decimals, signed=True)} per 1 % up")]
    if run.net_vega is not None:
        said.append(tag("span", f"ν {parts.dollars(run.net_vega, decimals, signed=True)} a point"))
    return said
