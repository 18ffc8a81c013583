"""The charts' specifications: Indian time in every browser, holes where nobody watched, little to send."""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from streamlit.elements.echarts_chart import _normalize_spec, _serialize_option

from tests.panel.fake_desk import FakeDesk
from trader.desk import Marker, PnlSeries
from trader.engine.view import RunView
from trader.panel import echarts

RUN = echarts.LOOKS["run"]
NOW = datetime(2026, 11, 29, 18, 44, tzinfo=UTC)  # 00:14 in India


def a_run(scenario: str = "holding") -> RunView:
    run = FakeDesk(scenario).status().run
    assert run is not None
    return replace(run, market_at=NOW)


def a_series(points: int = 5, every: int = 20, **columns: Any) -> PnlSeries:
    at = [NOW - timedelta(seconds=every * back) for back in range(points, 0, -1)]
    flat: dict[str, Any] = {
        "wall": at, "market": list(at), "pnl": [5.0] * points, "pnl_pct": [6.0] * points, "spot": [91_000.0] * points,
        "level_usd": [None] * points, "max_loss_usd": [-84.2] * points, "max_profit_usd": [67.36] * points,
    }  # fmt: skip
    return PnlSeries(**(flat | columns))


def named(spec: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in spec["series"] if one.get("name") == name)


