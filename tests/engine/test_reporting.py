"""What a held position tells by itself: the status report, and the alert on a large move of spot."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.scene import SYMBOL, D, Phase, Scene, holding, preset, quote
from trader.engine.record_kinds import Weight, kind_of, sentence
from trader.engine.records import AlertRaised, StatusReported


def reports(scene: Scene) -> list[StatusReported]:
    return [record for record in scene.records if isinstance(record, StatusReported)]


def moves(scene: Scene) -> list[str]:
    return [one.text for one in scene.records if isinstance(one, AlertRaised) and one.code == "spot_move"]


def spot_at(scene: Scene, spot: int | Decimal, secs: float = 1) -> None:
    scene.pass_time(secs)
    assert scene.market is not None
    scene.quotes(*(quote(SYMBOL[key], scene.market) for key in "CP"), spot=D(spot))


def test_a_report_comes_every_five_minutes_of_market_time_and_is_no_alert() -> None:
    scene = holding()
    assert len(reports(scene)) == 1
    for _ in range(302):
        scene.prices()
    assert len(reports(scene)) == 2
    assert scene.alerts() == ["stop_beyond_liquidation"]  # of the entry


def test_it_tells_premium_profit_level_spot_and_how_far_each_exit_is() -> None:
    scene = holding(preset(exits={"confirmations": 1}, system={"status_report_mins": 1}))
    scene.prices("100", "100")
    for _ in range(61):
        scene.prices("100", "100")
    told, view = reports(scene)[-1], scene.view
    assert view.pnl is not None and view.pnl_pct is not None
    assert (told.premium, told.pnl, told.pct) == (D("0.8"), round(view.pnl, 4), round(view.pnl_pct, 1))
    assert told.level_pct == scene.run.level_pct is not None
    away = {one.code: one.away_pct for one in told.thresholds}
    exits = scene.run.preset.exits
    assert away["max_loss"] == round(-exits.max_loss_pct - view.pnl_pct, 1)
    assert away["max_profit"] == round(exits.max_profit_pct - view.pnl_pct, 1)
    assert away["trailing_stop"] == round(scene.run.level_pct - view.pnl_pct, 1) < 0
    words = sentence(told)
    for part in ("premium 0.8 USD", f"P&L +{told.pnl} USD (+{told.pct} % of the net credit)", "max loss at -100 %",
                 f"trailing level {told.level_pct.normalize():f} %", "spot 100000", "exit time", "min away", "points away"):  # fmt: skip
        assert part in words, words
    assert kind_of(told).weight is Weight.STEP  # in the summary and in the run's timeline, no news


def test_before_the_trailing_stop_is_armed_it_says_what_arms_it() -> None:
    told = reports(holding())[0]
    (trailing,) = (one for one in told.thresholds if one.code == "trailing_stop")
    assert not trailing.armed and trailing.at_pct == 40
    assert "no trailing level yet" in sentence(told) and "trailing stop arms at 40 %" in sentence(told)


def test_nothing_is_reported_by_the_look_that_decides_the_exit() -> None:
    scene = holding(preset(exits={"confirmations": 1}, system={"status_report_mins": 1}))
    scene.pass_time(61)
    before = len(reports(scene))
    scene.prices("900", "900")
    assert scene.phase is Phase.EXITING
    assert len(reports(scene)) == before


def test_a_large_move_of_spot_is_alerted_once() -> None:
    scene = holding()
    for spot in (101_999, 102_000, 103_000):
        spot_at(scene, spot)
        assert bool(moves(scene)) is (spot >= 102_000)
    assert moves(scene) == ["BTC is at 102,000: +2.00 % since the strikes were picked (100,000)."]


def test_a_further_move_and_the_way_back_are_alerted_from_where_it_was_told() -> None:
    scene = holding(preset(exits={"max_loss_pct": 1000}))
    for spot in (102_000, 103_500, 104_100, 103_000, 102_000):
        spot_at(scene, spot, 61)
    assert moves(scene) == [
        "BTC is at 102,000: +2.00 % since the strikes were picked (100,000).",
        "BTC is at 104,100: +2.06 % since this was last told (102,000).",
        "BTC is at 102,000: -2.02 % since this was last told (104,100).",
    ]


def test_a_spot_that_jumps_to_and_fro_is_told_once_a_minute() -> None:
    scene = holding()
    for second in range(90):
        spot_at(scene, 105_000 if second % 2 else 100_000)
    assert len(moves(scene)) == 2


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(90_000, 110_000), min_size=1, max_size=12), st.sampled_from(["0.5", "2", "7"]))
def test_no_move_of_more_than_the_limit_goes_untold_for_longer_than_a_minute(path: list[int], limit: str) -> None:
    scene = holding(preset(system={"spot_move_alert_pct": limit}, exits={"max_loss_pct": 1000}))
    reference = D(100_000)
    for spot in path:
        before = len(moves(scene))
        spot_at(scene, spot, 61)
        if scene.phase is not Phase.HOLDING:
            return
        large = abs(spot - reference) / reference * 100 >= D(limit)
        assert len(moves(scene)) == before + large
        reference = D(spot) if large else reference
