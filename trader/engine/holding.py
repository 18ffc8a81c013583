"""HOLDING: the exit rules on fresh cost-to-close prices, the clock's exits, and what to do when prices go missing."""

from decimal import Decimal
from functools import partial

from trader.domain.basis import basis_words
from trader.domain.exit_reason import ExitReason
from trader.domain.order import Side
from trader.engine import records as rec
from trader.engine.account.positions import differs_lastingly
from trader.engine.account.settlement import has_expired
from trader.engine.cover import beyond_cover
from trader.engine.effects import ReadChain
from trader.engine.execution.working import ask_cancel
from trader.engine.exits import Trail, ratchet, triggered
from trader.engine.gate import closable
from trader.engine.liquidation import limits_of, near_liquidation
from trader.engine.reporting import report
from trader.engine.spread_guard import counted, hold_back, note_spreads
from trader.engine.state import HUNDRED, ZERO, Run, seconds_since
from trader.engine.tickets.listing import ask_chain
from trader.engine.turn import Turn
from trader.engine.valuation import (
    Evidence,
    Valuation,
    closing_cost,
    closing_price,
    evidence_of,
    flaw_of,
    untold_fees,
    value,
)

_QUOTES_SECS = 2.5  # between REST reads of quotes while the stream gives none
_QUIET_SECS = 3.0  # a stream silent for this long is helped out before its prices go stale


def hold(turn: Turn, run_id: str) -> None:
    """Watch a HOLDING run: clock first, then prices."""
    run = turn.run(run_id)
    market = turn.now.market
    for leg in run.legs:
        if has_expired(run, leg, market):
            turn.decide_exit(run_id, "expiry", "the contracts have expired; waiting for their settlement")
            return
    if market is not None and run.exit_at is not None and market >= run.exit_at:
        turn.decide_exit(run_id, "time", f"the exit time {run.exit_at:%Y-%m-%d %H:%M} UTC has come")
        return
    if run.unsettled:
        for order in run.live_orders():
            ask_cancel(turn, run_id, order, "nothing rests while holding")  # taken as never accepted, and it appeared
        if run.fills_missing:
            turn.set_watch(run_id, account_wanted=True)
    if closed := _closed(turn, run):
        turn.decide_exit(run_id, "leg_closed", f"{', '.join(closed)} is no longer open; {_what_is_left(run)}")
        return
    if seconds_since(turn.state.market.heard, turn.wall) >= _QUIET_SECS:
        ask_quotes(turn, run)
    market_now = turn.state.market
    flaw = flaw_of(run, market_now, turn.now)
    evidence = evidence_of(run, market_now)
    is_news = _is_news(turn.watch(run_id).evaluated_on, evidence)
    if not flaw:
        note_spreads(turn, run)
        run = turn.run(run_id)
    if not flaw and not is_news:
        _sees(turn, run_id)
        _look_again(turn, run)
        return
    valuation = None if flaw else value(run, market_now)
    if valuation is None:
        _blind(turn, run, flaw)
        return
    _sees(turn, run_id)
    _evaluate(turn, run, valuation, evidence)
    run = turn.run(run_id)
    if run.phase is rec.Phase.HOLDING:
        report(turn, run, valuation)


def _closed(turn: Turn, run: Run) -> list[str]:
    """Symbols of the legs that are no longer open, by our fills or lastingly by the exchange's positions; of a long leg it is
    enough that less of it is left than its short ones need."""
    lasting = differs_lastingly(turn.watch(run.run_id))
    if len(run.held) == len(run.legs) and not lasting:
        return []
    sizes = {leg.key: closable(run, leg) if lasting else run.open_quantity(leg.key) for leg in run.legs}
    return [
        leg.symbol
        for leg in run.legs
        if run.open_quantity(leg.key) <= 0
        or (lasting and run.positions.get(leg.symbol) == 0)
        or (leg.side is Side.BUY and beyond_cover(run.legs, sizes, leg.kind) > 0)
    ]


def _what_is_left(run: Run) -> str:
    """Why a position without some of its legs is not gone on with."""
    if all(leg.side is Side.SELL for leg in run.legs):
        return "one leg alone is not a strangle"
    return "what is left is not what was entered"


def _sees(turn: Turn, run_id: str) -> None:
    """Prices are usable (again)."""
    watch = turn.watch(run_id)
    if watch.blind_since is not None:
        turn.set_watch(run_id, blind_since=None)
    if "blind" in watch.alerted:
        turn.rearm(run_id, "blind")


def _is_news(old: Evidence, new: Evidence) -> bool:
    """True when every mark and every quote is younger than at the last evaluation: one leg's news must not let a single
    print of the other leg count twice."""
    if len(old) != len(new):
        return True
    for was, now in zip(old, new, strict=True):
        if was is None:
            continue
        if now is None or now <= was:
            return False
    return True


