"""What each kind of record is to the rest of the program: its table, what it is searched by, how it is told and how loudly.

One entry per kind, and the only place that knows: the journal takes table and keys from here, the timeline, the news and
the log take sentence, weight and severity. What a record means for the state of a run is said in `fold`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum, IntEnum
from operator import attrgetter
from typing import Any, Literal, TypeVar

from trader.domain.basis import basis_words
from trader.domain.exit_reason import exit_label
from trader.domain.expiry import IST
from trader.domain.fill import Channel
from trader.domain.foreign import listed_words
from trader.domain.order import OrderIntent, OrderStatus
from trader.domain.wording import fill_verb, plain, refusal_words
from trader.engine import records as rec

TableName = Literal["runs", "orders", "execution_events", "fills", "positions", "decisions", "alerts"]
Severity = Literal["info", "warning", "error"]
R = TypeVar("R", bound=rec.Record)


class Weight(IntEnum):
    """Where a record is told: a detail in the timeline and the detailed log, a step also in the summary of the log, a
    decision also in the news of every face."""

    DETAIL = 0
    STEP = 1
    DECISION = 2


@dataclass(frozen=True, slots=True)
class RecordKind:
    """`keys`: the columns a row is searched by beside the common ones, each with the attribute it is a copy of."""

    name: str
    table: TableName
    keys: Mapping[str, Callable[[Any], Any]]
    weight: Weight
    severity: Callable[[Any], Severity]
    sentence: Callable[[Any], str]


KINDS: dict[type[rec.Record], RecordKind] = {}


def kind_of(record: rec.Record) -> RecordKind:
    return KINDS[type(record)]


def sentence(record: rec.Record) -> str:
    """The record in one line of plain text."""
    return kind_of(record).sentence(record)


def key_columns(record: rec.Record) -> dict[str, Any]:
    """The searched-by columns of the record's row, as the database takes them: decimals and names as text."""
    return {column: _column(read(record)) for column, read in kind_of(record).keys.items()}


def _column(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Decimal) else value


def _info(_record: Any) -> Severity:
    return "info"


def _warning(_record: Any) -> Severity:
    return "warning"


def _kind(
    of: type[R],
    table: TableName,
    weight: Weight,
    severity: Callable[[R], Severity] = _info,
    **keys: str,
) -> Callable[[Callable[[R], str]], Callable[[R], str]]:
    """Enter a kind with the function below as its sentence. `keys`: column = attribute path."""

    def enter(told: Callable[[R], str]) -> Callable[[R], str]:
        KINDS[of] = RecordKind(
            name=str(of.__struct_config__.tag),
            table=table,
            keys={column: attrgetter(path) for column, path in keys.items()},
            weight=weight,
            severity=severity,
            sentence=told,
        )
        return told

    return enter


# ------------------------------------------------------------ the life of a run


@_kind(
    rec.RunCreated, "runs", Weight.STEP,
    env="env", preset="preset", underlying="underlying", config_hash="config_hash",
)  # fmt: skip
def _run_created(record: rec.RunCreated) -> str:
    if record.ticket:
        return f"ticket {_ticket(record.ticket)}, {record.env}"
    how = "enter now" if record.start_now else "enter at the scheduled time"
    return f"preset {record.preset} ({record.config_hash}) on {record.underlying}, {record.env}, {how}"


@_kind(rec.ScheduleFixed, "decisions", Weight.STEP)
def _schedule_fixed(record: rec.ScheduleFixed) -> str:
    note = f"; {record.warning}" if record.warning else ""
    return f"entry {_ist(record.entry_at)}, exit {_ist(record.exit_at)}{note}"


@_kind(rec.LegsChosen, "decisions", Weight.STEP)
def _legs_chosen(record: rec.LegsChosen) -> str:
    legs = ", ".join(f"{leg.symbol} (delta {leg.delta:+.3f})" for leg in record.legs)
    return f"{legs}; spot {plain(record.spot)}, exit {_ist(record.exit_at)}"


@_kind(rec.PhaseChanged, "decisions", Weight.STEP)
def _phase_changed(record: rec.PhaseChanged) -> str:
    return f"{record.phase.value}{f': {record.reason}' if record.reason else ''}"


@_kind(rec.BesideConfirmed, "decisions", Weight.STEP, _warning)
def _beside_confirmed(record: rec.BesideConfirmed) -> str:
    return f"confirmed to start beside {listed_words(record.foreign)}"


@_kind(rec.StopRequested, "decisions", Weight.DECISION)
def _stop_requested(_record: rec.StopRequested) -> str:
    return "Stop & Exit asked for"


