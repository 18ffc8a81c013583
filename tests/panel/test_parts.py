"""The language of the panel: both faces of money, one precision a card, three faces of size."""

from decimal import Decimal

import pytest

from trader.domain.basis import CREDIT, MAX_LOSS, basis_short
from trader.panel import parts

D = Decimal
M = parts.MINUS + parts.JOINER


@pytest.mark.parametrize(
    ("premium", "decimals"),
    [
        (D("0.35"), 4),
        (D("0.9999"), 4),
        (D(1), 2),
        (D("30.37"), 2),
        (D("99.99"), 2),
        (D(100), 0),
        (D(2500), 0),
        (None, 2),
    ],
)
def test_decimals_follow_the_premium_not_the_number(premium: Decimal | None, decimals: int) -> None:
    assert parts.places(premium) == decimals


def test_one_column_had_three_precisions() -> None:
    """−$0.3181 stood above −$5.61."""
    column = [parts.dollars(value, parts.places(D("30.37"))) for value in (D("-0.3181"), D("-5.61"), D(0), D("1234.5"))]
    assert column == [f"{M}$0.32", f"{M}$5.61", "$0.00", "$1,234.50"]


@pytest.mark.parametrize("decimals", [0, 2, 4])
def test_a_line_could_break_between_the_minus_and_the_dollar(decimals: int) -> None:
    text = parts.dollars(D("-12.3456"), decimals)
    assert text.startswith("\u2212\u2060$") and " " not in text


@pytest.mark.parametrize("tiny", [D("-0.001"), -0.0001, D("-0.005"), -0.0])
def test_what_rounds_to_zero_has_no_sign(tiny: Decimal | float) -> None:
    assert parts.dollars(tiny, 2, signed=True) == "$0.00"
    assert parts.percent(tiny) == "0.0\u00a0%" and parts.number(tiny, 2, signed=True) == "0.00"


def test_money_shows_both_faces() -> None:
    assert parts.money(D("-2.48"), D("-8.166"), 2) == f"{M}$2.48 · \u22128.2\u00a0%"
    assert parts.money(D("3.1"), 10.2, 2) == "+\u2060$3.10 · +10.2\u00a0%"
    assert parts.money(D("3.1"), None) == "+\u2060$3.10"


@pytest.mark.parametrize(
    "text",
    [
        parts.dollars(None),
        parts.percent(None),
        parts.number(None),
        parts.money(None, None),
        parts.size(None, None, "BTC"),
        parts.price(None),
        parts.spot(None),
        parts.premium_sum([D(1), None], D(1), D(1)),
        parts.premium_sum([], D(1), D(1)),
    ],
)
def test_unknown_is_a_dash_never_zero(text: str) -> None:
    assert text == parts.DASH


def test_size_has_three_faces() -> None:
    said = parts.size(25, D("0.001"), "BTC", D("1923.3")).replace("\u00a0", " ")
    assert said == "25 contracts × 0.001 BTC = 0.025 BTC per leg ≈ $1,923 notional"
    assert parts.size(1, D("0.0010"), "BTC").replace("\u00a0", " ") == "1 contract × 0.001 BTC = 0.001 BTC per leg"
    assert parts.size(1200, None, "BTC") == "1,200 contracts"
    assert "100 BTC per leg" in parts.size(1000, D("0.1"), "BTC").replace("\u00a0", " ")  # not 1E+2


def test_premium_says_its_arithmetic() -> None:
    assert parts.premium_sum([D("152.6"), D("151.1")], D("0.025"), D("7.5925")) == "(152.60 + 151.10) × 0.025 = $7.59"
    assert parts.premium_sum([D("154.6"), D("197.4")], D("0.001"), D("0.352")) == "(154.60 + 197.40) × 0.001 = $0.3520"


def test_a_column_of_prices_has_one_precision() -> None:
    assert parts.price_places([D("152.6"), D("0.5"), None]) == 2
    assert parts.price_places([D("0.6"), D("0.5")]) == 4
    assert parts.price_places([None]) == 2


def test_the_position_delta_of_one_contract_was_a_single_digit() -> None:
    assert [parts.delta_places(count, D("0.001")) for count in (1, 10, 25, 2500)] == [5, 4, 4, 4]
    assert parts.delta_places(1, D("0.000001")) == 6
    assert parts.delta_places(None, None) == 4


def test_spot_shows_what_its_size_needs() -> None:
    assert [parts.spot(value) for value in (76932.4, D("2912.5"), 0.1234)] == ["76,932", "2,912.50", "0.1234"]


def test_tone_is_of_the_sign() -> None:
    assert [parts.tone(value) for value in (D(1), -0.1, 0, None)] == ["up", "down", "flat", "flat"]


def test_what_was_bought_and_what_was_sold_more_often_show_in_the_sum_of_the_premium() -> None:
    prices = [D(20), D(18), D("52.5"), D(48)]
    said = parts.premium_sum(prices, D("0.002"), D("0.125"), [-1, -1, 1, 2])
    assert said == "(−20.00 − 18.00 + 52.50 + 48.00 × 2) × 0.002 = $0.1250"
    assert [basis_short(name) for name in (CREDIT, "", MAX_LOSS)] == ["net credit", "net credit", "max loss"]
    assert [parts.legs_words(count) for count in (1, 2, 4)] == ["the leg", "both legs", "all legs"]
