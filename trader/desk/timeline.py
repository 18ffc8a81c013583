"""Records in words: the timeline of a run and the marks on its chart. Pure."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from trader.desk.values import Marker, TimelineEvent
from trader.domain.fill import Fill, FillKind
from trader.domain.order import Side
from trader.domain.wording import fill_verb, plain
from trader.engine import records as r
from trader.engine.record_kinds import kind_of, sentence


def timeline(records: Sequence[r.AnyRecord]) -> tuple[TimelineEvent, ...]:
    """Every record of a run as one line."""
    return tuple(
        TimelineEvent(
            at=at,
            wall=record.wall,
            kind=kind_of(record).name,
            cause=record.cause,
            text=sentence(record),
        )
        for at, record in zip(_on_one_clock(records), records, strict=True)
    )


def _on_one_clock(records: Sequence[r.AnyRecord]) -> list[datetime]:
    """The exchange's time of each record; where it was not known, the one before, or the first that was. A run of which no
    record knows it stays on this machine's clock: the two never mix, because they may be years apart."""
    last = next((record.market for record in records if record.market is not None), None)
    if last is None:
        return [record.wall for record in records]
    found = []
    for record in records:
        last = record.market or last
        found.append(last)
    return found


def markers(records: Sequence[r.AnyRecord]) -> tuple[Marker, ...]:
    """What the chart shows: one mark per filled order, each rise of the trailing level, the decision to exit."""
    found: list[Marker] = []
    orders: dict[str, int] = {}  # order → index of its mark
    fills: dict[str, list[Fill]] = {}
    level: Decimal | None = None
    sides: dict[str, Side] = {}
    for at, record in zip(_on_one_clock(records), records, strict=True):
        if isinstance(record, r.LegsChosen):
            sides = {leg.key: leg.side for leg in record.legs}
        elif isinstance(record, r.FillRecorded):
            order = record.fill.client_order_id or record.fill.venue_order_id
            fills.setdefault(order, []).append(record.fill)
            mark = _fill_mark(fills[order], at, sides.get(record.leg, Side.SELL))
            if order in orders:
                found[orders[order]] = Marker(at=found[orders[order]].at, kind=mark.kind, text=mark.text)
            else:
                orders[order] = len(found)
                found.append(mark)
        elif isinstance(record, r.Trailed) and record.level_pct != level:
            level = record.level_pct
            found.append(Marker(at=at, kind="decision", text=sentence(record)))
        elif isinstance(record, r.ExitDecided):
            found.append(Marker(at=at, kind="decision", text=sentence(record)))
    return tuple(found)


def _fill_mark(fills: list[Fill], at: datetime, side: Side) -> Marker:
    quantity = sum(fill.quantity for fill in fills)
    price = sum((fill.price * fill.quantity for fill in fills), Decimal(0)) / quantity
    entered = fills[0].side is side
    verb = {Side.SELL: ("Sold", "Bought back"), Side.BUY: ("Bought", "Sold again")}[side][0 if entered else 1]
    if not entered and fills[-1].kind is not FillKind.NORMAL:
        verb = fill_verb(fills[-1]).capitalize()
    text = f"{verb} {quantity} {fills[0].symbol} at {plain(price)}"
    return Marker(at=at, kind="entry" if entered else "exit", text=text)
