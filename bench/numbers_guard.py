"""What the spread guard does to profits and stops, on recorded quotes: as it was (both ways, without an end) and as it is.

Strangles that the presets' own rules choose at every recorded instant, followed to shortly before their expiry. P&L is the engine's
own valuation; each threshold is looked at by itself, the first time that it is reached.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from trader.config.preset import Preset
from trader.desk.market import Board
from trader.domain.fill import Fill
from trader.domain.quote import Quote
from trader.engine.basis import basis_of
from trader.engine.entry_cost import entry_cost
from trader.engine.ledger import Ledger, with_fill
from trader.engine.selection import choose_legs
from trader.engine.spread_guard import is_wide
from trader.engine.state import Market, Run
from trader.engine.valuation import Valuation, value


class Seen(NamedTuple):
    """A strangle at one recorded instant: P&L as it was counted and as the touch gives it (None where nobody offers a leg), % of its
    premium; the loss side of it; whether the guard would bind just then; of its legs, those with a wide spread."""

    at: datetime
    before: float
    touch: float | None
    losing: float
    binds: bool
    wide: frozenset[str]


class Figures(NamedTuple):
    """Counts of strangles, but for the minutes."""

    strangles: int
    reached: int  # the profit, as it was counted
    below: int  # of them below it at the ask, or without one
    reached_at_touch: int  # the profit, as it is counted now
    stopped: int  # reached the maximum loss at the ask
    never: int  # of them never fired, as it was counted
    late: int  # fired later
    late_minutes: float  # median of those
    waits: int  # fire now after the guard's time, the ask standing as long
    gone: int  # of them back above the maximum loss at the next recorded quote
    wide: int  # quotes of held legs beyond the guard
    lasting: int  # of them still so at the next recorded quote


def held(preset: Preset, board: Board) -> Run | None:
    """What a preset sells on a board, filled at its first limit prices; None where it sells nothing."""
    if board.spot is None or board.market is None:
        return None
    legs = choose_legs(preset, board.instruments, board.quotes, board.market, board.spot).legs
    cost = entry_cost(preset, legs, board.quotes, board.spot) if legs else None
    if cost is None or cost.premium <= 0:
        return None
    ledgers = {}
    for leg in legs:
        fill = Fill(
            fill_id=leg.key, venue_order_id="", client_order_id=None, symbol=leg.symbol, product_id=leg.product_id,
            side=leg.side, quantity=leg.quantity, price=cost.legs[leg.key].price, commission=cost.legs[leg.key].fee,
            ts_event=board.market,
        )  # fmt: skip
        ledgers[leg.key] = with_fill(Ledger(), leg, fill, board.market)
    basis, name = basis_of(legs, ledgers)
    return Run(
        run_id=f"{board.market:%d%H%M}", env="paper", account="", preset=preset, config_hash="",
        underlying=preset.strategy.underlying, start_now=True, created_at=board.market, created_market=board.market,
        legs=legs, held=legs, ledgers=ledgers, basis=basis, basis_name=name, spot_at_entry=board.spot,
    )  # fmt: skip


def as_it_was(run: Run, market: Market) -> Valuation | None:
    """P&L as it was counted for every purpose: each touch no further from the mark than the guard, however long it stood there, and
    at the guard where there was none."""
    return value(run, market, [leg.key for leg in run.legs])


def followed(run: Run, boards: Sequence[Board]) -> Iterator[Seen]:
    """A strangle at each of the boards after its entry, as far as all of its legs are quoted and not about to expire."""
    guard_pct = run.preset.exits.spread_guard_pct
    out = run.legs[0].expiry - timedelta(minutes=run.preset.schedule.exit_before_expiry_mins)
    for board in boards:
        if board.market is None or board.spot is None or not run.created_at < board.market <= out:
            continue
        quotes: Mapping[str, Quote] = board.quotes
        if any(leg.symbol not in quotes for leg in run.legs):
            continue
        market = Market(quotes=board.quotes, spots={run.underlying: board.spot}, newest=board.market)
        before, now = as_it_was(run, market), value(run, market)
        if before is None or now is None:
            continue
        wide = frozenset(leg.symbol for leg in run.legs if is_wide(leg, quotes[leg.symbol], guard_pct))
        touch = None if now.unoffered else float(now.pct)
        yield Seen(board.market, float(before.pct), touch, float(now.pct), before.pct > now.pct, wide)


def figures(presets: Sequence[Preset], boards: Sequence[Board]) -> Figures:
    """All strangles of all presets, entered on every board."""
    counts = dict.fromkeys(Figures._fields, 0)
    late: list[float] = []
    for preset in presets:
        most, least = float(preset.exits.max_profit_pct), -float(preset.exits.max_loss_pct)
        for number, board in enumerate(boards):
            run = held(preset, board)
            path = [] if run is None else list(followed(run, boards[number + 1 :]))
            if not path:
                continue
            counts["strangles"] += 1
            _profit(counts, path, most)
            _loss(counts, late, path, least)
            for one, following in zip(path, path[1:], strict=False):
                counts["wide"] += len(one.wide)
                counts["lasting"] += len(one.wide & following.wide)
    return Figures(**{**counts, "late_minutes": median(late) if late else 0})


def _profit(counts: dict[str, int], path: list[Seen], most: float) -> None:
    won = next((one for one in path if one.before >= most), None)
    if won is not None:
        counts["reached"] += 1
        counts["below"] += won.touch is None or won.touch < most
    counts["reached_at_touch"] += any(one.touch is not None and one.touch >= most for one in path)


def _loss(counts: dict[str, int], late: list[float], path: list[Seen], least: float) -> None:
    lost = next((n for n, one in enumerate(path) if one.losing <= least), None)
    if lost is None:
        return
    counts["stopped"] += 1
    fired = next((one for one in path if one.before <= least), None)
    counts["never"] += fired is None
    if fired is not None and fired.at > path[lost].at:
        counts["late"] += 1
        late.append((fired.at - path[lost].at).total_seconds() / 60)
    if path[lost].before > least:
        counts["waits"] += 1
        counts["gone"] += lost + 1 < len(path) and path[lost + 1].losing > least


def moves(minutes: Sequence[float], times: Sequence[datetime], lasting: int) -> list[float]:
    """How far spot moves (%, unsigned) within so many minutes, from each minute that has both ends."""
    at = dict(zip(times, minutes, strict=True))
    gap = timedelta(minutes=lasting)
    return [abs(at[when + gap] / price - 1) * 100 for when, price in at.items() if when + gap in at]
