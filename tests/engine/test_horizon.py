"""The horizon: inside of it nothing happens whatever prices do; what it promises is tried with prices up to its edges."""

from decimal import Decimal
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine.boards import CONDOR, LONG_PUT, RATIO, Board, entering, holding, structured
from tests.engine.scene import SPOT, D, Phase
from tests.engine.test_structures import DEBIT
from trader.config.preset import Preset
from trader.domain.horizon import Bounds, Horizon
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine import events as ev
from trader.engine.exits import triggered
from trader.engine.horizon import horizon
from trader.engine.step import step
from trader.engine.valuation import value

STRANGLE = structured("short_strangle")
STRUCTURES = [STRANGLE, CONDOR, RATIO, LONG_PUT, DEBIT]


def seen(board: Board) -> Horizon | None:
    return horizon(board.state, board.now)


def changed(config: Preset, section: str, **values: Any) -> Preset:
    body = config.model_dump()
    return Preset.model_validate({**body, section: {**body[section], **values}})


def between(low: float, high: float, share: float, least: float = 0.0) -> Decimal:
    """A price at a share of the way; the open ends are cut at something absurd."""
    low, high = max(low, least), min(high, 1e6)
    return D(repr(low + (high - low) * share))


def price_within(quote: Quote, bounds: Bounds, touch: float, mark: float) -> Quote:
    """The quote with its touch and mark somewhere between their bounds."""
    at = between(bounds.touch_low, bounds.touch_high, touch)
    sides = (
        {"ask": at, "bid": min(at, quote.bid or at)}
        if bounds.side is Side.SELL
        else {"bid": at, "ask": max(at, quote.ask or at)}
    )
    return replace(quote, mark=between(0, bounds.mark_high, mark), **sides)


shares = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))


@pytest.mark.parametrize("config", STRUCTURES, ids=lambda one: one.strategy.structure)
@pytest.mark.parametrize("peak", [None, "45", "57"])
@given(data=st.data())
@settings(max_examples=60)
def test_no_prices_inside_reach_an_exit_or_raise_the_level(
    config: Preset, peak: str | None, data: st.DataObject
) -> None:
    board = _held(config, peak)
    ahead = seen(board)
    assert ahead is not None
    run, market = board.run, board.state.market
    quotes = {
        symbol: price_within(market.quotes[symbol], bounds, data.draw(shares), data.draw(shares))
        for symbol, bounds in ahead.contracts.items()
    }
    spot = between(*ahead.spots["BTC"], data.draw(shares))
    moved = replace(market, quotes={**market.quotes, **quotes}, spots={"BTC": spot})
    valued = value(run, moved)
    assert valued is not None
    assert triggered(run.preset.exits, run.level_pct, valued.pct) == {}
    state, _ = step(
        board.state,
        ev.MarketMoved(
            at=board.now, quotes=tuple(quotes.values()), spots=(("BTC", spot),), newest=market.newest or board.now.wall
        ),
    )
    assert state.runs[run.run_id].level_pct == run.level_pct and state.runs[run.run_id].phase is Phase.HOLDING


_boards: dict[tuple[str, str | None], Board] = {}


def _held(config: Preset, peak: str | None) -> Board:
    """A held run as one finds it, perhaps with a peak behind it; made once, since a step changes nothing of it."""
    key = (config.strategy.structure, peak)
    if key not in _boards:
        board = holding(config)
        for _ in range(3):
            board.prices(after=5)
        run = board.run
        if peak is not None:
            level = {"45": D(-90), "57": D(-80)}[peak]
            held = replace(run, peak_pct=D(peak), peak_pnl=D(1), level_pct=level)
            board.state = replace(board.state, runs={**board.state.runs, run.run_id: held})
        _boards[key] = board
    return _boards[key]


def test_a_short_legs_ask_and_a_long_legs_bid_are_bounded() -> None:
    ahead = seen(_held(CONDOR, None))
    assert ahead is not None
    sides = {leg.symbol: leg.side for leg in _held(CONDOR, None).run.legs}
    assert {symbol: bounds.side for symbol, bounds in ahead.contracts.items()} == sides
    for symbol, bounds in ahead.contracts.items():
        quote = _held(CONDOR, None).state.market.quotes[symbol]
        touch = quote.ask if bounds.side is Side.SELL else quote.bid
        assert touch is not None and bounds.touch_low < touch < bounds.touch_high
        assert quote.mark is not None
        assert quote.mark < bounds.mark_high < inf if bounds.side is Side.SELL else bounds.mark_high == inf


def test_while_a_rule_waits_for_agreement_every_price_matters() -> None:
    board = holding(changed(STRANGLE, "exits", confirmations=3, max_loss_pct="60"))
    board.marks = {leg.symbol: D(900) for leg in board.run.legs}
    board.prices(after=5)
    assert any(board.state.watches[board.run.run_id].agreed.values()) and board.phase is Phase.HOLDING
    assert seen(board) is None


@pytest.mark.parametrize("side", ["ask", "mark"])
def test_without_a_touch_or_a_mark_every_price_matters(side: str) -> None:
    board = holding(STRANGLE)
    board.prices(after=5)
    symbol = board.run.legs[0].symbol
    market = board.state.market
    board.state = replace(
        board.state,
        market=replace(market, quotes={**market.quotes, symbol: replace(market.quotes[symbol], **{side: None})}),
    )
    assert seen(board) is None


def test_while_orders_work_every_price_matters() -> None:
    assert seen(entering(CONDOR)) is None
    board = holding(STRANGLE)
    board.stop()
    assert board.phase is Phase.EXITING and seen(board) is None


def test_with_nothing_held_no_price_matters() -> None:
    board = holding(STRANGLE)
    assert horizon(replace(board.state, runs={}), board.now) == Horizon()


def test_spot_is_bounded_by_a_hundredth() -> None:
    ahead = seen(_held(STRANGLE, None))
    assert ahead is not None
    assert ahead.spots == {"BTC": pytest.approx((float(SPOT) * 0.99, float(SPOT) * 1.01))}


def test_two_runs_in_a_contract_leave_the_narrower_room() -> None:
    wide, narrow = Bounds(Side.SELL, 1, 9, inf), Bounds(Side.SELL, 2, 12, 20)
    assert wide.within(narrow) == Bounds(Side.SELL, 2, 9, 20)