@_kind(rec.Trailed, "decisions", Weight.DETAIL)
def _trailed(record: rec.Trailed) -> str:
    level = "no level yet" if record.level_pct is None else f"stop at {plain(record.level_pct)} %"
    return f"profit peaked at {plain(record.peak_pct)} %: {level}"


@_kind(rec.StatusReported, "decisions", Weight.STEP)
def _status_reported(record: rec.StatusReported) -> str:
    if record.pnl is None or record.pct is None:
        pnl = f"P&L not known (no ask for {', '.join(record.unoffered)})"
    else:
        pnl = f"P&L {record.pnl:+f} USD ({record.pct:+f} % of {basis_words(record.basis)})"
    level = "no trailing level yet" if record.level_pct is None else f"trailing level {plain(record.level_pct)} %"
    spot = "" if record.spot is None else f", spot {plain(record.spot)}"
    ends = [_threshold(one) for one in record.thresholds]
    if record.exit_at is not None and record.market is not None:
        ends.append(
            f"exit time {_ist(record.exit_at)}, {(record.exit_at - record.market).total_seconds() / 60:.0f} min away"
        )
    return f"premium {plain(record.premium)} USD, {pnl}, {level}{spot}; {'; '.join(ends)}"


def _threshold(one: rec.Threshold) -> str:
    away = "" if one.away_pct is None else f", {abs(one.away_pct):f} points away"
    arms = "" if one.armed else "arms "
    return f"{exit_label(one.code).lower()} {arms}at {plain(one.at_pct)} %{away}"


@_kind(rec.SpreadGuarded, "decisions", Weight.STEP)
def _spread_guarded(record: rec.SpreadGuarded) -> str:
    if record.pct is None or record.counted_pct is None:
        still = f"still wide: {', '.join(record.since)}" if record.since else "no spread is wide any more"
        return f"spread guard: {still}"
    return (
        f"{exit_label(record.reason)} is held back by the spread guard for a while: at the touch {record.pct:+.1f} %, "
        f"counted {record.counted_pct:+.1f} %"
    )


@_kind(rec.ExitDecided, "decisions", Weight.DECISION)
def _exit_decided(record: rec.ExitDecided) -> str:
    return f"exit: {exit_label(record.reason)}{f' ({record.detail})' if record.detail else ''}"


@_kind(rec.LegKept, "decisions", Weight.DETAIL)
def _leg_kept(record: rec.LegKept) -> str:
    return f"{record.symbol} is {kept_words(record)}"


@_kind(rec.LegReleased, "decisions", Weight.DECISION)
def _leg_released(record: rec.LegReleased) -> str:
    return f"{record.symbol} is not held to settlement any more: {record.reason}"


def _severity_of_the_end(record: rec.RunFinished) -> Severity:
    return "warning" if record.foreign else "info"


@_kind(
    rec.RunFinished, "runs", Weight.DECISION, _severity_of_the_end,
    exit_reason="exit_reason", realized_pnl="realized_pnl", fees="fees",
)  # fmt: skip
def _run_finished(record: rec.RunFinished) -> str:
    end = f"NOT FLAT: {record.foreign} is not ours and was left alone" if record.foreign else "FLAT, confirmed"
    money = f"realised {plain(record.realized_pnl)} USD after fees {plain(record.fees)} USD"
    return f"{end}; {money} ({exit_label(record.exit_reason)})"


@_kind(rec.TicketRefused, "decisions", Weight.STEP, _warning)
def _ticket_refused(record: rec.TicketRefused) -> str:
    return f"the ticket on {record.symbol} was refused: {record.code}: {record.detail}"


@_kind(rec.TicketAmended, "decisions", Weight.STEP)
def _ticket_amended(record: rec.TicketAmended) -> str:
    return f"ticket changed: {_ticket(record.ticket)}{f' ({record.issued_by})' if record.issued_by else ''}"


@_kind(rec.CancelRequested, "decisions", Weight.STEP)
def _cancel_requested(record: rec.CancelRequested) -> str:
    return f"to be cancelled: {record.reason}"


@_kind(rec.ClosingSet, "decisions", Weight.STEP)
def _closing_set(record: rec.ClosingSet) -> str:
    how_many = "all of it" if record.closing.quantity is None else f"{record.closing.quantity} of it"
    return f"closing order {record.closing.name} for {how_many}"


@_kind(rec.ClosingDropped, "decisions", Weight.STEP)
def _closing_dropped(record: rec.ClosingDropped) -> str:
    return f"closing order {record.name} is wanted no more: {record.reason}"


@_kind(rec.PositionAdopted, "decisions", Weight.DECISION, _warning)
def _position_adopted(record: rec.PositionAdopted) -> str:
    return f"a position of {record.quantity} {record.symbol} at {plain(record.price)} is managed from now on"


