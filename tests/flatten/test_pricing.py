"""What `flatten` pays: what is asked, up to twice the mark; more only where a person says so. Nothing it sends can rest."""

from decimal import Decimal as D
from typing import Any

import pytest

from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.runner.flatten.pricing import limit_for, unmet

TICK = D("0.5")


def quote(**fields: Any) -> Quote:
    return Quote(symbol="C-BTC-104000-160125", **{"mark": D(100), "ask": D(102), "bid": D(98), **fields})


def limits(shown: Quote | None, count: int = 8, **how: Any) -> list[D | None]:
    return [limit_for(Side.BUY, shown, TICK, attempt, **how) for attempt in range(count)]


def test_without_anybody_who_offers_no_attempt_pays_more_than_twice_the_mark_and_none_goes_at_market() -> None:
    made = limits(quote(ask=None), 20)
    assert None not in made and max(limit or D(0) for limit in made) <= 200
    assert unmet(Side.BUY, quote(ask=None), made[0]) == "nobody offers it"


@pytest.mark.parametrize(("ask", "met"), [("200", True), ("200.5", False)])
def test_an_offer_is_met_up_to_twice_the_mark(ask: str, met: bool) -> None:
    made = limits(quote(ask=D(ask)))
    assert all(limit is not None and limit <= 120 for limit in made[:4])
    last = made[-1]
    assert last is not None and (last >= D(ask)) is met
    assert (unmet(Side.BUY, quote(ask=D(ask)), last) == "") is met


def test_at_any_price_every_other_attempt_goes_at_market() -> None:
    assert [limit is None for limit in limits(quote(ask=D(900)), any_price=True)] == [False] * 3 + [True, False] * 2 + [
        True
    ]


def test_without_prices_there_is_only_the_market() -> None:
    assert limits(None, 2) == [None, None]
    assert limits(quote(mark=None, ask=None), 2) == [None, None]


def test_a_worthless_contract_is_bid_for_and_never_beyond_the_band() -> None:
    assert limits(quote(mark=D(0), ask=None, band_high=D(3)), 5) == [TICK] * 5
    assert max(limit or D(0) for limit in limits(quote(mark=D(0), ask=D(5), band_high=D(3)), 9)) == 3
