"""A chain that Black-76 prices, for the fake desk: three expiries, a smile, some strikes too thin to trade; and what stands in it."""

import math
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from trader.config.preset import Preset
from trader.desk import Chain, HeldLeg, Levels, Position
from trader.desk.market import Board, MarketBook, build_chain_of
from trader.domain.instrument import Instrument, Kind, build_option_symbol
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine.liquidation import limit_of
from trader.engine.records import LegTerms
from trader.engine.view import RunView
from trader.pricing.black76 import price_and_greeks, year_fraction
from trader.pricing.payoff import Basis

D = Decimal
SPOT = D(91_234)
SIZE = D("0.001")


def expiries(now: datetime) -> list[datetime]:
    """Three at noon, the first of them never so near (19 hours) that the far strikes have lost their bids."""
    first = datetime.combine((now + timedelta(hours=31)).date(), time(12), tzinfo=UTC)
    return [first, first + timedelta(days=1), first + timedelta(days=6)]


def contract(kind: Kind, strike: int, expiry: datetime) -> Instrument:
    return Instrument(
        symbol=build_option_symbol(kind, "BTC", D(strike), expiry),
        product_id=strike * 2 + (kind is Kind.CALL),
        underlying="BTC",
        kind=kind,
        strike=D(strike),
        expiry=expiry,
        contract_value=SIZE,
        tick_size=D("0.1"),
        taker_rate=D("0.0001"),
        maker_rate=D("0.0001"),
        fee_cap=D("0.035"),
        initial_margin_pct=D(1),
        maintenance_margin_pct=D("0.5"),
    )


def smile(strike: float, spot: float = float(SPOT)) -> float:
    away = math.log(strike / spot)
    return 0.41 - 0.25 * away + 9 * away * away


def quote(one: Instrument, now: datetime, spot: Decimal = SPOT) -> Quote:
    assert one.strike is not None and one.expiry is not None
    vol = smile(float(one.strike))
    mark, greeks = price_and_greeks(float(spot), float(one.strike), vol, year_fraction(now, one.expiry), one.kind)
    half = max(mark * 0.02, 0.5)
    thin = int(one.strike) % 2500 == 0
    bid = round(D(mark - half * (12 if thin else 1)), 1)
    return Quote(
        symbol=one.symbol,
        mark=round(D(mark), 2),
        bid=bid if bid > 0 else None,
        ask=round(D(mark + half * (12 if thin else 1)), 1),
        bid_size=None if bid <= 0 else 40 + int(one.strike) % 700,
        ask_size=60 + int(one.strike) % 500,
        greeks=greeks,
        mark_iv=vol,
        spot=spot,
        open_interest=D(int(one.strike) % 1700 + 12),
        ts_mark=now,
        ts_quote=now,
        ts_greeks=now,
    )


def board(now: datetime) -> Board:
    contracts = tuple(
        contract(kind, strike, expiry)
        for expiry in expiries(now)
        for strike in range(80_000, 103_001, 500)
        for kind in (Kind.CALL, Kind.PUT)
    )
    return Board(
        instruments=contracts, quotes={one.symbol: quote(one, now) for one in contracts}, spot=SPOT, market=now
    )


class _Kept(MarketBook):
    """A board that is at hand."""

    def __init__(self, at_hand: Board) -> None:
        super().__init__(lambda: None)  # type: ignore[arg-type,return-value]
        self._board = at_hand

    def board(self, underlying: str, oldest_secs: float = 2.0) -> Board:
        return self._board

    def last(self, underlying: str) -> tuple[float, Board]:
        return 0.4, self._board


def chain(of: Preset | RunView, preset: Preset, expiry: datetime | None, now: datetime) -> Chain:
    seen = _Kept(board(now))
    if isinstance(of, Preset):
        return build_chain_of(seen, of, expiry)
    return build_chain_of(seen, preset, expiry, run=of, terms=terms(now))


LEGS = (("C", Kind.CALL, 95_000, "431.5"), ("P", Kind.PUT, 86_500, "410.5"))


def terms(now: datetime, quantity: int = 100) -> tuple[LegTerms, ...]:
    """What the fake run holds."""
    found = []
    for key, kind, strike, _ in LEGS:
        one = contract(kind, strike, expiries(now)[0])
        seen = quote(one, now)
        assert one.strike is not None and one.expiry is not None and seen.greeks is not None
        found.append(
            LegTerms(
                key=key, symbol=one.symbol, product_id=one.product_id, kind=kind, strike=one.strike, expiry=one.expiry,
                side=Side.SELL, quantity=quantity, contract_value=SIZE, tick_size=one.tick_size, fee_rate=one.taker_rate,
                fee_cap=one.fee_cap, delta=seen.greeks.delta, bid=seen.bid, ask=seen.ask, mark=seen.mark, iv=seen.mark_iv,
            )
        )  # fmt: skip
    return tuple(found)


def position(preset: Preset, now: datetime, run: RunView | None = None) -> Position:
    """The same two legs, held by a run or about to be sold."""
    count = 100 if run is not None else preset.strategy.quantity
    legs = []
    for one, (_, _, _, sold_at) in zip(terms(now, count), LEGS, strict=True):
        seen = quote(contract(one.kind, int(one.strike), one.expiry), now)
        assert seen.ask is not None and seen.bid is not None and one.iv is not None
        legs.append(
            HeldLeg(
                key=one.key, symbol=one.symbol, kind=one.kind, side=one.side, strike=one.strike, expiry=one.expiry,
                quantity=count, contract_value=SIZE, price=D(sold_at) if run is not None else seen.bid,
                closing_px=seen.ask, iv=one.iv, fee_rate=one.fee_rate, fee_cap=one.fee_cap, margin_pct=D(1),
                mark=seen.mark, limit=limit_of(preset.exits, one, D(sold_at) if run is not None else seen.bid, SPOT),
            )
        )  # fmt: skip
    credit = sum((leg.price * -leg.units for leg in legs), D(0))
    back = sum((leg.closing_px * leg.units for leg in legs), D(0))
    fees = credit * D("0.035")
    pnl = run.pnl if run is not None and run.pnl is not None else credit - fees + back - fees
    return Position(
        held=run is not None, underlying="BTC", legs=tuple(legs), spot=SPOT, market=now,
        exit_at=now + timedelta(hours=7), pnl=pnl, banked=pnl - back + fees, basis=Basis(credit, "credit"),
        exits=Levels.of(preset.exits), level_pct=D(0) if run is not None else None,
    )  # fmt: skip
