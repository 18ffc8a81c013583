"""Positions as the exchange tells them, held against our own fills: what it has settled, what somebody else has done."""

from decimal import Decimal

from trader.domain.fill import Fill, FillKind
from trader.engine import records as rec
from trader.engine.events import AccountRead
from trader.engine.state import Run, Watch, seconds_since
from trader.engine.turn import Turn

_POSITION_LAG_SECS = 4.0  # real-time positions may lag a fill by this much
FOREIGN_SECS = 10.0


def signed(run: Run, key: str) -> int:
    """The position our own fills make on a leg, negative = short."""
    return run.open_quantity(key) * run.leg(key).side.sign


def settle(turn: Turn, event: AccountRead) -> None:
    """Worthless options may vanish without a settlement fill: the expired product's price then closes the books."""
    if event.positions is None or event.fills is None:
        return
    run = turn.run(event.run_id)
    for leg in run.legs:
        open_quantity = run.open_quantity(leg.key)
        price = event.settlements.get(leg.symbol)
        if open_quantity <= 0 or price is None or not leg.has_expired(turn.now.market):
            continue
        if event.held(leg.symbol, leg.product_id) != 0 or event.odd_of("fills", leg.symbol, leg.product_id):
            continue
        if seconds_since(leg.expiry, turn.now.market or leg.expiry) < 60:
            continue  # give a real settlement fill its minute
        if any(o.fills_missing for o in run.leg_orders(leg.key)):
            continue  # how many contracts were left to be settled is not known yet
        fill = Fill(
            fill_id=f"settled-{run.run_id}-{leg.symbol}",
            venue_order_id="settlement",
            client_order_id=None,
            symbol=leg.symbol,
            product_id=leg.product_id,
            side=leg.side.opposite,
            quantity=open_quantity,
            price=price,
            commission=Decimal(0),
            kind=FillKind.SETTLEMENT,
            ts_event=leg.expiry,
        )
        turn.write(rec.FillRecorded, run.run_id, cause="recovery", leg=leg.key, fill=fill)


def compare_positions(turn: Turn, event: AccountRead) -> None:
    """Hold the exchange's positions against our fills; a difference that lasts is somebody else's doing."""
    if event.positions is None:
        return
    run = turn.run(event.run_id)
    held = {leg.symbol: event.held(leg.symbol, leg.product_id) for leg in run.legs}
    differs = False
    for leg in run.legs:
        seen = held[leg.symbol]
        if seen is None:
            continue  # its row could not be read, which proves nothing
        ours = signed(run, leg.key)
        if seen != ours:
            differs = True
            last_fill = run.last_fill_at(leg.key)
            if last_fill is not None and seconds_since(last_fill, event.asked) < _POSITION_LAG_SECS:
                continue  # the read may lag the fill
        if run.positions.get(leg.symbol) != seen:
            turn.write(rec.PositionObserved, run.run_id, cause="exchange", symbol=leg.symbol, quantity=seen)
    since = turn.watch(run.run_id).mismatch_since
    if not differs:
        if None not in held.values():
            turn.look(run.run_id, mismatch_since=None, mismatch_seen=None)
    else:
        lasting = since is not None and seconds_since(since, event.asked) > FOREIGN_SECS
        turn.look(run.run_id, mismatch_since=since or event.asked, mismatch_seen=event.asked)
        if not lasting:
            turn.look(run.run_id, account_wanted=True)
        else:
            turn.alert(run.run_id, "error", "foreign_activity", _difference(run, held))


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
