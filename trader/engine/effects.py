"""What the engine asks for besides records. The shell commits the records of a step first, then performs these."""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.order import OrderIntent
from trader.engine.records import AnyRecord


class Submit(msgspec.Struct, frozen=True):
    """Send one order; its intent is among the records of the same step."""

    intent: OrderIntent


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    client_order_id: str
    venue_order_id: str | None
    product_id: int


class SetLeverage(msgspec.Struct, frozen=True, kw_only=True):
    """Set the leverage of a contract's orders, before an entry of a run; setting it twice is the same."""

    run_id: str
    product_id: int
    leverage: Decimal


class ReadChain(msgspec.Struct, frozen=True, kw_only=True):
    """Read the listed contracts and quotes of an underlying."""

    run_id: str
    underlying: str


class ReadAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Read positions, open orders, fills (and order history when it is asked for or `lookups` is not empty) over REST, once
    for all these runs."""

    runs: tuple[str, ...]
    underlyings: tuple[str, ...]
    product_ids: tuple[int, ...]
    since: datetime  # exchange time from which fills and history matter
    lookups: tuple[str, ...] = ()
    known_order_ids: tuple[str, ...] = ()
    settled_symbols: tuple[str, ...] = ()
    history: bool = False  # read ended orders too, although nothing is looked up
    for_exit: bool = False  # an exit or a cancel needs it: it is sent before the reset of a 429 too
    whole: bool = False  # open orders of the whole account, not of these products alone


class ReadWallet(msgspec.Struct, frozen=True, kw_only=True):
    """Read the lines of the exchange's ledger since an instant (exchange time), for the sake of one run; of whole days where it names none."""

    run_id: str
    since: datetime


class ReadMargin(msgspec.Struct, frozen=True, kw_only=True):
    """Read how the account is margined: its mode, auto top-up, and each position's margin."""


class Subscribe(msgspec.Struct, frozen=True, kw_only=True):
    """The symbols and underlyings whose prices are needed from now on (the whole set)."""

    symbols: tuple[str, ...]
    underlyings: tuple[str, ...]


class AckCommand(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the person: `status` is accepted or refused; `detail` one sentence."""

    command_id: str
    status: str
    detail: str


Effect = (
    Submit
    | Cancel
    | SetLeverage
    | ReadChain
    | ReadAccount
    | ReadWallet
    | ReadMargin
    | Subscribe
    | AckCommand
    | AnyRecord
)
