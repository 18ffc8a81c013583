"""The answer in two seconds: the run's state in words, six figures, and what to worry about now. HTML of one picture."""

from trader.desk import Day, Status, guard_words, unoffered_words
from trader.domain.basis import basis_short
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import format as fmt
from trader.panel import parts, words
from trader.panel.markup import Html, tag

_OLD_SECS = 5.0  # a picture older than this is not one of now


def hero(status: Status, run: RunView) -> Html:
    """Headline, which run it is, and the figures; a place beside the headline for the one thing that is not as it should be."""
    return tag(
        "section",
        tag(
            "div",
            tag(
                "div",
                words.headline(run, alive=status.runner.alive),
                class_="lv-headline",
                role="heading",
                aria_level=1,
            ),
            _worry(status, run),
            class_="lv-top",
        ),
        tag("div", _identity(run), class_="lv-id", title=_pinned(run)),
        tag("dl", *_cards(status, run), class_="lv-cards"),
        class_="lv-hero",
        aria_label="The position now",
    )


def is_old(status: Status, run: RunView) -> bool:
    """Are the figures not those of now? They are greyed then, and the age stands beside the headline."""
    return not status.runner.alive or (status.runner.heartbeat_age_s or 0.0) > _OLD_SECS or bool(_stale(run))


def _stale(run: RunView) -> list[str]:
    """Open legs whose price is too old to decide on, with the age."""
    return [
        f"{_kind(leg.key)} price {'unknown' if leg.price_age_s is None else f'{fmt.age(leg.price_age_s)} old'}"
        for leg in run.legs
        if leg.open_quantity and not leg.fresh
    ]


def _kind(key: str) -> str:
    return {"C": "Call", "P": "Put"}.get(key, fmt.plain(key, 12))


def _worry(status: Status, run: RunView) -> Html:
    """One place, kept whether or not there is something in it: the worst of a silent runner, a leg alone, an old price."""
    heard = status.runner.heartbeat_age_s
    if not status.runner.alive or (heard or 0.0) > _OLD_SECS:
        ago = "never heard" if heard is None else f"last heard {fmt.age(heard)} ago"
        return tag(
            "div",
            tag("b", "✕ The runner is silent"),
            f" — {ago}; nothing is watched, figures are old",
            class_="lv-worry bad",
        )
    if run.naked is not None and run.phase is not Phase.DONE:
        return _naked(status, run)
    if stale := _stale(run):
        return tag("div", tag("b", f"⚠ {' · '.join(stale)}"), " — figures are old", class_="lv-worry old")
    return tag("div", class_="lv-worry")


def _naked(status: Status, run: RunView) -> Html:
    """``PUT ALONE 4.2 s of 30 s`` with a bar, and what 1 % against it would cost."""
    naked = run.naked
    assert naked is not None
    secs = max((status.wall - naked.since).total_seconds(), 0.0)
    cost = "unknown" if naked.worst_usd is None else parts.dollars(naked.worst_usd, parts.places(run.premium))
    said = f"{_kind(naked.key).upper()} ALONE {secs:.1f} s of {naked.limit_secs:.0f} s"
    return tag(
        "div",
        tag("b", f"⚠ {said}"),
        tag("progress", value=f"{min(secs / max(naked.limit_secs, 0.1), 1.0):.3f}", max=1, aria_label=said),
        f"1 % of {run.underlying} against it: {cost}",
        class_="lv-worry bad",
        title=fmt.plain(naked.symbol, 60),
    )


def _identity(run: RunView) -> str:
    size = parts.size(run.quantity, run.contract_value, run.underlying, run.notional)
    facts = [f"preset {run.preset}", f"run {run.run_id}", *([size] if size != parts.DASH else [])]
    return " · ".join(facts)


def _pinned(run: RunView) -> str:
    return (
        f"Configuration {run.config_hash}; started {fmt.ist_full(run.created_at)} ({fmt.utc_hint(run.created_at)}); "
        f"exit {fmt.ist_full(run.exit_at)} ({fmt.utc_hint(run.exit_at)})"
    )


