"""Brackets: a stop loss and a take profit on an entry order or on a position, of which one ends the other.

The legs are waiting reduce-only stop orders (`bracket_order` True). Legs of an entry order appear with its first fill and
grow with its fills; legs of a position close all of it. Source: exchange documentation, "Place Bracket Order"; legs that
are amended come back under new ids, as reported of the live system.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument
from trader.domain.order import OrderType, Side
from trader.venue.core.account import Account
from trader.venue.core.floor import TradingFloor
from trader.venue.core.matching import Matching
from trader.venue.core.records import BracketTerms, Order, OrderRequest, StopKind, StopTerms
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.core.triggers import Triggers, check_trigger_price, is_met
from trader.venue.core.validation import check_price

_BAD = "position_bracket_exist_or_invalid_data"


def check_bracket(bracket: BracketTerms, instrument: Instrument, entry: Side, reference: Decimal) -> None:
    """Judge a bracket beside the price its position starts at: the stop on the losing side, the profit on the other.

    Raises:
        Refused: ``bad_schema``, or ``position_bracket_exist_or_invalid_data`` for a leg on the wrong side.
    """
    if bracket.stop_loss_price is not None and bracket.trail_amount is not None:
        raise bad_schema("bracket_trail_amount", "give at most one of stop loss price and trail amount")
    if bracket.stop_loss_price is None and bracket.trail_amount is None and bracket.take_profit_price is None:
        raise bad_schema("bracket_stop_loss_price", "a bracket needs at least one leg")
    if bracket.stop_loss_limit_price is not None and bracket.stop_loss_price is None and bracket.trail_amount is None:
        raise bad_schema("bracket_stop_loss_limit_price", "needs a stop loss price")
    if bracket.take_profit_limit_price is not None and bracket.take_profit_price is None:
        raise bad_schema("bracket_take_profit_limit_price", "needs a take profit price")
    for name in ("stop_loss_price", "take_profit_price", "trail_amount"):
        value: Decimal | None = getattr(bracket, name)
        if value is not None:
            check_trigger_price(f"bracket_{name}", abs(value) if name == "trail_amount" else value, instrument)
    for price in (bracket.stop_loss_limit_price, bracket.take_profit_limit_price):
        if price is not None:
            check_price(price, instrument)
    if bracket.method.value == "spot_price":
        return  # triggers on another price than the contract's own
    for price, losing in ((bracket.stop_loss_price, True), (bracket.take_profit_price, False)):
        if price is not None and (price < reference) != (losing == (entry is Side.BUY)):
            raise Refused(_BAD, {"reason": "a leg lies on the wrong side of the entry price"})


class Brackets:
    """Legs of brackets on a floor."""

    def __init__(self, floor: TradingFloor, matching: Matching, triggers: Triggers) -> None:
        self._floor = floor
        self._matching = matching
        self._triggers = triggers

    def legs(self, account: Account, symbol: str) -> list[Order]:
        """Live legs of a contract, waiting or triggered."""
        return [o for o in account.live_orders if o.bracket_order and o.symbol == symbol]

    def dress(self, account: Account, entry: Order, instrument: Instrument, now: datetime) -> None:
        """Give an entry order that was filled its legs, or let them grow with it."""
        assert entry.bracket is not None
        size = min(entry.filled_size, abs(account.position_size(entry.symbol)))
        if size == 0 or account.position_size(entry.symbol) * entry.side.sign < 0:
            return
        mine = [o for o in self.legs(account, entry.symbol) if o.parent_id == entry.id]
        if not mine:
            self._make_legs(account, instrument, entry.bracket, entry.side.opposite, size, entry.id, now)
        for leg in mine:
            self._resize(account, leg, size, now)

    def protect(self, account: Account, instrument: Instrument, bracket: BracketTerms, now: datetime) -> None:
        """Put a bracket on a whole open position.

        Raises:
            Refused: ``no_open_position``, ``position_bracket_exist_or_invalid_data``, ``immediate_execution_stop_order``.
        """
        held = account.position_size(instrument.symbol)
        if held == 0:
            raise Refused("no_open_position")
        if self.legs(account, instrument.symbol):
            raise Refused(_BAD, {"reason": "the position has a bracket"})
        closing = Side.SELL if held > 0 else Side.BUY
        check_bracket(bracket, instrument, closing.opposite, self._floor.stats(instrument.symbol).mark)
        reference = self._floor.reference(instrument, bracket.method)
        for stop, _ in _stops(bracket):
            if reference is not None and is_met(stop, closing, reference):
                raise Refused("immediate_execution_stop_order")
        self._make_legs(account, instrument, bracket, closing, abs(held), None, now)

    def amend(
        self, account: Account, entry: Order, bracket: BracketTerms, instrument: Instrument, now: datetime
    ) -> None:
        """Change the bracket of an entry order that is still live; legs it has already are replaced."""
        trigger = entry.stop.price if entry.stop is not None else None
        reference = entry.limit_price or trigger or self._floor.stats(entry.symbol).mark
        check_bracket(bracket, instrument, entry.side, reference)
        old = [o for o in self.legs(account, entry.symbol) if o.parent_id == entry.id]
        for leg in old:
            self._matching.withdraw(account, leg, "cancelled_by_system", "stop_cancel", now)
        entry.bracket, entry.updated_at = bracket, now
        self._floor.ledger.tell_order(account, entry, "update", None, now)
        if old:
            self.dress(account, entry, instrument, now)

    def keep_in_step(self, symbol: str, now: datetime) -> None:
        """After fills: waiting reduce-only stops without a position go, legs are as big as what they close."""
        for order in list(self._floor.pending.get(symbol, {}).values()):
            if not order.reduce_only:
                continue
            account = self._floor.accounts[order.user_id]
            left = self._matching.reducible(account, order)
            if left == 0:
                self._matching.withdraw(account, order, "no_position_left_for_reduce_only", "stop_cancel", now)
            elif order.bracket_order:
                parent = account.orders.get(order.parent_id) if order.parent_id is not None else None
                self._resize(account, order, left if parent is None else min(left, parent.filled_size), now)

    def end_siblings(self, account: Account, leg: Order, now: datetime) -> None:
        """One leg was filled: the others of its bracket end."""
        for other in self.legs(account, leg.symbol):
            if other.parent_id == leg.parent_id and other is not leg:
                self._matching.withdraw(account, other, "cancelled_by_system", "stop_cancel", now)

    def _resize(self, account: Account, leg: Order, size: int, now: datetime) -> None:
        if leg.state == "pending" and leg.size != size:
            leg.size = leg.unfilled_size = size
            leg.updated_at = now
            self._floor.ledger.tell_order(account, leg, "update", "stop_update", now)

    def _make_legs(
        self,
        account: Account,
        instrument: Instrument,
        bracket: BracketTerms,
        side: Side,
        size: int,
        parent_id: int | None,
        now: datetime,
    ) -> None:
        floor = self._floor
        for stop, limit in _stops(bracket):
            request = OrderRequest(
                symbol=instrument.symbol,
                side=side,
                size=size,
                order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
                limit_price=limit,
                reduce_only=True,
            )
            leg = floor.add_order(
                account, request, instrument, now, state="pending", stop=stop, bracket_order=True, parent_id=parent_id
            )
            self._triggers.wait(leg)
            floor.ledger.tell_order(account, leg, "create", None, now)


def _stops(bracket: BracketTerms) -> list[tuple[StopTerms, Decimal | None]]:
    """The stop terms of the legs, with their limit prices."""
    found: list[tuple[StopTerms, Decimal | None]] = []
    if bracket.stop_loss_price is not None or bracket.trail_amount is not None:
        stop = StopTerms(
            kind=StopKind.STOP_LOSS, price=bracket.stop_loss_price, trail=bracket.trail_amount, method=bracket.method
        )
        found.append((stop, bracket.stop_loss_limit_price))
    if bracket.take_profit_price is not None:
        profit = StopTerms(kind=StopKind.TAKE_PROFIT, price=bracket.take_profit_price, method=bracket.method)
        found.append((profit, bracket.take_profit_limit_price))
    return found


def merged_bracket(old: BracketTerms | None, **fields: object) -> BracketTerms:
    """A bracket with the fields that were given, the rest as before.

    A new stop loss price replaces a trail amount and the other way round.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    kept = msgspec.structs.asdict(old) if old is not None else {}
    if given.get("stop_loss_price") is not None and "trail_amount" not in given:
        kept["trail_amount"] = None
    if given.get("trail_amount") is not None and "stop_loss_price" not in given:
        kept["stop_loss_price"] = None
    return BracketTerms(**(kept | given))
