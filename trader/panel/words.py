"""What the panel says of a run and of the machinery, in words and one colour. No figure is computed here, only phrased.

Text that came from outside (symbols, messages) is returned as it is; whoever draws it uses `st.text` or `format.safe`.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from trader.engine.records import Phase
from trader.engine.view import REASON_WORDS, Ops, Rung, RunView
from trader.panel import format as fmt

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

EXIT_REASONS = REASON_WORDS | {
    "time": "exit time reached",
    "max_loss": "max loss reached",
    "max_profit": "max profit reached",
    "trailing_stop": "trailing stop",
    "breakeven": "trailing stop at breakeven",
    "manual": "Stop & Exit",
    "unwind": "entry could not be completed",
    "expiry": "expiry is near",
    "blind": "no usable prices",
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
    return fmt.DASH if reason is None else EXIT_REASONS.get(reason, fmt.plain(reason, 60))


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
        until = f"held to settlement at {fmt.ist_time(kept[0].expiry)}" if kept else "until flat"
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
    return f"{word} — {verb} at {fmt.ist_time(at)} {wait}".rstrip()


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


def stop_progress(run: RunView) -> str:
    """The one sentence under Stop & Exit while it works."""
    if run.phase is Phase.DONE and run.flat == "true":
        return "FLAT — confirmed by the exchange. Nothing of this run is open."
    return flat_line(run).label if run.flat != "true" else "Flat; the run is being closed."


def runner_item(alive: bool, heartbeat_age_s: float | None, host: str | None) -> Item:
    """Runner alive or dead, and how long ago it was heard."""
    heard = "never heard" if heartbeat_age_s is None else f"last heard {fmt.age(heartbeat_age_s)} ago"
    where = f"hosted in a {fmt.plain(host, 20)}" if host else "host unknown"
    if alive:
        return Item("Runner alive", "green", f"{heard}, {where}")
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


def ops_items(ops: Ops | None, run: RunView | None, now: datetime, *, alive: bool, lag_s: float | None) -> list[Item]:
    """The ops strip: price age per leg, sockets, last reconciliation, rate budget, clock skew, trading state.

    Args:
        now: This machine's clock.
        alive: False shows what a dead runner cannot know any more as unknown.
        lag_s: How old the picture itself is; added to the ages in it, so that a frozen picture grows old on screen.
    """
    if ops is None:
        return [Item("Prices unknown", "gray", "The runner has not published anything yet.")]
    items = _price_ages(ops, run, lag_s or 0.0)
    if not alive:
        return [*items, Item("Sockets, budget and clock unknown", "gray", "The runner that knew them is silent.")]
    items += [_socket("Market socket", ops.public_socket), _socket("Order socket", ops.private_socket)]
    if run is not None and run.phase is not Phase.DONE:
        items.append(_reconciled(ops.last_reconciled_at, now))
    items.append(_budget(ops.quota_left_pct))
    items.append(_skew(ops.clock_skew_s))
    return items


def _price_ages(ops: Ops, run: RunView | None, lag_s: float) -> list[Item]:
    legs = run.legs if run is not None and run.phase is not Phase.DONE else ()
    if run is None or run.phase is Phase.DONE:
        return [Item("No prices needed", "gray", "Prices are followed while a run is on.")]
    if not legs:
        return [_age_item("Prices", ops.price_age_s, lag_s)]
    return [_age_item({"C": "Call", "P": "Put"}.get(leg.key, "Leg"), leg.price_age_s, lag_s) for leg in legs]


def _age_item(name: str, seconds: float | None, lag_s: float) -> Item:
    if seconds is None:
        return Item(
            f"{name} unknown" if name == "Prices" else f"{name} price unknown", "gray", "No price has been seen."
        )
    total = seconds + lag_s
    color: Color = "green" if total <= 5 else "orange" if total <= 30 else "red"
    return Item(f"{name} {fmt.age(total)}", color, "Age of the price, in the exchange's time.")


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


def _skew(seconds: float | None) -> Item:
    if seconds is None:
        return Item("Clock unknown", "gray", "Difference between this machine's clock and the exchange's.")
    color: Color = "green" if abs(seconds) < 1 else "orange" if abs(seconds) < 3 else "red"
    rounded = round(seconds, 2) + 0.0  # no minus before zero
    shown = f"{rounded:+.2f} s".replace("-", "−") if abs(seconds) < 100 else "on its own time"
    if abs(seconds) >= 100:
        color = "gray"  # a replayed or accelerated market keeps its own time, which is no fault
    return Item(f"Clock {shown}", color, "This machine's clock against the exchange's.")
