"""What people see of a run: one immutable picture, made from the state alone. Every face shows these same numbers."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.foreign import Foreign
from trader.domain.margin import MarginTerms
from trader.domain.statistics import Statistics
from trader.engine.records import Phase


class LegView(msgspec.Struct, frozen=True, kw_only=True):
    """One leg now. `avg_px`, `mark`, `bid`, `ask` in USD per unit of underlying; `pnl` in USD at cost to close (fees in).

    `open_quantity` is what is still open on the leg's `side` (contracts, ≥ 0). `price_age_s` is exchange-time seconds since the older of mark
    and quote changed hands; None = never seen. `fresh` False means the price is not used for decisions: then no P&L and no
    greek of an open position is told either. Of what has been closed P&L is what it brought, and no greek is left.
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
    progress: str = ""  # how many slices have filled and when the next is due, while it is worked in slices
    kept: str = ""  # why the leg is held to its settlement instead of being closed; empty while it is not
    contract_value: Decimal | None = None  # units of the underlying in one contract
    bid_size: int | None = None  # contracts
    ask_size: int | None = None
    closing_px: Decimal | None = (
        None  # what `pnl` counts closing at: the ask (long: the bid); None where nobody offers it
    )
    counted_px: Decimal | None = None  # what exits at a loss count instead, where the spread guard binds
    guard_secs: float | None = None  # for how much longer (exchange's time); None = while nobody offers it
    fees_paid: Decimal | None = None  # USD, of every fill of this leg so far
    fee_to_close: Decimal | None = None  # USD, of closing what is open at `closing_px`
    pnl_mark: Decimal | None = None  # USD at the mark price: fees paid are in it, spread and closing fee are not
    iv_at_entry: float | None = None  # fraction per year, of the quote the leg was chosen on
    position_delta: float | None = None  # of what is open, signed, in units of the underlying
    position_gamma: float | None = None  # change of `position_delta` for 1 USD of spot
    position_theta: float | None = None  # USD a day; what is short earns
    position_vega: float | None = None  # USD for one point (0.01) of implied volatility
    ratio: int = 1  # contracts for each of the preset's quantity
    why: str = ""  # why this strike, in words
    liquidation_px: Decimal | None = (
        None  # the mark at which the exchange liquidates the leg; isolated margin, short legs
    )
    liquidation_told: bool = False  # by the exchange; else it is an estimate
    guard_px: Decimal | None = None  # the mark at which the run exits ahead of that; None = the guard is off


class NakedView(msgspec.Struct, frozen=True, kw_only=True):
    """A short leg that stands without what it belongs with. `worst_usd`: what a move of 1 % against it would cost now, ≤ 0."""

    key: str
    symbol: str
    since: datetime  # this machine's clock
    limit_secs: float
    worst_usd: Decimal | None = None


class NearestStop(msgspec.Struct, frozen=True, kw_only=True):
    """The losing exit that spot is closest to. `move` is what spot must move, signed USD, 0 when it is there already; `sigmas`
    the same, unsigned, in standard deviations of spot until the exit time, at today's implied volatility."""

    name: str
    spot: float
    move: float
    move_pct: float
    sigmas: float | None = None


