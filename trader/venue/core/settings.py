"""What the exchange leaves open, each as a named setting with its default."""

from decimal import Decimal
from typing import Literal

import msgspec

FillIds = Literal["same", "separate"]
FeeModel = Literal["delta", "simple"]


class CoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Behaviour of the exchange core.

    `initial_balance` is USD; leverages are plain multiples; `*_secs` are seconds of market time; `*_pct` are percent;
    `perpetual_band_pct` is around mark, funding rates are per interval. `fees` is the exchange's own model (the product's
    rate of the index, at most its cap of the premium, and `gst`, a fraction, on top) or the simple one: `maker_fee_pct` and
    `taker_fee_pct` of what is traded at its price, without cap and tax, and what is taken from the book costs
    `slippage_pct` more than the book says.
    """

    seed: int = 1
    initial_balance: Decimal = Decimal(10_000)
    fees: FeeModel = "delta"
    gst: Decimal = Decimal("0.18")
    maker_fee_pct: Decimal = Decimal("0.02")  # these three of the simple model only
    taker_fee_pct: Decimal = Decimal("0.04")
    slippage_pct: Decimal = Decimal("0.05")
    option_leverage: Decimal = Decimal(100)
    perpetual_leverage: Decimal = Decimal(200)
    max_leverage: Decimal = Decimal(200)
    twap_window_secs: int = 1800  # settlement price: mean of the index over this long before expiry
    twap_sample_secs: int = 1
    margined_lag_secs: float = 2.0  # GET /positions/margined may lag a fill by up to 10 s
    reduce_only_lag_secs: float = 0.0  # how long after an opening fill a reduce-only order still finds no position
    out_of_band_code: str = "limit_price_out_of_price_band"
    perpetual_band_pct: Decimal = Decimal("2.5")
    max_order_size: int = 1_000_000  # contracts, where the product states no limit of its own
    max_open_orders: int = 1000
    worthless_settlement_fill: bool = True  # whether a contract that expires worthless gives a fill at price 0
    kept_expired_products: int = 5000
    ioc_remainder_state: Literal["cancelled", "closed"] = "cancelled"
    post_only_cross: Literal["refused", "cancelled"] = "refused"  # cancelled: taken, and ended at once
    bare_cancel_all: Literal["nothing", "everything"] = "everything"  # what cancel-all without any flag cancels
    order_times: Literal["iso", "micros"] = "iso"  # how created_at of orders is written; both have been seen
    fill_form: Literal["text", "numbers"] = "text"  # of a fill's id and size over REST: text, or numbers as before 2026
    fill_ids: FillIds = "separate"  # whether REST and the private channels call an execution by one id
    liquidates: bool = True  # positions whose margin is used up are closed by the exchange
    default_auto_topup: bool = False  # whether a new position draws free balance before it is liquidated
    liquidation_fee_pct: Decimal = Decimal("0.25")  # of notional, plus tax
    liquidation_fee_premium_pct: Decimal = Decimal(50)  # an option's fee is at most this much of its premium
    funding_interval_secs: int = 28_800  # counted from midnight UTC
    funding_interest_pct: Decimal = Decimal("0.01")
    funding_clamp_pct: Decimal = Decimal("0.05")  # how far interest may pull the premium
    mmp_enabled: bool = True
    mmp_limit_unit: Literal["underlying", "usd"] = "underlying"  # prose and schema of the documentation disagree
    first_user_id: int = 5_550_001
    first_order_id: int = 700_000_001
