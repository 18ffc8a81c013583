"""Tables for the page: rows of text ready to show. Whoever draws them in a Markdown-reading table passes `safe=True`."""

from collections.abc import Iterable
from decimal import Decimal

import pandas as pd

from trader.engine.view import LegView, OrderView, Rung
from trader.panel import format as fmt
from trader.panel import words


def legs_table(legs: Iterable[LegView]) -> pd.DataFrame:
    """Both legs now. Symbols are escaped for a Markdown-reading table."""
    rows = [
        {
            "Leg": fmt.safe(leg.symbol, 40),
            "P&L": fmt.usd(leg.pnl, signed=True),
            "Side": fmt.safe(leg.side, 8),
            "Open": f"{leg.open_quantity:,} of {leg.quantity:,}",
            "Entry": fmt.price(leg.avg_px),
            "Ask": fmt.price(leg.ask),
            "Mark": fmt.price(leg.mark),
            "Bid": fmt.price(leg.bid),
            "Exit": fmt.price(leg.exit_px),
            "Delta": fmt.number(leg.delta, 3),
            "IV": fmt.pct(None if leg.iv is None else leg.iv * 100),
            "To strike": fmt.pct(leg.distance_pct),
            "Price age": _age(leg),
        }
        for leg in legs
    ]
    return pd.DataFrame(rows)


def _age(leg: LegView) -> str:
    if not leg.open_quantity and leg.exit_px is not None:
        return fmt.DASH  # bought back: its price does not matter any more
    if leg.price_age_s is None:
        return "unknown"
    return fmt.age(leg.price_age_s) if leg.fresh else f"{fmt.age(leg.price_age_s)}, stale"


def ladder_table(rungs: Iterable[Rung]) -> pd.DataFrame:
    """Every exit with where it fires and how far away that is."""
    rows = [
        {
            "Exit": fmt.safe(words.rung_name(rung)),
            "Fires at": _fires_at(rung),
            "Distance": _distance(rung),
            "Spot below / above": _spot(rung),
        }
        for rung in rungs
    ]
    return pd.DataFrame(rows)


def _fires_at(rung: Rung) -> str:
    if rung.at_time is not None:
        return fmt.ist_day_time(rung.at_time)
    if rung.at_pnl is None and rung.at_pct is None:
        return "armed" if rung.armed else "not armed"
    text = fmt.usd(rung.at_pnl, signed=True)
    if rung.at_pct is not None:
        text += f" ({fmt.pct(rung.at_pct, signed=True, places=0)})"
    return text if rung.armed else f"{text}, not armed"


def _distance(rung: Rung) -> str:
    if rung.distance_usd is None and rung.distance_pct is None:
        return fmt.DASH
    text = fmt.usd(rung.distance_usd, signed=True)
    return text if rung.distance_pct is None else f"{text} ({fmt.pct(rung.distance_pct, signed=True, places=0)})"


def _spot(rung: Rung) -> str:
    if rung.spot_low is None and rung.spot_high is None:
        return fmt.DASH
    return f"{fmt.price(rung.spot_low)} / {fmt.price(rung.spot_high)}"


PURPOSES = {"E": "entry", "X": "exit", "R": "unwind", "F": "flatten"}


def orders_table(orders: Iterable[OrderView]) -> pd.DataFrame:
    """Orders of the run, newest first. For `st.dataframe`, which shows text as it is."""
    rows = [
        {
            "Time (IST)": fmt.ist_clock(order.wall),
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
