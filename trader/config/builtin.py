"""The presets that are always there. Each names only what differs from the model's defaults, and why.

Their stops lie where they fire before a leg's isolated margin is used up, at the prices of nine recorded days of ten
(`python -m bench.stops`, decision 13). Near the money no stop does: there a leg has used up its margin while both together
have lost next to nothing, so those presets are entered with an alert and rely on the guard ahead of the liquidation.
"""

from decimal import Decimal

from trader.config.orders import Orders
from trader.config.preset import Exits, Preset, Risk, Schedule, System, TrailingTier
from trader.config.strategy import Strategy


def _tiers(*tiers: tuple[int, int]) -> tuple[TrailingTier, ...]:
    """Peak and stop of each, % of the basis."""
    return tuple(TrailingTier(peak_pct=Decimal(peak), stop_pct=Decimal(stop)) for peak, stop in tiers)


# Far strikes, little size, out early: earns small premiums and gives up the last hours, when gamma is largest.
CONSERVATIVE = Preset(
    name="conservative",
    strategy=Strategy(
        delta_min=Decimal("0.06"),
        delta_max=Decimal("0.10"),
        min_hours_to_expiry=Decimal(6),
        max_spread_pct=Decimal(30),
        min_bid_size=10,
    ),
    schedule=Schedule(entry_window_mins=15, exit_time_ist="15:30", exit_before_expiry_mins=120),
    exits=Exits(
        max_profit_pct=Decimal(60),
        trailing_tiers=_tiers((30, 0), (40, 20), (50, 35)),
        blind_exit_secs=30,
    ),
    orders=Orders(retries=2, slippage_pct=Decimal(1)),
    risk=Risk(
        max_order_quantity=100, price_collar_pct=Decimal(15), daily_loss_limit_usd=Decimal(150), max_runs_per_day=1
    ),
    system=System(spot_move_alert_pct=Decimal("1.5")),
)

# Nearer strikes and more of them, held for most of the premium. The more premium, the sooner a leg's margin is used up in terms of
# it, so the stop is nearer than the default's.
AGGRESSIVE = Preset(
    name="aggressive",
    strategy=Strategy(quantity=10, delta_min=Decimal("0.12"), delta_max=Decimal("0.18"), max_spread_pct=Decimal(50)),
    schedule=Schedule(entry_window_mins=60, exit_time_ist="17:00", exit_before_expiry_mins=20),
    exits=Exits(
        max_loss_pct=Decimal(40),
        max_profit_pct=Decimal(90),
        trailing_tiers=_tiers((50, 0), (65, 30)),
    ),
    orders=Orders(slippage_pct=Decimal(3), partial_policy="accept", min_fill_pct=Decimal(60)),
    risk=Risk(daily_loss_limit_usd=Decimal(2_000), max_runs_per_day=6),
    system=System(spot_move_alert_pct=Decimal(3)),
)

# For trying things out: finds strikes in any market, answers fast, and may be started over and over, so a stop that a liquidation
# would come before is told, not refused.
DEVELOPMENT = Preset(
    name="development",
    strategy=Strategy(
        expiry="nearest",
        delta_min=Decimal("0.05"),
        delta_max=Decimal("0.30"),
        min_hours_to_expiry=Decimal("0.5"),
        max_spread_pct=Decimal(150),
        min_bid_size=0,
    ),
    schedule=Schedule(entry_window_mins=5, boot_buffer_secs=0, exit_before_expiry_mins=5),
    exits=Exits(max_loss_pct=Decimal(45), confirmations=1, blind_exit_secs=20),
    orders=Orders(retries=1, slippage_pct=Decimal(5), timeout_secs=5, exit_timeout_secs=2),
    risk=Risk(max_order_quantity=100, max_runs_per_day=50, liquidation="warn"),
    system=System(status_report_mins=1),
)

# The whole premium stands at one strike, so spot's first move costs much of it and time gives it back slowly: small exits on
# both sides, of a premium that is large. The book is tightest at the money, and gamma there is largest near the end.
STRADDLE = Preset(
    name="straddle",
    strategy=Strategy(structure="short_straddle", max_spread_pct=Decimal(20)),
    schedule=Schedule(exit_before_expiry_mins=120),
    exits=Exits(
        max_loss_pct=Decimal(40),
        max_profit_pct=Decimal(40),
        trailing_tiers=_tiers((15, 0), (25, 12)),
        spread_guard_pct=Decimal(20),
    ),
    risk=Risk(liquidation="warn"),
)

# Strikes a little nearer than the strangle's, because the wings bear what goes wrong at the end (not before: a short leg stands on
# its own margin all the same), and wings far enough out that the net credit is worth the fees and spread of four legs: 1,000 USD
# nearer in, those took almost half of it on paper. Half the credit is enough. Wings are cheap, and their spread is wide in
# percent, so wider ones are accepted.
IRON_CONDOR = Preset(
    name="iron_condor",
    strategy=Strategy(
        structure="iron_condor",
        delta_min=Decimal("0.12"),
        delta_max=Decimal("0.18"),
        wing_width_usd=Decimal(2500),
        max_spread_pct=Decimal(80),
    ),
    exits=Exits(
        max_profit_pct=Decimal(50),
        trailing_tiers=_tiers((25, 0), (35, 15)),
        spread_guard_pct=Decimal(100),
    ),
)

# The credit is most of what lies between the wings: a loss of the whole credit cannot happen, and four legs start with one of
# about 14 % for spread and fees, so the stop is no nearer than the straddle's and the profit taken smaller. Wings about a day's
# standard deviation away leave room for the usual day.
IRON_FLY = Preset(
    name="iron_fly",
    strategy=Strategy(structure="iron_fly", wing_width_usd=Decimal(2000), max_spread_pct=Decimal(80)),
    schedule=Schedule(exit_before_expiry_mins=120),
    exits=Exits(
        max_loss_pct=Decimal(40),
        max_profit_pct=Decimal(25),
        trailing_tiers=_tiers((10, 0), (18, 8)),
        spread_guard_pct=Decimal(100),
    ),
    risk=Risk(liquidation="warn"),
)

# Two calls for each put: falls are faster than rises, so less is sold on that side. A rally costs double; hence strikes further out
# than the strangle's, and an earlier word about spot.
RATIO = Preset(
    name="ratio",
    strategy=Strategy(
        structure="ratio_strangle",
        call_ratio=2,
        put_ratio=1,
        delta_min=Decimal("0.06"),
        delta_max=Decimal("0.10"),
    ),
    exits=Exits(max_profit_pct=Decimal(70)),
    system=System(spot_move_alert_pct=Decimal("1.5")),
)

BUILT_IN: dict[str, Preset] = {
    "default": Preset(),
    "conservative": CONSERVATIVE,
    "aggressive": AGGRESSIVE,
    "development": DEVELOPMENT,
    "straddle": STRADDLE,
    "iron_condor": IRON_CONDOR,
    "iron_fly": IRON_FLY,
    "ratio": RATIO,
}
