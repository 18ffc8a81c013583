"""Positions: what the exchange shows of each contract, and whose it is. Pure.

Quantities of runs and tickets, their prices and P&L are the engine's, of its newest picture; those of the account the exchange's.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from trader.desk.books.account_now import AccountNow
from trader.desk.books.events import Execution
from trader.desk.books.holdings import PositionLine, PositionPart
from trader.domain.fill import Position
from trader.domain.instrument import Kind, underlying_of
from trader.domain.order import Side
from trader.engine.view import RunView, TicketView

_EXACT = Decimal(10) ** -12  # an average price may have no end
_ZERO = Decimal(0)


def pnl_at(
    price: Decimal | None, entry: Decimal | None, quantity: int | None, contract_value: Decimal | None
) -> Decimal | None:
    """USD that a position (signed contracts) has made since its entry, at a price; without fees."""
    if price is None or entry is None or quantity is None or contract_value is None:
        return None
    return (price - entry) * quantity * contract_value


def parts_of(
    runs: Sequence[RunView], tickets: Sequence[TicketView], opened: Mapping[tuple[str, str], datetime]
) -> dict[str, list[PositionPart]]:
    """What runs and tickets hold, by contract."""
    found: dict[str, list[PositionPart]] = {}
    for run in runs:
        for leg in run.legs:
            if leg.open_quantity:
                at = opened.get((run.run_id, leg.symbol))
                found.setdefault(leg.symbol, []).append(_part_of_run(run, leg.key, at))
    for one in tickets:
        if one.open_quantity:
            at = opened.get((one.ticket_id, one.symbol))
            found.setdefault(one.symbol, []).append(_part_of_ticket(one, at))
    return found


def opened_at(executions: Iterable[Execution]) -> dict[tuple[str, str], datetime]:
    """When each position of a run that is open now was opened (exchange's time), by run and contract."""
    found: dict[tuple[str, str], datetime] = {}
    for one in executions:
        if not one.had:
            found[one.record.run_id, one.symbol] = one.record.market or one.record.wall
    return found


def _part_of_run(run: RunView, key: str, opened: datetime | None) -> PositionPart:
    leg = next(leg for leg in run.legs if leg.key == key)
    quantity = Side(leg.side).sign * leg.open_quantity
    unrealised, realised = _divided(leg.mark, leg.avg_px, quantity, leg.contract_value, leg.pnl_mark)
    return PositionPart(
        run_id=run.run_id, is_ticket=False, name=run.preset, leg=leg.key, quantity=quantity, entry_price=leg.avg_px,
        mark=leg.mark, pnl=leg.pnl, pnl_mark=leg.pnl_mark, unrealised=unrealised, realised=realised,
        fees=leg.fees_paid, stop_loss=None, take_profit=None, liquidation_price=leg.liquidation_px, opened_at=opened,
    )  # fmt: skip


def _part_of_ticket(one: TicketView, opened: datetime | None) -> PositionPart:
    quantity = Side(one.side).sign * one.open_quantity
    unrealised, realised = _divided(one.mark, one.avg_px, quantity, one.contract_value, one.pnl_mark)
    return PositionPart(
        run_id=one.ticket_id, is_ticket=True, name=one.reason, leg="T", quantity=quantity, entry_price=one.avg_px,
        mark=one.mark, pnl=one.pnl, pnl_mark=one.pnl_mark, unrealised=unrealised, realised=realised, fees=one.fees,
        stop_loss=one.stop_loss, take_profit=one.take_profit, liquidation_price=one.liquidation_px, opened_at=opened,
    )  # fmt: skip


def _divided(
    mark: Decimal | None,
    entry: Decimal | None,
    quantity: int,
    contract_value: Decimal | None,
    pnl_mark: Decimal | None,
) -> tuple[Decimal | None, Decimal | None]:
    """P&L at the mark, into what is open and the rest."""
    open_part = pnl_at(mark, entry, quantity, contract_value)
    if open_part is None or pnl_mark is None:
        return None, None
    open_part = open_part.quantize(_EXACT).normalize()
    return open_part, (pnl_mark - open_part).quantize(_EXACT).normalize()


def lines_of(now: AccountNow | None, parts: Mapping[str, Sequence[PositionPart]]) -> tuple[PositionLine, ...]:
    """Every contract, by underlying and symbol. `now` None: the exchange could not be asked."""
    shown = () if now is None else now.positions
    symbols = sorted({*shown, *parts}, key=lambda symbol: (underlying_of(symbol), symbol))
    return tuple(_line(symbol, now, parts.get(symbol, ())) for symbol in symbols)


def _line(symbol: str, now: AccountNow | None, parts: Sequence[PositionPart]) -> PositionLine:
    underlying, ours = underlying_of(symbol), sum(part.quantity for part in parts)
    known = now is not None and underlying not in now.faults
    position = None if now is None else now.positions.get(symbol)
    if position is None and known:
        position = Position(symbol=symbol, product_id=0, quantity=0)
    margined = None if now is None else now.margined.get(symbol)
    contract = None if now is None else now.instruments.get(symbol)
    net = None if position is None else position.quantity
    entry = None if position is None else position.entry_price
    mark = margined.mark if margined is not None else next((part.mark for part in parts if part.mark is not None), None)
    value = None if contract is None else contract.contract_value
    return PositionLine(
        symbol=symbol,
        underlying=underlying,
        kind="" if contract is None else contract.kind.value,
        strike=None if contract is None or contract.kind is Kind.PERPETUAL else contract.strike,
        expiry=None if contract is None else contract.expiry,
        contract_value=value,
        net=net,
        ours=ours,
        foreign=None if net is None else net - ours,
        entry_price=entry,
        mark=mark,
        unrealised=_ZERO if net == 0 else pnl_at(mark, entry, net, value),
        realised=None if margined is None else margined.realized_pnl,
        funding=None if margined is None else margined.realized_funding,
        margin=None if margined is None else margined.margin,
        margin_mode=None if margined is None else margined.margin_mode,
        auto_topup=None if margined is None else margined.auto_topup,
        leverage=None if now is None else now.leverages.get(symbol),
        liquidation_price=_liquidation(position, None if margined is None else margined.liquidation_price),
        bankruptcy_price=None if margined is None else margined.bankruptcy_price,
        opened_at=None if margined is None else margined.created_at,
        stop_loss=tuple(part.stop_loss for part in parts if part.stop_loss is not None),
        take_profit=tuple(part.take_profit for part in parts if part.take_profit is not None),
        parts=tuple(parts),
    )


def _liquidation(position: Position | None, margined: Decimal | None) -> Decimal | None:
    told = None if position is None else position.liquidation_price
    return margined if told is None else told
