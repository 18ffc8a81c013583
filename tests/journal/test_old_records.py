"""A journal of an earlier version means the same to this one: a stored refusal leaves to do what it left then."""

import pytest

from tests.journal import samples_of_records as s
from trader.domain.order import OrderStatus
from trader.domain.remedy import Remedy
from trader.engine import records as rec
from trader.journal.old_records import decode_record


def stored(code: str, status: OrderStatus = OrderStatus.REJECTED) -> str:
    """As an earlier version wrote it: without a remedy."""
    record = rec.OrderResolved(run_id="r", wall=s.WALL, client_order_id="o", status=status, code=code)
    return rec.encode_record(record).replace(',"remedy":null', "")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("not_sent", Remedy.RESEND),
        ("rate_limit_exceeded", Remedy.WAIT),
        ("order_size_exceed_available", Remedy.RETRY),
        ("order_size_not_available_in_orderbook", Remedy.RETRY),
        ("stale_order", Remedy.RETRY),
        ("never_accepted", Remedy.RETRY),
        ("gone", Remedy.RETRY),
        ("no_liquidity_for_market_order", Remedy.MARKET),
        ("limit_price_out_of_price_band", Remedy.MARKET),
        ("overlapping_buy_sell_orders", Remedy.UNBLOCK),
        ("insufficient_margin", Remedy.GIVE_UP),
        ("a_code_nobody_has_documented", Remedy.GIVE_UP),
    ],
)
def test_a_refusal_without_a_remedy_gets_the_one_it_had(code: str, remedy: Remedy) -> None:
    assert "remedy" not in stored(code)
    read = decode_record(stored(code))
    assert isinstance(read, rec.OrderResolved) and (read.code, read.remedy) == (code, remedy)


def test_what_was_not_refused_has_none() -> None:
    read = decode_record(stored("cancelled_by_user", OrderStatus.CANCELLED))
    assert isinstance(read, rec.OrderResolved) and read.remedy is None


def test_what_a_record_says_itself_stands() -> None:
    said = rec.OrderResolved(
        run_id="r",
        wall=s.WALL,
        client_order_id="o",
        status=OrderStatus.REJECTED,
        code="not_sent",
        remedy=Remedy.HALT,
    )
    assert decode_record(rec.encode_record(said)) == said
