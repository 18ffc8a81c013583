"""What an order of the ticket form would cost, as the desk's check reckons it."""

from collections.abc import Sequence

from trader.desk import OrderCheck, OrderCost
from trader.panel import cards, parts
from trader.panel import orders_words as say
from trader.panel.cards import Card
from trader.panel.markup import Html, join, tag


def draw(quote: str, check: OrderCheck | None, against: Sequence[str], warning: str = "") -> Html:
    """The contract's prices, the order's money, what stands against it, and what it is well to know."""
    cost = None if check is None else check.tickets[0].cost
    passes = "The check lets it pass all the same." if warning else "The check finds nothing against it."
    verdict = tag("p", f"✓ {passes}", class_="ar-up") if check is not None and check.ok else None
    return join(
        tag("p", quote, class_="or-mute"),
        cards.cards(_figures(cost, check)),
        *(tag("p", sentence, class_="ar-down") for sentence in against),
        tag("p", f"⚠ {warning}", class_="ar-old") if warning else None,
        verdict,
    )


def _figures(cost: OrderCost | None, check: OrderCheck | None) -> list[Card]:
    if cost is None or check is None:
        return [
            Card(name, parts.DASH, "once the order is complete")
            for name in ("Notional", "Fees", "Margin", "Free after")
        ]
    away = "" if cost.distance is None else f", {say.price(cost.distance)} from the market"
    notional, at = parts.dollars(cost.notional, 2), f"at {say.price(cost.price)}{away}"
    first = Card("Notional", notional, at)
    if cost.premium:
        first = Card("Premium", parts.dollars(cost.premium, 4, signed=True), f"{at}; notional {notional}")
    return [
        first,
        Card("Fees", parts.dollars(cost.fee, 4), f"as {cost.role}"),
        Card("Margin", parts.dollars(cost.margin, 2), _liquidated(cost, check)),
        Card("Free after", parts.dollars(cost.free_after, 2), f"now {parts.dollars(check.free, 2)}"),
    ]


def _liquidated(cost: OrderCost, check: OrderCheck) -> str:
    mode = check.margin_mode or "mode not known"
    return mode if cost.liquidation_price is None else f"{mode}; liquidated at {say.price(cost.liquidation_price)}"
