"""Makes the picture people see (`trader.engine.view`) from the state. Numbers here are the ones decisions are made on."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from trader.domain.clock import Now
from trader.domain.exit_reason import exit_label
from trader.domain.expiry import IST
from trader.domain.fill import FillKind
from trader.domain.order import OrderStatus, Purpose, Side
from trader.domain.wording import done_of, fill_verb
from trader.engine.corridor import corridor, curves_of, nearest_stop
from trader.engine.cover import needed
from trader.engine.execution.progress import progress
from trader.engine.ladder import build_ladder
from trader.engine.leg_view import leg_view
from trader.engine.levels import level_words
from trader.engine.liquidation import limits_of
from trader.engine.outlook import outlook
from trader.engine.record_kinds import kept_words
from trader.engine.records import LegTerms, Level, Phase
from trader.engine.safety import naked_view, safety
from trader.engine.shown import shown
from trader.engine.spread_guard import guarded, guarded_view
from trader.engine.state import HUNDRED, ZERO, Market, Run, State, Watch
from trader.engine.tickets.viewing import order_view
from trader.engine.valuation import Valuation, fresh_value, option_held, value
from trader.engine.view import LegView, OrderView, RunView
from trader.pricing.margin_mode import OptionHeld, margin_in

_ORDERS_SHOWN = 20


def build_view(state: State, run: Run, now: Now) -> RunView:
    """One run as seen at `now`. P&L is cost to close while anything is open, realised once nothing is."""
    market = state.market
    watch = state.watches.get(run.run_id, Watch(since=run.created_at))
    priced, _ = fresh_value(run, market, now)
    if priced is None and run.legs and run.flat_by_fills and run.fills:
        priced = value(run, market)
    valuation = None if priced is not None and priced.unoffered else priced  # of what nobody offers it is not known
    waits = guarded(run, watch, market, now) if run.phase is Phase.HOLDING else {}
    limits = limits_of(state, run)
    legs = tuple(
        leg_view(
            run,
            leg,
            market,
            now,
            _kept_words(run, leg, now),
            progress(state, run, leg, now),
            waits,
            limits.get(leg.key),
        )
        for leg in run.legs
    )
    basis = run.basis or None
    curves = curves_of(run, legs, market.spots.get(run.underlying), run.basis, now, valuation)
    totals = _totals(run, legs, valuation)
    exits = run.preset.exits
    return RunView(
        run_id=run.run_id,
        env=run.env,
        phase=run.phase,
        words=words_for(run, watch, now, level_words(state), next((leg.progress for leg in legs if leg.progress), "")),
        preset=run.preset.name,
        config_hash=run.config_hash,
        underlying=run.underlying,
        created_at=run.created_at,
        stop_requested=run.stop_command is not None,
        stop_hurries=_stop_hurries(run, legs),
        flat=flatness(run),
        market_at=now.market,
        spot=market.spots.get(run.underlying),
        spot_at_entry=run.spot_at_entry,
        entry_at=run.entry_at,
        exit_at=run.exit_at,
        premium=run.premium if run.fills else None,
        basis=basis,
        basis_name=run.basis_name,
        pnl=valuation.pnl if valuation is not None else None,
        pnl_pct=valuation.pct if valuation is not None else None,
        peak_pnl=run.peak_pnl,
        peak_pct=run.peak_pct,
        trailing_level=run.level_pct,
        max_loss_usd=None if basis is None else -basis * exits.max_loss_pct / HUNDRED,
        max_profit_usd=None if basis is None else basis * exits.max_profit_pct / HUNDRED,
        exit_reason=run.exit_reason,
        realized_pnl=run.finished.realized_pnl if run.finished else run.cash_flow - run.fees if run.fills else None,
        fees=run.finished.fees if run.finished else run.fees if run.fills else None,
        legs=legs,
        orders=tuple(_order_views(run)),
        ladder=build_ladder(
            run, run.basis, valuation, curves, legs, limits if state.account.is_isolated(run.underlying) else None
        ),
        why_not=watch.why_not if run.phase is Phase.WAITING else (),
        foreign=watch.foreign or () if run.phase is Phase.WAITING else (),
        beside=run.beside,
        steps=tuple(_steps(run, watch, now, {leg.key: leg.progress for leg in legs}))
        if run.phase in (Phase.EXITING, Phase.DONE)
        else (),
        quantity=run.preset.strategy.quantity,
        contract_value=run.legs[0].contract_value if run.legs else None,
        notional=_notional(run, market),
        pnl_mark=totals.pnl_mark,
        fees_to_close=totals.fees,
        spread_to_close=totals.spread,
        peak_at=run.peak_at,
        net_delta=_net(legs, "position_delta"),
        net_gamma=_net(legs, "position_gamma"),
        net_theta=_net(legs, "position_theta"),
        net_vega=_net(legs, "position_vega"),
        margin=_margin(state, run, legs, now),
        margin_mode=state.mode_on(run.underlying),
        naked=naked_view(run, market, now),
        nearest_stop=nearest_stop(run, curves),
        corridor=corridor(run, curves),
        outlook=outlook(run, legs, now, curves),
        guarded=guarded_view(run, market, waits, priced),
        safety=safety(run, watch, priced),
    )


class _Totals(NamedTuple):
    """Sums over the legs, USD; all None unless the P&L is known."""

    pnl_mark: Decimal | None = None
    fees: Decimal | None = None
    spread: Decimal | None = None


def _totals(run: Run, legs: tuple[LegView, ...], valuation: Valuation | None) -> _Totals:
    """P&L is P&L at mark, less the spread and the fees of closing: exactly, for every leg and for the run."""
    entered = [leg for leg in legs if leg.filled_quantity > 0]
    mark, fees, spread = ZERO, ZERO, ZERO
    if valuation is None or not entered:
        return _Totals()
    for leg in entered:
        if leg.pnl_mark is None or leg.fee_to_close is None:
            return _Totals()
        mark += leg.pnl_mark
        fees += leg.fee_to_close
        if leg.closing_px is not None and leg.mark is not None:
            terms = run.leg(leg.key)
            spread -= terms.side.sign * (leg.closing_px - leg.mark) * leg.open_quantity * terms.contract_value
    return _Totals(mark, fees, spread)


def _net(legs: tuple[LegView, ...], greek: str) -> float | None:
    """A position greek summed over what is open; None where nothing is or a part is not known."""
    parts = [getattr(leg, greek) for leg in legs if leg.open_quantity > 0]
    return shown(sum(parts)) if parts and None not in parts else None


def _notional(run: Run, market: Market) -> Decimal | None:
    """USD of the preset's quantity as chosen, at today's spot."""
    spot = market.spots.get(run.underlying, ZERO)
    if not run.legs or spot <= 0:
        return None
    return run.preset.strategy.quantity * run.legs[0].contract_value * spot


def _margin(state: State, run: Run, legs: tuple[LegView, ...], now: Now) -> Decimal | None:
    """USD that what is open blocks by itself, as the preview estimates it, at the marks of now."""
    held = [leg for leg in legs if leg.open_quantity > 0]
    spot = state.market.spots.get(run.underlying, ZERO)
    if not held or spot <= 0 or run.phase is Phase.DONE:
        return None
    parts: list[OptionHeld] = []
    for leg in held:
        if leg.mark is None or not leg.fresh:
            return None
        parts.append(option_held(run.leg(leg.key), leg.open_quantity, leg.mark, leg.iv))
    return margin_in(state.mode_on(run.underlying), parts, spot=spot, at=now.market)


def trading_state(state: State, halted: str = "") -> tuple[str, str]:
    """What the account may do and why, for the ops strip. `halted`: what else forbids entries (the HALT file), in words."""
    trading = state.account.trading
    if halted:
        return Level.HALTED.value, halted
    if state.journal_fault and trading.level.rank < Level.REDUCING.rank:
        return Level.REDUCING.value, f"the journal cannot be written: {state.journal_fault}"
    return trading.level.value, trading.reason


def flatness(run: Run) -> str:
    """ "true" only when the exchange confirmed it, "false" while fills say something is open, else "unknown"."""
    if run.finished is not None:
        return "false" if run.finished.foreign or filled_since_end(run) else "true"
    if any(run.open_quantity(leg.key) != 0 for leg in run.legs):
        return "false"
    if not run.orders:
        return "true" if run.phase is Phase.WAITING else "unknown"
    return "unknown"


def filled_since_end(run: Run) -> str:
    """What is open by fills that became known only after the run had ended, in words; empty when nothing is."""
    end = run.finished
    if end is None:
        return ""
    late = {booked.leg for booked in run.fills.values() if booked.wall > end.wall}
    left = {leg.symbol: run.open_quantity(leg.key) * leg.side.sign for leg in run.legs if leg.key in late}
    return ", ".join(f"{symbol} {quantity:+d}" for symbol, quantity in left.items() if quantity)


def _clock(instant: datetime | None, now: Now) -> str:
    """``16:30 IST``, with its day where that is not today's."""
    if instant is None:
        return "?"
    local = instant.astimezone(IST)
    is_today = now.market is None or local.date() == now.market.astimezone(IST).date()
    return f"{local:%H:%M} IST" if is_today else f"{local:%d %b %H:%M} IST"


