"""What a user does to open positions: margin in and out, automatic top-up, closing everything, margin mode."""

from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument, Kind
from trader.domain.margin import MODES
from trader.domain.order import OrderType, Side
from trader.venue.core.account import Account
from trader.venue.core.floor import TradingFloor
from trader.venue.core.holding import Holding
from trader.venue.core.order_desk import OrderDesk
from trader.venue.core.records import Order, OrderRequest
from trader.venue.core.refusal import Refused, bad_schema, insufficient_margin


class Positions:
    """Positions of a floor's accounts."""

    def __init__(self, floor: TradingFloor, desk: OrderDesk) -> None:
        self._floor = floor
        self._desk = desk

    def change_margin(self, account: Account, instrument: Instrument, delta: Decimal, now: datetime) -> Holding:
        """Add to the margin of an isolated position (positive USD) or take from it.

        Raises:
            Refused: ``no_open_position``, ``insufficient_margin``, ``immediate_liquidation``,
                ``trading_not_allowed_on_current_margin_mode``.
        """
        holding = self._margined(account, instrument)
        available = self._floor.wallet(account).available_balance
        if delta > available:
            raise insufficient_margin(available, delta)
        before = holding.margin
        holding.margin += delta
        if delta < 0 and (holding.margin <= 0 or self._floor.is_used_up(account, holding)):
            holding.margin = before
            raise Refused("immediate_liquidation")
        holding.updated_at = now
        self._floor.ledger.tell_position(account, holding, "update", now)
        return holding

    def set_auto_topup(self, account: Account, instrument: Instrument, wanted: bool, now: datetime) -> Holding:
        """Let a position draw free balance before it is liquidated, or not. Raises Refused (``no_open_position``)."""
        holding = account.holdings.get(instrument.symbol)
        if holding is None:
            raise Refused("no_open_position")
        holding.auto_topup, holding.updated_at = wanted, now
        self._floor.ledger.tell_position(account, holding, "update", now)
        return holding

    def close_all(self, account: Account, now: datetime, *, product_ids: set[int] | None = None) -> list[Order]:
        """Close every position with a market order (those of some products only, when given); gives the orders.

        A contract whose book is empty, or in which an own order stands in the way, keeps its position: the account's
        orders of the contract are cancelled first.
        """
        sent: list[Order] = []
        for symbol, holding in sorted(account.holdings.items()):
            if symbol not in self._floor.products.live or (
                product_ids is not None and holding.product_id not in product_ids
            ):
                continue
            for order in [o for o in account.live_orders if o.symbol == symbol]:
                self._desk.matching.withdraw(account, order, "position_closed", None, now)
            request = OrderRequest(
                symbol=symbol,
                side=Side.SELL if holding.size > 0 else Side.BUY,
                size=abs(holding.size),
                order_type=OrderType.MARKET,
                reduce_only=True,
            )
            try:
                sent.append(self._desk.place(account, request, now))
            except Refused:
                continue  # stays open and is listed as such; the answer of the endpoint says only "success"
        return sent

    def set_margin_mode(self, account: Account, mode: str) -> None:
        """Change between isolated and portfolio margin.

        Raises:
            Refused: ``bad_schema``, or ``insufficient_margin`` when the account could not be carried in the new mode.
        """
        if mode not in MODES:
            raise bad_schema("margin_mode", f"must be one of: {', '.join(MODES)}")
        before = account.margin_mode
        account.margin_mode = mode
        wallet = self._floor.wallet(account)
        required = wallet.blocked_margin if mode == "isolated" else self._floor.portfolio(account).required
        if (account.holdings or account.open_orders) and required > account.balance:
            account.margin_mode = before
            raise insufficient_margin(account.balance, required)

    def _margined(self, account: Account, instrument: Instrument) -> Holding:
        holding = account.holdings.get(instrument.symbol)
        if holding is None:
            raise Refused("no_open_position")
        if account.margin_mode == "portfolio":
            raise Refused("trading_not_allowed_on_current_margin_mode")
        if holding.size > 0 and instrument.kind is not Kind.PERPETUAL:
            raise bad_schema("delta_margin", "a bought option has no margin")
        return holding
