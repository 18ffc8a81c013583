"""What the exchange leaves open, each as a named setting with its default."""

from decimal import Decimal

import msgspec


class CoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Behaviour of the exchange core.

    `initial_balance` is USD; `gst` a fraction added to every commission; leverages are plain multiples; `*_secs` are
    seconds of market time; `perpetual_band_pct` is percent around mark.
    """

    seed: int = 1
    initial_balance: Decimal = Decimal(10_000)
    gst: Decimal = Decimal("0.18")
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
    first_user_id: int = 5_550_001
    first_order_id: int = 700_000_001
