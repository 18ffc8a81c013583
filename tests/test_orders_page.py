"""docs/orders.md shows the table of an order's life as it is, and the table is sound."""

from tests.docs_orders import CAUSES, PAGE, generated, page
from trader.domain.order import TERMINAL, TRANSITIONS, OrderStatus


def test_the_page_shows_the_table_as_it_is() -> None:
    assert generated() in PAGE.read_text(), "run: python -m tests.docs_orders"
    assert page() == PAGE.read_text()


def test_every_state_has_its_row_its_cause_and_a_way_there() -> None:
    assert set(TRANSITIONS) == set(OrderStatus) == set(CAUSES)
    reached = {OrderStatus.CREATED} | {after for afters in TRANSITIONS.values() for after in afters}
    assert reached == set(OrderStatus)


def test_every_state_that_is_not_an_end_leads_to_one() -> None:
    for status in set(OrderStatus) - TERMINAL:
        seen, todo = {status}, [status]
        while todo:
            new = TRANSITIONS[todo.pop()] - seen
            seen |= new
            todo += new
        assert seen & TERMINAL
        assert OrderStatus.FILLED in seen or status is OrderStatus.DENIED
