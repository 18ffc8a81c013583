"""A stage of whole chains: strikes every 500 USD priced by Black-76, for structures of any legs."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tests.engine.scene import EXPIRY, SPOT, D, Phase, Scene, option, preset, quote
from trader.config.preset import Preset
from trader.domain.instrument import Kind, build_option_symbol
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.domain.rounding import round_price
from trader.domain.structure import Selector
from trader.engine.effects import Effect
from trader.engine.fold import durable
from trader.engine.records import LegTerms
from trader.pricing.black76 import price_and_greeks, year_fraction

TICK = D("0.5")
VOL = 0.5
STRIKES = range(88_000, 113_000, 500)
SPREAD = D(10)  # of every book: half of it on each side of the mark


class Board(Scene):
    """A scene whose exchange lists a whole chain. `marks` and `bids` override what the model says, by symbol."""

    def __init__(self, **fields: Any) -> None:
        self.marks: dict[str, Decimal] = {}
        self.bids: dict[str, Decimal | None] = {}
        self.asks: dict[str, Decimal | None] = {}
        super().__init__(**fields)

    def list_strangle(self) -> None:
        self.chain = [
            (option(kind, strike), self.quoted(kind, strike)) for kind in (Kind.CALL, Kind.PUT) for strike in STRIKES
        ]

    def quoted(self, kind: Kind, strike: int, spot: Decimal = SPOT) -> Quote:
        """The contract's prices by the model, half a spread around the mark, on tick."""
        at = self.market or self.wall
        symbol = build_option_symbol(kind, "BTC", D(strike), EXPIRY)
        worth, greeks = price_and_greeks(float(spot), float(strike), VOL, year_fraction(at, EXPIRY), kind)
        mark = self.marks.get(symbol) or max(D(repr(round(worth, 1))), TICK)
        bid = self.bids.get(symbol, round_price(mark - SPREAD / 2, TICK, Side.SELL))
        ask = self.asks.get(symbol, round_price(mark + SPREAD / 2, TICK, Side.BUY))
        made = quote(symbol, at, mark=str(mark), mark_iv=VOL, spot=spot, greeks=greeks)
        return replace(made, bid=bid if bid is not None and bid > 0 else None, ask=ask)

    def prices(self, *_: str, after: float = 1.0, spot: Decimal | int = SPOT) -> list[Effect]:
        """All legs of the run quoted, `after` seconds from the last word."""
        self.pass_time(after)
        legs = self.run.legs
        return self.quotes(*(self.quoted(leg.kind, int(leg.strike), D(spot)) for leg in legs), spot=D(spot))

    def leg(self, key: str) -> LegTerms:
        return self.run.leg(key)

    def run_bytes(self) -> bytes:
        return durable(self.run)

    def due_legs(self) -> list[str]:
        """Keys of the legs an order is due for."""
        return [intent.leg for intent in self.submits()]


def structured(structure: str, **strategy: Any) -> Preset:
    """A preset of a structure, quantity 2 unless it says otherwise."""
    sections: dict[str, Any] = {"risk": {"naked_leg_secs": 600, "max_order_quantity": 1000}}
    for name in ("exits", "orders", "schedule", "risk"):
        if name in strategy:
            sections[name] = {**sections.get(name, {}), **strategy.pop(name)}
    return preset(strategy={"structure": structure, "quantity": 2, **strategy}, **sections)


def custom(*rows: tuple[str, str, str, int, str, str], **strategy: Any) -> Preset:
    """A preset of one's own legs: key, kind, side, ratio, by, value."""
    names = ("key", "kind", "side", "ratio", "by", "value")
    legs = [dict(zip(names, row, strict=True)) for row in rows]
    return structured("custom", legs=legs, **strategy)


CONDOR = structured("iron_condor")
RATIO = structured("ratio_strangle", quantity=10, call_ratio=1, put_ratio=2)
LONG_PUT = structured("one_leg", leg_kind="put", leg_side="buy")


def entering(config: Preset = CONDOR) -> Board:
    """The first orders have just been asked for."""
    board = Board()
    board.start(config)
    board.read_chain()
    assert board.run.legs, board.watch.why_not
    board.prices()
    board.read_account()
    assert board.phase is Phase.ENTERING, board.watch.why_not
    return board


def holding(config: Preset = CONDOR) -> Board:
    """Every leg is entered at the touch and confirmed by the exchange; commissions 0.01 a leg."""
    board = entering(config)
    for _ in range(10):
        if board.phase is not Phase.ENTERING:
            break
        for key in board.due_legs():
            board.trade(key)
        board.prices()
        board.serve(fill=True)
    assert board.phase is Phase.HOLDING, board.alerts()
    board.prices(after=5)
    board.read_account()
    assert board.phase is Phase.HOLDING, board.run.exit_detail
    return board


__all__ = ["CONDOR", "LONG_PUT", "RATIO", "Board", "Selector", "custom", "entering", "holding", "structured"]
