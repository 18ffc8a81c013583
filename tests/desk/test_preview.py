"""The preview's money is what the engine counts once it has sold: to the last digit, over all kinds of books."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, EXPIRY, OPENING, PUT, SPOT, D, Phase, Scene, entering, option, preset, quote
from trader.config.preset import Preset
from trader.desk import Preview
from trader.desk.market import Board, build_preview
from trader.domain.instrument import Kind
from trader.domain.quote import Quote
from trader.engine.view import RunView


def books(call: dict[str, Any], put: dict[str, Any], at: datetime = OPENING) -> tuple[Quote, Quote]:
    return quote(CALL, at, delta=0.125, **call), quote(PUT, at, delta=-0.125, **put)


def seen_of(config: Preset, quotes: tuple[Quote, Quote], spot: Decimal = SPOT, at: datetime = OPENING) -> Preview:
    instruments = (option(Kind.CALL, 104_000), option(Kind.PUT, 96_000))
    return build_preview(
        config, Board(instruments=instruments, quotes={q.symbol: q for q in quotes}, spot=spot, market=at)
    )


def sold_at(config: Preset, quotes: tuple[Quote, Quote], seen: Preview, spot: Decimal = SPOT) -> RunView:
    """The engine's own picture the moment both legs have been sold at the preview's prices, on the same quotes."""
    scene: Scene = entering(config)
    now = tuple(replace(q, ts_mark=scene.market, ts_quote=scene.market, ts_greeks=scene.market) for q in quotes)
    scene.quotes(*now, spot=spot)
    for key, leg in zip("CP", seen.legs, strict=True):
        fee = leg.fee
        assert fee is not None
        scene.trade(key, price=str(leg.limit_price), commission=str(fee))
    assert scene.phase is Phase.HOLDING
    return scene.view


ANY_TRADE = {"min_leg_ticks": 1, "max_start_loss_pct": "100", "max_fee_share_pct": "100"}
WIDE = {"bid": "200", "ask": "900", "mark": "206"}  # the spread guard counts 309
CHEAP = {"bid": "0.5", "ask": "4", "mark": "1"}
BOOKS = [
    ({"bid": "200", "ask": "210", "mark": "206"}, {"bid": "300", "ask": "310.5", "mark": "304"}),
    (WIDE, {"bid": "152.5", "ask": "153", "mark": "152.7"}),
    (CHEAP, CHEAP),
]


@pytest.mark.parametrize(("call", "put"), BOOKS)
@pytest.mark.parametrize("reference", ["touch", "mid", "mark"])
@pytest.mark.parametrize("quantity", [1, 7])
def test_a_run_begins_with_the_pnl_that_the_preview_told(
    call: dict[str, Any], put: dict[str, Any], reference: str, quantity: int
) -> None:
    config = preset(
        strategy={"quantity": quantity, "max_spread_pct": "200"},
        orders={"entry_reference": reference},
        risk={"price_collar_pct": "100", "naked_leg_secs": 600, **ANY_TRADE},
        exits={"max_loss_pct": "1000"},
    )
    quotes = books(call, put)
    seen = seen_of(config, quotes)
    assert seen.reasons == () and seen.premium is not None and seen.start_pnl is not None
    view = sold_at(config, quotes, seen)
    assert (view.premium, view.pnl, view.fees) == (seen.premium, seen.start_pnl, seen.fees)
    assert view.exit_at == seen.exit_at
    # What it is made of: spread, fees in, fees out; nothing besides.
    assert seen.spread is not None and seen.fees is not None and seen.closing_fees is not None
    assert seen.start_pnl == -seen.spread - seen.fees - seen.closing_fees


def test_the_cost_of_starting_by_hand() -> None:
    config = preset(strategy={"quantity": 10})
    seen = seen_of(config, books(*BOOKS[0]))
    units = 10 * D("0.001")
    assert (seen.contract_value, seen.notional) == (D("0.001"), D(1000))
    assert seen.spread == (D(10) + D("10.5")) * units
    # The cap of 3.5 % of the price lies below 0.01 % of spot for the call, above it for the put; 18 % GST.
    assert seen.closing_fees == (D("7.35") + D(10)) * units * D("1.18")
    assert seen.return_on_margin_pct == (D(5) - D("0.2006")) / D("25.1") * 100
    low, high = seen.breakevens_after_fees
    assert (round(low, 6), round(high, 6)) == (D("95520.06"), D("104479.94"))
    assert [leg.closing_px for leg in seen.legs] == [D(210), D("310.5")]
    assert [leg.fee for leg in seen.legs] == [D("0.0826"), D("0.118")]


def test_a_far_away_offer_is_what_closing_costs() -> None:
    seen = seen_of(preset(strategy={"max_spread_pct": "200"}), books(WIDE, BOOKS[0][1]))
    assert seen.legs[0].closing_px == D(900)


@pytest.mark.parametrize(("call", "put"), BOOKS)
def test_stops_and_outlook_are_those_of_the_run_that_is_made(call: dict[str, Any], put: dict[str, Any]) -> None:
    config = preset(strategy={"max_spread_pct": "200"}, risk={"price_collar_pct": "100", "naked_leg_secs": 600})
    quotes = books(call, put)
    seen = seen_of(config, quotes)
    view = sold_at(config, quotes, seen)
    assert view.market_at is not None and view.outlook is not None and view.corridor is not None
    # The run is a second or two older than the preview: what time did meanwhile is told, and no more.
    later = seen_of(config, quotes, at=view.market_at)
    assert (later.best_pct, later.stop_low, later.stop_high) == (
        view.outlook.best_pct,
        view.corridor.stop_low,
        view.corridor.stop_high,
    )
    assert view.outlook.still_pnl is not None and view.premium is not None
    assert later.still_pct == pytest.approx(float(view.outlook.still_pnl / view.premium) * 100, abs=0.06)
    assert [round(float(at), 1) for at in later.breakevens_after_fees] == [
        view.corridor.breakeven_low,
        view.corridor.breakeven_high,
    ]
    assert view.outlook.exit_at == later.exit_at


def test_the_payoff_is_drawn_through_the_pnl_of_now_and_bends_at_the_strikes() -> None:
    seen = seen_of(preset(strategy={"quantity": 10}), books(*BOOKS[0]))
    payoff = seen.payoff
    assert payoff is not None and seen.start_pnl is not None and seen.premium is not None and seen.fees is not None
    assert len(payoff.spots) <= 91 and list(payoff.spots) == sorted(payoff.spots)
    assert {len(column) for column in (payoff.now, payoff.at_exit, payoff.at_expiry)} == {len(payoff.spots)}
    here = payoff.spots.index(float(SPOT))
    assert payoff.now[here] == pytest.approx(float(seen.start_pnl), abs=0.001)
    assert payoff.at_expiry[here] == pytest.approx(float(seen.premium - seen.fees), abs=0.001)
    assert payoff.now[here] < payoff.at_exit[here] < payoff.at_expiry[here]
    assert seen.still_pct == pytest.approx(payoff.at_exit[here] / float(seen.premium) * 100, abs=0.02)
    assert seen.best_pct is not None and seen.still_pct is not None and seen.best_pct >= seen.still_pct
    assert {104_000.0, 96_000.0} <= set(payoff.spots)
    assert seen.stop_low is not None and seen.stop_high is not None
    assert payoff.spots[0] < seen.stop_low < 100_000 < seen.stop_high < payoff.spots[-1]


def test_without_an_implied_volatility_costs_are_told_and_the_outlook_is_unknown() -> None:
    call, put = books(*BOOKS[0])
    seen = seen_of(preset(), (replace(call, mark_iv=None), put))
    assert seen.start_pnl is not None
    assert (seen.best_pct, seen.still_pct, seen.stop_low, seen.payoff) == (None, None, None, None)


@pytest.mark.parametrize(
    ("hours", "exit_time", "exit_at"),
    [
        (0, "16:30", OPENING + timedelta(hours=7)),
        (7, "16:30", OPENING + timedelta(hours=31)),  # it is 16:30 now
        (8, "17:00", EXPIRY - timedelta(minutes=45)),  # tomorrow's would come too late
    ],
)
def test_the_exit_is_the_next_one_by_the_schedule_and_before_the_expiry(
    hours: int, exit_time: str, exit_at: datetime
) -> None:
    at = OPENING + timedelta(hours=hours)
    config = preset(strategy={"expiry": "nearest"}, schedule={"exit_time_ist": exit_time})
    assert seen_of(config, books(*BOOKS[0], at=at), at=at).exit_at == exit_at


def test_an_expiry_whose_exit_has_gone_by_was_shown_as_saleable_although_no_run_would_sell_it() -> None:
    at = EXPIRY - timedelta(minutes=45)
    config = preset(strategy={"expiry": "nearest", "min_hours_to_expiry": "0.5"})
    seen = seen_of(config, books(*BOOKS[0], at=at), at=at)
    assert seen.reasons == ("the exit 45 min before the expiry 2025-01-16 12:00 UTC is past already",)
    assert len(seen.legs) == 2 and seen.premium is None
    earlier = at - timedelta(seconds=1)
    assert seen_of(config, books(*BOOKS[0], at=earlier), at=earlier).reasons == ()


def test_a_preview_as_json_could_not_be_told() -> None:
    seen = seen_of(preset(), books(*BOOKS[0]))
    told = msgspec.json.decode(msgspec.json.encode(seen))
    assert told["basis"] == {"usd": str(seen.premium), "name": "credit"}
    assert [one["code"] for one in told["fires"]] == [
        "max_loss",
        "trailing_stop",
        "max_profit",
        "breakeven",
        "liquidation_guard",
        "liquidation",
    ]
    assert told["fires"][0]["spots"] == [seen.stop_low, seen.stop_high]
    assert len(told["position"]["legs"]) == 2
