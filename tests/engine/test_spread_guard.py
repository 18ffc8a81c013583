"""The spread guard: everything shown and won is at the touch; a stop waits out a wide spread for its time, and no longer."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine.boards import LONG_PUT
from tests.engine.boards import holding as board_of
from tests.engine.pictures import later
from tests.engine.scene import CALL, OPENING, SYMBOL, D, Phase, Scene, exiting, holding, preset, quote
from trader.config.preset import Preset
from trader.domain.order import Side
from trader.engine.account.losses import open_pnl
from trader.engine.exits import Trail, ratchet, triggered
from trader.engine.horizon import horizon
from trader.engine.record_kinds import sentence
from trader.engine.records import ExitDecided, SpreadGuarded, StatusReported
from trader.engine.valuation import closing_cost, closing_price, guarded_price, value

# Two contracts of call and put were sold at 200: premium 0.8 USD, commissions 0.02. With the mark at 205 the guard ends at 307.5.
WIDE = D(800)


def show(scene: Scene, *, call: tuple[str, str | None] = ("205", "210"), secs: float = 2.0, times: int = 1) -> None:
    """Fresh prices: mark and ask of the call; the put stands at 205, 210."""
    for _ in range(times):
        scene.pass_time(secs)
        assert scene.market is not None
        mark, ask = call
        scene.quotes(
            quote(SYMBOL["C"], scene.market, mark=mark, ask=ask, bid=str(max(D(mark) - 5, D(1)))),
            quote(SYMBOL["P"], scene.market),
        )


def pct(scene: Scene) -> Decimal | None:
    return scene.view.pnl_pct


# -- prices ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prices", "touch", "counted"),
    [
        ({"ask": "210"}, "210", "210"),
        ({"ask": "20500"}, "20500", "307.5"),
        ({"ask": None}, None, "307.5"),
        ({"ask": "0"}, None, "307.5"),
        ({"mark": "2", "ask": "90"}, "90", "4.5"),  # at least five ticks
        ({"mark": "500", "ask": "210"}, "210", "210"),  # an ask is an ask, wherever the mark is
    ],
)
def test_a_short_leg_is_closed_at_the_ask_and_counted_no_further_than_the_guard(
    prices: dict[str, Any], touch: str | None, counted: str
) -> None:
    leg, now = holding().run.leg("C"), quote(CALL, OPENING, **prices)
    assert closing_price(leg, now) == (None if touch is None else D(touch))
    assert guarded_price(leg, now, D(50)) == D(counted)


@pytest.mark.parametrize(
    ("prices", "touch", "counted"),
    [
        ({}, "200", "200"),
        ({"bid": "20"}, "20", "102.5"),
        ({"bid": None}, "0", "102.5"),  # nobody bids: that it brings nothing is known
        ({"bid": None, "mark": "2"}, "0", "0"),
        ({"bid": "20", "ask": "30"}, "20", "30"),  # no mark makes it worth more than others ask for it
        ({"bid": "220", "ask": "210"}, "220", "220"),
    ],
)
def test_a_long_leg_is_closed_at_the_bid(prices: dict[str, Any], touch: str, counted: str) -> None:
    leg, now = replace(holding().run.leg("C"), side=Side.BUY), quote(CALL, OPENING, **prices)
    assert closing_price(leg, now) == D(touch)
    assert guarded_price(leg, now, D(50)) == D(counted)


# -- what is won is won at the touch -----------------------------------------------------------------------------------


def test_a_profit_that_only_the_guard_shows_is_neither_taken_nor_arms_anything() -> None:
    """Marks of 20 within a guard of 5 ticks would be +88 %; at asks of 210 there is nothing to win."""
    scene = holding()
    for _ in range(60):
        scene.pass_time(2)
        assert scene.market is not None
        scene.quotes(*(quote(SYMBOL[key], scene.market, mark="20", ask="210", bid="15") for key in "CP"))
        assert pct(scene) is not None and D(-13) < (pct(scene) or D(0)) < D(-10)
    assert scene.phase is Phase.HOLDING
    assert scene.run.peak_pct is None and scene.run.level_pct is None


def test_of_what_nobody_offers_the_profit_is_not_known_and_not_taken() -> None:
    scene = holding()
    for _ in range(40):
        scene.pass_time(2)
        assert scene.market is not None
        scene.quotes(*(quote(SYMBOL[key], scene.market, mark="5", ask=None, bid="3") for key in "CP"))
    view = scene.view
    assert scene.phase is Phase.HOLDING and scene.run.peak_pct is None
    assert (view.pnl, view.pnl_pct, [leg.pnl for leg in view.legs]) == (None, None, [None, None])
    assert view.guarded is not None and view.guarded.secs is None
    assert view.guarded.unoffered == (SYMBOL["C"], SYMBOL["P"]) and view.guarded.pnl_pct > 80
    assert [leg.counted_px for leg in view.legs] == [D("7.5")] * 2
    assert view.safety is not None and view.safety.app_stop, "a loss would still be seen"


def test_the_print_after_one_without_an_ask_arms_no_more_than_two_prints_would() -> None:
    scene = holding()
    show(scene, call=("205", None))
    show(scene, call=("20", "25"))
    assert scene.run.peak_pct is None


# -- a stop waits, for its time ----------------------------------------------------------------------------------------


def at_a_loss(scene: Scene) -> None:
    """The ask jumps away while the mark stays: at the touch -222 %, counted -67 %."""
    show(scene, call=("205", str(WIDE)))


def test_a_wide_ask_that_stays_is_the_price_once_the_guard_has_run_out() -> None:
    scene = holding()
    show(scene)
    at_a_loss(scene)
    began = scene.wall
    assert scene.view.guarded is not None and scene.view.guarded.secs == 60
    while scene.phase is Phase.HOLDING and (scene.wall - began).total_seconds() < 58:
        at_a_loss(scene)
    assert scene.phase is Phase.HOLDING and (scene.wall - began).total_seconds() == 58
    scene.tick(1.9)
    assert scene.phase is Phase.HOLDING
    scene.tick(0.1)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "max_loss"), "at that instant, without another price"


def test_an_absurd_print_that_goes_fires_nothing() -> None:
    scene = holding()
    for _ in range(5):
        show(scene)
        at_a_loss(scene)
        at_a_loss(scene)
        for _ in range(10):
            scene.tick(0.2)
    show(scene, times=40)
    assert scene.phase is Phase.HOLDING


def test_a_move_of_the_mark_counts_in_full_while_the_guard_binds() -> None:
    scene = holding()
    show(scene, call=("400", "900"), times=2)
    assert (scene.phase, scene.run.exit_reason) == (Phase.EXITING, "max_loss")
    (decided,) = [r for r in scene.records if isinstance(r, ExitDecided)]
    assert decided.pnl is not None and decided.pnl < D("-1.4"), "told at the touch"


@pytest.mark.parametrize(("secs", "prints"), [(0, 2), (10, 6), (600, 301)])
def test_the_guard_lasts_as_long_as_configured(secs: int, prints: int) -> None:
    scene = holding(preset(exits={"spread_guard_secs": secs}))
    show(scene)
    for number in range(1, prints + 1):
        assert scene.phase is Phase.HOLDING, number
        at_a_loss(scene)
    assert scene.phase is Phase.EXITING


def test_a_trailing_stop_that_only_a_wide_ask_reaches_waits_as_well() -> None:
    scene = holding()
    for _ in range(3):
        scene.pass_time(2)
        assert scene.market is not None
        scene.quotes(*(quote(SYMBOL[key], scene.market, mark="70", ask="75", bid="65") for key in "CP"))
    assert scene.run.level_pct == D(25)
    since = scene.wall
    while scene.phase is Phase.HOLDING:
        scene.pass_time(2)
        assert scene.market is not None
        scene.quotes(*(quote(SYMBOL[key], scene.market, mark="70", ask="190", bid="65") for key in "CP"))
    assert scene.run.exit_reason == "trailing_stop"
    assert (scene.wall - since).total_seconds() == 62


def test_a_stop_sees_the_mark_where_nobody_offers() -> None:
    scene = holding(preset(system={"status_report_mins": 1}))
    show(scene, call=("205", None), times=40)
    assert scene.phase is Phase.HOLDING
    show(scene, call=("400", None), times=2)
    assert scene.run.exit_reason == "max_loss"
    assert scene.run.exit_detail.endswith(f"; no ask for {CALL}, counted at the spread guard")
    told = [record for record in scene.records if isinstance(record, StatusReported)]
    assert told and f"P&L not known (no ask for {CALL})" in sentence(told[-1])
    assert all(one.away_pct is None for one in told[-1].thresholds if one.code != "liquidation_guard")


def test_a_dear_offer_after_a_while_without_any_is_no_new_spread() -> None:
    scene = holding()
    show(scene, call=("205", None), times=32)
    at_a_loss(scene)
    at_a_loss(scene)
    assert scene.run.exit_reason == "max_loss"


def test_a_spread_that_was_narrow_in_between_has_its_whole_time_again() -> None:
    scene = holding()
    for _ in range(25):
        at_a_loss(scene)
    show(scene)
    for _ in range(25):
        at_a_loss(scene)
    assert scene.phase is Phase.HOLDING


def test_a_restart_in_the_middle_does_not_begin_the_time_again() -> None:
    scene = holding()
    show(scene)
    at_a_loss(scene)
    began = scene.wall
    for _ in range(20):
        at_a_loss(scene)
    scene.restart()
    assert (scene.wall - began).total_seconds() < 50
    while scene.phase is Phase.HOLDING:
        at_a_loss(scene)
    assert scene.run.exit_reason == "max_loss"
    assert 60 <= (scene.wall - began).total_seconds() < 62


def test_what_is_recorded_of_a_wide_spread_goes_with_it() -> None:
    scene = holding()
    at_a_loss(scene)
    at_a_loss(scene)
    show(scene)
    told = [record for record in scene.records if isinstance(record, SpreadGuarded)]
    assert [(record.reason, list(record.since)) for record in told] == [("max_loss", ["C"]), ("", [])]
    assert told[0].pct is not None and told[0].counted_pct is not None and told[0].pct < -100 < told[0].counted_pct
    assert scene.run.guarded == {}
    scene.restart()
    for _ in range(20):
        at_a_loss(scene)
    assert scene.phase is Phase.HOLDING


def test_a_spread_that_holds_no_stop_back_is_not_recorded() -> None:
    scene = holding()
    show(scene, call=("205", "320"), times=40)
    assert scene.phase is Phase.HOLDING
    assert not [record for record in scene.records if isinstance(record, SpreadGuarded)]
    assert scene.view.guarded is None, "its time is over: it is the price"


def test_a_clock_that_was_set_back_does_not_prolong_the_guard() -> None:
    scene = holding()
    show(scene)
    at_a_loss(scene)
    run = scene.run
    ahead = replace(run, guarded={"C": later(5)})
    scene.state = replace(
        scene.state,
        runs={run.run_id: ahead},
        watches={run.run_id: replace(scene.state.watches[run.run_id], wide=None)},
    )
    for _ in range(31):
        at_a_loss(scene)
    assert scene.phase is Phase.EXITING


def test_a_wing_nobody_bids_for_is_worth_nothing_at_once_on_the_page_and_after_its_time_for_a_stop() -> None:
    board = board_of(LONG_PUT)
    board.prices(after=2)
    symbol = board.leg("LP").symbol
    board.bids[symbol] = None
    board.prices(after=2)
    view = board.view
    assert view.legs[0].closing_px == 0 and view.legs[0].pnl is not None and view.pnl == view.legs[0].pnl
    assert view.guarded is not None and view.guarded.pnl > view.pnl and view.guarded.secs == 60


def test_one_absurd_print_is_no_loss_of_the_accounts_limits() -> None:
    scene = holding()
    show(scene)
    at_a_loss(scene)
    assert round(open_pnl(scene.state), 2) == D("-0.30"), "counted -37 % of 0.8 USD"
    for _ in range(3):
        show(scene, call=("205", "320"), times=11)
    assert open_pnl(scene.state) == scene.view.pnl, "what stays counts in full"


def test_nor_is_it_one_while_an_entry_or_an_exit_is_under_way() -> None:
    scene = exiting()
    at_a_loss(scene)
    assert scene.phase is Phase.EXITING and open_pnl(scene.state) > D("-0.31")
    for _ in range(31):
        at_a_loss(scene)
    assert open_pnl(scene.state) < D("-1.2")


def test_while_the_guard_holds_a_stop_back_every_price_wakes_the_runner() -> None:
    scene = holding()
    show(scene)
    assert horizon(scene.state, scene.now) is not None
    at_a_loss(scene)
    assert horizon(scene.state, scene.now) is None


# -- for any prices ----------------------------------------------------------------------------------------------------

_marks = st.integers(1, 900)
_asks = st.one_of(st.none(), st.integers(1, 1500), st.integers(1, 40).map(lambda n: n * 1000))
_prints = st.tuples(_marks, _asks, _marks, _asks)
_paths = st.lists(st.tuples(_prints, st.integers(1, 12)), min_size=1, max_size=12)


def prints(path: list[tuple[tuple[int, int | None, int, int | None], int]]) -> Iterator[tuple[Any, Any]]:
    """Each print stands for some two seconds: (mark, ask) of the call and of the put."""
    for (call, call_ask, put, put_ask), times in path:
        for _ in range(times):
            yield (call, call_ask), (put, put_ask)


class Reference:
    """The rules once more, as simply as they can be said, on numbers of its own."""

    def __init__(self, config: Preset, banked: Decimal, basis: Decimal, scene: Scene) -> None:
        self.exits, self.banked, self.basis = config.exits, banked, basis
        self.legs = {key: scene.run.leg(key) for key in "CP"}
        self.wide: dict[str, int] = {}
        self.agreed: dict[str, int] = {}
        self.last: Decimal | None = None
        self.trail: Trail | None = None

    def sees(self, at: int, told: dict[str, tuple[int, int | None]]) -> str:
        """What is fired at second `at` by these prices; empty for nothing."""
        touch, counted, is_known = self.banked, self.banked, True
        for key, (mark, ask) in told.items():
            leg = self.legs[key]
            bound = mark + max(D(mark) * self.exits.spread_guard_pct / 100, 5 * leg.tick_size)
            is_wide = ask is None or ask > bound
            self.wide = (
                {**self.wide, key: self.wide.get(key, at)}
                if is_wide
                else {k: v for k, v in self.wide.items() if k != key}
            )
            is_known = is_known and ask is not None
            true = bound if ask is None else D(ask)
            binds = is_wide and at - self.wide[key] < self.exits.spread_guard_secs
            touch -= closing_cost(leg, 2, true, D(100_000))
            counted -= closing_cost(leg, 2, min(true, bound) if binds else true, D(100_000))
        both = touch if self.last is None else min(self.last, touch)
        if is_known and self.last is not None:
            self.trail = ratchet(self.exits, self.trail, both / self.basis * 100) or self.trail
        self.last = touch
        level = self.trail.level if self.trail is not None else None
        at_touch = triggered(self.exits, level, touch / self.basis * 100)
        losing = triggered(self.exits, level, counted / self.basis * 100)
        if not is_known:
            at_touch.pop("max_profit", None)
        self.agreed = {reason: self.agreed.get(reason, 0) + 1 for reason in at_touch}
        for reason, times in self.agreed.items():
            if times >= self.exits.confirmations and (reason == "max_profit" or reason in losing):
                return reason
        return ""


@given(path=_paths, secs=st.sampled_from([0, 6, 20]), confirmations=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_an_exit_is_decided_when_the_rules_said_simply_decide_it(path: Any, secs: int, confirmations: int) -> None:
    config = preset(exits={"spread_guard_secs": secs, "confirmations": confirmations, "liquidation_guard_pct": 0})
    scene = _held(config)
    run = scene.run
    reference = Reference(config, run.cash_flow - run.fees, run.basis, scene)
    for number, (call, put) in enumerate(prints(path)):
        _print(scene, {"C": call, "P": put})
        fired = reference.sees(number * 2, {"C": call, "P": put})
        assert (scene.run.exit_reason or "") == fired
        if fired:
            return


@given(path=_paths)
@settings(max_examples=40, deadline=None)
def test_pnl_is_never_shown_above_what_the_touch_gives_nor_counted_below_it(path: Any) -> None:
    scene = _held(preset())
    for call, put in prints([(one, 1) for one, _ in path]):
        _print(scene, {"C": call, "P": put})
        run, market = scene.run, scene.state.market
        told = {"C": call, "P": put}
        if scene.phase is not Phase.HOLDING:
            return
        if any(ask is None for _, ask in told.values()):
            assert scene.view.pnl is None
            continue
        own = run.cash_flow - run.fees
        for key, (_, ask) in told.items():
            own -= closing_cost(run.leg(key), 2, D(ask), D(100_000))
        view = scene.view
        assert view.pnl == own == sum((leg.pnl or D(0)) for leg in view.legs)
        everything = value(run, market, "CP")
        assert everything is not None and everything.pnl >= own
        assert view.guarded is None or own < view.guarded.pnl <= everything.pnl


@given(start=_prints, secs=st.sampled_from([0, 4, 30]), restarts=st.sets(st.integers(1, 20), max_size=3))
@settings(max_examples=40, deadline=None)
def test_no_stop_is_delayed_beyond_the_guards_time_whatever_restarts(start: Any, secs: int, restarts: set[int]) -> None:
    """Prices that stay as they are: the stop they reach has fired when the guard's time and the confirmations are over."""
    scene = _held(preset(exits={"spread_guard_secs": secs, "liquidation_guard_pct": 0}))
    call, put = start[:2], start[2:]
    _print(scene, {"C": call, "P": put})
    valued = value(scene.run, scene.state.market)
    assert valued is not None
    losing = triggered(scene.run.preset.exits, scene.run.level_pct, valued.pct)
    for number in range(secs // 2 + 2 + 2 * len(restarts)):
        if number in restarts and scene.phase is Phase.HOLDING:
            scene.restart()
        _print(scene, {"C": call, "P": put})
    if "max_loss" in losing and None not in (call[1], put[1]):
        assert scene.run.exit_reason == "max_loss"


_scenes: dict[str, Any] = {}


def _held(config: Preset) -> Scene:
    """A held run; the state is made once, a scene of it each time."""
    key = config.canonical_json()
    if key not in _scenes:
        _scenes[key] = holding(config)
    made: Scene = _scenes[key]
    scene = Scene.__new__(Scene)
    scene.__dict__.update(made.__dict__)
    scene.records, scene.effects, scene.due, scene.all_effects = list(made.records), [], [], []
    return scene


def _print(scene: Scene, told: dict[str, tuple[int, int | None]]) -> None:
    scene.pass_time(2)
    assert scene.market is not None
    scene.quotes(
        *(
            quote(SYMBOL[key], scene.market, mark=str(mark), ask=None if ask is None else str(ask), bid="1")
            for key, (mark, ask) in told.items()
        )
    )


def test_a_picture_tells_both_numbers_and_for_how_long() -> None:
    scene = holding()
    show(scene)
    for _ in range(14):
        at_a_loss(scene)
    view = scene.view
    assert view.guarded is not None and view.pnl is not None and view.pnl_pct is not None
    assert view.guarded.secs == 34 and view.guarded.unoffered == ()
    assert (round(view.pnl_pct), round(view.guarded.pnl_pct)) == (-160, -37)
    call, put = view.legs
    assert (call.closing_px, call.counted_px, call.guard_secs) == (WIDE, D("307.5"), 34)
    assert (put.closing_px, put.counted_px, put.guard_secs) == (210, None, None)
    assert view.pnl == call.pnl + put.pnl if call.pnl is not None and put.pnl is not None else False
