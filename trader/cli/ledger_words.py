"""The books in plain lines for a terminal of 80 columns. The numbers are the desk's; nothing is computed here."""

from datetime import datetime
from typing import TYPE_CHECKING

from trader.cli.output import table, usd
from trader.domain.expiry import IST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.desk.books.holdings import PositionLine, SyncReport
    from trader.desk.books.lines import EventLine, OrderDetail, OrderLine, Trade
    from trader.desk.books.statistics import DeskStatistics, Spread

_WIDTH = 80


def more(cursor: str | None) -> list[str]:
    return [] if cursor is None else [f"There are more: --cursor {cursor}"]


def _time(at: datetime) -> str:
    return f"{at.astimezone(IST):%d/%m %H:%M:%S}"


def _number(value: object) -> str:
    return "–" if value is None else f"{value:f}"


def order_row(one: "OrderLine") -> list[str]:
    asked = one.stop_price if one.limit_price is None else one.limit_price
    price = one.avg_px if one.filled and one.avg_px is not None else asked
    shown = "market" if price is None else f"{price:.8g}" if one.filled else f"({price:f})"
    return [
        _time(one.created_at), one.status, f"{one.side} {one.filled}/{one.quantity}", one.symbol, shown,
        one.venue_order_id or "–",
    ]  # fmt: skip


def order(one: "OrderDetail") -> "Iterator[str]":
    what = f"ticket {one.run_id}" if one.is_ticket else f"run {one.run_id} ({one.preset}), leg {one.leg}"
    yield f"{one.side} {one.quantity} {one.symbol}: {one.status}, {one.filled} filled, {one.left} left"
    yield f"  id {one.client_order_id}, at the exchange {one.venue_order_id or '–'}"
    yield f"  of {what}: {one.purpose}, {one.reason}{f'; asked by {one.who}' if one.who else ''}"
    flags = [word for word, on in (("post only", one.post_only), ("reduce only", one.reduce_only)) if on]
    limit = "at market" if one.limit_price is None else f"limit {one.limit_price:f}"
    stop = [] if one.stop_price is None else [f"trigger {one.stop_price:f}"]
    trail = [] if one.trail is None else [f"trail {one.trail:f}"]
    yield f"  {', '.join([limit, *stop, *trail, one.time_in_force, *flags])}"
    if one.filled:
        slipped = "" if one.slippage is None else f", {one.slippage:+f} against the reference {one.reference:f}"
        yield f"  filled at {_number(one.avg_px)}{slipped}; fees {usd(one.fees, signed=False)}"
    if one.message:
        yield f"  {one.message}"
    yield ""
    yield from table(
        ["time (IST)", "after", "what", "filled"],
        [[_time(step.at), f"{step.after_secs:.3f} s", step.what, str(step.filled)] for step in one.timeline],
    )


def trade_row(one: "Trade") -> list[str]:
    fee = "–" if one.fee is None else f"{one.fee:f}"
    role = one.role if one.kind == "normal" else one.kind
    return [_time(one.at), f"{one.side} {one.quantity}", one.symbol, f"{one.price:f}", fee, role, one.venue_order_id]


def event(one: "EventLine") -> str:
    size = "" if one.quantity is None else f" {one.quantity}{'' if one.price is None else f' at {one.price:f}'}"
    holds = "" if one.position is None else f" → holds {one.position:+d}" if one.position else " → flat"
    line = f"{_time(one.at)}  {one.kind:<18}  {one.symbol}{size}{holds}; {one.who}: {' '.join(one.why.split())}"
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def position(one: "PositionLine") -> "Iterator[str]":
    foreign = f", foreign {one.foreign:+d}" if one.foreign else ""
    net = "not known" if one.net is None else f"{one.net:+d}"
    yield f"{one.symbol}  {net}  (ours {one.ours:+d}{foreign})  unrealised {usd(one.unrealised)}, realised {usd(one.realised)}"
    yield f"  entry {_number(one.entry_price)}, mark {_number(one.mark)}, liquidated at {_number(one.liquidation_price)}"
    yield f"  margin {usd(one.margin, signed=False)} ({one.margin_mode or 'mode not told'}), leverage {_number(one.leverage)}"
    for part in one.parts:
        whose = f"ticket {part.run_id}" if part.is_ticket else f"run {part.run_id} ({part.name})"
        guards = [
            f"{name} {price:f}"
            for name, price in (("stop loss", part.stop_loss), ("take profit", part.take_profit))
            if price
        ]
        yield f"  {whose}: {part.quantity:+d} at {part.entry_price or 0:.8g}, P&L if closed {usd(part.pnl)}"
        if guards:
            yield f"    {', '.join(guards)}"
    if one.at_price is not None:
        yield f"  at that mark: {usd(one.at_price)}"


def synced(report: "SyncReport") -> list[str]:
    lines = [*(f"! {fault}" for fault in report.faults), *(f"{one.code}: {one.sentence}" for one in report.differences)]
    if report.in_step:
        read = f"{report.positions} positions and {report.orders} open orders"
        lines.append(f"In step: {read} are as the books have them.")
    return lines


def statistics(found: "DeskStatistics", hours: int) -> "Iterator[str]":
    one, client = found.execution, found.client
    yield f"Orders of the last {hours} h: {one.orders} sent, {one.denied} denied by our own checks"
    yield f"  {', '.join(f'{count} {status}' for status, count in one.by_status.items()) or 'none'}"
    yield f"  contracts filled {one.contracts_filled} of {one.contracts_sent}; fill rate {_share(one.fill_rate)}, rejected {_share(one.rejection_rate)}"
    yield f"  answered after {_spread(one.answer_secs)}"
    yield f"  filled after {_spread(one.fill_secs)}"
    missing = f" (of {one.fees_missing} not told yet)" if one.fees_missing else ""
    yield f"  slippage {usd(one.slippage_usd)}, fees {usd(one.fees, signed=False)}{missing}"
    yield f"  checks passed {one.risk_passed}, failed {one.risk_failed}"
    if client is None:
        yield "No runner has counted anything yet."
        return
    yield f"The runner's connection{'' if found.alive else ' (the runner is gone; as it counted last)'}:"
    yield f"  {client.calls} calls, {sum(client.errors.values())} failed; weight left {client.quota_left}; cache hits {_share(client.instrument_cache_hit_rate)}"
    yield f"  reconnections {sum(client.reconnections.values())}, breaker opened {client.breaker_opened}, held back by the rate {client.rate_limited}"
    rows = [
        [row.endpoint, str(row.calls), str(row.errors), *(_ms(took) for took in (row.p50_ms, row.p95_ms, row.p99_ms))]
        for row in client.endpoints
    ]
    yield from table(["endpoint", "calls", "errors", "p50 ms", "p95 ms", "p99 ms"], rows) if rows else ()


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _ms(took: float | None) -> str:
    return "–" if took is None else f"{took:.1f}"


def _spread(one: "Spread") -> str:
    if one.p50 is None:
        return "–"
    return ", ".join(f"{name} {value:.3f} s" for name, value in (("p50", one.p50), ("p95", one.p95), ("p99", one.p99)))