@_kind(rec.ClosingMoved, "decisions", Weight.DECISION, _warning)
def _closing_moved(record: rec.ClosingMoved) -> str:
    at = f"{abs(record.quantity)} {record.symbol} at {plain(record.price)}"
    if record.quantity > 0:
        return f"an order of {record.other} has closed {at} of this one"
    return f"{at} were closed beyond what was held; they are booked to {record.other}, whose they were"


@_kind(rec.FundingBooked, "decisions", Weight.STEP)
def _funding_booked(record: rec.FundingBooked) -> str:
    done = "paid" if record.amount < 0 else "received"
    return f"funding of {plain(abs(record.amount))} USD {done} ({record.at:%Y-%m-%d %H:%M} UTC)"


def _severity_of_the_wallet(record: rec.WalletCompared) -> Severity:
    return "error" if record.difference else "info"


@_kind(rec.WalletCompared, "decisions", Weight.STEP, _severity_of_the_wallet)
def _wallet_compared(record: rec.WalletCompared) -> str:
    lines = ", ".join(f"{kind} {plain(amount)}" for kind, amount in record.lines.items()) or "no line"
    if record.difference:
        return f"the wallet differs by {plain(record.difference)} USD ({lines})"
    return f"the wallet agrees to the last digit ({lines})"


@_kind(rec.DayMarked, "decisions", Weight.STEP)
def _day_marked(record: rec.DayMarked) -> str:
    made = (
        f"{record.day:%d %b} made {plain(record.pnl - record.carried)} USD of this run's {plain(record.pnl)} USD so far"
    )
    return f"{made}; not valued near midnight" if record.late else made


def _severity_of_a_day(record: rec.DayCompared) -> Severity:
    return "error" if record.difference else "warning" if record.difference is None else "info"


@_kind(rec.DayCompared, "decisions", Weight.STEP, _severity_of_a_day)
def _day_compared(record: rec.DayCompared) -> str:
    if record.difference is None:
        return f"{record.day:%d %b} was not compared with the wallet: {record.why}"
    lines = ", ".join(f"{kind} {plain(amount)}" for kind, amount in record.lines.items()) or "no line"
    besides = ", ".join(f"{kind} {plain(amount)}" for kind, amount in record.besides.items())
    found = f"differs by {plain(record.difference)} USD" if record.difference else "agrees to the last digit"
    return f"{record.day:%d %b}: the wallet {found} ({lines}){f'; besides: {besides}' if besides else ''}"


# ------------------------------------------------------------ orders and what became of them


@_kind(
    rec.OrderIntended, "orders", Weight.STEP,
    client_order_id="intent.client_order_id", leg="intent.leg", symbol="intent.symbol",
)  # fmt: skip
def _order_intended(record: rec.OrderIntended) -> str:
    return _order(record.intent)


@_kind(
    rec.OrderDenied, "orders", Weight.STEP, _warning,
    client_order_id="intent.client_order_id", leg="intent.leg", symbol="intent.symbol",
)  # fmt: skip
def _order_denied(record: rec.OrderDenied) -> str:
    return f"{_order(record.intent)} denied: {record.code}: {record.detail}"


def _severity_of_an_answer(record: rec.OrderResolved) -> Severity:
    return "warning" if record.status in (OrderStatus.REJECTED, OrderStatus.UNKNOWN) else "info"


@_kind(
    rec.OrderResolved, "execution_events", Weight.STEP, _severity_of_an_answer,
    client_order_id="client_order_id", status="status",
)  # fmt: skip
def _order_resolved(record: rec.OrderResolved) -> str:
    why = refusal_words(record.code, record.message)
    filled = "" if record.filled_qty is None else f", {record.filled_qty} filled"
    return f"order {record.client_order_id} {record.status.value}{filled}{f': {why}' if why else ''}"


@_kind(rec.CancelIntended, "execution_events", Weight.DETAIL, client_order_id="client_order_id")
def _cancel_intended(record: rec.CancelIntended) -> str:
    return f"cancel {record.client_order_id}: {record.reason}"


@_kind(
    rec.FillRecorded, "fills", Weight.STEP,
    fill_id="fill.key", client_order_id="fill.client_order_id", leg="leg", symbol="fill.symbol",
)  # fmt: skip
def _fill_recorded(record: rec.FillRecorded) -> str:
    fill = record.fill
    fee = "" if fill.commission is None else f", fee {plain(fill.commission)}"
    return f"{fill_verb(fill)} {fill.quantity} {fill.symbol} at {plain(fill.price)}{fee}"


