"""TK7, TK8, WL5: money of a perpetual, of which the exchange's ledger books no price. TK7 what a ticket has earned is what its own
executions moved, less their commissions, and its part of funding. TK8 the parts of an hour's funding are by what each ticket held at
that instant, and add up to the exchange's line. WL5 from flat to flat all tickets together have earned what the ledger's lines say.
"""

from collections.abc import Iterator
from decimal import Decimal

from trader.domain.fill import FillKind
from trader.simulation.evidence import Evidence
from trader.simulation.market import PERPETUAL, PERPETUAL_ID
from trader.simulation.notes import RunNote
from trader.venue.core.records import FillRow, Transaction

_COSTS = ("commission", "liquidation_fee")
_SHARE_USD = Decimal("1E-11")  # a share may have no end
_ROUNDED = Decimal("0.000001")  # USD: an average entry may have none, the ledger's lines have one


class PerpetualRules:
    """Compares the journal with the exchange's executions and ledger."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def at_the_end(self) -> None:
        runs = [run for run in self._evidence.notes.runs.values() if run.is_perpetual and run.fills]
        venue = self._evidence.world.venue
        for run in runs:
            if run.finished is not None and PERPETUAL not in venue.own_doing:
                self._check_money(run)
        if any(run.finished is None for run in runs) or self._is_untold(runs):
            return
        for line in self._lines():
            if line.transaction_type == "funding" and line.id not in venue.charged:
                self._check_parts(line, runs)
        if PERPETUAL not in venue.account.holdings:
            self._check_ledger(runs)

    def _is_untold(self, runs: list[RunNote]) -> bool:
        """Whether a person was told that funding is missing in a result, or an older journal has forgotten what was booked."""
        return any(run.untold_funding for run in runs) or "F2" in self._evidence.world.faults.last_of

    def _lines(self) -> Iterator[Transaction]:
        venue = self._evidence.world.venue
        return (line for line in venue.account.transactions if line.product_id == PERPETUAL_ID)

    def _rows(self, run: RunNote) -> Iterator[FillRow]:
        rows = self._evidence.world.venue.account.fills
        return (row for row in rows if row.kind is FillKind.NORMAL and row.client_order_id in run.orders)

    def _check_money(self, run: RunNote) -> None:
        world, finished, value = self._evidence.world, run.finished, run.legs[0].contract_value
        assert finished is not None
        rows = list(self._rows(run))
        ids = {row.order_id for row in rows}
        moved = sum((-row.side.sign * row.size * row.price * value for row in rows), run.moved_cash())
        costs = (one.amount for one in self._lines() if one.order_id in ids and one.transaction_type in _COSTS)
        funding = sum((one.amount for one in run.funded), Decimal(0))
        theirs, told = moved + funding, finished.realized_pnl
        if world.plan.costs_told:
            theirs = sum(costs, theirs)
        else:
            told += finished.fees
        if theirs != told:
            self._evidence.report("TK7", f"ticket {run.run_id} tells {told}, the exchange moved {theirs}", run.run_id)

    def _check_parts(self, line: Transaction, runs: list[RunNote]) -> None:
        venue = self._evidence.world.venue
        parts = {
            run.run_id: sum((one.amount for one in run.funded if one.at == line.created_at), Decimal(0)) for run in runs
        }
        held = {
            run.run_id: abs(
                sum(row.side.sign * row.size for row in self._rows(run) if row.created_at <= line.created_at)
            )
            for run in runs
        }
        total = sum(held.values())
        if not total:
            return  # of somebody else's contracts alone
        if sum(parts.values()) != line.amount:
            text = f"{line.amount} of funding at {line.created_at:%H:%M}, tickets have {sum(parts.values())} of it"
            self._evidence.report("TK8", text)
        if venue.own_doing.get(PERPETUAL) or any(run.moved for run in runs):
            return  # what was taken from each, and when, is in no order of its own
        for run_id, part in parts.items():
            if abs(part - line.amount * held[run_id] / total) > _SHARE_USD:
                self._evidence.report(
                    "TK8", f"ticket {run_id} held {held[run_id]} of {total}, its part is {part}", run_id
                )

    def _check_ledger(self, runs: list[RunNote]) -> None:
        world, desks = self._evidence.world, {coid for run in runs for coid in run.orders}
        is_shared = any(
            row.symbol == PERPETUAL and row.kind is FillKind.NORMAL and row.client_order_id not in desks
            for row in world.venue.account.fills
        )
        lines = list(self._lines())
        if is_shared or not world.plan.costs_told or any(line.id in world.venue.charged for line in lines):
            return
        paid = sum((line.amount for line in lines), Decimal(0))
        told = sum((run.finished.realized_pnl for run in runs if run.finished is not None), Decimal(0))
        if abs(paid - told) >= _ROUNDED:
            self._evidence.report("WL5", f"all tickets in {PERPETUAL} earned {told}, the ledger says {paid}")
