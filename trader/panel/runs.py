"""Several runs at once: what each is called, which one this tab looks at, and all of them in one table."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

import streamlit as st

from trader.desk import Status
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import format as fmt
from trader.panel import parts, watch, words
from trader.panel.markup import Html, tag

RUN = "run_watched"  # in the session's state: of this tab, on every page
_PICKED = "run_picked"
_PARAM = "watch"  # in the page's address: a reload looks at the same run


def names(runs: Iterable[RunView]) -> dict[str, str]:
    """By run id: ``BTC default 80,000 / 73,500``, with a part of the id where two would be called the same."""
    said = {run.run_id: name(run) for run in runs}
    often = Counter(said.values())
    return {key: text if often[text] == 1 else f"{text} · {fmt.plain(key, 40)[:4]}" for key, text in said.items()}


def name(run: RunView) -> str:
    """What one run is called by itself. Strikes stand as calls, then puts, once they are chosen."""
    strikes = " / ".join(f"{leg.strike.normalize():,f}" for leg in run.legs)
    return f"{fmt.plain(run.underlying, 8)} {fmt.plain(run.preset, 40)} {strikes}".rstrip()


def several(status: Status | str) -> tuple[RunView, ...]:
    """The unresolved runs, where there is more than one."""
    found = () if isinstance(status, str) else tuple(run for run in watch.seen(status) if watch.unresolved(run))
    return found if len(found) > 1 else ()


def open_pnl(among: Iterable[RunView]) -> Decimal | None:
    """What these have made so far, those that have traded; None where one of them has no price."""
    made = [run.pnl for run in among if run.pnl is not None or any(leg.filled_quantity for leg in run.legs)]
    known = [pnl for pnl in made if pnl is not None]
    return sum(known, Decimal(0)) if len(known) == len(made) else None


def called(status: Status, run: RunView) -> str:
    """The run's name where it must be told from others, else nothing."""
    among = several(status)
    return names(among).get(run.run_id, name(run)) if among else ""


def of_record(status: Status, run_id: str) -> str:
    """Whose a line of news or an alert is, where it is not the only run's: its name, or its id once it has ended."""
    if not run_id or not (several(status) or status.run is None or status.run.run_id != run_id):
        return ""
    runs = watch.seen(status)
    if run_id in {run.run_id for run in runs}:
        return names(runs)[run_id]
    ended = () if status.day is None else status.day.results
    known = next((f"{one.underlying} {one.preset}" for one in ended if one.run_id == run_id), "")
    return f"{known} · {run_id[:4]}" if known else f"run {run_id}"


def watched(status: Status | str) -> str | None:
    """The run this tab looks at: the one picked in it as long as that is unresolved; None for the newest."""
    picked = st.session_state.get(RUN) or st.query_params.get(_PARAM)
    return picked if picked in {run.run_id for run in several(status)} else None


def pick(status: Status | str) -> str | None:
    """Ask which of several runs to look at. The answer is this tab's, and holds on every page."""
    among = several(status)
    if not among:
        return None
    said = names(among)
    now = watched(status) or among[-1].run_id
    st.session_state[_PICKED] = now
    st.segmented_control(
        "Run", list(said), key=_PICKED, format_func=lambda key: said.get(key, key), required=True, on_change=_keep,
        label_visibility="collapsed",
    )  # fmt: skip
    st.session_state[RUN] = now
    return now


def _keep() -> None:
    st.session_state[RUN] = st.query_params[_PARAM] = st.session_state[_PICKED]


def table(status: Status) -> Html | None:
    """All unresolved runs and their sum, where there are several; the one that is looked at is marked."""
    among = several(status)
    if not among:
        return None
    said = names(among)
    shown = status.run.run_id if status.run is not None else ""
    decimals = max(parts.places(run.premium) for run in among)
    head = ("Run", "Now", "P&L if closed", "Next")
    rows = [_row(status, run, said[run.run_id], run.run_id == shown, decimals) for run in among]
    return tag(
        "section",
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", one, scope="col") for one in head))),
            tag("tbody", *rows),
            tag("tfoot", _sum(status, len(among), decimals)),
            class_="lv-table",
        ),
        class_="lv-runs",
        aria_label="All runs",
    )


def _row(status: Status, run: RunView, name: str, shown: bool, decimals: int) -> Html:
    phase = words.PHASES[run.phase][0] if status.runner.alive else "Not watched"
    return tag(
        "tr",
        tag("th", name, tag("small", "shown below") if shown else None, scope="row"),
        tag("td", phase),
        tag(
            "td",
            tag("span", parts.money(run.pnl, run.pnl_pct, decimals), class_=parts.tone(run.pnl)),
        ),
        tag("td", _next(run)),
        data_run=run.run_id,
        class_="shown" if shown else None,
    )


def _next(run: RunView) -> str:
    if run.phase is Phase.EXITING:
        return words.exit_reason(run.exit_reason)
    if run.phase is Phase.ENTERING:
        return next((leg.progress for leg in run.legs if leg.progress), "entry orders are working")
    at = run.entry_at if run.phase is Phase.WAITING else run.exit_at
    verb = "entry" if run.phase is Phase.WAITING else "out"
    return fmt.DASH if at is None else f"{verb} {words.day_time(at, run.market_at)}"


def _sum(status: Status, count: int, decimals: int) -> Html:
    opened = open_pnl(several(status))
    return tag(
        "tr",
        tag("th", f"Σ {count} runs", scope="row"),
        tag("td", today(status)),
        tag("td", tag("span", parts.dollars(opened, decimals, signed=True), class_=parts.tone(opened))),
        tag("td", class_="void"),
    )


def today(status: Status) -> str:
    """``−$12.40 realised today, daily loss limit $50``, of the account as a whole."""
    realised = None if status.day is None else status.day.realised
    said = f"{parts.dollars(realised, 2, signed=True)} realised today"
    limit = None if status.totals is None else status.totals.limits.get("daily_loss_usd")
    if status.totals is not None and status.totals.locked:
        return f"{said}; entries are locked"
    return said if limit is None else f"{said}, account's loss limit {parts.dollars(float(limit), 0)}"
