"""A leg that the exchange liquidates: what every face tells of the money is what the wallet has lost."""

from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from tests.e2e.rig import START, Rig, await_value, preset, start_venue
from trader.domain.fill import FillKind
from trader.engine.records import FillCosted, FillRecorded, Phase, WalletCompared
from trader.engine.view import RunView
from trader.journal.verifying import verify
from trader.venue.market.base import OptionStats
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings


class Squeeze(SyntheticMarket):
    """The mark of one contract may be pressed up while the book stays where it is."""

    def __init__(self) -> None:
        super().__init__(SyntheticSettings(seed=1, start=START))
        self.pressed: dict[str, Decimal] = {}

    def option_stats(self, symbol: str) -> OptionStats:
        stats = super().option_stats(symbol)
        return replace(stats, mark=stats.mark + self.pressed.get(symbol, Decimal(0)))


def test_a_liquidated_leg_has_cost_what_the_wallet_has_paid(tmp_path: Path) -> None:
    market = Squeeze()
    venue = start_venue(market=market)
    rig = Rig(venue, tmp_path)
    rig.boot()
    far = {"max_loss_pct": 1000, "trailing_enabled": False, "liquidation_guard_pct": 0}
    try:
        rig.start(preset(strategy={"quantity": 10, "delta_min": "0.18", "delta_max": "0.25"}, exits=far))
        held = rig.await_view(lambda view: view.phase is Phase.HOLDING, 30, "holding")
        call = next(leg for leg in held.legs if leg.key == "C")
        assert held.spot is not None
        market.pressed[call.symbol] = held.spot * Decimal("0.007")
        closed = rig.await_view(lambda view: view.phase is Phase.DONE, 40, "done")
        records = [record for _, record in rig.journal.events(held.run_id)]
        forced = [r.fill for r in records if isinstance(r, FillRecorded) and r.fill.kind is FillKind.LIQUIDATION]
        assert [fill.symbol for fill in forced] == [call.symbol]
        rows = rig.gateway.account.transactions()
        fee = -sum(row.amount for row in rows if row.kind == "liquidation_fee")
        assert fee > 0
        told = [r.commission for r in records if isinstance(r, FillCosted) and r.fill_id == forced[0].key]
        assert sum(told) + (forced[0].commission or 0) > fee  # its commission beside it
        assert closed.realized_pnl == rig.ledger_change()
        assert closed.exit_reason == "leg_closed"

        def compared() -> WalletCompared | None:
            found = [r for _, r in rig.journal.events(held.run_id) if isinstance(r, WalletCompared)]
            return found[0] if found else None

        wallet = await_value(compared, 20, "compared with the exchange's ledger")
        assert wallet.difference == 0 and wallet.lines["liquidation_fee"] == -fee
        assert sum(wallet.lines.values()) == closed.realized_pnl
        (row,) = rig.journal.runs(limit=5)
        assert (row.realized_pnl, row.wallet_difference) == (closed.realized_pnl, 0)
    finally:
        rig.halt()
        venue.stop()
    report = verify(f"sqlite:///{tmp_path / 'journal.db'}")
    assert report.ok, report
    assert "1 runs were compared" in next(f.words for f in report.findings if f.check == "wallet")


def test_a_market_that_runs_away_is_left_before_the_exchange_liquidates_anything(tmp_path: Path) -> None:
    market = Squeeze()
    venue = start_venue(market=market)
    rig = Rig(venue, tmp_path)
    rig.boot()
    try:
        near = {"delta_min": "0.18", "delta_max": "0.25"}
        rig.start(preset(strategy={"quantity": 10, **near}, exits={"max_loss_pct": 150, "trailing_enabled": False}))
        held = rig.await_view(
            lambda view: view.phase is Phase.HOLDING and all(leg.liquidation_told for leg in view.legs), 30, "told"
        )
        call = next(leg for leg in held.legs if leg.key == "C")
        assert held.spot is not None and call.liquidation_px is not None and call.avg_px is not None
        way = held.spot * Decimal("0.005")  # entry + 1 % of margin - 0.5 % that must be left
        assert abs(call.liquidation_px - call.avg_px - way) < way / 20
        for share in range(1, 30):
            market.pressed[call.symbol] = way * share / 25
            view = rig.await_view(lambda view, least=share: _gone(view, least) or _is_leaving(view), 20, "seen")
            if _is_leaving(view):
                break
        market.pressed[call.symbol] = held.spot / 10  # and on it goes
        closed = rig.await_view(lambda view: view.phase is Phase.DONE, 40, "done")
        assert closed.exit_reason == "liquidation_guard" and closed.flat == "true"
        fills = [r.fill for _, r in rig.journal.events(held.run_id) if isinstance(r, FillRecorded)]
        assert {fill.kind for fill in fills} == {FillKind.NORMAL}
        assert not [row for row in rig.gateway.account.transactions() if row.kind == "liquidation_fee"]
        assert closed.realized_pnl == rig.ledger_change()
    finally:
        rig.halt()
        venue.stop()


def _is_leaving(view: RunView) -> bool:
    return view.phase in (Phase.EXITING, Phase.DONE)


def _gone(view: RunView, share: int) -> bool:
    """Whether the picture knows the mark that was set."""
    guard = next((rung for rung in view.ladder if rung.code == "liquidation_guard"), None)
    return guard is not None and guard.gone_pct is not None and guard.gone_pct >= share * 4 - 12