def _evaluate(turn: Turn, run: Run, valuation: Valuation, evidence: Evidence) -> None:
    """One fresh evaluation at the touch: ratchet the trail, count agreement, exit when a rule has agreed often enough.

    The peak follows the lower of this and the previous evaluation, so that one stray print does not move the stop; a profit that
    is not known moves nothing.
    """
    exits = run.preset.exits
    watch = turn.watch(run.run_id)
    confirmed = valuation.pnl
    if exits.confirmations > 1:
        confirmed = min(watch.pnl, valuation.pnl) if watch.pnl is not None else ZERO
    trail = Trail(run.peak_pct, run.level_pct) if run.peak_pct is not None else None
    risen = None
    if not valuation.unoffered:
        risen = ratchet(exits, trail, confirmed / run.basis * HUNDRED, partial(_closing_pct, turn, run))
    if risen is not None:
        turn.write(rec.Trailed, run.run_id, peak_pnl=confirmed, peak_pct=risen.peak, level_pct=risen.level)
        run = turn.run(run.run_id)
    true = _true(turn, run, valuation)
    agreed = {reason: watch.agreed.get(reason, 0) + 1 for reason in true}
    losing = counted(run, turn.state.market, watch, turn.now) if watch.wide else valuation
    turn.set_watch(
        run.run_id,
        evaluated_on=evidence,
        pnl=valuation.pnl,
        counted=(losing or valuation).pnl - untold_fees(run, turn.state.market),
        valued=turn.now,
        agreed=agreed,
    )
    _fire(turn, run, valuation, true)


def _true(turn: Turn, run: Run, valuation: Valuation) -> dict[ExitReason, str]:
    """The price rules that are true: at the touch or, ahead of a liquidation, at the mark. Of what nobody offers no profit is known
    to be taken."""
    true = triggered(run.preset.exits, run.level_pct, valuation.pct, basis_words(run.basis_name), run.peak_pct)
    if valuation.unoffered:
        why = f"; {_no_ask(valuation)}, counted at the spread guard"
        true = {reason: detail + why for reason, detail in true.items() if reason != "max_profit"}
    if near := near_liquidation(run, limits_of(turn.state, run), turn.state.market):
        true["liquidation_guard"] = near
    return true


def _no_ask(valuation: Valuation) -> str:
    return f"no ask for {', '.join(valuation.unoffered)}"


def _fire(turn: Turn, run: Run, valuation: Valuation, true: dict[ExitReason, str]) -> None:
    """Exit by the weightiest rule that has agreed often enough and that the spread guard does not hold back."""
    agreed = turn.watch(run.run_id).agreed
    held = hold_back(turn, run, true, valuation)
    for reason, detail in true.items():
        if agreed.get(reason, 0) >= run.preset.exits.confirmations and reason not in held:
            turn.decide_exit(run.run_id, reason, detail, pnl=valuation.pnl)
            return


def _look_again(turn: Turn, run: Run) -> None:
    """Between two prices of all legs: what has agreed often enough and was held back fires the moment the guard has run out."""
    if all(times < run.preset.exits.confirmations for times in turn.watch(run.run_id).agreed.values()):
        return
    valuation = value(run, turn.state.market)
    if valuation is not None:
        _fire(turn, run, valuation, _true(turn, run, valuation))


def _closing_pct(turn: Turn, run: Run) -> Decimal:
    """What closing everything costs now beside the mark, spread and fees, % of the basis."""
    market = turn.state.market
    spot, total = market.spots.get(run.underlying, ZERO), ZERO
    for leg in run.held:
        quote, quantity = market.quotes[leg.symbol], run.open_quantity(leg.key)
        price = closing_price(leg, quote)
        if price is not None and quote.mark is not None:
            total += (
                closing_cost(leg, quantity, price, spot) + leg.side.sign * quote.mark * quantity * leg.contract_value
            )
    return total / run.basis * HUNDRED


def _blind(turn: Turn, run: Run, flaw: str) -> None:
    """No price, no decision on price: ask over REST, alert, and after too long close what cannot be watched."""
    watch = turn.watch(run.run_id)
    if watch.blind_since is None:
        turn.set_watch(run.run_id, blind_since=turn.wall)
        return
    blind_secs = seconds_since(watch.blind_since, turn.wall)
    if blind_secs >= 1:
        ask_quotes(turn, run)
    if blind_secs >= 5:
        turn.alert(
            run.run_id, "warning", "blind", f"No usable price: {flaw}. Price exits are suspended; asking over REST."
        )
    if blind_secs >= run.preset.exits.blind_exit_secs:
        turn.decide_exit(run.run_id, "blind", f"no usable price for {blind_secs:.0f} s ({flaw})")


def ask_quotes(turn: Turn, run: Run) -> None:
    """Read the quotes over REST, so that the price rules go on without the stream."""
    if run.ticket is not None:
        ask_chain(turn, run)
    elif seconds_since(turn.watch(run.run_id).quotes_asked, turn.wall) >= _QUOTES_SECS:
        turn.set_watch(run.run_id, quotes_asked=turn.wall)
        turn.do(ReadChain(run_id=run.run_id, underlying=run.underlying))
