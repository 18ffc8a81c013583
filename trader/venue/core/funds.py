"""Can the account carry this order? Margin, premium and commission of what would fill now and what would rest."""

from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.venue.core.account import Account
from trader.venue.core.book import Take
from trader.venue.core.commission import commission_for
from trader.venue.core.margin import initial_rate, order_unit_margin, position_unit_margin
from trader.venue.core.records import Order
from trader.venue.core.refusal import Refused, insufficient_margin
from trader.venue.core.settings import CoreSettings

_NAUGHT = Decimal(0)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an order is margined with: contract, index price, leverage, and the settings that say what a fill costs."""

    instrument: Instrument
    spot: Decimal
    leverage: Decimal
    settings: CoreSettings

    def commission(self, price: Decimal, quantity: int) -> Decimal:
        """USD for taking `quantity` contracts at `price`."""
        charge = commission_for(
            self.instrument, role="taker", price=price, quantity=quantity, spot=self.spot, settings=self.settings
        )
        return charge.amount


def block(order: Order, terms: Terms) -> None:
    """Note on a resting order what each unfilled contract that opens a position blocks."""
    assert order.limit_price is not None, "only orders with a limit rest"
    order.unit_margin = order_unit_margin(terms.instrument, order.side, order.limit_price, terms.spot, terms.leverage)
    order.unit_commission = terms.commission(order.limit_price, 1)


def check_funds(
    account: Account,
    terms: Terms,
    *,
    side: Side,
    takes: list[Take],
    size: int,
    resting_at: Decimal | None,
    replacing: Order | None = None,
) -> None:
    """Refuse an order the wallet cannot carry.

    `takes` is what fills now, `resting_at` the limit at which the remainder of `size` rests (None = it does not rest).
    What is blocked for a position that the fills close, margin and commission, counts as available, and so does what `replacing`
    blocks. What closes only and brings money in may be done in debt, too: an option sold, a perpetual closed with a profit.

    Raises:
        Refused: ``insufficient_margin``, or ``close_position_insufficient_margin`` for a purely closing order.
    """
    instrument = terms.instrument
    held = account.holdings.get(instrument.symbol)
    closable = abs(held.size) if held is not None and held.size * side.sign < 0 else 0
    closes_only = closable >= size
    needed = freed = _NAUGHT
    for take in takes:
        closing = min(closable, take.size)
        closable -= closing
        if held is not None:
            freed += (held.margin + held.commission) / abs(held.size) * closing
        needed += terms.commission(take.price, take.size)
        needed += (take.size - closing) * position_unit_margin(instrument, side, take.price, terms.spot, terms.leverage)
        if instrument.kind is not Kind.PERPETUAL:
            needed += side.sign * take.price * take.size * instrument.contract_value
        elif closes_only and held is not None and held.entry_price is not None:
            profit = (held.entry_price - take.price) * side.sign * closing * instrument.contract_value
            needed -= max(profit, _NAUGHT)
    opening = max(0, size - sum(take.size for take in takes) - closable)
    if resting_at is not None and opening:
        unit = order_unit_margin(instrument, side, resting_at, terms.spot, terms.leverage)
        needed += unit * opening + terms.commission(resting_at, opening)
    available = account.wallet(without=replacing).available_balance + freed
    if needed > available and not (closes_only and needed <= 0):
        code = "close_position_insufficient_margin" if closes_only else "insufficient_margin"
        raise insufficient_margin(available, needed, code)


def check_position_limit(account: Account, instrument: Instrument, side: Side, size: int) -> None:
    """Refuse an order that could take the position beyond the product's limit; one that makes it smaller always may.

    Raises:
        Refused: ``risk_limits_breached``.
    """
    held = account.position_size(instrument.symbol)
    after = abs(held + side.sign * size)
    if after > instrument.position_size_limit and after > abs(held):
        raise Refused("risk_limits_breached", {"position_size_limit": instrument.position_size_limit})


def check_liquidation(account: Account, terms: Terms, *, side: Side, takes: list[Take], mark: Decimal) -> None:
    """Refuse fills so far from mark that the new contracts would be liquidated at once.

    Raises:
        Refused: ``immediate_liquidation``.
    """
    instrument = terms.instrument
    option = instrument.kind is not Kind.PERPETUAL
    if option and side is Side.BUY:
        return
    held = account.holdings.get(instrument.symbol)
    size = sum(take.size for take in takes)
    if held is not None and held.size * side.sign < 0 and size <= abs(held.size):
        return
    paid = sum((take.price * take.size for take in takes), _NAUGHT) / size
    base = terms.spot if option else paid
    maintenance = instrument.maintenance_margin_pct / 100 * base
    spare = initial_rate(instrument, terms.leverage) * base - maintenance
    if (paid - mark) * side.sign >= spare:
        raise Refused("immediate_liquidation")