# ---------------------------------------------------------------------------------------------------- six figures


def _cards(status: Status, run: RunView) -> list[Html]:
    decimals = parts.places(run.premium)
    return [
        _if_closed(run, decimals),
        _at_mark(run, decimals),
        _decay(run, decimals),
        _nearest(run),
        _still(run, decimals),
        _today(status.day, decimals),
    ]


def _card(name: str, label: str, value: str, note: str, *, tone: str = "flat", title: str | None = None) -> Html:
    return tag(
        "div",
        tag("dt", label),
        tag("dd", value, class_=f"v {tone}"),
        tag("dd", note, class_="n"),
        class_="lv-card",
        data_card=name,
        title=title,
    )


def _if_closed(run: RunView, decimals: int) -> Html:
    note = f"{parts.percent(run.pnl_pct)} of {basis_short(run.basis_name)}"
    if run.pnl is None:
        note = (
            f"once {parts.legs_words(len(run.legs))} are {_entered(run)}"
            if run.phase is Phase.ENTERING
            else unoffered_words(run) or "no usable price"
        )
    if run.guarded is not None:
        note = guard_words(run)
    peak = parts.money(run.peak_pnl, run.peak_pct, decimals)
    at = f" at {fmt.ist_clock(run.peak_at)} IST" if run.peak_at is not None else ""
    return _card(
        "pnl",
        "P&L if closed now",
        parts.dollars(run.pnl, decimals, signed=True),
        note,
        tone=parts.tone(run.pnl),
        title=f"{_closing(run)}, fees and tax in. Best so far {peak}{at}.{_guarded(run)}",
    )


def _guarded(run: RunView) -> str:
    """What the second number is for."""
    if run.guarded is None:
        return ""
    return (
        " A touch far from the mark may be one stray offer: exits at a loss count it nearer for a while, then in full. "
        "What is shown, the profit target and the arming of the trailing stop are at the touch."
    )


def _entered(run: RunView) -> str:
    return "entered" if any(leg.side == "buy" for leg in run.legs) else "sold"


def _closing(run: RunView) -> str:
    """What a P&L is counted at, in words."""
    if any(leg.side == "buy" for leg in run.legs):
        return "What closing now would leave: what is short bought back at the ask, what is long sold at the bid"
    return f"What buying {parts.legs_words(len(run.legs))} back now would leave: at the ask"


def _at_mark(run: RunView, decimals: int) -> Html:
    gap = None if run.pnl is None or run.pnl_mark is None else run.pnl - run.pnl_mark
    note = "not known yet" if gap is None else f"{parts.dollars(gap, decimals, signed=True)} is spread & fees"
    spread, fees = parts.dollars(run.spread_to_close, decimals), parts.dollars(run.fees_to_close, decimals)
    return _card(
        "mark",
        "At mark",
        parts.dollars(run.pnl_mark, decimals, signed=True),
        note,
        tone=parts.tone(run.pnl_mark),
        title=f"At the exchange's mark prices, fees paid in. Closing costs {spread} of spread and {fees} of fees besides.",
    )


def _decay(run: RunView, decimals: int) -> Html:
    seen = run.outlook
    earned, alone = (None, None) if seen is None else (seen.decayed_pct, seen.by_time_pct)
    premium = parts.dollars(run.premium, decimals)
    note = "not known yet" if alone is None else f"of {premium}; time alone {parts.percent(alone, 0)}"
    weights = [leg.ratio if leg.side == "sell" else -leg.ratio for leg in run.legs]
    sum_ = parts.premium_sum([leg.avg_px for leg in run.legs], _per_leg(run), run.premium, weights)
    return _card(
        "decay",
        "Premium earned",
        parts.percent(earned, 0),
        note,
        tone=parts.tone(earned),
        title=f"Premium: {sum_}. Earned: what has gone from the options at their mark prices, by time, spot and volatility.",
    )


def _per_leg(run: RunView) -> float | None:
    if run.quantity is None or run.contract_value is None:
        return None
    return run.quantity * float(run.contract_value)


