"""Booking: turns an execution into cash, position, fill row, transactions and events. Only here money moves."""

import hashlib
from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.fill import FillKind
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.venue.core.account import Account
from trader.venue.core.commission import Commission, commission_for
from trader.venue.core.events import Event, OrderEvent, PositionEvent, TradeEvent, WalletEvent
from trader.venue.core.holding import Holding
from trader.venue.core.margin import position_unit_margin
from trader.venue.core.records import FillRow, Order, StopKind, StopTerms, Transaction
from trader.venue.core.settings import CoreSettings

_NAUGHT = Decimal(0)


class Counters(msgspec.Struct, kw_only=True):
    """Running numbers of everything that gets an id."""

    order_id: int
    priority: int = 0
    fill: int = 0
    transaction: int = 0


class Prices(msgspec.Struct, frozen=True):
    """Index and mark at the instant of an execution; `mark` None where it is not known."""

    spot: Decimal
    mark: Decimal | None


class Ledger:
    """Books executions of accounts and collects the events for their streams."""

    def __init__(self, *, settings: CoreSettings, counters: Counters) -> None:
        self._seed = settings.seed
        self._settings = settings
        self.counters = counters
        self.events: list[Event] = []

    def fill(
        self,
        account: Account,
        order: Order,
        instrument: Instrument,
        *,
        price: Decimal,
        size: int,
        role: str,
        prices: Prices,
        leverage: Decimal,
        now: datetime,
    ) -> FillRow:
        """Execute `size` contracts of `order` at `price`."""
        order.unfilled_size -= size
        order.filled_value += price * size
        order.updated_at = now
        if order.unfilled_size == 0:
            order.state = "closed"
        charge = commission_for(
            instrument, role=role, price=price, quantity=size, spot=prices.spot, settings=self._settings
        )
        order.paid_commission += charge.amount
        holding, cash = self._move_position(
            account, instrument, side=order.side, price=price, size=size, spot=prices.spot, leverage=leverage, now=now
        )
        holding.commission_paid += charge.amount
        row = self._row(
            account, order, instrument, holding, charge, price=price, size=size, role=role, prices=prices, now=now
        )
        self._pay(account, cash, "cashflow", row, now)
        self._pay(account, -charge.amount, "commission", row, now)
        account.touch(order)
        self._record(account, row)
        self._tell_position(account, holding, row, now)
        return row

    def settle(
        self, account: Account, instrument: Instrument, *, price: Decimal, spot: Decimal, with_fill: bool, now: datetime
    ) -> None:
        """Close the account's position in an expired option at its payout; no commission is charged.

        `with_fill` False lets the position vanish without a fill row (the cash is booked all the same).
        """
        held = account.holdings[instrument.symbol]
        side = Side.SELL if held.size > 0 else Side.BUY
        size = abs(held.size)
        holding, cash = self._move_position(
            account, instrument, side=side, price=price, size=size, spot=spot, leverage=Decimal(1), now=now
        )
        self.counters.fill += 1
        fill_id = self._hex("fill", self.counters.fill)
        row = FillRow(
            id=fill_id,
            seq=len(account.fills) + 1,
            user_id=account.user_id,
            order_id=self._hex("settlement", self.counters.fill),
            product_id=instrument.product_id,
            symbol=instrument.symbol,
            side=side,
            size=size,
            price=price,
            role="taker",
            kind=FillKind.SETTLEMENT,
            notional=price * size * instrument.contract_value,
            order_size=size,
            order_type="settlement",
            order_unfilled_size=0,
            spot=spot,
            position_size=0,
            created_at=now,
        )
        self._pay(account, cash, "settlement", row, now)
        if with_fill:
            account.fills.append(row)
        self._tell_position(account, holding, row, now)

    def fund(self, account: Account, instrument: Instrument, amount: Decimal, now: datetime) -> None:
        """Pay or charge funding of a perpetual position; `amount` is USD, positive = received."""
        holding = account.holdings[instrument.symbol]
        holding.realized_funding += amount
        holding.updated_at = now
        self.transfer(account, amount, "funding", now, product_id=instrument.product_id)
        self.tell_position(account, holding, "update", now)

    def charge_liquidation(self, account: Account, index: int, amount: Decimal, now: datetime) -> None:
        """Take the fee of a liquidation fill (the account's fill at that index), USD, and note it on the fill."""
        fill = msgspec.structs.replace(account.fills[index], liquidation_fee=amount)
        account.fills[index] = fill
        self._pay(account, -amount, "liquidation_fee", fill, now)
        self.events.append(WalletEvent(user_id=account.user_id, ts=now))

    def transfer(
        self, account: Account, amount: Decimal, kind: str, now: datetime, *, product_id: int | None = None
    ) -> None:
        """Move cash that belongs to no fill: funding, transfers between accounts."""
        if amount == 0:
            return
        self._write_down(account, amount, kind, now, product_id=product_id, order_id=None, fill_id=None)
        self.events.append(WalletEvent(user_id=account.user_id, ts=now))

    def tell_position(
        self, account: Account, holding: Holding, action: str, now: datetime, *, reason: str | None = None
    ) -> None:
        """Announce a position as it stands, with the wallet it changed."""
        account.remember_position(holding.symbol, holding, now)
        copy = msgspec.structs.replace(holding)
        self.events.append(PositionEvent(user_id=account.user_id, holding=copy, action=action, ts=now, reason=reason))
        self.events.append(WalletEvent(user_id=account.user_id, ts=now))

    def tell_order(self, account: Account, order: Order, action: str, reason: str | None, now: datetime) -> None:
        """Announce an order on the account's stream, with the wallet it changed."""
        account.touch(order)
        account.order_seq[order.symbol] += 1
        self.events.append(
            OrderEvent(
                user_id=account.user_id,
                order=msgspec.structs.replace(order),
                action=action,
                reason=reason,
                seq_no=account.order_seq[order.symbol],
                ts=now,
            )
        )
        self.events.append(WalletEvent(user_id=account.user_id, ts=now))

    def _move_position(
        self,
        account: Account,
        instrument: Instrument,
        *,
        side: Side,
        price: Decimal,
        size: int,
        spot: Decimal,
        leverage: Decimal,
        now: datetime,
    ) -> tuple[Holding, Decimal]:
        """Apply contracts to the position; returns it and the cash that moves (premium, or a future's realised P&L)."""
        holding = account.holdings.get(instrument.symbol)
        if holding is None:
            holding = Holding(
                user_id=account.user_id,
                symbol=instrument.symbol,
                product_id=instrument.product_id,
                auto_topup=account.default_auto_topup,
                created_at=now,
                updated_at=now,
            )
            account.holdings[instrument.symbol] = holding
        realized = holding.apply(
            signed=side.sign * size,
            price=price,
            contract_value=instrument.contract_value,
            unit_margin=position_unit_margin(instrument, side, price, spot, leverage),
        )
        holding.updated_at = now
        cash = realized
        if instrument.kind is not Kind.PERPETUAL:
            cash = -side.sign * price * size * instrument.contract_value
        holding.realized_cashflow += cash
        holding.commission = self._closing_commission(holding, instrument, spot)
        if holding.size == 0:
            del account.holdings[instrument.symbol]
        account.remember_position(instrument.symbol, holding, now)
        return holding, cash

    def _closing_commission(self, holding: Holding, instrument: Instrument, spot: Decimal) -> Decimal:
        """What closing the position at its entry price would cost; kept blocked with it."""
        entry = holding.entry_price
        if entry is None:
            return _NAUGHT
        size = abs(holding.size)
        return commission_for(
            instrument, role="taker", price=entry, quantity=size, spot=spot, settings=self._settings
        ).amount

    def _row(
        self,
        account: Account,
        order: Order,
        instrument: Instrument,
        holding: Holding,
        charge: Commission,
        *,
        price: Decimal,
        size: int,
        role: str,
        prices: Prices,
        now: datetime,
    ) -> FillRow:
        self.counters.fill += 1
        return FillRow(
            id=self._hex("fill", self.counters.fill),
            seq=len(account.fills) + 1,
            user_id=account.user_id,
            order_id=str(order.id),
            client_order_id=order.client_order_id,
            product_id=order.product_id,
            symbol=order.symbol,
            side=order.side,
            size=size,
            price=price,
            role=role,
            kind=FillKind.NORMAL if order.stop is None else _fill_kind(order.stop),
            commission=charge.amount,
            notional=price * size * instrument.contract_value,
            commission_rate=charge.rate,
            on_notional=charge.on_notional,
            order_price=order.limit_price,
            order_size=order.size,
            order_type=order.order_type.value,
            order_unfilled_size=order.unfilled_size,
            mark=prices.mark,
            spot=prices.spot,
            position_size=holding.size,
            entry_price=holding.entry_price,
            margin=holding.margin,
            created_at=now,
            position_commission=holding.commission,
            total_commission=holding.commission_paid,
            realized_pnl=holding.realized_pnl,
            realized_cashflow=holding.realized_cashflow,
            realized_funding=holding.realized_funding,
        )

    def _pay(self, account: Account, amount: Decimal, kind: str, row: FillRow, now: datetime) -> None:
        """Move cash and write it down; nothing is written for nothing, except the cash flow of a settlement."""
        if amount == 0 and kind != "settlement":
            return
        self._write_down(account, amount, kind, now, product_id=row.product_id, order_id=row.order_id, fill_id=row.id)

    def _write_down(
        self,
        account: Account,
        amount: Decimal,
        kind: str,
        now: datetime,
        *,
        product_id: int | None,
        order_id: str | None,
        fill_id: str | None,
    ) -> None:
        account.balance += amount
        self.counters.transaction += 1
        account.transactions.append(
            Transaction(
                id=self.counters.transaction,
                user_id=account.user_id,
                amount=amount,
                balance=account.balance,
                transaction_type=kind,
                product_id=product_id,
                order_id=order_id,
                fill_id=fill_id,
                created_at=now,
            )
        )

    def _record(self, account: Account, row: FillRow) -> None:
        account.fills.append(row)
        account.trade_seq[row.symbol] += 1
        self.events.append(TradeEvent(user_id=account.user_id, fill=row, seq_no=account.trade_seq[row.symbol]))

    def _tell_position(self, account: Account, holding: Holding, row: FillRow, now: datetime) -> None:
        opened = holding.created_at == now and abs(holding.size) == row.size
        action = "delete" if holding.size == 0 else ("create" if opened else "update")
        copy = msgspec.structs.replace(holding)
        self.events.append(PositionEvent(user_id=account.user_id, holding=copy, action=action, ts=now))
        self.events.append(WalletEvent(user_id=account.user_id, ts=now))

    def _hex(self, kind: str, number: int) -> str:
        """A 32-digit id that looks like a UUID's hex and is the same for the same seed and number."""
        return hashlib.blake2b(f"{self._seed}:{kind}:{number}".encode(), digest_size=16).hexdigest()


def _fill_kind(stop: StopTerms) -> FillKind:
    return FillKind.LIQUIDATION if stop.kind is StopKind.LIQUIDATION else FillKind.NORMAL
