"""What a trade that could be made now would stand on: its stops in spot, its exit time, its payoff; by the engine's own curves.

Pure. The run that is then made shows the same figures: both ask `trader.engine.spot_curve`.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from trader.config.preset import Preset
from trader.desk.payoff import fires, payoff
from trader.desk.position import HeldLeg, Levels, Position, standing
from trader.desk.values import Preview
from trader.domain.order import Side
from trader.engine.liquidation import limit_of
from trader.engine.records import LegTerms
from trader.engine.spot_curve import Curve


def with_outlook(seen: Preview, preset: Preset, terms: Sequence[LegTerms], *, isolated: bool) -> Preview:
    """The preview of a trade with its costs, and what comes of it; as it was where a leg has no implied volatility."""
    position = _position(seen, preset, terms, isolated=isolated)
    if position is None:
        return seen
    legs = standing(position)
    found = fires(position)
    stops = next(fire.spots for fire in found if fire.code == "max_loss")
    still = best = None
    if seen.exit_at is not None:
        at_exit = Curve(legs, seen.exit_at)
        still = at_exit(legs.spot)
        best = None if legs.has_no_best else max(at_exit.peak[1], still)
    return replace(
        seen,
        stop_low=max((at for at in stops if at <= legs.spot), default=None),
        stop_high=min((at for at in stops if at > legs.spot), default=None),
        still_pct=None if still is None else round(position.pct(still), 2),
        best_pct=None if best is None else round(position.pct(best), 2),
        payoff=None if seen.exit_at is None else payoff(position, found, later=seen.exit_at),
        position=position,
        fires=found,
    )


def _position(seen: Preview, preset: Preset, terms: Sequence[LegTerms], *, isolated: bool) -> Position | None:
    """What the preset would hold the moment its legs are filled at their first limit prices."""
    if seen.spot is None or seen.market is None or seen.premium is None or seen.fees is None:
        return None
    if seen.basis is None or seen.start_pnl is None:
        return None
    legs = []
    for t, leg in zip(terms, seen.legs, strict=True):
        if leg.iv is None or leg.closing_px is None or t.has_expired(seen.market):
            return None
        has_limit = isolated and t.side is Side.SELL
        legs.append(
            HeldLeg(
                key=t.key,
                symbol=t.symbol,
                kind=t.kind,
                side=t.side,
                strike=t.strike,
                expiry=t.expiry,
                quantity=t.quantity,
                contract_value=t.contract_value,
                price=leg.limit_price,
                closing_px=leg.closing_px,
                iv=leg.iv,
                fee_rate=t.fee_rate,
                fee_cap=t.fee_cap,
                margin_pct=t.margin_pct,
                mark=leg.mark,
                limit=limit_of(preset.exits, t, leg.limit_price, seen.spot) if has_limit else None,
            )
        )
    return Position(
        held=False,
        underlying=preset.strategy.underlying,
        legs=tuple(legs),
        spot=seen.spot,
        market=seen.market,
        exit_at=seen.exit_at,
        pnl=seen.start_pnl,
        banked=seen.premium - seen.fees,
        basis=seen.basis,
        exits=Levels.of(preset.exits),
    )
