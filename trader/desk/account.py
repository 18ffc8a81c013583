"""How much of each limit of the account is used, in words every face prints. Pure."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from trader.config.account_limits import AccountLimits
from trader.desk.reach import MINUS
from trader.desk.values import Status

ZERO = Decimal(0)
UNKNOWN = "not known"


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of a limit. `words`: ``2 of 6 runs``; `share` of the limit, None where it is not known."""

    words: str
    share: float | None = None


def uses(limits: AccountLimits, status: Status) -> dict[str, Use]:
    """By the field's name; fields of which nothing is used (an order's size, a rate) are left out.

    Of several contracts or underlyings the one that has used most is told. Contracts and notional are those the runner counted
    last: not known before it has.
    """
    day, on = status.day, Counter(run.underlying for run in status.runs)
    rows = None if status.totals is None else status.totals.exposures
    found = {
        "open_runs": _use(limits.open_runs, "runs", [("", Decimal(len(status.runs)))]),
        "open_runs_per_underlying": _use(
            limits.open_runs_per_underlying, "runs", [(name, Decimal(count)) for name, count in on.items()]
        ),
    }
    for unit, start, end in (("contracts", "contracts_", ""), ("USD", "notional_", "_usd")):
        sizes = None if rows is None else [Decimal(r.contracts) if unit != "USD" else r.notional for r in rows]
        for part in ("per_instrument", "per_underlying", "total"):
            names = [r.symbol if part == "per_instrument" else r.underlying for r in rows or ()]
            field = f"{start}{part}{end}"
            pairs = None if sizes is None or None in sizes else list(zip(names, sizes, strict=True))
            if part == "total" and pairs is not None:
                pairs = [("", size) for _, size in pairs]
            found[field] = _use(getattr(limits, field), unit, pairs)  # type: ignore[arg-type]
    for field, total, when in (
        ("daily_loss_usd", None if day is None else day.total, "today"),
        ("weekly_loss_usd", None if day is None else day.week_total, "since Monday"),
    ):
        found[field] = _loss(total, None if day is None else day.open_today, getattr(limits, field), when)
    return found


def _use(of: Decimal | int, unit: str, parts: Iterable[tuple[str, Decimal]] | None) -> Use:
    """The largest sum of the parts of one name; None: they are not known."""
    if parts is None:
        return Use(words=UNKNOWN)
    sums: dict[str, Decimal] = {}
    for name, size in parts:
        sums[name] = sums.get(name, ZERO) + size
    where, used = max(sums.items(), key=lambda pair: pair[1], default=("", ZERO))
    at = f" ({where})" if where and used else ""
    return Use(words=f"{used:,.0f} of {of:,} {unit}{at}", share=float(used / of))


def _loss(total: Decimal | None, opened: Decimal | None, limit: Decimal, when: str) -> Use:
    """``−34.00 of −150.00 USD today, of it open −20.00``; a profit uses nothing of it."""
    if total is None:
        return Use(words=UNKNOWN)
    part = f", of it open {_signed(opened)}" if opened else ""
    return Use(
        words=f"{_signed(total)} of {MINUS}{limit:,.2f} USD {when}{part}", share=float(max(-total, ZERO) / limit)
    )


def _signed(usd: Decimal) -> str:
    return f"{MINUS if usd < 0 else '+' if usd > 0 else ''}{abs(usd):,.2f}"
