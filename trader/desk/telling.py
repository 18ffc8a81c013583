"""Records in words: the timeline of a run and the marks on its chart. Pure."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from trader.desk.values import Marker, TimelineEvent
from trader.domain.expiry import IST
from trader.domain.fill import Channel, Fill, FillKind
from trader.domain.foreign import listed_words
from trader.domain.order import OrderIntent, Side
from trader.domain.wording import fill_verb, refusal_words
from trader.engine import records as r
from trader.engine.settling import kept_words
from trader.engine.view import REASON_WORDS


def timeline(records: Sequence[r.AnyRecord]) -> tuple[TimelineEvent, ...]:
    """Every record of a run as one line."""
    return tuple(
        TimelineEvent(
            at=at,
            wall=record.wall,
            kind=str(type(record).__struct_config__.tag),
            cause=record.cause,
            text=describe(record),
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
    for at, record in zip(_on_one_clock(records), records, strict=True):
        if isinstance(record, r.FillRecorded):
            order = record.fill.client_order_id or record.fill.venue_order_id
            fills.setdefault(order, []).append(record.fill)
            mark = _fill_mark(fills[order], at)
            if order in orders:
                found[orders[order]] = Marker(at=found[orders[order]].at, kind=mark.kind, text=mark.text)
            else:
                orders[order] = len(found)
                found.append(mark)
        elif isinstance(record, r.Trailed) and record.level_pct != level:
            level = record.level_pct
            found.append(Marker(at=at, kind="decision", text=describe(record)))
        elif isinstance(record, r.ExitDecided):
            found.append(Marker(at=at, kind="decision", text=describe(record)))
    return tuple(found)


def _fill_mark(fills: list[Fill], at: datetime) -> Marker:
    quantity = sum(fill.quantity for fill in fills)
    price = sum((fill.price * fill.quantity for fill in fills), Decimal(0)) / quantity
    sold = fills[0].side is Side.SELL
    verb = "Sold" if sold else "Bought back" if fills[-1].kind is FillKind.NORMAL else fill_verb(fills[-1]).capitalize()
    text = f"{verb} {quantity} {fills[0].symbol} at {_plain(price)}"
    return Marker(at=at, kind="entry" if sold else "exit", text=text)


def describe(record: r.AnyRecord) -> str:
    """One record in one line of plain text."""
    match record:
        case r.RunCreated():
            how = "enter now" if record.start_now else "enter at the scheduled time"
            return f"preset {record.preset} ({record.config_hash}) on {record.underlying}, {how}"
        case r.ScheduleFixed():
            note = f"; {record.warning}" if record.warning else ""
            return f"entry {_ist(record.entry_at)}, exit {_ist(record.exit_at)}{note}"
        case r.LegsChosen():
            legs = ", ".join(f"{leg.symbol} (delta {leg.delta:+.3f})" for leg in record.legs)
            return f"{legs}; spot {_plain(record.spot)}, exit {_ist(record.exit_at)}"
        case r.PhaseChanged():
            return f"{record.phase.value}{f': {record.reason}' if record.reason else ''}"
        case r.BesideConfirmed():
            return f"confirmed to start beside {listed_words(record.foreign)}"
        case r.StopRequested():
            return "Stop & Exit asked for"
        case r.OrderIntended():
            return _order(record.intent)
        case r.OrderDenied():
            return f"{_order(record.intent)} denied: {record.code}: {record.detail}"
        case r.OrderResolved():
            why = refusal_words(record.code, record.message)
            filled = "" if record.filled_qty is None else f", {record.filled_qty} filled"
            return f"{record.client_order_id} {record.status.value}{filled}{f': {why}' if why else ''}"
        case r.CancelIntended():
            return f"cancel {record.client_order_id}: {record.reason}"
        case r.FillRecorded():
            fill = record.fill
            fee = "" if fill.commission is None else f", fee {_plain(fill.commission)}"
            return f"{fill_verb(fill)} {fill.quantity} {fill.symbol} at {_plain(fill.price)}{fee}"
        case r.FillConfirmed():
            where = "the stream" if record.channel is Channel.STREAM else "the list of fills"
            return f"{record.client_order_id}: {record.quantity} at {_plain(record.price)} confirmed by {where}"
        case r.FillCosted():
            return f"fill {record.fill_id.rpartition(':')[2]} cost {_plain(record.commission)}"
        case r.PositionObserved():
            return f"exchange shows {record.quantity} {record.symbol}"
        case r.Trailed():
            level = "no level yet" if record.level_pct is None else f"stop at {_plain(record.level_pct)} %"
            return f"profit peaked at {_plain(record.peak_pct)} % of premium: {level}"
        case r.ExitDecided():
            detail = f" ({record.detail})" if record.detail else ""
            return f"exit: {REASON_WORDS.get(record.reason, record.reason)}{detail}"
        case r.LegKept():
            return f"{record.symbol} is {kept_words(record)}"
        case r.LegReleased():
            return f"{record.symbol} is not held to settlement any more: {record.reason}"
        case r.RunFinished():
            foreign = f"; not ours and left alone: {record.foreign}" if record.foreign else ""
            return f"realised {_plain(record.realized_pnl)} USD after fees {_plain(record.fees)} USD{foreign}"
        case r.LevelChanged():
            return f"trading is {record.level}{f': {record.reason}' if record.reason else ''}"
        case r.AlertRaised():
            return f"{record.level}: {record.text}"


def _order(intent: OrderIntent) -> str:
    price = "at market" if intent.limit_price is None else f"at {_plain(intent.limit_price)}"
    purpose = intent.purpose.name.lower()
    return f"{purpose} {intent.client_order_id}: {intent.side.value} {intent.quantity} {intent.symbol} {price}"


def _ist(at: datetime) -> str:
    return f"{at.astimezone(IST):%d %b %H:%M} IST"


def _plain(value: Decimal) -> str:
    """A number without padding zeros or exponent."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
