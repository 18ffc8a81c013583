"""Positions as the exchange tells them, each run's share held against its own fills: what somebody else has done."""

from collections.abc import Iterable

from trader.domain.fill import Position
from trader.domain.margin import MarginedPosition
from trader.engine import records as rec
from trader.engine.account.allocation import Shares, newest_fill_at, signed
from trader.engine.events import AccountRead
from trader.engine.state import POSITION_LAG_SECS, Run, Watch, seconds_since
from trader.engine.turn import Turn

FOREIGN_SECS = 10.0


def compare_positions(turn: Turn, run_id: str, event: AccountRead, shares: Shares) -> None:
    """Hold a run's share of the exchange's positions against its fills; a difference that lasts is somebody else's doing."""
    if event.positions is None:
        return
    run = turn.run(run_id)
    held: dict[str, int | None] = {}
    differs = False
    for leg in run.legs:
        whole = event.held(leg.symbol, leg.product_id)
        held[leg.symbol] = seen = None if whole is None else shares.of(turn.state, run, leg.symbol, whole)
        if seen is None:
            continue  # its row could not be read, which proves nothing
        if seen != signed(run, leg.key):
            differs = True
            newest = newest_fill_at(turn.state, leg.symbol)
            if newest is not None and seconds_since(newest, event.asked) < POSITION_LAG_SECS:
                continue  # the read may lag the fill
        if run.positions.get(leg.symbol) != seen:
            turn.write(rec.PositionObserved, run.run_id, cause="exchange", symbol=leg.symbol, quantity=seen)
            shares.observed(turn.state)
    since = turn.watch(run.run_id).mismatch_since
    if not differs:
        if None not in held.values():
            turn.set_watch(run.run_id, mismatch_since=None, mismatch_seen=None)
    else:
        lasting = since is not None and seconds_since(since, event.asked) > FOREIGN_SECS
        turn.set_watch(run.run_id, mismatch_since=since or event.asked, mismatch_seen=event.asked)
        if not lasting:
            turn.set_watch(run.run_id, account_wanted=True)
        else:
            turn.alert(run.run_id, "error", "foreign_activity", _difference(run, held))


def see_liquidation(turn: Turn, positions: Iterable[Position | MarginedPosition]) -> None:
    """Keep where the exchange says it would liquidate a position, for every run with a leg in it. A row that does not tell
    leaves what another has told, until nothing is held any more."""
    for position in positions:
        for run in turn.state.unresolved:
            if not any(leg.symbol == position.symbol for leg in run.legs):
                continue
            known = turn.watch(run.run_id).liquidation
            if position.quantity and position.liquidation_price is not None:
                told = {**known, position.symbol: position.liquidation_price}
            elif not position.quantity:
                told = {symbol: price for symbol, price in known.items() if symbol != position.symbol}
            else:
                continue
            if told != known:
                turn.set_watch(run.run_id, liquidation=told)


def differs_lastingly(watch: Watch) -> bool:
    """True when the exchange's positions have differed from our fills for longer than any lag: by reads that far apart.
    One odd read and then none that succeeds proves nothing, however long ago it was."""
    since, seen = watch.mismatch_since, watch.mismatch_seen
    return since is not None and seen is not None and seconds_since(since, seen) > FOREIGN_SECS


def _difference(run: Run, held: dict[str, int | None]) -> str:
    shown = {symbol: "unreadable" if size is None else str(size) for symbol, size in held.items()}
    parts = [f"{leg.symbol}: exchange {shown[leg.symbol]}, ours {signed(run, leg.key)}" for leg in run.legs]
    return f"Positions differ from our own fills; somebody else traded ({'; '.join(parts)})."


def foreign_remainder(run: Run) -> str:
    """What the exchange still shows in our contracts once nothing of it is ours to close; empty when nothing."""
    held = [(leg.symbol, run.positions.get(leg.symbol, 0)) for leg in run.legs]
    return ", ".join(f"{symbol} {quantity:+d}" for symbol, quantity in held if quantity != 0)
