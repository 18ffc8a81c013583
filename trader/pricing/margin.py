"""Estimates of what short options tie up, and where they and perpetuals would be liquidated, in isolated mode.

The exchange documents no formula for isolated short options. The model: a percentage of the underlying's notional, plus
the current premium as liability. It agrees with recorded fills, whose fresh short positions showed premium received plus
1 % of notional. Legs are margined one by one: isolated mode nets nothing.
"""

from decimal import Decimal

import msgspec

_PERCENT = Decimal(100)


class Liquidation(msgspec.Struct, frozen=True, kw_only=True):
    """Mark prices (USD per unit of underlying) at which a short option's own margin is used up.

    At `liquidation_price` the exchange takes the position over; at `bankruptcy_price` nothing is left of the margin.
    """

    liquidation_price: Decimal
    bankruptcy_price: Decimal


def short_option_margin(
    *, spot: Decimal, mark: Decimal, quantity: int, contract_value: Decimal, initial_margin_pct: Decimal
) -> Decimal:
    """USD blocked by a short option: ``(initial_margin_pct / 100 * spot + mark) * quantity * contract_value``.

    `quantity` is contracts, its sign ignored. Fees are not included.
    """
    return (initial_margin_pct / _PERCENT * spot + mark) * abs(quantity) * contract_value


def perpetual_liquidation(
    *, entry_price: Decimal, side_sign: int, initial_share: Decimal, maintenance_margin_pct: Decimal
) -> Decimal:
    """Mark (USD per unit) at which a perpetual is liquidated if its margin is not topped up: what it has lost has used up its initial
    margin, a fraction of its worth at entry, down to the maintenance margin. `side_sign`: 1 for long, -1 for short."""
    room = max(initial_share - maintenance_margin_pct / _PERCENT, Decimal(0))
    return max(entry_price * (1 - side_sign * room), Decimal(0))


def short_option_liquidation(
    *, entry_price: Decimal, spot: Decimal, initial_margin_pct: Decimal, maintenance_margin_pct: Decimal
) -> Liquidation:
    """Where a short option would be liquidated if its margin is not topped up.

    Linear: the premium received pays for a buy-back at entry, the initial margin for what lies above it; liquidation
    comes when only the maintenance margin is left. `spot` is the index the margins were computed on.

    Raises:
        ValueError: The maintenance margin exceeds the initial margin.
    """
    if maintenance_margin_pct > initial_margin_pct:
        raise ValueError(
            f"maintenance margin ({maintenance_margin_pct} %) must not exceed initial margin ({initial_margin_pct} %)"
        )
    bankruptcy = entry_price + initial_margin_pct / _PERCENT * spot
    return Liquidation(
        liquidation_price=bankruptcy - maintenance_margin_pct / _PERCENT * spot, bankruptcy_price=bankruptcy
    )
