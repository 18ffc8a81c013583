"""The one table of an order's life is kept by what the exchange sends: every order's news, in every transport, follows it."""

import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.conformance.target import Target, open_local
from tests.exchange.scripted_http import wait_for
from trader.domain.order import TERMINAL, TRANSITIONS, OrderSnapshot, OrderStatus, OrderType, Side, TimeInForce
from trader.domain.outcome import Ok, Rejected
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.events import StreamUp
from trader.exchange.delta.api.order_requests import CancelScope, OrderEdit, Stop
from trader.exchange.delta.stream.streams import PrivateStream, Timings


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with open_local() as made:
        yield made


def test_a_hundred_orders_of_every_kind_live_by_the_table(target: Target) -> None:
    heard: list[object] = []
    stream = PrivateStream(
        target.ws_private_url, Credentials(target.key, target.secret), heard.append, timings=Timings(tick_secs=0.05)
    )
    stream.start()
    wait_for(lambda: any(isinstance(message, StreamUp) for message in list(heard)))
    rng = random.Random(4)
    answers: dict[str, list[OrderStatus]] = defaultdict(list)
    resting: list[OrderSnapshot] = []
    quote = target.quote()
    assert quote.bid is not None and quote.ask is not None and quote.mark is not None
    for _ in range(100):
        kind = rng.choice(("rest", "rest", "market", "ioc", "stop", "cancel", "edit", "cross", "refused"))
        if kind in ("cancel", "edit") and not resting:
            continue
        if kind == "cancel":
            order = resting.pop(rng.randrange(len(resting)))
            outcome = target.gateway.orders.cancel(product_id=order.product_id, venue_order_id=order.venue_order_id)
        elif kind == "edit":
            order = rng.choice(resting)
            edit = OrderEdit(
                venue_order_id=order.venue_order_id, product_id=order.product_id, quantity=rng.randint(1, 9)
            )
            outcome = target.gateway.orders.edit(edit)
        else:
            changes = {
                "rest": {"quantity": rng.randint(1, 5)},
                "market": {"order_type": OrderType.MARKET, "limit_price": None, "side": rng.choice((Side.BUY, Side.SELL))},
                "ioc": {"time_in_force": TimeInForce.IOC},
                "stop": {
                    "order_type": OrderType.MARKET, "limit_price": None,
                    "stop": Stop(price=(quote.mark * 3).quantize(Decimal("0.1"))),
                },
                "cross": {"limit_price": quote.ask + 1, "quantity": 3},
                "refused": {"post_only": True, "limit_price": quote.ask + 1},
            }[kind]  # fmt: skip
            outcome = target.gateway.orders.place(target.request(**changes))
        if isinstance(outcome, Ok):
            answers[outcome.order.venue_order_id].append(outcome.order.status)
            if kind in ("rest", "stop"):
                resting.append(outcome.order)
        else:
            assert isinstance(outcome, Rejected)
    target.gateway.orders.cancel_all(CancelScope())
    wait_for(lambda: not target.gateway.open_orders())
    ended = {row.order.venue_order_id: row.order.status for row in target.gateway.orders.history()}

    def told() -> dict[str, list[OrderStatus]]:
        news: dict[str, list[OrderStatus]] = defaultdict(list)
        for message in list(heard):
            if isinstance(message, OrderSnapshot):
                news[message.venue_order_id].append(message.status)
        return news

    wait_for(lambda: all(told()[name] and told()[name][-1] in TERMINAL for name in answers))
    stream.stop()
    kinds = set()
    for name, first in answers.items():
        for story in ([OrderStatus.IN_FLIGHT, *told()[name]], [OrderStatus.IN_FLIGHT, *first]):
            for before, after in zip(story, story[1:], strict=False):
                assert after is before or after in TRANSITIONS[before], f"order {name}: {' → '.join(story)}"
        assert told()[name][-1] is ended[name]
        kinds |= set(told()[name])
    assert {OrderStatus.ACCEPTED, OrderStatus.FILLED, OrderStatus.CANCELLED} <= kinds
    target.tidy()