class Corridor(msgspec.Struct, frozen=True, kw_only=True):
    """P&L against spot now, cost to close with fees by their rule, all else unchanged, and the marks on that axis. All spots
    are USD; that of now is among them.

    `spots` ascend and cover every mark; `pnl` is USD and `pnl_pct` % of the basis, one for each spot. `stop_*` is where the
    maximum loss (or the trailing level, once it is armed) would fire, `half_*` where half of the maximum loss is reached: with
    a trailing level that may lie outside the stops. None where spot alone does not reach it.
    """

    spots: tuple[float, ...]
    pnl: tuple[float, ...]
    pnl_pct: tuple[float, ...]
    stop_low: float | None = None
    stop_high: float | None = None
    half_low: float | None = None
    half_high: float | None = None
    breakeven_low: float | None = None  # at expiry, fees in
    breakeven_high: float | None = None


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What time alone does to what is open, by Black-76 at the implied volatilities of the moment.

    `decayed_pct`: share of the premium that has gone from the options at their mark prices. `by_time_pct`: what would have
    gone by now had spot and volatilities stayed as when the strikes were chosen; both None where nothing was taken in. `still_pnl`: USD of P&L, cost to close, at
    the exit time if spot stands still; today's spread counts in proportion to what the option is still worth. `best_pct`: the
    best P&L any spot would bring at the exit time, so, % of the basis; None, too, where more is bought than sold and there is no
    best. `exit_at` is the instant meant.
    """

    decayed_pct: float | None = None
    by_time_pct: float | None = None
    still_pnl: Decimal | None = None
    best_pct: float | None = None
    exit_at: datetime | None = None


class Safety(msgspec.Struct, frozen=True, kw_only=True):
    """What would close the position, as far as it is known. `app_stop`: the exit rules watch it on prices that are fresh.
    `exchange_stops`: stop-loss orders on this run's contracts that the exchange listed when it was last asked (`read_at`,
    this machine's clock); None = not known. `dead_man`: the exchange's heartbeat of this client is on; None = not known."""

    app_stop: bool
    exchange_stops: int | None = None
    dead_man: bool | None = None
    read_at: datetime | None = None


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
    passed: dict[str, str] = {}  # told in a report only: what the gate compared, by code


class Rung(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One exit of the ladder. `at_pnl` USD and `at_pct` (% of the basis) where it fires; `at_time` for the clock's exit.
    `spot_low`/`spot_high`: between these spots P&L is above the level, all else unchanged: a losing exit fires outside them, a
    winning one (and the arming of one not armed) inside (None = spot alone does not reach that end). `exit_low`/`exit_high`:
    the same half an hour before the exit time, or at it where that is nearer. All of them with each option's implied volatility
    as it is; `smile_*` the same where the smile moves with spot, None where its shape is not known. `code`: max_loss, max_profit,
    trailing_stop, liquidation_guard, liquidation, time, expiry or daily_limit. `arms_at_pct`: the peak that arms it, while it is
    not armed; the distances are those to it.

    A liquidation and the guard ahead of it fire by the mark of one `leg`, whatever P&L is: at `at_mark` (USD per unit), `mark_distance`
    from the `mark` of now (`mark_distance_pct`: % of that mark); `gone_pct` of the way from the entry to the liquidation is gone.
    `told`: the exchange tells the price; else it is an estimate. `words`: what else to know."""

    name: str
    armed: bool
    at_pnl: Decimal | None = None
    at_pct: Decimal | None = None
    distance_usd: Decimal | None = None
    distance_pct: Decimal | None = None
    at_time: datetime | None = None
    spot_low: float | None = None
    spot_high: float | None = None
    code: str = ""
    arms_at_pct: Decimal | None = None
    exit_low: float | None = None
    exit_high: float | None = None
    smile_low: float | None = None
    smile_high: float | None = None
    smile_exit_low: float | None = None
    smile_exit_high: float | None = None
    leg: str = ""
    at_mark: Decimal | None = None
    mark: Decimal | None = None
    mark_distance: Decimal | None = None
    mark_distance_pct: Decimal | None = None
    gone_pct: Decimal | None = None
    told: bool = False
    words: str = ""


