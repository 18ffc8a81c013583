"""Tables for the page: rows of text ready to show."""

from collections.abc import Iterable
from decimal import Decimal

import pandas as pd

from trader.engine.view import OrderView
from trader.panel import format as fmt

PURPOSES = {"E": "entry", "X": "exit", "R": "unwind", "F": "flatten"}


def orders_table(orders: Iterable[OrderView], *, wall: bool = False) -> pd.DataFrame:
    """Orders of the run, newest first. For `st.dataframe`, which shows text as it is.

    Orders have this machine's time; `wall` says so, where the page's clock is another.
    """
    rows = [
        {
            f"Time (IST{', wall' if wall else ''})": fmt.ist_clock(order.wall),
            "Leg": order.leg,
            "Purpose": PURPOSES.get(order.purpose, order.purpose),
            "Side": order.side,
            "Filled": f"{order.filled_quantity:,} of {order.quantity:,}",
            "Limit": "market" if order.limit_price is None else fmt.price(order.limit_price),
            "Status": order.status.replace("_", " "),
            "Message": fmt.plain(order.message, 200),
            "Client order id": order.client_order_id,
        }
        for order in sorted(orders, key=lambda order: order.wall, reverse=True)
    ]
    return pd.DataFrame(rows)


def as_float(value: Decimal | float | None) -> float | None:
    """For charts and number columns, which know no decimals."""
    return None if value is None else float(value)
