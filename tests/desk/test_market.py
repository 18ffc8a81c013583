"""The preview's figures by hand, its reasons, and how seldom the exchange is asked."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from trader.config.orders import Orders
from trader.config.preset import Preset, Risk
from trader.config.strategy import Strategy
from trader.desk.market import Board, MarketBook, build_expiries, build_preview, exit_figures
from trader.domain.instrument import Instrument, Kind, build_option_symbol
from trader.domain.quote import Greeks, Quote

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
EXPIRY = datetime(2026, 6, 2, 12, tzinfo=UTC)
SPOT = Decimal(100_000)


def option(kind: Kind, strike: int, expiry: datetime = EXPIRY) -> Instrument:
    return Instrument(
        symbol=build_option_symbol(kind, "BTC", Decimal(strike), expiry),
        product_id=strike + (kind is Kind.CALL),
        underlying="BTC",
        kind=kind,
        strike=Decimal(strike),
        expiry=expiry,
        contract_value=Decimal("0.001"),
        tick_size=Decimal("0.1"),
        taker_rate=Decimal("0.0001"),
        maker_rate=Decimal("0.0001"),
        fee_cap=Decimal("0.035"),
        initial_margin_pct=Decimal(1),
        maintenance_margin_pct=Decimal("0.5"),
    )


def quote(instrument: Instrument, delta: float, bid: str = "200", ask: str = "210", mark: str = "206") -> Quote:
    return Quote(
        symbol=instrument.symbol,
        mark=Decimal(mark),
        bid=Decimal(bid),
        ask=Decimal(ask),
        bid_size=500,
        ask_size=500,
        greeks=Greeks(delta, 0.0, 0.0, 0.0, 0.0),
        mark_iv=0.45,
        spot=SPOT,
        open_interest=Decimal(900),
        ts_mark=NOW,
        ts_quote=NOW - timedelta(seconds=1),
    )


CALL, PUT = option(Kind.CALL, 104_000), option(Kind.PUT, 96_000)
LATER = option(Kind.CALL, 104_000, EXPIRY + timedelta(days=3))
PRESET = Preset(strategy=Strategy(quantity=10))


def board(*quotes: Quote) -> Board:
    return Board(
        instruments=(CALL, PUT, LATER), quotes={q.symbol: q for q in quotes}, spot=SPOT if quotes else None, market=NOW
    )


def test_preview_adds_up_by_hand() -> None:
    seen = build_preview(PRESET, board(quote(CALL, 0.12), quote(PUT, -0.13, bid="300", ask="310", mark="304")))
    assert seen.reasons == () and [leg.symbol for leg in seen.legs] == [CALL.symbol, PUT.symbol]
    assert seen.premium == (200 + 300) * 10 * Decimal("0.001")
    # Commission: the cap of 3.5 % of premium lies below 0.01 % of spot for the call, above it for the put; 18 % GST.
    assert seen.fees == (Decimal(7) + Decimal(10)) * 10 * Decimal("0.001") * Decimal("1.18")
    assert seen.margin == (2 * Decimal(1000) + 206 + 304) * 10 * Decimal("0.001")
    assert seen.breakevens == (Decimal(95_500), Decimal(104_500))
    assert (seen.spot, seen.expiry, seen.market) == (SPOT, EXPIRY, NOW)


@pytest.mark.parametrize(("limit_pct", "call", "put"), [(100, "412", "608"), (50, "309", "456")])
def test_the_most_that_closing_pays_is_told_in_money(limit_pct: int, call: str, put: str) -> None:
    preset = Preset(strategy=Strategy(quantity=10), risk=Risk(exit_limit_pct=Decimal(limit_pct)))
    seen = build_preview(preset, board(quote(CALL, 0.12), quote(PUT, -0.13, bid="300", ask="310", mark="304")))
    # Ten contracts of 0.001 at the dearest price; of the commission 0.01 % of spot lies below 3.5 % of these premiums; 18 % GST.
    fee = Decimal(10) * 10 * Decimal("0.001") * Decimal("1.18")
    assert [leg.exit_most for leg in seen.legs] == [Decimal(most) * 10 * Decimal("0.001") + fee for most in (call, put)]
    assert exit_figures(seen).startswith(
        f"Closing pays at most {seen.legs[0].exit_most:.2f} USD for 10 contracts of {CALL.symbol}"
    )


def test_without_strikes_there_is_no_figure() -> None:
    assert exit_figures(build_preview(PRESET, board(quote(CALL, 0.30), quote(PUT, -0.12)))) == ""


def test_preview_prices_from_the_middle_are_rounded_up_to_the_tick() -> None:
    preset = Preset(orders=Orders(entry_reference="mid"))
    seen = build_preview(preset, board(quote(CALL, 0.12, bid="200", ask="210.1"), quote(PUT, -0.12)))
    assert [leg.limit_price for leg in seen.legs] == [Decimal("205.1"), Decimal("205.0")]


def test_preview_says_why_nothing_qualifies() -> None:
    seen = build_preview(PRESET, board(quote(CALL, 0.30), replace(quote(PUT, -0.12), bid=None)))
    assert seen.legs == () and seen.premium is None and len(seen.reasons) == 2
    assert "no call has |delta|" in seen.reasons[0] and "no bid" in seen.reasons[1]


def test_preview_without_prices_says_so() -> None:
    seen = build_preview(PRESET, Board(instruments=(CALL,), quotes={}, spot=None, market=None))
    assert seen.reasons == ("the exchange shows no prices for BTC options",) and seen.spot is None


def test_expiries_are_listed_ones_still_ahead() -> None:
    choices = build_expiries(board(quote(CALL, 0.1)), "BTC")
    assert [(c.value, c.expiry) for c in choices] == [("2026-06-02", EXPIRY), ("2026-06-05", LATER.expiry)]
    gone = Board(instruments=(CALL, LATER), quotes={}, spot=SPOT, market=EXPIRY)
    assert [c.value for c in build_expiries(gone, "BTC")] == ["2026-06-05"]
    # Every choice is a value the preset takes.
    assert all(Strategy(expiry=c.value).expiry == c.value for c in choices)


class CountingMarket:
    def __init__(self) -> None:
        self.tickers_read = 0
        self.listed = [CALL]

    def tickers(self, underlying: str, expiry: date | None = None) -> list[Quote]:
        self.tickers_read += 1
        self.listed = [CALL, PUT]  # as a gateway does that hears of a contract its list does not hold
        return [quote(CALL, 0.12), quote(PUT, -0.12)]

    def instruments(self, underlying: str) -> list[Instrument]:
        return list(self.listed)

    def spot(self, underlying: str) -> Decimal:
        return SPOT


def test_exchange_is_asked_at_most_every_two_seconds() -> None:
    market, clock = CountingMarket(), [0.0]
    book = MarketBook(lambda: market, lambda: clock[0])
    first = book.board("BTC")
    clock[0] = 1.9
    assert book.board("BTC") is first and market.tickers_read == 1
    clock[0] = 2.0
    assert book.board("BTC") is not first and market.tickers_read == 2


def test_newly_listed_contracts_are_found_at_once() -> None:
    assert {i.symbol for i in MarketBook(CountingMarket).board("BTC").instruments} == {CALL.symbol, PUT.symbol}