def _nearest(run: RunView) -> Html:
    stop = run.nearest_stop
    if stop is None:
        return _card(
            "stop", "Nearest stop", parts.DASH, "none within reach of spot" if run.corridor else "not known yet"
        )
    sigmas = f" · {stop.sigmas:.1f} σ" if stop.sigmas is not None else ""
    move = parts.number(stop.move, 0 if abs(stop.move) >= 10 else 2, signed=True)
    return _card(
        "stop",
        f"Nearest: {stop.name}",
        parts.spot(stop.spot),
        f"{run.underlying} {move} ({parts.percent(stop.move_pct)}){sigmas}",
        title=f"{run.underlying} at which this exit would fire now, all else unchanged; it is {parts.spot(run.spot)}. σ: standard "
        f"deviations of {run.underlying} from now to the exit at {_at(run)}, at today's volatility.",
    )


def _still(run: RunView, decimals: int) -> Html:
    value = None if run.outlook is None else run.outlook.still_pnl
    best = None if run.outlook is None else run.outlook.best_pct
    note = "not known yet" if value is None else f"at {_at(run)}, today's volatility"
    return _card(
        "still",
        f"If {run.underlying} stands still",
        parts.dollars(value, decimals, signed=True),
        note,
        tone=parts.tone(value),
        title=f"P&L if closed at the exit time, spot and volatility as now. Best that any spot would bring: {parts.percent(best)}.",
    )


def _at(run: RunView) -> str:
    return words.exit_time(run.exit_at, run.market_at)


def _today(day: Day | None, decimals: int) -> Html:
    if day is None:
        return _card("today", "Today", parts.DASH, "not known yet")
    decimals = min(decimals, 2)  # no finer than cents: the day is not this trade alone
    total = day.realised + (day.open_today or 0)
    runs = f"{day.runs_made} run{'' if day.runs_made == 1 else 's'}"
    if day.runs_most is not None:
        runs = f"{day.runs_made} of {day.runs_most} runs"
    note = runs
    if day.open is None:
        note += " · open P&L unknown"
    elif day.loss_limit:
        limit = parts.dollars(abs(day.loss_limit), 0)
        used = f"{-total / abs(day.loss_limit) * 100:.0f} % of {limit} limit"
        note += f" · {used}" if total < 0 else f" · {limit} loss limit"
    return _card(
        "today",
        "Today",
        parts.dollars(total, decimals, signed=True),
        note,
        tone=parts.tone(total),
        title=f"Realised {parts.dollars(day.realised, 2, signed=True)}, open {parts.dollars(day.open_today, 2, signed=True)}; "
        f"the Indian day {day.date:%d %b}, all runs. The loss limits count both; what is open counts from the last midnight.",
    )


# ------------------------------------------------------------------------------------------- while nothing is open


def headline_only(status: Status) -> Html:
    """Nothing is open: the state in words, and which run it was."""
    run = status.run
    about = "Choose a preset below, look at what it would sell now, and press Start." if run is None else _identity(run)
    headline = words.headline(run, alive=status.runner.alive)
    return tag(
        "section",
        tag(
            "div",
            tag("div", headline, class_="lv-headline", role="heading", aria_level=1),
            _worry(status, run) if run is not None else None,
            class_="lv-top",
        ),
        tag("div", about, class_="lv-id", title=None if run is None else _pinned(run)),
        class_="lv-hero lv-alone",
        aria_label="The run",
    )


def unreadable(why: str) -> Html:
    """The desk cannot be read: nothing is known, and what to do."""
    return tag(
        "div",
        tag(
            "section",
            tag("div", "Unknown — the desk cannot be read", class_="lv-headline", role="heading", aria_level=1),
            tag("div", why, class_="lv-id"),
            tag("div", "Stop & Exit still tries. In a terminal: python -m trader status", class_="lv-id"),
            class_="lv-hero lv-alone",
            aria_label="The run",
        ),
        class_="lv-live",
    )