def frame_of(spec: dict[str, Any]) -> pd.DataFrame:
    return spec["dataset"]["source"].to_pandas()


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "UTC", "America/New_York"])
def test_chart_times_were_the_browsers_instead_of_indian_time(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither this machine's zone nor the browser's has a say: UTC is read, and what is read is Indian time."""
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    try:
        spec = echarts.pnl(a_run(), a_series(), [], RUN)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert spec["useUTC"] is True
    last = frame_of(spec)["t"].iloc[-1]
    assert datetime.fromtimestamp(last / 1000, UTC).strftime("%H:%M:%S") == "00:14:00"


def test_the_last_point_is_what_the_page_says_beside_the_chart() -> None:
    run = a_run()
    frame = frame_of(echarts.pnl(run, a_series(), [], RUN))
    assert frame["t"].iloc[-1] == echarts.axis_ms(NOW)
    assert run.pnl is not None and frame["usd"].iloc[-1] == pytest.approx(float(run.pnl), abs=1e-4)


def test_a_sample_newer_than_the_picture_does_not_run_the_line_backwards() -> None:
    late = a_series(market=[NOW + timedelta(seconds=i - 3) for i in range(5)])
    frame = frame_of(echarts.pnl(a_run(), late, [], RUN))
    assert list(frame["t"]) == sorted(frame["t"]) and frame["t"].iloc[-1] == echarts.axis_ms(NOW) and len(frame) == 4


def test_unwatched_time_was_drawn_as_a_line() -> None:
    series = a_series(6, 60)
    begin, end = series.market[2], series.market[3]
    assert begin is not None and end is not None
    spec = echarts.pnl(a_run(), replace(series, gaps=[(begin, end)]), [], RUN)
    frame = frame_of(spec)
    hole = frame["pct"].isna()
    assert hole.sum() == 1 and begin.timestamp() < frame["t"][hole].iloc[0] / 1000 - 19_800 < end.timestamp()
    line = named(spec, "P&L, % of net credit")
    [[left, right]] = line["markArea"]["data"]
    assert (left["xAxis"], right["xAxis"]) == (echarts.axis_ms(begin), echarts.axis_ms(end))
    assert left["name"] == "not watched" and not line.get("connectNulls")


def test_limits_are_steps_of_which_only_changes_are_sent() -> None:
    level = [None, None, -10.0, -10.0, 8.42]
    steps = named(echarts.pnl(a_run(), a_series(level_usd=level), [], RUN), "trailing level")
    assert steps["step"] == "end" and [round(y, 1) for _, y in steps["data"] if y is not None] == [-11.9, 10.0, 10.0]
    assert next(y for _, y in steps["data"]) is None, "no line before it was armed"


def test_a_level_that_never_was_has_no_line() -> None:
    assert "trailing level" not in [one.get("name") for one in echarts.pnl(a_run(), a_series(), [], RUN)["series"]]


def test_sold_bought_and_decided_stand_at_heights_of_their_own() -> None:
    marks = [
        Marker(at=NOW - timedelta(seconds=60), kind=kind, text=f"{kind} <b>") for kind in ("entry", "exit", "decision")
    ]
    marks.append(Marker(at=NOW - timedelta(seconds=60), kind="entry", text="the other leg"))
    spec = echarts.pnl(a_run(), a_series(), marks, RUN)
    kinds = [one for one in spec["series"] if one["type"] == "scatter"]
    assert len({one["data"][0][1] for one in kinds}) == 3
    sold = named(spec, "sold")
    assert sold["data"][0][2] == "entry <b>; the other leg" and len(sold["data"]) == 1
    assert sold["data"][0][0] in set(frame_of(spec)["t"]), "on a point of the line: hovering shows both"


def test_what_was_sold_before_the_first_price_was_on_no_chart() -> None:
    sold = Marker(at=NOW - timedelta(hours=9), kind="entry", text="both legs")
    spec = echarts.pnl(a_run(), a_series(), [sold], RUN)
    assert named(spec, "sold")["data"][0][0] == spec["xAxis"]["min"]
    short = echarts.pnl(a_run(), a_series(400, 20), [sold], echarts.LOOKS["15 m"])
    assert "sold" not in [one.get("name") for one in short["series"]], "not of these minutes"


def test_a_look_cuts_to_its_minutes_and_begins_at_the_charts_edge() -> None:
    spec = echarts.pnl(a_run(), a_series(400, 20), [], echarts.LOOKS["15 m"])
    frame = frame_of(spec)
    assert spec["xAxis"]["max"] - spec["xAxis"]["min"] == 15 * 60_000
    assert frame["t"].iloc[0] <= spec["xAxis"]["min"] <= frame["t"].iloc[1]
    assert spec["dataZoom"][0]["id"] != echarts.pnl(a_run(), a_series(), [], RUN)["dataZoom"][0]["id"], (
        "a zoom does not go over"
    )


def test_before_the_first_price_the_chart_says_so() -> None:
    nothing = replace(a_run("entering"), pnl=None, pnl_pct=None)
    spec = echarts.pnl(nothing, a_series(pnl=[None] * 5, pnl_pct=[None] * 5), [], RUN)
    assert "begins with the first price" in spec["title"]["text"] and "series" not in spec


def test_an_empty_journal_still_draws_the_present() -> None:
    empty = PnlSeries(wall=[], market=[], pnl=[], pnl_pct=[], spot=[], level_usd=[], max_loss_usd=[], max_profit_usd=[])
    assert len(echarts.pnl(a_run(), empty, [], RUN)["dataset"]["source"]) == 1


@pytest.mark.parametrize("scenario", ["entering", "holding", "exiting"])
def test_specifications_are_plain_json(scenario: str) -> None:
    run = a_run(scenario)
    for spec in (echarts.corridor(run), echarts.pnl(run, a_series(), FakeDesk().markers(""), RUN)):
        option, _ = _normalize_spec(spec)
        json.loads(_serialize_option(option))


def test_a_refresh_of_both_charts_is_small() -> None:
    """25 kB a second for a tab, figures and frame included."""
    run = a_run()
    sizes = []
    for spec in (echarts.corridor(run), echarts.pnl(run, a_series(echarts.POINTS), FakeDesk().markers(""), RUN)):
        option, frames = _normalize_spec(spec)
        sizes.append(len(_serialize_option(option)) + sum(map(len, frames.values())))
    assert sum(sizes) <= 15_000, sizes


def test_corridor_is_red_outside_the_stops_and_green_in_the_middle() -> None:
    run = a_run()
    spec = echarts.corridor(run)
    bands = next(one for one in spec["series"] if "markArea" in one)["markArea"]["data"]
    found = [(left["itemStyle"]["color"], right["xAxis"]) for left, right in bands]
    assert [color for color, _ in found] == [echarts.LOSS, echarts.TRAIL, echarts.PROFIT, echarts.TRAIL, echarts.LOSS]
    seen = run.corridor
    assert seen is not None and [at for _, at in found[:4]] == [
        seen.stop_low,
        seen.half_low,
        seen.half_high,
        seen.stop_high,
    ]
    assert spec["animation"] is False


@pytest.mark.parametrize("gone", ["stop_low", "stop_high", "half_low", "half_high", "breakeven_low", "breakeven_high"])
def test_corridor_draws_what_it_has(gone: str) -> None:
    run = a_run()
    assert run.corridor is not None
    spec = echarts.corridor(replace(run, corridor=replace(run.corridor, **{gone: None})))
    ends = [
        (left["xAxis"], right["xAxis"])
        for left, right in next(s for s in spec["series"] if "markArea" in s)["markArea"]["data"]
    ]
    assert all(left < right for left, right in ends)
    assert all(one[1] == two[0] for one, two in zip(ends, ends[1:], strict=False)), "no hole between bands"


def test_half_of_a_loss_beyond_the_trailing_level_is_no_band_of_its_own() -> None:
    """The trailing stop may be nearer than half of the maximum loss."""
    run = a_run()
    assert run.corridor is not None
    tight = replace(run.corridor, stop_low=90_000.0, half_low=88_000.0)
    bands = next(s for s in echarts.corridor(replace(run, corridor=tight))["series"] if "markArea" in s)["markArea"][
        "data"
    ]
    assert [left["itemStyle"]["color"] for left, _ in bands][:2] == [echarts.LOSS, echarts.PROFIT]


def test_corridor_hover_tells_the_pnl_there() -> None:
    spots, heights, names, said = zip(*echarts.corridor(a_run())["dataset"]["source"], strict=True)
    assert len(spots) <= 45 and (np.diff(spots) > 0).all()
    hover = echarts.corridor(a_run())["series"][0]["encode"]
    assert set(heights) == {0} and hover["x"] != hover["y"], "of one column for both the browser tells nothing"
    assert names[0] == f"{spots[0]:,}" and "\u2212\u2060$" in said[0] and said[0].endswith("\u00a0%")


@pytest.mark.parametrize(("premium", "decimals"), [("0.35", 4), ("84.20", 2), ("759", 0)])
def test_hovering_told_other_decimals_than_the_page(premium: str, decimals: int) -> None:
    run = replace(a_run(), premium=Decimal(premium))
    assert named(echarts.pnl(run, a_series(), [], RUN), "P&L in USD")["tooltip"]["valueFormatter"] == f"%,.{decimals}f"
    assert named(echarts.pnl(run, a_series(), [], RUN), "BTC")["tooltip"]["valueFormatter"] == "%,.0f"
    dollars = echarts.corridor(run)["dataset"]["source"][0][3].split(" ")[0]
    assert len(dollars.partition(".")[2]) == decimals, dollars


def test_axes_and_legends_were_too_pale_in_the_light_theme() -> None:
    for make in (lambda: echarts.corridor(a_run()), lambda: echarts.pnl(a_run(), a_series(), [], RUN)):
        light, dark = echarts.readable(make(), "light"), echarts.readable(make(), "dark")
        assert "#4d5866" not in str(dark) and light["xAxis"]["axisLabel"]["color"] == "#4d5866"
    assert light["legend"]["textStyle"]["color"] == "#4d5866"
    gap = [(NOW - timedelta(seconds=60), NOW - timedelta(seconds=40))]
    band = echarts.readable(echarts.pnl(a_run(), a_series(gaps=gap), [], RUN), "light")["series"][0]["markArea"]
    assert band["label"]["color"] == "#4d5866"
    empty = echarts.readable(echarts.corridor(replace(a_run(), corridor=None)), None)
    assert empty["title"]["textStyle"]["color"] == "#4d5866"


def test_charts_have_names_with_their_last_value() -> None:
    run = a_run()
    assert (
        run.spot is not None
        and f"{run.spot:,.0f}" in echarts.corridor_alt(run)
        and "88,140" in echarts.corridor_alt(run)
    )
    assert "of net credit, stop at −100" in echarts.pnl_alt(run)
    bare = replace(run, corridor=None, pnl_pct=None)
    assert "not known" in echarts.corridor_alt(bare) and "not known" in echarts.pnl_alt(bare)
