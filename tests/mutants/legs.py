"""Defects of structures: cover, ratio, rank, the side of a closing, and what a percentage is of."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tests.engine import boards as stage
from tests.engine.scene import Phase
from tests.mutants.mutant import Mutant, named, sessions
from tests.mutants.plans import held
from tests.mutants.tools import Patch, everywhere
from trader.domain.order import OrderType, Side
from trader.engine import basis, closing, cover, gate, selection, valuation
from trader.engine.records import LegTerms
from trader.simulation.planned import Deed, Plan
from trader.simulation.structures import FARTHER


def structured(**strategy: Any) -> Callable[[], Sequence[Plan]]:
    """Quiet sessions of a structure, sold, held and stopped, in books of few contracts."""

    def plan(seed: int) -> Plan:
        quiet = held(seed, quantity=4)
        market = replace(quiet.market, farther=FARTHER, level_size=2)
        body = {**quiet.preset, "strategy": {**quiet.preset["strategy"], **strategy}}
        deeds = (*quiet.deeds, Deed(secs=20.0, kind="stop"))
        return replace(quiet, market=market, preset=body, deeds=deeds)

    return lambda: [plan(seed) for seed in range(4)]


CONDOR = structured(structure="iron_condor", wings_by="width", wing_width_usd="500")
RATIO = structured(structure="ratio_strangle", call_ratio=1, put_ratio=2)


# ---------------------------------------------------------------- named checks


def a_ratio_sold_in_its_ratio_is_even() -> None:
    board = stage.holding(stage.RATIO)
    assert board.run.naked_since is None, "10 calls and 20 puts sold as 1:2 are called uneven"
    board = stage.entering(stage.RATIO)
    board.trade("C")
    board.accept("P")
    assert board.run.naked_since is not None, "a call leg alone is called even"


def a_covered_short_is_not_naked() -> None:
    board = stage.entering(stage.CONDOR)
    for key in ("LC", "LP", "C"):
        board.trade(key)
    assert board.run.naked_since is None, "a short call beside its long one is called naked"


def cover_is_of_its_own_kind() -> None:
    board = stage.entering(stage.CONDOR)
    board.trade("LC")
    board.prices(after=2)
    call, put = board.leg("C"), board.leg("P")
    order = replace(board.sent()[0], client_order_id="x", side=Side.SELL, quantity=1)
    order = replace(order, order_type=OrderType.MARKET, limit_price=None)
    order = replace(order, leg="P", symbol=put.symbol, product_id=put.product_id)
    assert gate.check_order(board.state, board.run, order, board.now) is not None, "a call covers a put"
    order = replace(order, leg="C", symbol=call.symbol, product_id=call.product_id)
    assert gate.check_order(board.state, board.run, order, board.now) is None


def a_long_leg_is_worth_its_bid_less_a_fee() -> None:
    board = stage.entering(stage.LONG_PUT)
    symbol = board.leg("LP").symbol
    board.trade("LP", price="100", commission="0")
    board.marks[symbol], board.bids[symbol], board.asks[symbol] = Decimal(100), Decimal(98), Decimal(102)
    board.prices()
    (leg,) = board.view.legs
    assert leg.fee_to_close is not None and leg.pnl == -Decimal("0.004") - leg.fee_to_close, f"P&L {leg.pnl}"


def a_debit_is_stopped_at_its_share_of_what_can_be_lost() -> None:
    config = stage.structured("one_leg", leg_kind="put", leg_side="buy", exits={"max_loss_pct": "50"})
    board = stage.holding(config)
    for _ in range(8):
        board.prices(spot=104_000)
    assert board.phase is not Phase.HOLDING, "a bought leg that has lost more than half is held on"
    assert board.run.exit_reason == "max_loss", f"ended by {board.run.exit_reason}"
    assert board.run.basis == -board.run.premium


def wings_inside_their_shorts_are_refused() -> None:
    for width in ("inside", "outside"):
        config = stage.structured("iron_condor")
        board = stage.Board()
        board.start(config)
        board.read_chain()
        legs = board.run.legs
        if width == "inside":  # the strikes of wing and short exchanged
            strike = {leg.key: leg.strike for leg in legs}
            other = {"LC": "C", "C": "LC", "LP": "P", "P": "LP"}
            legs = tuple(replace(leg, strike=strike[other[leg.key]]) for leg in legs)
        flaw = selection._misfit(config.structure, legs)
        assert bool(flaw) is (width == "inside"), f"wings {width} their shorts: {flaw or 'taken'}"


# ---------------------------------------------------------------- defects


def shorts_beside_their_wings(patch: Patch) -> None:
    everywhere(patch, cover.in_ranks, lambda legs: [list(legs)])
    patch.setattr(gate, "_entry_cover", lambda *_: None)


def wings_sold_with_their_shorts(patch: Patch) -> None:
    patch.setattr(closing, "_covers", lambda *_: False)
    patch.setattr(gate, "_exit_cover", lambda *_: None)


def ratio_left_out(patch: Patch) -> None:
    real = selection.leg_terms

    def leg_terms(plan: Any, quantity: int, *rest: Any) -> LegTerms:
        return replace(real(plan, quantity, *rest), quantity=quantity)

    everywhere(patch, real, leg_terms)


def equal_contracts_wanted(patch: Patch) -> None:
    def astray(legs: Any, sizes: Any, leads: Any = None) -> dict[str, int]:
        least = min(sizes.values(), default=0)
        return {key: size - least for key, size in sizes.items() if size > least}

    everywhere(patch, cover.astray, astray)


def cover_does_not_count(patch: Patch) -> None:
    def uncovered(legs: Any, sizes: Any, kind: Any) -> int:
        return sum(sizes.get(leg.key, 0) for leg in legs if leg.kind is kind and leg.side is Side.SELL)

    everywhere(patch, cover.uncovered, uncovered)
    everywhere(patch, cover.beyond_cover, lambda *_: 0)


def any_kind_covers(patch: Patch) -> None:
    def uncovered(legs: Any, sizes: Any, kind: Any) -> int:
        return max(sum(-leg.side.sign * sizes.get(leg.key, 0) for leg in legs), 0)

    everywhere(patch, cover.uncovered, uncovered)


def everything_is_bought_back(patch: Patch) -> None:
    real = valuation.closing_price
    everywhere(patch, real, lambda leg, quote: real(replace(leg, side=Side.SELL), quote))


def closing_always_costs(patch: Patch) -> None:
    real = valuation.closing_cost
    everywhere(patch, real, lambda leg, *rest: real(replace(leg, side=Side.SELL), *rest))


def percentages_of_what_was_taken_in(patch: Patch) -> None:
    def basis_of(legs: Any, ledgers: Any) -> tuple[Decimal, str]:
        return max(sum((ledger.premium for ledger in ledgers.values()), Decimal(0)), Decimal(0)), "credit"

    everywhere(patch, basis.basis_of, basis_of)


def any_strikes_will_do(patch: Patch) -> None:
    patch.setattr(selection, "_misfit", lambda *_: "")


MUTANTS = [
    Mutant(
        name="L01",
        defect="Short legs are sold while their wings are still being bought",
        patched="`in_ranks` knows one rank, the gate asks for no cover of an entry",
        patch=shorts_beside_their_wings,
        check=sessions("CV1", CONDOR),
    ),
    Mutant(
        name="L02",
        defect="Wings are sold while the short legs they cover are open",
        patched="`_covers` finds nothing that needs a leg, the gate lets any of it go",
        patch=wings_sold_with_their_shorts,
        check=sessions("CV1", CONDOR),
    ),
    Mutant(
        name="L03",
        defect="The ratio of a leg is left out: as many of each are sold",
        patched="`leg_terms` takes the preset's quantity for every leg",
        patch=ratio_left_out,
        check=sessions("CV2", RATIO),
    ),
    Mutant(
        name="L04",
        defect="Legs sold in their ratio are called uneven",
        patched="`astray` wants as many contracts of every leg",
        patch=equal_contracts_wanted,
        check=named("CT6", a_ratio_sold_in_its_ratio_is_even),
    ),
    Mutant(
        name="L05",
        defect="A short leg beside its long one counts as naked",
        patched="`uncovered` counts short legs alone",
        patch=cover_does_not_count,
        check=named("CT6", a_covered_short_is_not_naked),
    ),
    Mutant(
        name="L06",
        defect="A long call is taken for the cover of a short put",
        patched="`uncovered` does not look at the kind",
        patch=any_kind_covers,
        check=named("CV1", cover_is_of_its_own_kind),
    ),
    Mutant(
        name="L07",
        defect="A long leg is valued at what buying it back would pay",
        patched="`closing_price` takes the ask for every leg",
        patch=everything_is_bought_back,
        check=named("BK2", a_long_leg_is_worth_its_bid_less_a_fee),
    ),
    Mutant(
        name="L08",
        defect="A long leg shows its price as a loss twice",
        patched="`closing_cost` is a cost of every leg",
        patch=closing_always_costs,
        check=named("BK2", a_long_leg_is_worth_its_bid_less_a_fee),
    ),
    Mutant(
        name="L09",
        defect="What was bought for a debit has no loss limit",
        patched="`basis_of` is the premium taken in, nothing where there is none",
        patch=percentages_of_what_was_taken_in,
        check=named("CT7", a_debit_is_stopped_at_its_share_of_what_can_be_lost),
    ),
    Mutant(
        name="L10",
        defect="Wings inside the legs they are to protect are bought",
        patched="`_misfit` finds no flaw",
        patch=any_strikes_will_do,
        check=named("CV1", wings_inside_their_shorts_are_refused),
    ),
]
