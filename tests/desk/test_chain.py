"""The chain as it is read: what is marked in it, why the rest is not, how old it may be, how seldom the exchange is asked."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.panel import fake_chain
from trader.config.preset import Preset
from trader.config.strategy import Strategy
from trader.desk.chain import at_the_money, build_chain
from trader.desk.market import Board, HistoryBook, KeptAnswer, MarketBook, build_chain_of
from trader.desk.volatility import realised, volatility
from trader.desk.why_not import why_not
from trader.domain.errors import ExchangeError
from trader.domain.instrument import Instrument, Kind
from trader.domain.wallet import Wallet
from trader.engine.selection import choose_legs

NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
D = Decimal
PRESET = Preset(strategy=Strategy(quantity=25, delta_min=D("0.05"), delta_max=D("0.30")))


class Market:
    """An exchange that can be made not to answer, and counts how often it is asked."""

    def __init__(self) -> None:
        self.board = fake_chain.board(NOW)
        self.asked = 0
        self.fault = ""

    def tickers(self, underlying: str) -> list[object]:
        self.asked += 1
        if self.fault:
            raise ExchangeError(self.fault)
        return list(self.board.quotes.values())

    def instruments(self, underlying: str) -> list[Instrument]:
        return list(self.board.instruments)

    def invalidate_instruments(self) -> None: ...


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def book(market: Market, clock: list[float]) -> MarketBook:
    return MarketBook(lambda: market, lambda: clock[0])  # type: ignore[arg-type,return-value]


def test_what_a_preset_would_sell_is_marked_and_every_other_strike_has_its_reason(book: MarketBook) -> None:
    chain = build_chain_of(book, PRESET, None)
    picked = [side for row in chain.rows for side in (row.call, row.put) if side is not None and side.picked]
    assert [side.picked for side in picked] == ["sell 25", "sell 25"]
    assert all(side.why.startswith("|delta| 0.1") for side in picked), "and why that one"
    others = [side for row in chain.rows for side in (row.call, row.put) if side is not None and not side.picked]
    assert all(side.why for side in others)
    assert chain.expiry == chain.own == fake_chain.expiries(NOW)[0], "next_day is what the preset says"
    assert [row.strike for row in chain.rows] == sorted(row.strike for row in chain.rows)
    assert len(chain.rows) + chain.hidden == 47


def test_the_reasons_by_hand() -> None:
    board = fake_chain.board(NOW)
    expiry = fake_chain.expiries(NOW)[0]
    contracts = [one for one in board.instruments if one.expiry == expiry]
    picked = choose_legs(PRESET, board.instruments, board.quotes, NOW).legs
    call = next(leg for leg in picked if leg.kind is Kind.CALL)
    why = why_not(PRESET, contracts, board.quotes, picked)

    def of(strike: int, kind: Kind = Kind.CALL) -> str:
        return why[fake_chain.contract(kind, strike, expiry).symbol]

    assert of(92_000).startswith("|Δ| 0.3") and of(92_000).endswith("above 0.3")
    assert of(101_000).startswith("|Δ| 0.0") and of(101_000).endswith("below 0.05")
    near = next(
        one for one in contracts
        if one.kind is Kind.CALL and one.symbol in why and why[one.symbol].startswith(f"{call.strike:,.0f}")
    )  # fmt: skip
    assert why[near.symbol] == f"{call.strike:,.0f} is nearer |Δ| 0.175"
    quotes = dict(board.quotes) | {near.symbol: replace(board.quotes[near.symbol], bid=None)}
    assert why_not(PRESET, [near], quotes, picked) == {near.symbol: "no bid"}
    del quotes[near.symbol]
    assert why_not(PRESET, [near], quotes, picked) == {near.symbol: "no quote"}
    assert why_not(PRESET, [replace(near, state="settling")], board.quotes, picked) == {
        near.symbol: "not open for trading"
    }
    assert why_not(PRESET, [near], board.quotes, ()) == {near.symbol: "would do; another leg found none"}
    assert call.symbol not in why


def test_another_expiry_is_shown_without_reasons(book: MarketBook) -> None:
    first, second, _ = fake_chain.expiries(NOW)
    chain = build_chain_of(book, PRESET, second)
    assert chain.expiry == second != chain.own == first
    assert not any(side.picked or side.why for row in chain.rows for side in (row.call, row.put) if side is not None)
    unlisted = build_chain_of(book, PRESET, first + timedelta(hours=1))
    assert unlisted.expiry == first, "one that is not listed is the nearest"


def test_the_exchange_is_asked_once_in_four_seconds_and_its_silence_is_told_with_the_age(
    book: MarketBook, market: Market, clock: list[float]
) -> None:
    for after in (0.0, 1.5, 3.9):
        clock[0] = 100.0 + after
        build_chain_of(book, PRESET, None)
    assert market.asked == 1
    clock[0], market.fault = 112.0, "no answer within 5 s"
    chain = build_chain_of(book, PRESET, None)
    assert (chain.age_secs, chain.fault) == (12.0, "no answer within 5 s") and chain.rows
    assert market.asked == 2
    with pytest.raises(ExchangeError):
        build_chain_of(MarketBook(lambda: market), PRESET, None)  # type: ignore[arg-type,return-value]


def test_an_empty_exchange_has_an_empty_chain() -> None:
    chain = build_chain("BTC", (), {}, spot=None, market=None)
    assert (chain.rows, chain.expiry, chain.atm_iv) == ((), None, None)


def test_volatility_at_spot_lies_between_the_strikes_around_it(book: MarketBook) -> None:
    chain = build_chain_of(book, PRESET, None)
    assert chain.atm_iv == pytest.approx(fake_chain.smile(float(fake_chain.SPOT)), abs=0.001)
    assert at_the_money(chain.rows, D(1)) is None and at_the_money(chain.rows, None) is None


def test_a_strike_that_is_not_quoted_is_unknown_and_not_zero() -> None:
    board: Board = fake_chain.board(NOW)
    expiry = fake_chain.expiries(NOW)[0]
    one = fake_chain.contract(Kind.CALL, 92_000, expiry)
    chain = build_chain("BTC", [one], {}, spot=board.spot, market=NOW)
    side = chain.rows[0].call
    assert side is not None and (side.bid, side.iv, side.delta, side.spread_pct, side.why) == (None,) * 4 + (
        "no quote",
    )
    assert chain.rows[0].put is None


# ------------------------------------------------------------------------------------------------- volatility


def test_realised_volatility_by_hand() -> None:
    # Every half hour 1 % up or down: 0.00995 of log return squared, 17,520 times a year.
    closes = [(NOW - timedelta(minutes=30 * back), D(100) if back % 2 else D(101)) for back in range(48, -1, -1)]
    assert realised(closes, NOW - timedelta(hours=24)) == pytest.approx(0.0099503 * 17_520**0.5, rel=1e-4)
    seen = volatility(closes, NOW)
    assert seen.realised["24 h"] is not None and seen.realised["7 days"] == seen.realised["24 h"]
    assert realised(closes[-10:], NOW - timedelta(hours=24)) is None, "too little history is no figure"


def test_history_and_funds_are_read_seldom(clock: list[float]) -> None:
    asked: list[str] = []

    class Gateway:
        def index_closes(self, underlying: str, since: datetime, until: datetime) -> list[tuple[datetime, Decimal]]:
            asked.append(underlying)
            return [(since, D(0)), (until, D(7))]

        def wallet(self) -> Wallet:
            asked.append("wallet")
            raise ExchangeError("not now")

    gateway = Gateway()
    past = HistoryBook(lambda: gateway, lambda: clock[0])  # type: ignore[arg-type,return-value]
    assert [close for _, close in past.closes("BTC", NOW)] == [D(7)], "a price of nothing is none"
    clock[0] += 599
    past.closes("BTC", NOW)
    clock[0] += 2
    past.closes("BTC", NOW)
    assert asked == ["BTC", "BTC"]
    funds = KeptAnswer(gateway.wallet, lambda: clock[0])
    for _ in range(3):
        with pytest.raises(ExchangeError):
            funds.get()
    assert asked.count("wallet") == 1, "a refusal is not asked for again at once either"
    funds.forget()
    with pytest.raises(ExchangeError):
        funds.get()
    assert asked.count("wallet") == 2
