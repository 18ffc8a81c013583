import json
from decimal import Decimal as D
from pathlib import Path

import pytest

from trader.pricing.fees import futures_commission, option_commission, option_liquidation_fee

TERMS = {"rate": D("0.0001"), "cap": D("0.035"), "spot": D("63826.1"), "quantity": 10, "contract_value": D("0.001")}


def test_option_commission_of_the_worked_live_fill() -> None:
    fee = option_commission(price=D("391"), gst=D("0.18"), **TERMS)
    assert fee == D("0.07531480")


def test_option_commission_is_capped_by_the_premium() -> None:
    # The cap bites below rate x spot / cap = 182.36.
    assert option_commission(price=D("182.3"), gst=D(0), **TERMS) == D("182.3") * D("0.035") / 100
    assert option_commission(price=D("182.4"), gst=D(0), **TERMS) == D("63826.1") * D("0.0001") / 100


def test_option_commission_without_a_cap_is_on_notional_alone() -> None:
    fee = option_commission(price=D("0.1"), gst=D(0), **(TERMS | {"cap": None}))
    assert fee == D("0.06382610")


def test_option_commission_of_a_worthless_premium_is_nothing() -> None:
    assert option_commission(price=D(0), gst=D("0.18"), **TERMS) == 0


def test_an_absurd_price_costs_an_absurd_commission_and_raises_nothing() -> None:
    price = D("1.5e308")
    assert futures_commission(rate=D("0.0005"), price=price, quantity=7, contract_value=D("0.001")) > D("1e302")
    assert option_commission(price=price, **(TERMS | {"spot": D("1e308")})) > D("1e300")


def test_a_negative_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="quantity"):
        option_commission(price=D(1), gst=D(0), **(TERMS | {"quantity": -1}))


def test_recorded_fills_paid_what_the_formula_says(shared_data: Path) -> None:
    lines = (shared_data / "delta/rest_fills_india_sept2025_redacted.jsonl").read_text().splitlines()
    fills = [json.loads(line) for line in lines if line.strip()]
    assert len(fills) == 4
    for fill in fills:
        meta, product = fill["meta_data"], fill["product"]
        rate = D(meta["effective_commission_rate"])
        size = int(D(str(fill["size"])))
        value = D(product["contract_value"])
        if product["contract_type"] == "perpetual_futures":
            fee = futures_commission(rate=rate, price=D(fill["price"]), quantity=size, contract_value=value)
        else:
            assert meta["is_commission_on_notional"] is True
            fee = option_commission(
                rate=rate,
                cap=D("0.1"),
                spot=D(meta["spot"]),
                price=D(fill["price"]),
                quantity=size,
                contract_value=value,
            )
        assert fee == pytest.approx(D(fill["commission"]), abs=D("1e-7")), fill["product_symbol"]


def test_a_commission_is_rounded_up_as_recorded_at_the_exchange() -> None:
    """What came to 1.844451864 cost 1.84445187; to the nearest it would have been less."""
    exact = D("1.844451864")
    assert option_commission(
        rate=D(1), cap=None, spot=exact, price=D(1), quantity=1, contract_value=D(1), gst=D(0)
    ) == D("1.84445187")


@pytest.mark.parametrize(
    ("price", "fee"),
    [
        (D(1000), D("0.1947")),  # 0.25 % of 66,000 is 165: less than half the premium
        (D(100), D("0.059")),  # half of it
    ],
)
def test_a_liquidation_costs_a_share_of_the_notional_or_half_the_premium(price: D, fee: D) -> None:
    assert option_liquidation_fee(spot=D(66_000), price=price, quantity=1, contract_value=D("0.001")) == fee
