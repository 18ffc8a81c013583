"""What a preset's values mean: in words, and in money for the strikes it would take now. Pure."""

from decimal import Decimal

import msgspec

from trader.config.preset import Preset
from trader.desk.values import Preview
from trader.domain.structure_words import in_words, percentages_of

_HUNDRED = Decimal(100)


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """One trailing tier: % of the basis, and USD where that is known."""

    peak_pct: Decimal
    stop_pct: Decimal
    peak_usd: Decimal | None
    stop_usd: Decimal | None


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """USD; None where no strike qualifies. `per_contract`: notional of one contract."""

    max_loss: Decimal | None
    max_profit: Decimal | None
    tiers: tuple[Tier, ...]
    per_contract: Decimal | None


def does(preset: Preset) -> str:
    """What a preset does, in two sentences."""
    trades = in_words(preset.structure, preset.strategy.quantity)
    return f"{trades[0].upper()}{trades[1:]}. Percentages are of {percentages_of(preset.structure)}."


def in_money(preset: Preset, seen: Preview) -> Meaning:
    """The exits' percents as the USD they are of the basis in sight."""

    def of_basis(pct: Decimal) -> Decimal | None:
        return None if seen.basis is None else seen.basis.usd * pct / _HUNDRED

    exits = preset.exits
    loss = of_basis(exits.max_loss_pct)
    known = seen.contract_value is not None and seen.spot is not None
    return Meaning(
        max_loss=None if loss is None else -loss,
        max_profit=of_basis(exits.max_profit_pct),
        tiers=tuple(
            Tier(
                peak_pct=tier.peak_pct,
                stop_pct=tier.stop_pct,
                peak_usd=of_basis(tier.peak_pct),
                stop_usd=of_basis(tier.stop_pct),
            )
            for tier in exits.trailing_tiers
        ),
        per_contract=seen.contract_value * seen.spot if known else None,  # type: ignore[operator]
    )
