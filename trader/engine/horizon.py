"""Within which prices nothing can happen: what lets a stream's thread keep messages from waking the runner.

A held run acts on prices when its P&L reaches the maximum loss or profit, falls to the trailing level or rises to where that
level is raised, and when a short leg's mark comes near its liquidation. Between these P&L is free to move, and so is each leg's price by a share of the distance. Inside of its share
no combination of prices reaches any of them, so a look ten times a second (for clocks and freshness) is enough; whatever
leaves it wakes the runner at once.
"""

from collections.abc import Iterable
from decimal import Decimal
from math import inf

from trader.config.preset import Exits
from trader.domain.clock import Now
from trader.domain.horizon import Bounds, Horizon
from trader.domain.order import Side
from trader.engine.liquidation import Limit, limits_of
from trader.engine.records import LegTerms, Phase
from trader.engine.state import HUNDRED, Run, State, Watch
from trader.engine.valuation import closing_price, flaw_of, value
from trader.pricing.fees import GST

_SPOT_SHARE = 0.01  # of spot: commissions depend on it, hardly
_ROUNDING = 1e-6  # USD a leg: commissions are rounded, and this arithmetic is of floats


def horizon(state: State, now: Now) -> Horizon | None:
    """Within which prices no unfinished run has anything to do; None while any price may matter."""
    contracts: dict[str, Bounds] = {}
    spots: dict[str, tuple[float, float]] = {}
    for run in state.unresolved:
        if run.phase is Phase.WAITING:
            continue  # its instants and prerequisites are looked at with every tick
        if run.phase is not Phase.HOLDING or run.unsettled:
            return None
        found = _of_run(run, state, now)
        if found is None:
            return None
        for symbol, bounds in found.items():
            known = contracts.get(symbol)
            if known is not None and known.side is not bounds.side:
                return None
            contracts[symbol] = bounds if known is None else bounds.within(known)
        spot = float(state.market.spots[run.underlying])
        spots[run.underlying] = spot * (1 - _SPOT_SHARE), spot * (1 + _SPOT_SHARE)
    return Horizon(contracts, spots)


def _of_run(run: Run, state: State, now: Now) -> dict[str, Bounds] | None:
    watch = state.watches[run.run_id]
    if flaw_of(run, state.market, now) or not _is_calm(watch) or (valued := value(run, state.market)) is None:
        return None
    lowest, highest = _free_pct(run)
    usd = run.basis / HUNDRED
    spot = float(state.market.spots[run.underlying])
    legs = run.held
    # A percent of spot may add to every leg's commission before its price has moved at all.
    idle = sum(float(leg.fee_rate * (1 + GST)) * spot * _SPOT_SHARE * _units(run, leg) + _ROUNDING for leg in legs)
    down = float(valued.pnl - lowest * usd) - idle
    up = float(highest * usd - valued.pnl) - idle
    if not legs or down <= 0 or up <= 0:
        return None
    limits = limits_of(state, run)
    found: dict[str, Bounds] = {}
    for leg in legs:
        quote = state.market.quotes[leg.symbol]
        price = closing_price(leg, quote)
        if not price:
            return None  # what is counted without a touch moves with the mark
        # USD of P&L that a USD of the leg's price moves at most, its commission (a share of the price) included.
        per_usd = _units(run, leg) * (1 + float((leg.fee_cap or 0) * (1 + GST)))
        most = _mark_most(limits.get(leg.key))
        found[leg.symbol] = _bounds(leg, float(price), down / len(legs) / per_usd, up / len(legs) / per_usd, most)
    return found


def _mark_most(limit: Limit | None) -> float:
    """Below which mark the guard ahead of the liquidation does not act."""
    return inf if limit is None or limit.guard is None else float(limit.guard) - _ROUNDING


def _is_calm(watch: Watch) -> bool:
    """Whether no rule waits for a further price to agree, and prices have been seen."""
    return watch.blind_since is None and watch.pnl is not None and not any(watch.agreed.values())


def _units(run: Run, leg: LegTerms) -> float:
    return run.open_quantity(leg.key) * float(leg.contract_value)


def _free_pct(run: Run) -> tuple[Decimal, Decimal]:
    """Between which P&L (% of the basis) no exit fires and the trailing level stays where it is."""
    exits = run.preset.exits
    lowest = -exits.max_loss_pct if run.level_pct is None else max(-exits.max_loss_pct, run.level_pct)
    return lowest, min([exits.max_profit_pct, *_rises(exits, run.peak_pct or Decimal(0))])


def _rises(exits: Exits, peak: Decimal) -> Iterable[Decimal]:
    """Peaks beyond this one at which the level is raised, the next of them among these."""
    if not exits.trailing_enabled or not exits.trailing_tiers:
        return ()
    last = exits.trailing_tiers[-1].peak_pct
    if peak < last:
        return (tier.peak_pct for tier in exits.trailing_tiers if tier.peak_pct > peak)
    if exits.trailing_step_stop_pct == 0:
        return ()
    steps = (peak - last) // exits.trailing_step_peak_pct + 1
    return (last + steps * exits.trailing_step_peak_pct,)


def _bounds(leg: LegTerms, price: float, down: float, up: float, mark_most: float) -> Bounds:
    """`down` and `up`: by how much the touch at which the leg is closed may move against it and in its favour; `mark_most`: the mark
    that is near its liquidation. The spread guard only ever lets a losing exit wait, so within these it has nothing to hold back.
    A touch of nothing is no touch."""
    low, high = (price - up, price + down) if leg.side is Side.SELL else (price - down, price + up)
    return Bounds(leg.side, max(low, float(leg.tick_size)), high, mark_most)
