"""Records of earlier versions, read as this one writes them; what is stored stays as it is."""

from msgspec.structs import replace

from trader.domain.order import OrderStatus
from trader.domain.remedy import Remedy
from trader.engine import records as rec

# Earlier versions stored a refusal's code alone, and the engine knew what these left to do; every other ended an entry.
_REMEDIES = {
    "not_sent": Remedy.RESEND,
    "rate_limit_exceeded": Remedy.WAIT,
    "order_size_exceed_available": Remedy.RETRY,
    "order_size_not_available_in_orderbook": Remedy.RETRY,
    "stale_order": Remedy.RETRY,
    "never_accepted": Remedy.RETRY,
    "gone": Remedy.RETRY,
    "no_liquidity_for_market_order": Remedy.MARKET,
    "limit_price_out_of_price_band": Remedy.MARKET,
    "overlapping_buy_sell_orders": Remedy.UNBLOCK,
}


def decode_record(text: str | bytes) -> rec.AnyRecord:
    """A stored record of any version.

    Raises:
        msgspec.ValidationError: The text is no record.
    """
    record = rec.decode_record(text)
    if isinstance(record, rec.OrderResolved) and record.status is OrderStatus.REJECTED and record.remedy is None:
        return replace(record, remedy=_REMEDIES.get(record.code, Remedy.GIVE_UP))
    return record
