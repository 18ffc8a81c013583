"""Defects of what closing pays for: bids that climb over an empty book, worthless legs that halt, are forgotten or are kept."""

from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import held
from tests.mutants.tools import Patch, everywhere
from trader.domain.order import OrderStatus
from trader.engine import settling
from trader.engine.account import settlement
from trader.engine.execution import exit as leaving
from trader.engine.execution import exit_price
from trader.engine.execution.chase import chase_price
from trader.engine.execution.exit_price import Terms
from trader.engine.gate import collar
from trader.simulation.directed import SESSIONS
from trader.simulation.planned import Plan


def _directed(*names: str) -> Any:
    def plans() -> list[Plan]:
        return [SESSIONS[name](seed) for name in names for seed in range(3)]

    return plans


def _settled_while_the_host_was_away() -> list[Plan]:
    """Spot runs away from the call, which vanishes without a fill; positions lag when the host is back."""
    plans = []
    for seed in range(3):
        away = {"outage": (20.0, 430.6), "position_lag": 2.5, "worthless_fill": False, "settlement_late_secs": 0.0}
        plan = held(seed, exit_time="10:39", **away)
        plans.append(replace(plan, market=replace(plan.market, expiry_secs=450, jumps=((25.0, -0.0025),))))
    return plans


def only_the_clock_tells_of_an_expiry(patch: Patch) -> None:
    everywhere(patch, settlement.has_expired, lambda run, leg, market: leg.has_expired(market))


def bid_climbs_over_an_empty_book(patch: Patch) -> None:
    """As it was: one step more and twice the collar with each attempt, whether or not anybody offers."""
    real_terms, real_well = exit_price.exit_terms, exit_price.stands_well

    def exit_terms(state: Any, now: Any, run: Any, leg: Any, purpose: Any, **stands: bool) -> Terms:
        terms = real_terms(state, now, run, leg, purpose, **stands)
        quote = state.market.quotes.get(leg.symbol)
        if quote is None or quote.mark is None or quote.ask:
            return terms
        made = len(run.leg_orders(leg.key, purpose))
        wider = 2 ** min(max(made - run.preset.orders.retries, 0), 6)
        bounds = collar(leg, quote.mark, run.preset.risk.price_collar_pct, wider)
        return Terms(chase_price(run.preset, leg, leg.side.opposite, quote, quote.mark, (made + 1) * wider, bounds))

    everywhere(patch, real_terms, exit_terms)
    everywhere(patch, real_well, lambda *_, **__: False)
    patch.setattr("trader.engine.gate.exit_bounds", lambda run, leg, mark: (leg.tick_size, mark * 1000))


def empty_book_halts(patch: Patch) -> None:
    """Every order that has filled nothing counts, and a bid is renewed with every time-out."""
    everywhere(patch, exit_price.stands_well, lambda *_, **__: False)
    everywhere(
        patch, leaving._is_fruitless, lambda order: order.done_qty == 0 and order.status is not OrderStatus.DENIED
    )


def held_leg_is_forgotten(patch: Patch) -> None:
    real = settling.stance_on

    def stance_on(turn: Any, run_id: str, leg: Any) -> settling.Stance:
        return settling.Stance.WAIT if leg.key in turn.run(run_id).kept else real(turn, run_id, leg)

    everywhere(patch, real, stance_on)


def every_leg_is_held(patch: Patch) -> None:
    """Near its expiry a leg is held to its settlement whatever it is worth and whoever offers it."""
    everywhere(patch, settling._why_close, lambda *_: "")
    real = settling._is_near

    def keep_unasked(turn: Any, run: Any, leg: Any) -> bool:
        since = {key: turn.wall - settling.timedelta(seconds=60) for key in ("C", "P")}
        turn.set_watch(run.run_id, unsaleable=since)
        return real(turn, run, leg)

    everywhere(patch, real, keep_unasked)


MUTANTS = [
    Mutant(
        name="M81",
        defect="A closing bid is raised with each attempt over an empty book and rests there when offers come back",
        patched="`exit_terms` concedes a step more and doubles the collar with each attempt, offers or none",
        patch=bid_climbs_over_an_empty_book,
        check=sessions("CT14 I10", _directed("nobody_offers_for_a_while")),
    ),
    Mutant(
        name="M82",
        defect="Fruitless orders into a book without offers halt the account and end the plan",
        patched="every closing order that has filled nothing counts; bids are renewed with every time-out",
        patch=empty_book_halts,
        check=sessions("CT14", _directed("nobody_offers_for_a_while")),
    ),
    Mutant(
        name="M83",
        defect="A leg held to its settlement is not watched any more: what is offered again is not bought",
        patched="`stance_on` waits for ever once a leg is held",
        patch=held_leg_is_forgotten,
        check=sessions("CT14", _directed("offered_again_before_the_end")),
    ),
    Mutant(
        name="M83b",
        defect="After a restart, before the exchange's time is heard, a leg is bought back beside one that is settled",
        patched="`has_expired` asks the clock alone",
        patch=only_the_clock_tells_of_an_expiry,
        check=sessions("CT11", _settled_while_the_host_was_away),
    ),
    Mutant(
        name="M84",
        defect="Near its expiry a leg is held to its settlement though it is offered at a fair price",
        patched="`_why_close` never finds a reason to close, and nothing has to last",
        patch=every_leg_is_held,
        check=sessions("CT14", _directed("exit_near_the_expiry")),
    ),
]
