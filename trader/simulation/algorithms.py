"""Configurations with an algorithm other than the chase, drawn for some sessions."""

from random import Random
from typing import Any

SHARE = 0.3  # of the sessions that do not run into the expiry


def with_algorithms(rng: Random, preset: dict[str, Any]) -> dict[str, Any]:
    """The configuration with algorithms for entry and exit, and contracts enough for slices."""
    quantity = rng.choice((4, 6, 9, 12))
    orders = dict(preset["orders"], stop_in_slices=rng.random() < 0.3)
    for side in ("entry", "exit"):
        slices = rng.randint(2, 4)
        orders |= {
            f"{side}_algo": rng.choice(("twap", "twap", "iceberg", "iceberg", "market", "chase")),
            f"{side}_duration_secs": rng.randint(slices, 14),
            f"{side}_slices": slices,
            f"{side}_visible_pct": str(rng.choice((15, 30, 50))),
            f"{side}_refresh_secs": rng.choice((0, 1, 2)),
            f"{side}_child": rng.choice(("limit", "limit", "market")),
        }
    return {**preset, "strategy": {**preset["strategy"], "quantity": quantity}, "orders": orders}
