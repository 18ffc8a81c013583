"""What people see of a run: one immutable picture, made from the state alone. Every face shows these same numbers."""

from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.foreign import Foreign
from trader.domain.statistics import Statistics
from trader.engine.records import Phase

# Why a run was closed, in words; the panel says some of them at more length.
REASON_WORDS = {
    "time": "exit time",
    "max_loss": "maximum loss",
    "max_profit": "maximum profit",
    "trailing_stop": "trailing stop",
    "breakeven": "breakeven stop",
    "manual": "Stop & Exit",
    "kill": "kill switch",
    "flatten": "flattened by hand",
    "unwind": "entry could not be completed",
    "expiry": "expiry",
    "blind": "no usable prices",
    "leg_closed": "one leg is no longer open",
    "missed_entry": "entry window missed",
    "resumed_exit": "an exit begun before is finished",
}


class LegView(msgspec.Struct, frozen=True, kw_only=True):
    """One leg now. `avg_px`, `mark`, `bid`, `ask` in USD per unit of underlying; `pnl` in USD at cost to close (fees in).

    `open_quantity` is what is still short (contracts, ≥ 0). `price_age_s` is exchange-time seconds since the older of mark
    and quote changed hands; None = never seen. `fresh` False means the price is not used for decisions.
    """

    key: str
    symbol: str
    side: str
    quantity: int
    filled_quantity: int
    open_quantity: int
    strike: Decimal
    expiry: datetime
    avg_px: Decimal | None = None
    exit_px: Decimal | None = None
    mark: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    delta: float | None = None
    iv: float | None = None
    pnl: Decimal | None = None
    distance_pct: float | None = None
    price_age_s: float | None = None
    fresh: bool = False
    kept: str = ""  # why the leg is held to its settlement instead of being closed; empty while it is not


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    client_order_id: str
    leg: str
    purpose: str
    side: str
    quantity: int
    filled_quantity: int
    limit_price: Decimal | None
    status: str
    message: str
    wall: datetime


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One exit of the ladder. `at_pnl` USD and `at_pct` (% of premium) where it fires; `at_time` for the clock's exit;
    `spot_low`/`spot_high`: where the index would have to be for it, all else unchanged (None = not reachable by spot)."""

    name: str
    armed: bool
    at_pnl: Decimal | None = None
    at_pct: Decimal | None = None
    distance_usd: Decimal | None = None
    distance_pct: Decimal | None = None
    at_time: datetime | None = None
    spot_low: float | None = None
    spot_high: float | None = None


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """One run now. Money is USD. `flat`: "true", "false" or "unknown"; true only when the exchange confirmed it."""

    run_id: str
    env: str
    phase: Phase
    words: str
    preset: str
    config_hash: str
    underlying: str
    created_at: datetime
    stop_requested: bool
    flat: str
    market_at: datetime | None = None
    spot: Decimal | None = None
    spot_at_entry: Decimal | None = None
    entry_at: datetime | None = None
    exit_at: datetime | None = None
    premium: Decimal | None = None
    pnl: Decimal | None = None
    pnl_pct: Decimal | None = None
    peak_pnl: Decimal | None = None
    peak_pct: Decimal | None = None
    trailing_level: Decimal | None = None
    max_loss_usd: Decimal | None = None
    max_profit_usd: Decimal | None = None
    exit_reason: str | None = None
    realized_pnl: Decimal | None = None
    fees: Decimal | None = None
    legs: tuple[LegView, ...] = ()
    orders: tuple[OrderView, ...] = ()
    ladder: tuple[Rung, ...] = ()
    why_not: tuple[str, ...] = ()  # while waiting: what still keeps the entry from being made
    foreign: tuple[Foreign, ...] = ()  # while waiting: what stands on the account that no run explains
    beside: tuple[Foreign, ...] = ()  # what a person has confirmed to start beside
    steps: tuple[str, ...] = ()  # while exiting: what has been done and is being done


class Ops(msgspec.Struct, frozen=True, kw_only=True):
    """The ops strip: is the machinery well? Ages in wall-clock seconds at the time the snapshot was written."""

    public_socket: str  # up, down, connecting
    private_socket: str
    price_age_s: float | None
    last_reconciled_at: datetime | None
    quota_left_pct: float | None
    clock_skew_s: float | None
    messages_per_s: float
    trading_state: str = "ACTIVE"  # ACTIVE, PAUSED, REDUCING or HALTED; entries are allowed in the first only
    trading_reason: str = ""  # why it is not ACTIVE, in words
    public_down_since: datetime | None = None  # this machine's clock; None while it is up
    private_down_since: datetime | None = None
    journal_fault: str = ""  # why nothing can be recorded; empty while it can
    client: Statistics | None = None  # of the runner's connection to the exchange, since the runner began
    left_out: tuple[str, ...] = ()  # rows of the exchange's lists that made no sense lately, in words, newest first
    left_out_times: int = 0  # how many were left out since the runner's start, the same ones every time
    slowed: str = ""  # why nothing but exits may be sent just now (429), in words


class LiveSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the runner publishes about once a second, in one row, for every face to read."""

    holder: str
    host: str  # thread or process
    epoch: int
    env: str
    account: str
    wall: datetime
    market: datetime | None
    ops: Ops
    runs: tuple[RunView, ...] = ()
