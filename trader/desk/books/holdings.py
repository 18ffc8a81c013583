"""What positions and balances are told as. Money is USD, prices USD per unit of underlying, instants aware UTC, None not known."""

from datetime import datetime
from decimal import Decimal

import msgspec


class PositionPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one run (`name`: its preset) or ticket holds of a contract, signed. `pnl` is at cost to close, `pnl_mark` at the mark,
    fees in both, of all it has traded; `unrealised` is what of `pnl_mark` is open, `realised` the rest. `stop_loss` and
    `take_profit` rest at the exchange. Without a living runner nothing is priced."""

    run_id: str
    is_ticket: bool
    name: str
    leg: str
    quantity: int
    entry_price: Decimal | None
    mark: Decimal | None
    pnl: Decimal | None
    pnl_mark: Decimal | None
    unrealised: Decimal | None
    realised: Decimal | None
    fees: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    liquidation_price: Decimal | None
    opened_at: datetime | None


class PositionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One contract. `net` is what the exchange shows (signed contracts; None: it could not be asked), `ours` what runs and tickets
    hold, `foreign` the rest. Prices, margin and `realised` are the exchange's; `unrealised` is the net position at its mark.
    Margin, realised and opened are up to 10 s behind the fills. A fill of the last second may show as foreign until the
    runner's next picture."""

    symbol: str
    underlying: str
    kind: str
    strike: Decimal | None
    expiry: datetime | None
    contract_value: Decimal | None
    net: int | None
    ours: int
    foreign: int | None
    entry_price: Decimal | None
    mark: Decimal | None
    unrealised: Decimal | None
    realised: Decimal | None
    funding: Decimal | None
    margin: Decimal | None
    margin_mode: str | None
    auto_topup: bool | None
    leverage: Decimal | None
    liquidation_price: Decimal | None
    bankruptcy_price: Decimal | None
    opened_at: datetime | None
    stop_loss: tuple[Decimal, ...]
    take_profit: tuple[Decimal, ...]
    parts: tuple[PositionPart, ...]
    at_price: Decimal | None = None  # where one was asked for: what `unrealised` would be at that mark


class PositionBook(msgspec.Struct, frozen=True, kw_only=True):
    """Every contract that the exchange shows, or that a run or ticket holds. `faults`: what could not be read, in sentences; what
    depends on it is None. `read_at`: this machine's clock."""

    positions: tuple[PositionLine, ...]
    read_at: datetime
    faults: tuple[str, ...]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """One currency, as the exchange tells it. `total` = `free` + `locked`; `equity` counts open positions at their marks. The
    parts of what is locked (`commission`: for what closing would cost) are None where it tells none."""

    currency: str
    total: Decimal
    free: Decimal
    locked: Decimal
    equity: Decimal | None
    order_margin: Decimal | None
    position_margin: Decimal | None
    portfolio_margin: Decimal | None
    commission: Decimal | None


class BalanceSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The account's money now, in the settling asset: contracts of another asset are not traded here."""

    balances: tuple[Balance, ...]
    margin_mode: str | None
    read_at: datetime


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where the exchange and the books say different things: a code for programs, a sentence for people."""

    code: str
    symbol: str
    sentence: str
    order_id: str = ""


class SyncReport(msgspec.Struct, frozen=True, kw_only=True):
    """The account read from the exchange just now, held against the books. A difference that a second look no longer finds (a fill
    on its way) is not told. `faults`: what could not be read: of that nothing is known."""

    in_step: bool
    differences: tuple[Difference, ...]
    faults: tuple[str, ...]
    positions: int
    orders: int
    read_at: datetime