class Guarded(msgspec.Struct, frozen=True, kw_only=True):
    """The spread guard binds: `pnl` (USD) and `pnl_pct` (% of the basis) are what the exits at a loss count instead of P&L at the touch,
    for `secs` more (exchange's time; None = as long as nobody offers). `unoffered`: short contracts that nobody offers; while there
    are any, P&L at the touch is not known and this is the most it can be."""

    pnl: Decimal
    pnl_pct: Decimal
    secs: float | None
    unoffered: tuple[str, ...] = ()


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
    stop_hurries: bool = False  # an exit in slices is under way, and Stop would close the rest at once
    flat: str
    market_at: datetime | None = None
    spot: Decimal | None = None
    spot_at_entry: Decimal | None = None
    entry_at: datetime | None = None
    exit_at: datetime | None = None
    premium: Decimal | None = None  # net of what was paid for long legs
    basis: Decimal | None = None  # USD that every percentage is of
    basis_name: str = ""  # what that is: "credit" or "max loss"
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
    quantity: int | None = None  # contracts of each leg, as chosen; a leg has its `ratio` times as many
    contract_value: Decimal | None = None
    notional: Decimal | None = None  # USD: contracts, times what is in one, times spot of now
    pnl_mark: Decimal | None = None  # `pnl` is this, less `spread_to_close` and `fees_to_close`, exactly
    fees_to_close: Decimal | None = None
    spread_to_close: Decimal | None = None  # USD between the mark prices and what closing would pay
    peak_at: datetime | None = None  # the exchange's time
    net_delta: float | None = None  # sums over the legs, units as in `LegView`
    net_gamma: float | None = None
    net_theta: float | None = None
    net_vega: float | None = None
    margin: Decimal | None = None  # USD, estimated for what is open, by itself
    margin_mode: str | None = None  # the mode that counts for its underlying, by the exchange; None while not known
    naked: NakedView | None = None
    guarded: Guarded | None = None
    nearest_stop: NearestStop | None = None
    corridor: Corridor | None = None
    outlook: Outlook | None = None
    safety: Safety | None = None


class ClosingView(msgspec.Struct, frozen=True, kw_only=True):
    """A reduce-only order of a ticket that rests, or is to. `name`: L stop loss, G take profit, R... of a reduce-only ticket
    (`ticket_id`). `quantity`: contracts that rest now; `status` of its newest order, empty before the first."""

    name: str
    quantity: int
    limit_price: Decimal | None
    stop_price: Decimal | None
    trail_usd: Decimal | None
    status: str
    client_order_ids: tuple[str, ...]
    ticket_id: str = ""


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    """One single order now, from its request to its end. Prices are USD per unit of underlying, money is USD, `pnl` at cost to close
    (fees in). `status`: waiting, working, holding, closing, done, refused or cancelled. `open_quantity` is what is held on `side`.
    `fresh` False: the price is not used, and no P&L of what is open is told."""

    ticket_id: str
    symbol: str
    underlying: str
    kind: str  # call, put or perpetual
    strike: Decimal | None
    expiry: datetime | None
    side: str
    quantity: int
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    trail_usd: Decimal | None
    trigger_by: str
    time_in_force: str
    post_only: bool
    work: str
    reason: str
    leverage: Decimal | None
    adopted: bool
    linked: str
    phase: Phase
    status: str
    words: str
    filled: int
    open_quantity: int
    avg_px: Decimal | None
    exit_px: Decimal | None
    mark: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    fresh: bool
    pnl: Decimal | None
    pnl_mark: Decimal | None
    fees: Decimal | None
    realized_pnl: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    closing: tuple[ClosingView, ...]
    contract_value: Decimal | None
    notional: Decimal | None
    liquidation_px: Decimal | None
    created_at: datetime
    exit_reason: str | None
    refused_code: str
    refused_field: str
    refused_detail: str
    orders: tuple[OrderView, ...]
    funding: Decimal = Decimal(0)  # what it has brought so far, negative where it was paid; every P&L has it in


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
    abnormal: str = ""  # why no entry begins just now although trading is ACTIVE: what the breaker has found, in words
    market_rate: float = 1.0  # seconds of the exchange's time in one of this machine's


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """Contracts of one option that all runs hold or may come to hold. `notional` USD, None without an index price."""

    symbol: str
    underlying: str
    contracts: int
    notional: Decimal | None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of the account together, as its limits count them; `limits` are those in force, a document of
    `trader.config.account_limits`. `locked`: why losses let no entry out, in words, empty while they do."""

    limits: dict[str, Any]
    locked: str
    exposures: tuple[Exposure, ...] = ()


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
    tickets: tuple[TicketView, ...] = ()  # unfinished ones, and those that ended a moment ago
    totals: Totals | None = None
    margin: MarginTerms | None = None
