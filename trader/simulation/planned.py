"""What one session is, as values: the path of the market, what people do, and everything that is drawn beside them."""

from datetime import UTC, datetime
from typing import Any

import msgspec

OPENING = datetime(2026, 3, 3, 5, 0, 30, tzinfo=UTC)  # 10:30:30 IST on a Tuesday


class MarketPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The path of the market. `jumps` are (seconds, log return), `iv_moves` (seconds, factor on volatility), `empty`
    (from, to, side) windows without one side of the book; `half_spread_pct` is % of mark."""

    seed: int
    expiry_secs: int
    iv: float
    noise: float  # standard deviation of the log return per second
    jumps: tuple[tuple[float, float], ...]
    iv_moves: tuple[tuple[float, float], ...]
    empty: tuple[tuple[float, float, str], ...]
    half_spread_pct: float
    level_size: int
    farther: tuple[float, ...] = ()  # more strikes than always, in deviations from spot
    slides: tuple[tuple[float, float, float], ...] = ()  # (from, to, log return of all of it)
    wide: tuple[tuple[float, float, float], ...] = ()  # (from, to, factor on the spread)
    opening: datetime = OPENING
    later: tuple[int, ...] = ()  # further expiries, in seconds as the first one
    perpetual: float | None = None  # a perpetual is listed, its mark so many percent above the index


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person does. Commands: start, stop, pause, reduce, kill, resume, ack (`size` 0: the newest alert alone),
    bad_start. At the exchange: buy_back, sell_more, cancel, withdraw, deposit; charge: it takes money and no fill tells; margin_mode:
    `size` 1 is portfolio; another installation's order:
    other_runner; or the exchange: liquidate. On other contracts of the underlying than the run's: strange_position,
    strange_order, strange_gone; and a person's word for what stands there: start_beside, confirm. Of several runs: start_other
    and stop_one, `size` says which; of single orders: ticket (`size` says which), ticket_amend, ticket_close (one of those that
    are there), ticket_cancel, close_all; wick: a price that is gone at once touches every protection of one of those that share a
    contract; of the account: limits, `size` says which document. With a `phase` it waits, from `secs` on, until the run is in it."""

    secs: float
    kind: str
    size: int = 0
    leg: int = 0
    phase: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A whole session, independent of the code that drew it. `preset` is the configuration as JSON values."""

    seed: int
    market: MarketPlan
    preset: dict[str, Any]
    start_now: bool
    deeds: tuple[Deed, ...]
    rates: dict[str, float]
    faults_end: float  # virtual seconds after which nothing new breaks
    coid_mode: str
    position_lag: float
    reduce_only_lag: float
    worthless_fill: bool
    settlement_late_secs: float
    latency: float  # seconds one way, typical
    interleaved: bool  # whether the parts of one read see different instants
    market_period: float  # seconds between market messages
    outage: tuple[float, float] | None  # a long stop of the host (suspend, deploy): from, length
    partial_ioc_closed: bool = False  # whether a partly filled immediate order reads "closed" rather than "cancelled"
    fill_ids: str = "same"  # how the two channels name one execution, see FILL_ID_MODES
    order_ids: str = "same"  # separate: the stream calls an order by another id than REST does
    costs_told: bool = True  # whether the list of fills says what each cost
    others: tuple[dict[str, Any], ...] = ()  # configurations of further runs on the same account
    margin_mode: str = "isolated"  # of the account, at the beginning
    balance: int = 10_000  # USD
    liquidates: bool = False  # whether the exchange closes positions whose margin is used up
    tickets: tuple[
        dict[str, Any], ...
    ] = ()  # single orders that a person sends, as `trader.simulation.tickets` draws them
    limits: tuple[dict[str, Any], ...] = ()  # documents of the account's limits
