import json
from decimal import Decimal as D
from pathlib import Path

import pytest

from trader.pricing.margin import short_option_liquidation, short_option_margin


def test_short_option_margin_is_a_share_of_notional_plus_the_premium() -> None:
    margin = short_option_margin(
        spot=D(77_000), mark=D("250.5"), quantity=100, contract_value=D("0.001"), initial_margin_pct=D(1)
    )
    assert margin == D("77") + D("25.05")


def test_margin_ignores_the_sign_of_the_quantity() -> None:
    terms = {"spot": D(77_000), "mark": D(1), "contract_value": D("0.001"), "initial_margin_pct": D(1)}
    assert short_option_margin(quantity=-7, **terms) == short_option_margin(quantity=7, **terms)


def test_liquidation_comes_before_bankruptcy() -> None:
    estimate = short_option_liquidation(
        entry_price=D(391), spot=D(60_000), initial_margin_pct=D(1), maintenance_margin_pct=D("0.5")
    )
    assert estimate.bankruptcy_price == D(991)
    assert estimate.liquidation_price == D(691)


def test_maintenance_above_initial_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="maintenance"):
        short_option_liquidation(entry_price=D(1), spot=D(1), initial_margin_pct=D(1), maintenance_margin_pct=D("1.1"))


def test_fresh_short_positions_of_recorded_fills_show_this_margin(shared_data: Path) -> None:
    lines = (shared_data / "delta/rest_fills_india_sept2025_redacted.jsonl").read_text().splitlines()
    checked = 0
    for fill in (json.loads(line) for line in lines if line.strip()):
        position = fill["meta_data"]["new_position"]
        fresh = abs(int(position["size"])) == int(D(str(fill["size"])))
        if fill["product"]["contract_type"] == "perpetual_futures" or not fresh:
            continue
        expected = short_option_margin(
            spot=D(fill["meta_data"]["spot"]),
            mark=D(fill["price"]),
            quantity=int(position["size"]),
            contract_value=D(fill["product"]["contract_value"]),
            initial_margin_pct=D(1),
        )
        assert D(position["margin"]) == pytest.approx(expected, rel=D("0.001"))
        checked += 1
    assert checked > 0
