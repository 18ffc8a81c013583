"""Entries that are no trade: too little premium, too much of the stop used up at once, too much for fees."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.engine.scene import SPOT, Phase, Scene, preset, quote
from tests.engine.test_cover import leg
from trader.engine.entry_cost import entry_cost, nonsense

D = Decimal
NOON = datetime(2025, 1, 15, 6, 30, tzinfo=UTC)


def said(call: dict[str, str], risk: dict[str, Any], **sections: Any) -> tuple[str, ...]:
    """What keeps a run from selling two contracts of the call at this quote (the put's is 200 / 210), in words."""
    scene = Scene()
    scene.start(
        preset(strategy={"quantity": 2, "max_spread_pct": "200"}, risk={"naked_leg_secs": 600, **risk}, **sections)
    )
    scene.prices(after=0)
    (contract, quoted), put = scene.chain
    scene.chain = [(contract, quoted.__class__(**{**_fields(quoted), **{k: D(v) for k, v in call.items()}})), put]
    for _ in range(4):
        scene.pass_time(1)
        scene.quotes(
            *(
                one.__class__(
                    **{**_fields(one), "ts_mark": scene.market, "ts_quote": scene.market, "ts_greeks": scene.market}
                )
                for _, one in scene.chain
            )
        )
        scene.read_chain()
        scene.read_account()
        if scene.phase is not Phase.WAITING:
            return ()
    return scene.watch.why_not


def _fields(quoted: Any) -> dict[str, Any]:
    return {name: getattr(quoted, name) for name in quoted.__struct_fields__}


GOOD = {"bid": "200", "ask": "210", "mark": "205"}


@pytest.mark.parametrize(
    ("call", "risk", "words"),
    [
        (GOOD, {}, ""),
        ({"bid": "5", "ask": "5.5", "mark": "5"}, {}, ""),
        (
            {"bid": "4.5", "ask": "5", "mark": "5"},
            {},
            "would be sold at 4.5, under risk.min_leg_ticks (10 ticks of 0.5)",
        ),
        ({"bid": "4.5", "ask": "5", "mark": "5"}, {"min_leg_ticks": 9}, ""),
        (GOOD, {"min_leg_premium_usd": D("0.4")}, ""),
        (GOOD, {"min_leg_premium_usd": D("0.41")}, "brings 0.4000 USD, under risk.min_leg_premium_usd (0.41)"),
        (GOOD, {"min_premium_usd": D("0.8")}, ""),
        (GOOD, {"min_premium_usd": D("0.81")}, "the premium of 0.8000 USD is under risk.min_premium_usd (0.81)"),
        (GOOD, {"max_start_loss_pct": D(14)}, ""),
        (GOOD, {"max_start_loss_pct": D(13)}, "% of the maximum loss; risk.max_start_loss_pct is 13"),
        (GOOD, {"max_fee_share_pct": D(9)}, ""),
        (GOOD, {"max_fee_share_pct": D(8)}, "risk.max_fee_share_pct is 8"),
        # A mark that is absurd moves the limit of the order to its collar; what it would bring is what the book bids.
        ({**GOOD, "mark": "20500"}, {"max_fee_share_pct": D(8)}, "risk.max_fee_share_pct is 8"),
    ],
)
def test_an_entry_on_both_sides_of_what_is_nonsense(call: dict[str, str], risk: dict[str, Any], words: str) -> None:
    found = said(call, risk)
    assert (found == ()) if not words else any(words in why for why in found), found


def test_the_start_is_judged_by_the_stop_not_by_the_premium() -> None:
    risk = {"max_start_loss_pct": D(20)}
    assert said(GOOD, risk, exits={"max_loss_pct": D(100)}) == ()
    assert any("of the maximum loss" in why for why in said(GOOD, risk, exits={"max_loss_pct": D(50)}))


@pytest.mark.parametrize(
    ("sides", "sold_at", "bought_at", "earns"),
    [
        (("sell", "buy"), 300, 200, True),
        (("sell", "buy"), 205, 200, False),  # less than the fees of entering
        (("sell", "buy"), 200, 201, False),  # a credit spread for a debit, by prices of two instants
        (("buy", "sell"), 200, 300, True),  # the same strikes bought for a debit
        (("buy", "sell"), 200, 1300, False),  # for more than lies between them
    ],
)
def test_a_spread_that_earns_at_no_spot_is_nonsense(
    sides: tuple[str, str], sold_at: int, bought_at: int, earns: bool
) -> None:
    legs = (leg("C", sides[0], strike=100_000), leg("LC", sides[1], strike=101_000))
    at = {"sell": sold_at, "buy": bought_at}
    quotes = {
        one.symbol: quote(one.symbol, NOON, bid=str(at[side]), ask=str(at[side] + 1), mark=str(at[side]))
        for one, side in zip(legs, sides, strict=True)
    }
    wide = preset(orders={"entry_reference": "mark"})
    cost = entry_cost(wide, legs, quotes, SPOT)
    assert cost is not None
    assert any("at no spot" in why for why in nonsense(wide, legs, cost)) is not earns
