"""How many contracts of each leg meet a target of money, from what a preset would sell now. Exact, whole contracts. Pure."""

from bisect import bisect_right
from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from trader.config.preset import Preset
from trader.desk.values import LotSize, Preview
from trader.pricing.margin_mode import margin_in

SizeBy = Literal["contracts", "premium", "margin", "max_loss"]
_MOST = 100_000  # what a preset takes
_BRINGS = {
    "premium": "brings {} USD of premium",
    "margin": "ties up {} USD of margin",
    "max_loss": "has its maximum loss at {} USD",
}


_NONE = {"premium": "the legs bring no premium", "margin": "nothing that binds margin is sold"}


def size_for(preset: Preset, seen: Preview, by: SizeBy, amount: Decimal) -> LotSize:
    """The largest quantity that stays within `amount`: contracts, or USD of premium received (fees not in), of estimated margin,
    or of the loss at which the maximum loss fires. A leg has its ratio times as many contracts."""
    if not amount.is_finite() or amount <= 0:
        return LotSize(contracts=0, words="The target must be a number above 0.")
    if by == "contracts":
        return _within(
            preset, seen, int(min(amount, Decimal(_MOST + 1))), "" if amount >= 1 else "Less than one contract."
        )
    if by == "margin":
        return _by_margin(preset, seen, amount)
    whole = _of_all(preset, seen, by)
    if whole is None or whole <= 0:
        return LotSize(contracts=0, words=_nothing(seen, by))
    count = int(min(amount * preset.strategy.quantity // whole, Decimal(_MOST + 1)))
    return _within(preset, seen, count, _too_small(by, whole / preset.strategy.quantity, amount))


def _by_margin(preset: Preset, seen: Preview, amount: Decimal) -> LotSize:
    """Portfolio margin is not proportional to the size, so the largest that fits is searched for."""
    spot, quantity = seen.spot, preset.strategy.quantity
    if spot is None or not seen.traded:
        return LotSize(contracts=0, words=_nothing(seen, "margin"))

    def bound(count: int) -> Decimal:
        each = [replace(leg, quantity=leg.quantity // quantity * count) for leg in seen.traded]
        return margin_in(seen.margined.mode, each, spot=spot, at=seen.market, beside=seen.margined.beside)

    if (one := bound(1)) <= 0:
        return LotSize(contracts=0, words=_nothing(seen, "margin"))
    count = bisect_right(range(1, _MOST + 2), amount, key=bound)
    return _within(preset, seen, count, _too_small("margin", one, amount))


def _nothing(seen: Preview, by: SizeBy) -> str:
    return f"Nothing can be sized now: {'; '.join(seen.reasons) or _NONE.get(by, 'its price is not known')}."


def _too_small(by: SizeBy, one: Decimal, amount: Decimal) -> str:
    """What a single contract of each leg means, where even that is too much."""
    each = f"{one:,.4f}".rstrip("0").rstrip(".")
    return f"One contract of each leg {_BRINGS[by].format(each)}, more than {amount.normalize():,f} USD."


def _of_all(preset: Preset, seen: Preview, by: SizeBy) -> Decimal | None:
    """USD of the preview's whole quantity."""
    if by == "premium":
        return seen.premium
    return None if seen.basis is None else seen.basis.usd * preset.exits.max_loss_pct / 100


def _within(preset: Preset, seen: Preview, count: int, none: str) -> LotSize:
    """Held to what an order may be; told where the book is thinner than that."""
    if count < 1:
        return LotSize(contracts=0, words=none)
    ratios = [leg.quantity // preset.strategy.quantity for leg in seen.legs]
    most = min(preset.risk.max_order_quantity // max([1, *ratios]), _MOST)
    words = ""
    if count > most:
        allowed = f"{preset.risk.max_order_quantity:,} contracts (risk.max_order_quantity)"
        count, words = most, f"The largest order allowed is {allowed}."
    thin = [
        (leg, size)
        for leg, ratio in zip(seen.legs, ratios, strict=True)
        if (size := leg.bid_size if leg.side == "sell" else leg.ask_size) is not None and size < count * ratio
    ]
    for done, side, rest in (("bid for", "sell", "sells lower"), ("offered", "buy", "costs more")):
        found = " and ".join(f"{size:,} of {leg.symbol}" for leg, size in thin if leg.side == side)
        if found:
            words = f"{words} Only {found} are {done}; the rest waits or {rest}.".strip()
    return LotSize(contracts=count, words=words)
