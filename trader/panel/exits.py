"""What ends the run: every exit, where it fires, how far that is, where spot would have to be; and what else would close it."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from trader.desk import Status, reach_of_run
from trader.engine.records import Phase
from trader.engine.view import LegView, Rung, RunView, Safety
from trader.panel import format as fmt
from trader.panel import parts, words
from trader.panel.markup import Html, join, tag

_NAMES = {
    "max_loss": "Max loss",
    "liquidation_guard": "Liquidation guard",
    "liquidation": "Liquidated",
    "trailing_stop": "Trailing",
    "max_profit": "Max profit",
    "time": "Exit time",
    "expiry": "Expiry guard",
    "daily_limit": "Daily limit",
}
_Ends = tuple[float | None, float | None]
_SHORTLY_BEFORE = timedelta(minutes=30)


def exits(status: Status, run: RunView) -> Html:
    """The table with the outlook in words and the safety net under it; while getting out, the steps of that instead."""
    inside = (
        _leaving(status, run)
        if run.phase in (Phase.EXITING, Phase.DONE)
        else _getting_in(run)
        if run.phase is Phase.ENTERING
        else _ladder(run)
    )
    return tag("section", inside, _net(status, run), class_="lv-exits", aria_label="What ends it")


def _leaving(status: Status, run: RunView) -> Html:
    steps = [tag("li", step) for step in run.steps] or [tag("li", "waiting for the first answer")]
    return join(
        tag("div", "Getting out", class_="lv-title", role="heading", aria_level=2),
        tag("div", words.flat_line(run).label, class_="lv-words"),
        work(run) if run.phase is Phase.EXITING else None,
        None if status.runner.alive else tag("div", "Stop is recorded; it waits for a runner.", class_="lv-words bad"),
        tag("ol", *steps, class_="lv-steps"),
    )


def _getting_in(run: RunView) -> Html:
    return join(
        tag("div", "Getting in", class_="lv-title", role="heading", aria_level=2),
        work(run) if run.legs else tag("div", "the strikes are being chosen", class_="lv-words"),
        tag("div", "What ends the run is shown once all legs are filled.", class_="lv-words"),
    )


def work(run: RunView) -> Html:
    """How far each leg has got on its way in or out: contracts of all, the average price, slices."""
    prices = parts.price_places([price for leg in run.legs for price in (leg.avg_px, leg.exit_px)])
    return tag(
        "div", *(_work(leg, out=run.phase is Phase.EXITING, prices=prices) for leg in run.legs), class_="lv-work"
    )


def _work(leg: LegView, *, out: bool, prices: int) -> Html:
    done, of = (
        (leg.filled_quantity - leg.open_quantity, leg.filled_quantity) if out else (leg.filled_quantity, leg.quantity)
    )
    verb = (
        ("bought back" if leg.side == "sell" else "sold again") if out else ("sold" if leg.side == "sell" else "bought")
    )
    price = leg.exit_px if out else leg.avg_px
    said = f"{done:,} of {of:,} {verb}" + ("" if price is None else f" at {parts.price(price, prices)} on average")
    return tag(
        "div",
        tag("b", f"{fmt.plain(leg.key, 8)} {leg.strike.normalize():,f}", title=leg.symbol),
        tag("progress", value=done, max=max(of, 1), aria_label=f"{leg.key}: {said}"),
        tag("span", said),
        tag("small", leg.progress) if leg.progress else None,
        data_work=leg.key,
    )


def _ladder(run: RunView) -> Html:
    head = ("Exit", "Fires at", "To go, points", f"{run.underlying} now", f"{run.underlying} at {_shortly_before(run)}")
    shown = [rung for rung in run.ladder if run.premium or rung.at_time is not None]
    taken = [rung for rung in shown if rung.code == "liquidation" and rung.at_mark is not None]
    rows = [_liquidated(taken) if rung in taken else _row(run, rung) for rung in shown if rung not in taken[1:]]
    said = reach_of_run(run)
    return join(
        tag("div", "What ends it", class_="lv-title", role="heading", aria_level=2),
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
            tag("tbody", *rows),
            class_="lv-table",
        ),
        None if rows else tag("div", "Shown once all legs are filled.", class_="lv-words"),
        tag("div", said, class_="lv-words") if said else None,
    )


def _shortly_before(run: RunView) -> str:
    return words.exit_time(None if run.exit_at is None else run.exit_at - _SHORTLY_BEFORE, run.market_at)


def _row(run: RunView, rung: Rung) -> Html:
    name = _NAMES.get(rung.code) or words.rung_name(rung)
    if rung.words:
        told = tag("td", tag("small", rung.words, style="white-space:normal"), colspan=4)
        return tag("tr", tag("th", name, scope="row"), told, data_exit=rung.code, title=words.rung_name(rung))
    return tag(
        "tr",
        tag("th", name, scope="row"),
        _cell(*_fires(run, rung)),
        _cell(*_to_go(run, rung)),
        _spots((rung.spot_low, rung.spot_high), (rung.smile_low, rung.smile_high), rung),
        _spots((rung.exit_low, rung.exit_high), (rung.smile_exit_low, rung.smile_exit_high), rung),
        data_exit=rung.code,
        title=words.rung_name(rung),
    )


def _liquidated(rungs: list[Rung]) -> Html:
    """All short legs in one row, a line each, so that the table keeps its height."""
    fires = [
        (f"{fmt.plain(rung.leg, 8)} {'' if rung.told else '≈ '}{parts.price(rung.at_mark, 1)}", _whose(rung))
        for rung in rungs
    ]
    to_go = [
        (parts.percent(rung.mark_distance_pct, 0), f"{parts.number(rung.mark_distance, 1, signed=True)} USD")
        for rung in rungs
    ]
    return tag(
        "tr",
        tag("th", _NAMES["liquidation"], scope="row"),
        _lines(fires),
        _lines(to_go),
        _lines([_end((rung.spot_low, rung.spot_high), (rung.smile_low, rung.smile_high)) for rung in rungs]),
        _lines([_end((rung.exit_low, rung.exit_high), (rung.smile_exit_low, rung.smile_exit_high)) for rung in rungs]),
        data_exit="liquidation",
        title="liquidation of each short leg, by its mark",
    )


def _lines(lines: Sequence[tuple[str, str | None]]) -> Html:
    return tag("td", *(tag("span", line, title=hint) for line, hint in lines))


def _whose(rung: Rung) -> str:
    told = "told by the exchange" if rung.told else "estimate"
    return f"the mark of {fmt.plain(rung.leg, 8)}; isolated margin, {told}"


def _end(at: _Ends, moved: _Ends) -> tuple[str, str | None]:
    return " ".join(_ends(at)) or parts.DASH, _smile_hint(moved)


def _smile_hint(moved: _Ends) -> str | None:
    return f"If the smile moves with spot: {' '.join(_ends(moved))}" if _ends(moved) else None


def _cell(above: str, below: str = "", title: str | None = None) -> Html:
    return tag("td", tag("span", above), tag("small", below) if below else None, title=title)


def _fires(run: RunView, rung: Rung) -> tuple[str, str, str | None]:
    if rung.at_time is not None:
        return fmt.ist_day_time(rung.at_time).removesuffix("\u00a0IST"), "", f"IST; {fmt.utc_hint(rung.at_time)}"
    if rung.at_mark is not None:
        return f"{fmt.plain(rung.leg, 8)} {parts.price(rung.at_mark, 1)}", "by its mark", _whose(rung)
    if rung.arms_at_pct is not None:
        return _pct(rung.arms_at_pct), "arms there", None
    return _pct(rung.at_pct), parts.dollars(rung.at_pnl, parts.places(run.premium), signed=True), None


def _pct(value: Decimal | None) -> str:
    """As many decimals as were configured, one at most."""
    return parts.percent(value, 0 if value is None or value == value.to_integral_value() else 1)


def _to_go(run: RunView, rung: Rung) -> tuple[str, str, str | None]:
    """The distance from what the hero shows to what this row shows: figures that are rounded apart would not add up."""
    if rung.at_time is not None:
        return (words.countdown(rung.at_time, run.market_at).removeprefix("in ") or parts.DASH, "", None)
    if rung.at_mark is not None:
        if rung.mark_distance is None or rung.mark_distance_pct is None:
            return parts.DASH, "", None
        gone = (
            None
            if rung.gone_pct is None
            else f"{parts.percent(rung.gone_pct, 0)} of the way to the liquidation is gone"
        )
        return parts.percent(rung.mark_distance_pct, 0), f"{parts.number(rung.mark_distance, 1, signed=True)} USD", gone
    at_pct = rung.at_pct if rung.at_pct is not None else rung.arms_at_pct
    if run.pnl is None or run.pnl_pct is None or at_pct is None:
        return parts.DASH, "", None
    decimals = parts.places(run.premium)
    points = parts.number(round(at_pct, 1) - round(run.pnl_pct, 1), 1, signed=True)
    if rung.at_pnl is None:
        return points, "", None
    return points, parts.dollars(round(rung.at_pnl, decimals) - round(run.pnl, decimals), decimals, signed=True), None


def _spots(at: _Ends, moved: _Ends, rung: Rung) -> Html:
    """Volatilities as they are; on hover, where the smile moves with spot."""
    if rung.at_time is not None:
        return _cell("")
    ends, hint = _ends(at), _smile_hint(moved)
    if not ends:
        return _cell(parts.DASH, "out of reach", hint)
    return _cell(ends[0], ends[1] if len(ends) > 1 else "", hint)


def _ends(at: _Ends) -> list[str]:
    return [f"{arrow} {parts.spot(end)}" for arrow, end in zip("↓↑", at, strict=True) if end is not None]


# -------------------------------------------------------------------------------------------------- the safety net


def _net(status: Status, run: RunView) -> Html:
    """What is there to close the position, as far as it is known: never a constant."""
    seen = run.safety
    badges = [_app_stop(status, run), _exchange_stop(status, seen), _dead_man(seen)]
    return tag("div", tag("b", "Safety net"), *badges, class_="lv-net")


def _app_stop(status: Status, run: RunView) -> Html:
    if not status.runner.alive:
        return _badge("app stop", "off", "bad", "Nothing here watches the position now.")
    if run.phase is Phase.EXITING:
        return _badge(
            "app stop", "buying back", "good", "The exit has begun and goes on until the exchange confirms flat."
        )
    if run.safety is not None and run.safety.app_stop:
        return _badge("app stop", "on", "good", "The runner watches and buys back.")
    state = "waits for prices" if run.phase is Phase.HOLDING else "once all legs are filled"
    return _badge("app stop", state, "none", "No exit is asked just now.")


def _badge(name: str, state: str, tone: str, title: str) -> Html:
    mark = {"good": "✓", "bad": "✕", "none": "–"}[tone]
    return tag("span", f"{mark} {name}: {state}", class_=f"lv-badge {tone}", title=title)


def _exchange_stop(status: Status, seen: Safety | None) -> Html:
    if seen is None or seen.exchange_stops is None:
        return _badge("exchange stop", "unknown", "none", "The account has not been read for it yet.")
    age = (
        "" if seen.read_at is None else f", read {fmt.age(max((status.wall - seen.read_at).total_seconds(), 0.0))} ago"
    )
    if seen.exchange_stops == 0:
        return _badge("exchange stop", f"none{age}", "none", "No stop order rests at the exchange for these contracts.")
    return _badge(
        "exchange stop", f"{seen.exchange_stops}{age}", "good", "Stop orders at the exchange for these contracts."
    )


def _dead_man(seen: Safety | None) -> Html:
    """The exchange cancels this client's orders when it is not heard; it does not close a position."""
    on = None if seen is None else seen.dead_man
    state, tone = {None: ("unknown", "none"), True: ("on", "good"), False: ("off", "none")}[on]
    return _badge("dead-man switch", state, tone, "At the exchange: cancels open orders when this client falls silent.")