def _away(instant: datetime | None, now: Now) -> str:
    if instant is None or now.market is None:
        return ""
    minutes = int((instant - now.market).total_seconds() // 60)
    if minutes < 0:
        return ""
    days, rest = divmod(minutes, 1440)
    hours, mins = divmod(rest, 60)
    spans = [f"{days} d"] * (days > 0) + [f"{hours} h"] * (hours > 0) + [f"{mins} min"] * (days == 0)
    return f" in {' '.join(spans)}"


def _stop_hurries(run: Run, legs: tuple[LegView, ...]) -> bool:
    in_slices = run.phase is Phase.EXITING and any(leg.progress for leg in legs)
    return in_slices and not run.preset.orders.stop_in_slices


def words_for(run: Run, watch: Watch, now: Now, barred: str = "", progress: str = "") -> str:
    """The run's state in one sentence for the top of the page. `barred` says why the account may not enter, `progress` how
    many slices have filled."""
    match run.phase:
        case Phase.WAITING if barred:
            return f"Waiting — no entry: {barred}"
        case Phase.WAITING:
            if run.entry_at is not None and now.market is not None and now.market < run.entry_at:
                return f"Waiting — {_enters(run)} at {_clock(run.entry_at, now)}{_away(run.entry_at, now)}"
            return "Waiting — " + (watch.why_not[0] if watch.why_not else "getting ready")
        case Phase.ENTERING:
            return f"Entering — {'; '.join(_entered_words(run))}" + (f"; {progress}" if progress else "")
        case Phase.HOLDING:
            return f"Holding — exits at {_clock(run.exit_at, now)}{_away(run.exit_at, now)}"
        case Phase.EXITING:
            reason = exit_label(run.exit_reason or "")
            return f"Exiting ({reason}) — {_closing_words(run, now)}"
        case Phase.DONE:
            reason = exit_label(run.exit_reason or "")
            if run.finished is not None and run.finished.foreign:
                return f"Done ({reason}) — NOT FLAT: {run.finished.foreign} is not ours"
            if late := filled_since_end(run):
                return f"Done ({reason}) — NOT FLAT: {late} was filled after the end; close it by `python -m trader flatten`"
            return f"Done ({reason}) — flat, confirmed by the exchange"


def _enters(run: Run) -> str:
    """What a run is going to do, in one word."""
    sides = {leg.side for leg in run.preset.structure.legs}
    return "enters" if len(sides) > 1 else "sells" if Side.SELL in sides else "buys"


def _entered_words(run: Run) -> list[str]:
    """How much of each leg is sold or bought by now."""
    words = []
    for side, done in ((Side.BUY, "bought"), (Side.SELL, "sold")):
        legs = [f"{leg.symbol} {done_of(run.entered(leg.key), leg.quantity)}" for leg in run.legs if leg.side is side]
        words += [f"{done} {', '.join(legs)}"] if legs else []
    return words


def _closing_words(run: Run, now: Now) -> str:
    """What is still open while a run is closing: what is being bought back, and what is held to its settlement and why."""
    left = [leg for leg in run.legs if run.open_quantity(leg.key)]
    closing = [f"{leg.symbol} {run.open_quantity(leg.key)}" for leg in left if leg.key not in run.kept]
    words = [f"closing {', '.join(closing)}"] if closing else []
    words += [
        f"NOT FLAT: {leg.symbol} {run.open_quantity(leg.key)} {_kept_words(run, leg, now)}"
        for leg in left
        if leg.key in run.kept
    ]
    return "; ".join(words) or "waiting for the exchange to confirm flat"


def _kept_words(run: Run, leg: LegTerms, now: Now) -> str:
    """Why a leg is held to its settlement; empty when it is not."""
    if leg.key not in run.kept or not run.open_quantity(leg.key):
        return ""
    return "has expired; waiting for its settlement" if leg.has_expired(now.market) else kept_words(run.kept[leg.key])


def _ended(run: Run, leg: LegTerms) -> str:
    """How the last contract of a leg was closed."""
    closing = [b.fill for b in run.fills.values() if b.leg == leg.key and b.fill.side is not leg.side]
    if closing and closing[-1].kind is not FillKind.NORMAL:
        return fill_verb(closing[-1])
    return "bought back" if leg.side is Side.SELL else "sold again"


def _order_views(run: Run) -> list[OrderView]:
    newest = sorted(run.orders.values(), key=lambda o: o.intended_at, reverse=True)[:_ORDERS_SHOWN]
    return [order_view(order) for order in newest]


def _steps(run: Run, watch: Watch, now: Now, progress: dict[str, str]) -> list[str]:
    """What an exit has done and is doing, in order, for someone who has just pressed the button."""
    reason = exit_label(run.exit_reason or "")
    steps = [f"Exit decided: {reason}" + (f" ({run.exit_detail})" if run.exit_detail else "")]
    for leg in run.legs:
        for order in run.leg_orders(leg.key, Purpose.ENTRY):
            if order.cancel_asked_at is not None and order.status is not OrderStatus.FILLED:
                steps.append(
                    f"{leg.symbol}: entry order {order.status if order.status.terminal else 'being cancelled'}"
                )
        exits = run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
        if not run.entered(leg.key):
            steps.append(f"{leg.symbol}: nothing was {'sold' if leg.side is Side.SELL else 'bought'}")
        elif run.open_quantity(leg.key) == 0:
            steps.append(f"{leg.symbol}: {_ended(run, leg)}")
        elif run.finished is not None:
            steps.append(f"{leg.symbol}: closed by somebody else")
        elif kept := _kept_words(run, leg, now):
            steps.append(f"{leg.symbol}: NOT FLAT, {run.open_quantity(leg.key)} open, {kept}")
        elif (
            leg.side is Side.BUY
            and not exits
            and needed(run.legs, leg, {s.key: run.open_quantity(s.key) for s in run.legs})
        ):
            steps.append(f"{leg.symbol}: {run.open_quantity(leg.key)} open, until what it covers is closed")
        else:
            doing = progress[leg.key] or f"closing attempt {len(exits)}"
            steps.append(f"{leg.symbol}: {run.open_quantity(leg.key)} open, {doing}")
    if run.finished is None:
        steps.append("Waiting for the exchange to confirm: no position, no open order")
    elif run.finished.foreign:
        steps.append(f"NOT FLAT: {run.finished.foreign} is not ours and was left alone")
    elif late := filled_since_end(run):
        steps.append(f"NOT FLAT: {late} was filled after the end")
    elif not run.fills:
        steps.append("FLAT: the exchange shows no position and no open order of this run")
    else:
        steps.append("FLAT: confirmed by the exchange")
    if watch.mismatch_since is not None and run.finished is None:
        steps.append("The exchange's position differs from our fills; reading again")
    return steps