@_kind(
    rec.FillConfirmed, "execution_events", Weight.DETAIL, fill_id="fill_id", client_order_id="client_order_id"
)  # fmt: skip
def _fill_confirmed(record: rec.FillConfirmed) -> str:
    where = "the stream" if record.channel is Channel.STREAM else "the list of fills"
    return f"{record.client_order_id}: {record.quantity} at {plain(record.price)} confirmed by {where}"


@_kind(rec.FillCosted, "execution_events", Weight.DETAIL, fill_id="fill_id")
def _fill_costed(record: rec.FillCosted) -> str:
    return f"fill {record.fill_id.rpartition(':')[2]} cost {plain(record.commission)}"


@_kind(rec.PositionObserved, "positions", Weight.DETAIL, symbol="symbol", quantity="quantity")
def _position_observed(record: rec.PositionObserved) -> str:
    return f"exchange shows {record.quantity} {record.symbol}"


# ------------------------------------------------------------ what a person should know


def _severity_of_an_alert(record: rec.AlertRaised) -> Severity:
    return "info" if record.level == "info" else "error" if record.level == "error" else "warning"


@_kind(rec.AlertRaised, "alerts", Weight.STEP, _severity_of_an_alert, level="level", code="code")
def _alert_raised(record: rec.AlertRaised) -> str:
    return f"{record.level}: {record.text}"


def _severity_of_a_level(record: rec.LevelChanged) -> Severity:
    return "info" if record.level is rec.Level.ACTIVE else "warning"


@_kind(rec.LevelChanged, "decisions", Weight.DECISION, _severity_of_a_level)
def _level_changed(record: rec.LevelChanged) -> str:
    return f"trading is {record.level}{f': {record.reason}' if record.reason else ''}"


@_kind(rec.LimitsSet, "decisions", Weight.DECISION)
def _limits_set(record: rec.LimitsSet) -> str:
    return f"the account's limits were set{f' ({record.issued_by})' if record.issued_by else ''}"


@_kind(rec.LossLocked, "decisions", Weight.DECISION, _warning)
def _loss_locked(record: rec.LossLocked) -> str:
    ends = "no entry until Monday" if record.week else "no entry until tomorrow" if record.day else ""
    return f"{ends or 'entries are let out again'}{f': {record.reason}' if record.reason else ''}"


@_kind(rec.LossWarned, "decisions", Weight.DETAIL)
def _loss_warned(record: rec.LossWarned) -> str:
    of = [
        f"the day {record.day:%d %b}" if record.day else "",
        f"the week of {record.week:%d %b}" if record.week else "",
    ]
    return f"warned of the loss of {' and of '.join(filter(None, of))}"


@_kind(rec.MarginObserved, "decisions", Weight.STEP)
def _margin_observed(record: rec.MarginObserved) -> str:
    topup = {None: "not told", True: "on", False: "off"}[record.default_auto_topup]
    return f"margin mode {record.mode or 'not told'}, auto top-up of new positions {topup}"


# ------------------------------------------------------------ words


def kept_words(kept: rec.LegKept) -> str:
    """Until when a leg is held to settlement and why, with the money."""
    worth = f"worth {_usd(kept.worth)}"
    if kept.is_long:
        cost = "" if kept.closing is None else f", selling would bring {_usd(kept.closing)}"
        why = "" if kept.is_offered else "nobody bids for it; " if kept.closing is None else "the bid is too low; "
    else:
        cost = "" if kept.closing is None else f", closing would cost {_usd(kept.closing)}"
        why = "" if kept.is_offered else "nobody offers it; " if kept.closing is None else "it is offered too dear; "
    return f"held to settlement at {_ist(kept.until)}: {why}{worth}{cost}"


def _usd(amount: Decimal) -> str:
    return f"{amount:.2f} USD" if amount == 0 or abs(amount) >= 1 else f"{amount.normalize():.2g} USD"


def _order(intent: OrderIntent) -> str:
    price = "at market" if intent.limit_price is None else f"at {plain(intent.limit_price)}"
    purpose = intent.purpose.name.lower()
    return f"{purpose} {intent.client_order_id}: {intent.side.value} {intent.quantity} {intent.symbol} {price}"


def _ticket(ticket: Mapping[str, Any]) -> str:
    """``buy 5 BTCUSD limit 90000, stop loss 88000``."""
    prices = [f"{ticket[name]}" for name in ("limit_price", "stop_price", "trail_usd") if ticket.get(name) is not None]
    words = " ".join([str(ticket[name]) for name in ("side", "quantity", "symbol", "order_type")] + prices)
    guards = [
        f"{name.replace('_', ' ')} {ticket[name]['price']}" for name in ("stop_loss", "take_profit") if ticket.get(name)
    ]
    return ", ".join([words, *guards])


def _ist(at: datetime | None) -> str:
    return "before the expiry" if at is None else f"{at.astimezone(IST):%d %b %H:%M} IST"
