"""What the panel says of a run and of the machinery, in words and one colour. No figure is computed here, only phrased.

Text that came from outside (symbols, messages) is returned as it is; whoever draws it uses `st.text` or `format.safe`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from trader.desk import Status
from trader.domain.exit_reason import exit_label, exit_words
from trader.domain.expiry import ist_date
from trader.engine.records import Phase
from trader.engine.view import Ops, Rung, RunView
from trader.panel import format as fmt
from trader.panel import parts, watch

Color = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray"]

ENVIRONMENTS: dict[str, tuple[str, Color, str]] = {
    "paper": ("PAPER", "blue", "Local exchange on this machine; no account, no real money."),
    "testnet": ("TESTNET", "orange", "The exchange's test network; play money."),
    "production": ("LIVE", "red", "Real orders with real money."),
}

PHASES: dict[Phase, tuple[str, Color]] = {
    Phase.WAITING: ("Waiting", "blue"),
    Phase.ENTERING: ("Entering", "violet"),
    Phase.HOLDING: ("Holding", "green"),
    Phase.EXITING: ("Exiting", "orange"),
    Phase.DONE: ("Done", "gray"),
}


class Item(NamedTuple):
    """One badge: words, colour, and what it means when one hovers over it."""

    label: str
    color: Color
    help: str


def environment(env: str) -> Item:
    """PAPER, TESTNET or LIVE; an environment we do not know is shown as the most dangerous one."""
    label, color, note = ENVIRONMENTS.get(env, ("LIVE?", "red", "Unknown environment: treat it as real money."))
    return Item(label, color, note)


def exit_reason(reason: str | None) -> str:
    """Why a run was closed, as part of a sentence."""
    return fmt.DASH if reason is None else fmt.plain(exit_words(reason), 60)


def ended_by(reason: str | None) -> str:
    """The same in a table or under a title."""
    return fmt.DASH if reason is None else fmt.plain(exit_label(reason), 60)


def rung_name(rung: Rung) -> str:
    """The exit's name as the ladder gives it, beginning with a capital."""
    name = fmt.plain(rung.name, 60)
    return name[:1].upper() + name[1:]


def countdown(until: datetime | None, now: datetime | None) -> str:
    """``in 2 h 14 m``; empty when either instant is unknown, ``now`` when it has come."""
    if until is None or now is None:
        return ""
    span = fmt.duration(until - now)
    return span if span == "now" else f"in {span}"


def headline(run: RunView | None, *, alive: bool = True) -> str:
    """The run's state in one line: what it does and what comes next. A silent runner leaves only what was."""
    if run is None:
        return "No run yet"
    word = PHASES[run.phase][0]
    if not alive and run.phase is not Phase.DONE:
        return f"Not watched — was {word.lower()} when last heard"
    if run.phase is Phase.DONE:
        return {
            "true": f"{word} — flat, confirmed by the exchange",
            "false": f"{word} — but not flat",
        }.get(run.flat, f"{word} — whether flat is unknown")
    if run.phase is Phase.EXITING:
        kept = [leg for leg in run.legs if leg.kept]
        until = f"held to settlement at {day_time(kept[0].expiry, run.market_at)}" if kept else "until flat"
        return f"{word} — {exit_reason(run.exit_reason)}, {until}" if run.exit_reason else f"{word} — {until}"
    if run.phase is Phase.ENTERING:
        return f"{word} — the entry orders are working"
    at, verb = (run.entry_at, "sells") if run.phase is Phase.WAITING else (run.exit_at, "exits")
    if at is None:
        return f"{word} — the {'entry' if run.phase is Phase.WAITING else 'exit'} time is not known yet"
    wait = countdown(at, run.market_at)
    if wait == "now" and run.phase is Phase.WAITING and run.why_not:
        return f"{word} — no entry yet: {fmt.plain(run.why_not[0], 120)}"
    if wait == "now":
        return f"{word} — {'ready to sell' if run.phase is Phase.WAITING else 'exit time reached'}"
    return f"{word} — {verb} at {day_time(at, run.market_at)} {wait}".rstrip()


def day_time(at: datetime, now: datetime | None) -> str:
    """``16:30 IST``, with its day when that is not today's."""
    return fmt.ist_time(at) if now is None or ist_date(at) == ist_date(now) else fmt.ist_day_time(at)


def exit_time(at: datetime | None, now: datetime | None) -> str:
    """``16:30``, with its day when that is not today's, for a place that says what it is the time of."""
    return "the exit" if at is None else day_time(at, now).removesuffix("IST").rstrip()


