"""What stands beside the fields of a preset: its sizes, percents and times in contracts, dollars and hours, as of now."""

from datetime import timedelta
from decimal import Decimal

from trader.config.preset import Preset
from trader.desk import Preview
from trader.desk.market import exit_figures
from trader.desk.meaning import Meaning, in_money
from trader.domain.errors import TraderError
from trader.panel import format as fmt
from trader.panel import parts, service


def beside(preset: Preset) -> dict[str, str]:
    """Words by field path; nothing for a field they are not known of, no money when the exchange cannot be asked."""
    try:
        seen = service.desk().preview(preset)
    except TraderError:
        return slices(preset)
    meaning = in_money(preset, seen)
    words = slices(preset) | _sizes(preset, seen, meaning) | _exits(preset, seen, meaning) | _times(preset, seen)
    words["risk.exit_limit_pct"] = exit_figures(seen)
    return {path: text for path, text in words.items() if text}


def _sizes(preset: Preset, seen: Preview, meaning: Meaning) -> dict[str, str]:
    """Contracts × what is in one ≈ what they are worth, wherever a number of contracts is typed."""
    typed: dict[str, Decimal] = {
        "strategy.quantity": Decimal(preset.strategy.quantity),
        "strategy.min_bid_size": Decimal(preset.strategy.min_bid_size),
        "strategy.min_open_interest": preset.strategy.min_open_interest,
        "risk.max_order_quantity": Decimal(preset.risk.max_order_quantity),
    }
    if seen.contract_value is None:
        return {}
    return {
        path: parts.size(
            int(count),
            seen.contract_value,
            preset.strategy.underlying,
            None if meaning.per_contract is None else count * meaning.per_contract,
            of=" per leg" if path == "strategy.quantity" else "",
        )
        for path, count in typed.items()
        if count and count == int(count)
    }


def slices(preset: Preset) -> dict[str, str]:
    """What an algorithm's numbers come to for a leg of the preset's quantity."""
    orders, quantity, found = preset.orders, preset.strategy.quantity, dict[str, str]()
    for side in ("entry", "exit"):
        algo = getattr(orders, f"{side}_algo")
        if algo == "twap":
            count, secs = getattr(orders, f"{side}_slices"), getattr(orders, f"{side}_duration_secs")
            least, most = quantity // count, -(-quantity // count)
            each = f"{most:,}" if least == most else f"{least:,} or {most:,}"
            found[f"orders.{side}_slices"] = (
                f"{each} contracts of a leg every {fmt.duration(timedelta(seconds=secs / count))}"
            )
        elif algo == "iceberg":
            shown = min(-(-quantity * getattr(orders, f"{side}_visible_pct") // 100), Decimal(quantity))
            found[f"orders.{side}_visible_pct"] = f"{shown:,.0f} of {quantity:,} contracts in the book at a time"
    return found


def _exits(preset: Preset, seen: Preview, meaning: Meaning) -> dict[str, str]:
    if seen.premium is None:
        return {}
    places = parts.places(seen.premium)
    coin = preset.strategy.underlying
    loss = parts.dollars(meaning.max_loss, places)
    if seen.stop_low is not None or seen.stop_high is not None:
        loss += f" · {coin} {parts.spot(seen.stop_low)} / {parts.spot(seen.stop_high)} now"
    words = {
        "exits.max_loss_pct": loss,
        "exits.max_profit_pct": parts.dollars(meaning.max_profit, places, signed=True),
    }
    near = {one.code: " / ".join(parts.spot(at) for at in one.spots) for one in seen.fires if one.spots}
    if "liquidation" in near:
        words["risk.liquidation"] = f"{coin} {near['liquidation']} now"
        if "liquidation_guard" in near:
            words["exits.liquidation_guard_pct"] = f"{coin} {near['liquidation_guard']} now"
    if preset.exits.trailing_enabled:
        words["exits.trailing_tiers"] = ". ".join(
            f"At a peak of {_pct(tier.peak_pct)} ({parts.dollars(tier.peak_usd, places, signed=True)}) "
            f"the stop is {_pct(tier.stop_pct)} ({parts.dollars(tier.stop_usd, places, signed=True)})"
            for tier in meaning.tiers
        )
    return words


def _pct(value: Decimal) -> str:
    return f"{parts.amount(value)}\u00a0%"


def _times(preset: Preset, seen: Preview) -> dict[str, str]:
    if seen.expiry is None:
        return {}
    left = (
        f", in {fmt.duration(seen.expiry - seen.market)}"
        if seen.market is not None and seen.market < seen.expiry
        else ""
    )
    words = {"strategy.expiry": f"{fmt.ist_day_time(seen.expiry)}{left}"}
    if seen.exit_at is not None:
        words |= dict.fromkeys(("schedule.exit_time_ist", "schedule.exit_hours_before_expiry"), _outlook(seen))
    return words


def _outlook(seen: Preview) -> str:
    text = f"{fmt.ist_day_time(seen.exit_at)}, {fmt.duration(seen.expiry - seen.exit_at)} before expiry"  # type: ignore[operator]
    if seen.best_pct is not None:
        text += f" · best case by then {parts.percent(seen.best_pct, 0)}"
    if seen.still_pct is not None:
        text += f", {parts.percent(seen.still_pct, 0)} if spot stands still"
    return text
