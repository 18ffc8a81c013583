"""Liquidation: positions whose margin is used up are closed by the exchange.

Isolated: when mark reaches the liquidation price, free balance is drawn first (where auto top-up is on), then the
contract's orders are cancelled and an immediate-or-cancel order goes out at the bankruptcy price; what is left goes to
the insurance fund at that price. Portfolio: orders first, then positions one by one until the margin suffices; there
the fund takes what the book does not at mark.
Source: exchange user guide; fees from its support centre.
"""

from datetime import datetime
from decimal import Decimal

from trader.domain.fill import FillKind
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderType, Side, TimeInForce
from trader.domain.rounding import round_price
from trader.venue.core.account import Account
from trader.venue.core.floor import TradingFloor
from trader.venue.core.holding import Holding
from trader.venue.core.margin import position_unit_margin
from trader.venue.core.matching import Matching
from trader.venue.core.records import OrderRequest, StopKind, StopTerms

_HUNDRED = Decimal(100)
_NAUGHT = Decimal(0)
_EIGHT = Decimal("0.00000001")


class Liquidation:
    """Watches the positions of a floor."""

    def __init__(self, floor: TradingFloor, matching: Matching) -> None:
        self._floor = floor
        self._matching = matching

    def sweep(self, now: datetime) -> list[Instrument]:
        """Liquidate whatever has to be at this instant; gives the contracts in which something was traded."""
        touched: list[Instrument] = []
        for account in self._floor.accounts.values():
            if not account.holdings:
                continue
            if account.margin_mode == "portfolio":
                touched += self._portfolio(account, now)
                continue
            for holding in list(account.holdings.values()):
                instrument = self._floor.products.live.get(holding.symbol)
                if instrument is not None and instrument.tradable and self._exhausted(account, holding, instrument):
                    if holding.auto_topup and self._top_up(account, holding, instrument, now):
                        continue
                    price = self._bankruptcy(account, holding)
                    self._close(account, holding, instrument, price, price, now)
                    touched.append(instrument)
        return touched

    def _exhausted(self, account: Account, holding: Holding, instrument: Instrument) -> bool:
        if holding.size > 0 and instrument.kind is not Kind.PERPETUAL:
            return False  # a bought option is paid in full
        return self._floor.is_used_up(account, holding)

    def _bankruptcy(self, account: Account, holding: Holding) -> Decimal:
        price = self._floor.liquidation(account, holding.symbol).bankruptcy
        assert price is not None, "only margined positions are liquidated"
        return price

    def _within(self, price: Decimal, instrument: Instrument, side: Side) -> Decimal:
        """A price on tick, never worse for the position than `price`, and at least one tick."""
        return max(round_price(price, instrument.tick_size, side), instrument.tick_size)

    def _top_up(self, account: Account, holding: Holding, instrument: Instrument, now: datetime) -> bool:
        """Bring the margin back to the initial one at mark, from the free balance; True when that was enough."""
        floor = self._floor
        mark, spot = floor.stats(holding.symbol).mark, floor.market.spot(instrument.underlying)
        side = Side.BUY if holding.size > 0 else Side.SELL
        assert holding.entry_price is not None
        fresh = position_unit_margin(instrument, side, mark, spot, floor.leverage(account, instrument))
        loss = _NAUGHT
        if instrument.kind is Kind.PERPETUAL:
            loss = (holding.entry_price - mark) * holding.size * instrument.contract_value
        missing = (fresh * abs(holding.size) + loss - holding.margin).quantize(_EIGHT)
        drawn = min(missing, floor.wallet(account).available_balance)
        if drawn <= 0:
            return False
        holding.margin += drawn
        holding.updated_at = now
        floor.ledger.tell_position(account, holding, "update", now, reason="auto_topup")
        return not self._exhausted(account, holding, instrument)

    def _close(
        self,
        account: Account,
        holding: Holding,
        instrument: Instrument,
        limit: Decimal,
        takeover: Decimal,
        now: datetime,
    ) -> None:
        """Cancel the contract's orders, trade out up to `limit`, hand the rest to the insurance fund at `takeover`."""
        floor = self._floor
        for order in [o for o in account.live_orders if o.symbol == instrument.symbol]:
            self._matching.withdraw(account, order, "liquidation", "liquidation", now)
        side = Side.SELL if holding.size > 0 else Side.BUY
        limit, takeover = self._within(limit, instrument, side), self._within(takeover, instrument, side)
        request = OrderRequest(
            symbol=instrument.symbol,
            side=side,
            size=abs(holding.size),
            order_type=OrderType.LIMIT,
            limit_price=limit,
            time_in_force=TimeInForce.IOC,
            reduce_only=True,
        )
        order = floor.add_order(account, request, instrument, now, stop=StopTerms(kind=StopKind.LIQUIDATION))
        floor.ledger.tell_order(account, order, "create", "liquidation", now)
        book = floor.book(instrument.symbol)
        first = len(account.fills)
        # Resting orders of the same account are gone, so the sweep meets no own order.
        takes = self._matching.plan(book, side, limit, order.size, account, instrument)
        self._matching.execute(account, order, instrument, book, takes, now)
        if order.unfilled_size:
            prices = floor.prices(instrument)
            self._matching.fill(account, order, instrument, takeover, order.unfilled_size, "taker", prices, now)
        floor.ledger.tell_order(account, order, "delete", "liquidation", now)
        self._charge(account, instrument, limit, first, now)

    def _charge(self, account: Account, instrument: Instrument, limit: Decimal, first: int, now: datetime) -> None:
        """The liquidation fee of each fill, as far as the fill left something of the position's margin."""
        settings = self._floor.settings
        for index in range(first, len(account.fills)):
            fill = account.fills[index]
            if fill.kind is not FillKind.LIQUIDATION:
                continue
            units = fill.size * instrument.contract_value
            base = fill.price if instrument.kind is Kind.PERPETUAL else (fill.spot or _NAUGHT)
            fee = settings.liquidation_fee_pct / _HUNDRED * base * units
            if instrument.kind is not Kind.PERPETUAL:
                fee = min(fee, settings.liquidation_fee_premium_pct / _HUNDRED * fill.price * units)
            left = max(_NAUGHT, abs(limit - fill.price) * units - fill.commission)
            fee = min(fee * (1 + settings.gst), left).quantize(_EIGHT)
            self._floor.ledger.charge_liquidation(account, index, fee, now)

    def _portfolio(self, account: Account, now: datetime) -> list[Instrument]:
        """Cancel orders, then close positions, the biggest short liability first, until the margin suffices."""
        floor = self._floor
        if not floor.portfolio(account).under_liquidation:
            return []
        for order in account.live_orders:
            self._matching.withdraw(account, order, "liquidation", "liquidation", now)
        touched: list[Instrument] = []
        for holding in sorted(account.holdings.values(), key=self._liability, reverse=True):
            if not floor.portfolio(account).under_liquidation:
                break
            instrument = floor.products.live.get(holding.symbol)
            if instrument is None or not instrument.tradable:
                continue
            low, high = floor.band(instrument)
            mark = floor.stats(holding.symbol).mark
            self._close(account, holding, instrument, low if holding.size > 0 else high, mark, now)
            touched.append(instrument)
        return touched

    def _liability(self, holding: Holding) -> Decimal:
        return -holding.size * self._floor.stats(holding.symbol).mark
