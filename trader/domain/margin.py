"""How the exchange margins an account: its mode, auto top-up, and what it says of each position."""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import index_symbol

ISOLATED, PORTFOLIO = "isolated", "portfolio"
MODES = (ISOLATED, PORTFOLIO)


class MarginedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A holding with its margin, as of up to 10 s ago. `quantity` is signed. `liquidation_price`: the mark (USD per unit) at
    which the exchange takes it over, None where it tells none, as in portfolio mode. The exchange's unrealised figure is left
    out on purpose: for short options its sign is not defined; value the position yourself."""

    symbol: str
    product_id: int
    quantity: int
    entry_price: Decimal | None
    mark: Decimal | None
    margin: Decimal
    liquidation_price: Decimal | None
    bankruptcy_price: Decimal | None
    blocked_commission: Decimal | None
    realized_pnl: Decimal | None
    realized_funding: Decimal | None
    realized_cashflow: Decimal | None
    margin_mode: str | None
    auto_topup: bool
    created_at: datetime | None


def mode_of(mode: str | None, portfolios: tuple[str, ...] | None, underlying: str) -> str | None:
    """The mode that counts for an underlying: one whose index is not among those of portfolio margin is isolated."""
    if mode == PORTFOLIO and portfolios is not None and index_symbol(underlying) not in portfolios:
        return ISOLATED
    return mode


class MarginTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange says of an account's margin; None is not told. `mode` is its word, which need not be one of `MODES`.
    `portfolios`: the indices that portfolio margin is on for. `default_auto_topup` holds for positions yet to be opened."""

    mode: str | None = None
    portfolios: tuple[str, ...] | None = None
    default_auto_topup: bool | None = None
    positions: tuple[MarginedPosition, ...] = ()

    def mode_of(self, underlying: str) -> str | None:
        """The mode that counts for an underlying."""
        return mode_of(self.mode, self.portfolios, underlying)

    def position(self, symbol: str) -> MarginedPosition | None:
        """What it says of one contract."""
        return next((row for row in self.positions if row.symbol == symbol), None)


def terms_of(
    positions: tuple[MarginedPosition, ...], portfolios: tuple[str, ...] | None, default_auto_topup: bool | None
) -> MarginTerms:
    """The terms, of the two places that tell them. Positions that agree say which mode they are in; only without them the
    list of portfolios is asked, which no text of the exchange explains."""
    told = {row.margin_mode for row in positions if row.margin_mode}
    mode = next(iter(told)) if len(told) == 1 else None
    if mode is None and portfolios is not None:
        mode = PORTFOLIO if portfolios else ISOLATED
    return MarginTerms(
        mode=mode, portfolios=portfolios, default_auto_topup=default_auto_topup, positions=tuple(positions)
    )


def mode_words(mode: str | None) -> str:
    """What a mode means, in one sentence without its full stop."""
    if mode == ISOLATED:
        return "isolated: each short leg is liquidated for itself, at about its entry price + 0.5 % of spot"
    if mode == PORTFOLIO:
        return "portfolio: the legs are netted, and liquidation looks at the account as a whole"
    larger = "an entry counts the larger of what isolated and portfolio margin would need"
    if mode is None:
        return f"the exchange does not tell the margin mode; {larger}"
    return f"{mode}: the exchange's word, a mode this program does not know; {larger}"


def counted_words(mode: str | None) -> str:
    """How an estimate of margin was made, in a few words."""
    return f"{mode} margin" if mode in MODES else "mode not known: the larger of both"


def topup_words(on: bool | None, mode: str | None) -> str:
    """What auto top-up means for positions yet to be opened."""
    if mode == PORTFOLIO:
        return "without effect in portfolio mode, in which no position has a margin of its own"
    if on is None:
        return "the exchange does not tell whether new positions top up their margin"
    if on:
        return "on: a new position draws free balance before it is liquidated, so more than its own margin can be lost"
    return "off: a position is liquidated once its own margin is used up"