def flat_line(run: RunView) -> Item:
    """Whether the account is flat for this run, as the exchange says; open legs are named."""
    if run.flat == "true":
        return Item("FLAT", "green", "The exchange reported no position and no working order of this run.")
    open_legs = [
        f"{leg.symbol}, {leg.open_quantity}{' (held to settlement)' if leg.kept else ''}"
        for leg in run.legs
        if leg.open_quantity
    ]
    if run.flat == "false":
        named = "; ".join(open_legs)
        kept = "; ".join(f"{leg.symbol}, {leg.open_quantity}: {leg.kept}" for leg in run.legs if leg.kept)
        help_text = f"{kept}." if kept else "Contracts are still open."
        return Item(f"NOT FLAT: {named}" if named else "NOT FLAT", "orange", help_text)
    return Item("FLAT? unknown", "orange", "The exchange has not confirmed anything yet; unknown is not flat.")


def runner_item(alive: bool, heartbeat_age_s: float | None, host: str | None, epoch: int | None = None) -> Item:
    """Runner alive or dead, how long ago it was heard, and how many times the account has been taken over."""
    heard = "never heard" if heartbeat_age_s is None else f"last heard {fmt.age(heartbeat_age_s)} ago"
    where = f"hosted in a {fmt.plain(host, 20)}" if host else "host unknown"
    if alive:
        return Item("Runner alive", "green", f"{heard}, {where}" + ("" if epoch is None else f", lease epoch {epoch}"))
    silent = "" if heartbeat_age_s is None else f" {fmt.age(heartbeat_age_s)}"
    return Item(f"Runner dead{silent}", "red", f"{heard}; nothing is being watched")


LEVELS: dict[str, tuple[Color, str]] = {
    "ACTIVE": ("green", "Entries and exits are allowed."),
    "PAUSED": ("orange", "No run begins to sell; what is held is watched as ever."),
    "REDUCING": ("red", "Exits only."),
    "HALTED": ("red", "No entry and no start until a person resumes; exits and Stop go on."),
}


def level_item(level: str, reason: str) -> Item:
    """What the account may do, and why. A level we do not know counts as the strictest."""
    color, means = LEVELS.get(level, LEVELS["HALTED"])
    return Item(f"Trading {fmt.plain(level, 20)}", color, f"{means} {fmt.plain(reason, 300)}".rstrip())


def alerts_item(count: int) -> Item:
    """Critical alerts that nobody has acknowledged."""
    return Item(f"{count} alert{'s' if count > 1 else ''}", "red", "Critical and not acknowledged; see the Dashboard.")


def health(status: Status) -> list[Item]:
    """Everything the machinery says of itself: runner, level, alerts, prices per leg, sockets, books, budget, clock. What is
    not needed (prices without a run) is left out."""
    runner, run = status.runner, status.run
    items = [runner_item(runner.alive, runner.heartbeat_age_s, runner.host, runner.epoch), level_item(*status.trading)]
    if status.totals is not None and status.totals.locked:
        items.append(Item("Entries locked", "orange", fmt.plain(f"{status.totals.locked}; see the Account page.", 300)))
    if critical := sum(alert.level == "error" for alert in status.open_alerts):
        items.append(alerts_item(critical))
    watched = run if run is not None and run.phase is not Phase.DONE else None
    return items + ops_items(status.ops, watched, status.wall, alive=runner.alive, lag_s=runner.heartbeat_age_s)


def wrong(items: Sequence[Item], *, running: bool) -> list[Item]:
    """What is not well, worst first. What is not known is not well while a run is on."""
    rank = {"red": 0, "orange": 1} | ({"gray": 2} if running else {})
    return sorted((item for item in items if item.color in rank), key=lambda item: rank[item.color])


def ops_items(ops: Ops | None, run: RunView | None, now: datetime, *, alive: bool, lag_s: float | None) -> list[Item]:
    """What the runner published of itself.

    Args:
        run: The run that is on, None while there is none: then no price is needed.
        now: This machine's clock.
        alive: False shows what a dead runner cannot know any more as unknown.
        lag_s: How old the picture itself is; added to the ages in it, so that a frozen picture grows old on screen.
    """
    if ops is None:
        return [Item("Machinery unknown", "gray", "The runner has not published anything yet.")]
    items = [] if run is None else _price_ages(ops, run, lag_s or 0.0)
    if not alive:
        return [*items, Item("Sockets, budget and clock unknown", "gray", "The runner that knew them is silent.")]
    items += [_socket("Market socket", ops.public_socket), _socket("Order socket", ops.private_socket)]
    if run is not None and (run.phase is not Phase.WAITING or ops.last_reconciled_at is not None):
        items.append(_reconciled(ops.last_reconciled_at, now))
    if ops.journal_fault:
        items.append(Item("Cannot record", "red", fmt.plain(ops.journal_fault, 300)))
    if ops.slowed:
        items.append(Item("Exits only", "orange", fmt.plain(ops.slowed, 300)))
    if ops.abnormal:
        items.append(Item("Entries pause", "orange", fmt.plain(ops.abnormal, 300)))
    items.append(_budget(ops.quota_left_pct))
    items.append(_skew(ops.clock_skew_s, own_time=pace(ops) != 1))
    return items


