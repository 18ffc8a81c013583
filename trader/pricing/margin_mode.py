"""What options tie up in the margin mode the account is in."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Kind
from trader.domain.margin import ISOLATED, PORTFOLIO
from trader.pricing.black76 import year_fraction
from trader.pricing.margin import short_option_margin
from trader.pricing.portfolio import Line, portfolio_of

_ZERO = Decimal(0)


class OptionHeld(msgspec.Struct, frozen=True, kw_only=True):
    """Contracts of one option, `quantity` signed. `mark` is USD per unit of underlying, None where it is not known; `iv` a
    fraction per year; `margin_pct` the initial margin rate of the contract, percent of notional."""

    kind: Kind
    strike: Decimal
    expiry: datetime
    quantity: int
    contract_value: Decimal
    mark: Decimal | None
    iv: float | None
    margin_pct: Decimal


def margin_in(
    mode: str | None,
    new: Sequence[OptionHeld],
    *,
    spot: Decimal,
    at: datetime | None,
    beside: Sequence[OptionHeld] = (),
) -> Decimal:
    """USD that `new` ties up at `spot`, fees not in. Isolated: each short option by itself. Portfolio: how much more all of it
    needs than what is held `beside` it on the same underlying. In a mode that is not known, or where portfolio margin cannot
    be computed, for want of a price, the larger of what can."""
    apart = sum(
        (
            short_option_margin(
                spot=spot,
                mark=one.mark or _ZERO,
                quantity=one.quantity,
                contract_value=one.contract_value,
                initial_margin_pct=one.margin_pct,
            )
            for one in new
            if one.quantity < 0
        ),
        _ZERO,
    )
    if mode == ISOLATED:
        return apart
    before, after = _netted(beside, spot, at), _netted([*beside, *new], spot, at)
    if before is None or after is None:
        return apart
    return after - before if mode == PORTFOLIO else max(apart, after - before)


def _netted(held: Sequence[OptionHeld], spot: Decimal, at: datetime | None) -> Decimal | None:
    """USD that portfolio margin needs for these, unrealised cash flows in; None where one has no price or volatility. Of one
    contract the exchange knows one position, although several runs may hold parts of it."""
    sizes: dict[tuple[Kind, Decimal, datetime], int] = {}
    lines: dict[tuple[Kind, Decimal, datetime], Line] = {}
    for one in held:
        if one.mark is None or one.iv is None or at is None:
            return None
        contract = (one.kind, one.strike, one.expiry)
        sizes[contract] = sizes.get(contract, 0) + one.quantity
        lines[contract] = Line(
            kind=one.kind,
            units=sizes[contract] * float(one.contract_value),
            mark=float(one.mark),
            strike=float(one.strike),
            vol=one.iv,
            years=year_fraction(at, one.expiry),
        )
    open_ = [lines[contract] for contract, size in sizes.items() if size]
    try:
        return portfolio_of([(float(spot), open_)] if open_ else []).im_with_ucf
    except (ArithmeticError, ValueError):
        return None  # a mark that no option can have
