"""The prerequisites board: everything that must hold before a run, each with its reason in words."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from trader.config.preset import Preset
from trader.desk.values import CheckResult, Preview, RunnerHealth
from trader.domain.errors import TraderError
from trader.domain.fill import Position
from trader.domain.order import OrderSnapshot
from trader.domain.wallet import Wallet
from trader.engine.ids import is_ours
from trader.exchange.odd_rows import OddFigures
from trader.exchange.statistics import Statistics

CLOCK_SKEW_MOST_SECS = 2.0
_NAMED = 8
_ANSWERS = frozenset({"VenueRefused", "AuthError"})  # refusals, but usable answers

Verdict = tuple[bool, str]  # met, and why in words


def run_check(name: str, look: Callable[[], Verdict]) -> CheckResult:
    """One check; an error while looking is a check that failed, with the error as its reason."""
    try:
        ok, words = look()
    except TraderError as error:
        return CheckResult(name=name, ok=False, words=str(error))
    return CheckResult(name=name, ok=ok, words=words)


def check_runner(runner: RunnerHealth) -> Verdict:
    if runner.alive:
        return True, f"alive, hosted in a {runner.host} (process {runner.pid})"
    if runner.heartbeat_age_s is None:
        return False, "no runner has worked on this account yet; start the panel or `python -m trader run`"
    return False, f"not alive, last heard {runner.heartbeat_age_s:.0f} s ago; start the panel or `python -m trader run`"


def check_clock(offset_secs: float) -> Verdict:
    words = f"the exchange's clock is {abs(offset_secs):.1f} s {'ahead of' if offset_secs >= 0 else 'behind'} this one"
    if abs(offset_secs) > CLOCK_SKEW_MOST_SECS:
        return False, f"{words}; more than {CLOCK_SKEW_MOST_SECS:g} s, so set this machine's clock"
    return True, words


def check_nothing_foreign(
    positions: Iterable[Position],
    orders: Iterable[OrderSnapshot],
    expected: dict[str, int],
    installation: str,
) -> Verdict:
    """No position and no order on the managed contracts but what our unresolved runs explain.

    Args:
        positions: As the exchange shows them now.
        orders: Open orders, likewise.
        expected: Our unresolved runs' net quantity per symbol (negative = short).
        installation: Ours, which our client order ids carry.
    """
    odd = [
        f"{p.quantity} {p.symbol} where our runs account for {expected.get(p.symbol, 0)}"
        for p in positions
        if p.quantity != expected.get(p.symbol, 0)
    ]
    odd += [
        f"an open order {o.side.value} {o.quantity} {o.symbol} that is not ours"
        for o in orders
        if not is_ours(o.client_order_id, installation)
    ]
    if odd:
        return False, f"the exchange shows {'; '.join(odd)}"
    return True, "no position and no order but our own"


def check_margin(preview: Preview, wallet: Wallet) -> Verdict:
    """Whether the money for both legs is there, and the legs themselves."""
    if preview.reasons:
        return False, f"nothing to sell now: {'; '.join(preview.reasons)}"
    assert preview.margin is not None and preview.fees is not None
    needed = preview.margin + preview.fees
    words = f"about {_usd(needed)} needed for both legs, {_usd(wallet.available)} available"
    return wallet.available >= needed, words


def check_client(figures: Statistics) -> Verdict:
    """What the connection has been like: calls, slowest endpoint, what is left to ask, how the product cache does."""
    timed = [(row.p99_ms, row.endpoint) for row in figures.endpoints if row.p99_ms is not None]
    slowest = max(timed, default=None)
    hit_rate = figures.instrument_cache_hit_rate
    unanswered = sum(count for kind, count in figures.errors.items() if kind not in _ANSWERS)
    words = [
        f"{figures.calls} calls, {unanswered} without a usable answer",
        *([f"slowest {slowest[1]} with p99 {slowest[0]:.0f} ms"] if slowest else []),
        f"{figures.quota_left:,} weight units left",
        f"{figures.instruments_cached:,} contracts cached"
        + (f", {hit_rate:.0%} of questions answered from there" if hit_rate is not None else ""),
    ]
    return figures.quota_left > 0, "; ".join(words)


def check_clients(own: Statistics, runners: Statistics | None) -> Verdict:
    """The same of this process's connection and of the living runner's, with the runner's orders and reconnections."""
    met, words = check_client(own)
    if runners is None:
        return met, words
    runners_met, theirs = check_client(runners)
    return met and runners_met, f"{words}. The runner's: {_activity(runners)}; {theirs}"


def _activity(figures: Statistics) -> str:
    orders = (
        f"{figures.orders_submitted} orders sent ({figures.orders_filled} filled at once, {figures.orders_rejected} refused, "
        f"{figures.orders_unknown} without an answer), {figures.cancels_accepted} cancelled"
    )
    again = ", ".join(f"{stream} {count}" for stream, count in sorted(figures.reconnections.items()))
    return f"{orders}; reconnections: {again}" if again else orders


def check_left_out(figures: OddFigures) -> Verdict:
    """Rows of the exchange's lists that made no sense: the others serve, so this stands in nobody's way."""
    if not figures.now:
        return True, "every row of the exchange's lists makes sense"
    more = f"; and {len(figures.now) - _NAMED} more" if len(figures.now) > _NAMED else ""
    return True, f"left out because they make no sense: {'; '.join(figures.now[:_NAMED])}{more}"


def check_configuration(preset: Preset, origins: Sequence[str]) -> Verdict:
    sources = ", ".join(dict.fromkeys(origin for origin in origins if origin != "default")) or "the defaults"
    return True, f"{preset.name} ({preset.config_hash}) from {sources}"


def _usd(amount: Decimal) -> str:
    return f"{amount:,.2f} USD"