_PACES = (1, 2, 5, 10, 20, 30, 60, 100)
_PACE_JITTER = 0.15


def pace(ops: Ops | None) -> int:
    """Seconds of the exchange's time in one of this machine's: 1, or what an accelerated paper market was set to. It is
    measured, so it comes as 19.98 and, on a busy machine, as 22: the nearest of the usual settings is meant where it is near."""
    rate = 1.0 if ops is None else ops.market_rate
    usual = min(_PACES, key=lambda one: abs(rate / one - 1))
    return usual if abs(rate / usual - 1) < _PACE_JITTER else max(round(rate), 1)


def _price_ages(ops: Ops, run: RunView, lag_s: float) -> list[Item]:
    if not run.legs:
        return [_age_item("Prices", ops.price_age_s, lag_s, pace(ops))]
    names = {"C": "Call", "P": "Put"}
    return [_age_item(names.get(leg.key, "Leg"), leg.price_age_s, lag_s, pace(ops)) for leg in run.legs]


def _age_item(name: str, seconds: float | None, lag_s: float, pace: int) -> Item:
    """An age as this machine's clock counts it: seconds of an accelerated market are shorter."""
    if seconds is None:
        return Item(
            f"{name} unknown" if name == "Prices" else f"{name} price unknown", "gray", "No price has been seen."
        )
    total = seconds / pace + lag_s
    color: Color = "green" if total <= 5 else "orange" if total <= 30 else "red"
    return Item(f"{name} {fmt.age(total)}", color, "Age of the price.")


def _socket(name: str, state: str) -> Item:
    color: Color = {"up": "green", "connecting": "orange"}.get(state, "red")  # type: ignore[assignment]
    return Item(f"{name} {fmt.plain(state, 12)}", color, "Live connection to the exchange.")


def _reconciled(at: datetime | None, now: datetime) -> Item:
    if at is None:
        return Item("Not reconciled", "gray", "Our books have not been compared with the exchange yet.")
    ago = now - at
    color: Color = "green" if ago <= timedelta(seconds=90) else "orange"
    note = f"Books compared with the exchange at {fmt.ist_full(at)} ({fmt.utc_hint(at)})."
    return Item(f"Reconciled {fmt.age(max(ago.total_seconds(), 0.0))} ago", color, note)


def _budget(left_pct: float | None) -> Item:
    if left_pct is None:
        return Item("Budget unknown", "gray", "Share of the exchange's request budget that is left.")
    color: Color = "green" if left_pct >= 40 else "orange" if left_pct >= 15 else "red"
    return Item(f"Budget {left_pct:.0f} %", color, "Share of the exchange's request budget that is left.")


def _skew(seconds: float | None, *, own_time: bool) -> Item:
    note = "This machine's clock against the exchange's."
    if seconds is None:
        return Item("Clock unknown", "gray", note)
    if own_time or abs(seconds) >= 100:  # a replayed or accelerated market keeps its own time, which is no fault
        return Item("Market on its own time", "green", note)
    color: Color = "green" if abs(seconds) < 1 else "orange" if abs(seconds) < 3 else "red"
    rounded = round(seconds, 2) + 0.0  # no minus before zero
    return Item(f"Clock {rounded:+.2f} s".replace("-", "−"), color, note)


def tab_title(status: Status | str) -> str:
    """What a tab in the background tells: ``−8 % · BTC 76,932 · Holding``."""
    if isinstance(status, str):
        return "Desk unreachable"
    run = status.run
    if run is None:
        return "Strangle Desk"
    if run.phase is Phase.DONE:
        return "Flat · Strangle Desk" if run.flat == "true" else f"NOT FLAT · {fmt.plain(run.underlying, 8)}"
    word = PHASES[run.phase][0] if status.runner.alive else "Not watched"
    spot = None if run.spot is None else f"{fmt.plain(run.underlying, 8)} {parts.spot(run.spot)}"
    pnl = None if run.pnl_pct is None else parts.percent(run.pnl_pct, 0)
    return " · ".join(part for part in (pnl, spot, word) if part)


def lost(status: Status | str) -> str:
    """What is at stake when a page hears no more from its server."""
    if isinstance(status, str):
        return "What is open is not known"
    runs = [run for run in watch.seen(status) if watch.unresolved(run)]
    if not runs and watch.tickets(status):
        return "Single orders are not finished; if the server is down, only what rests at the exchange goes on"
    if not runs:
        return "Nothing was open when the desk was last heard"
    if all(run.phase is Phase.WAITING for run in runs):
        return "Nothing is sold; the run waits, and if the server is down it will not sell"
    if status.runner.host == "process":
        return "The position is still open; its runner is another process and may be watching it"
    return "The position is still open; if the server is down nothing watches it"
