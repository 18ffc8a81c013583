"""flatten over the real wire: with the journal, without it, beside a living runner, beside other people's positions."""

import sqlite3
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import Rig, preset, start_venue
from tests.e2e.test_odd_rows import spoil
from trader.config.halt import is_halted
from trader.domain.errors import WireError
from trader.domain.order import OrderIntent, OrderType, Purpose, Side, TimeInForce
from trader.domain.outcome import Ok, Unknown
from trader.domain.rounding import floor_to_tick
from trader.engine.records import OrderIntended, Phase
from trader.exchange.delta.gateway import DeltaGateway
from trader.journal.store import Journal
from trader.runner.flatten import Report, flatten
from trader.runner.flatten.books import Books
from trader.venue.server import VenueServer

QUANTITY = 20


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    server = start_venue()
    yield server
    server.stop()


@pytest.fixture
def rig(venue: VenueServer, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(venue, tmp_path)
    yield made
    if made.runner is not None:
        made.runner.stop()
        assert made._thread is not None
        made._thread.join(10)


def held(rig: Rig) -> Any:
    rig.boot()
    rig.start(preset(strategy={"quantity": QUANTITY}, orders={"timeout_secs": 1}))
    return rig.await_view(lambda v: v.phase is Phase.HOLDING and v.pnl is not None, 40, "holding")


def run_flatten(rig: Rig, *, horizon_secs: float = 0.5, wait_secs: float = 30) -> tuple[Report, list[str]]:
    said: list[str] = []
    books = Books(f"sqlite:///{rig.folder / 'journal.db'}", rig.folder, "paper", "paper", said.append)
    try:
        return flatten(rig.gateway, books, said.append, wait_secs=wait_secs, horizon_secs=horizon_secs), said
    finally:
        books.close()


def assert_flat(rig: Rig) -> None:
    assert all(p.quantity == 0 for p in rig.gateway.positions("BTC"))
    assert rig.gateway.open_orders() == []


def test_with_a_dead_runner_everything_is_closed_and_the_books_equal_the_venues(rig: Rig) -> None:
    view = held(rig)
    rig.halt()
    report, said = run_flatten(rig)
    assert report.flat and report.journal == "used" and not report.halted
    assert report.closed == {leg.symbol: QUANTITY for leg in view.legs}
    assert report.runs_finished == (view.run_id,) and report.realized_pnl == rig.ledger_change()
    assert_flat(rig)
    summary = rig.journal.run(view.run_id)
    assert summary is not None and summary.exit_reason == "flatten" and summary.realized_pnl == rig.ledger_change()
    purposes = [o.intent.purpose for o in rig.journal.orders(view.run_id) if o.intent.purpose is not Purpose.ENTRY]
    assert set(purposes) == {Purpose.FLATTEN}
    assert said[-1].startswith("FLAT")

    again, _ = run_flatten(rig)
    assert again.flat and again.closed == {} and again.cancelled == ()


def test_a_living_runner_is_fenced_and_its_successor_finds_the_run_closed(rig: Rig) -> None:
    view = held(rig)
    first = rig.runner
    assert first is not None
    began = time.monotonic()
    report, _ = run_flatten(rig, horizon_secs=3)
    assert report.flat and time.monotonic() - began >= 3  # what the runner had signed may arrive until then
    assert_flat(rig)
    assert rig._thread is not None
    rig._thread.join(10)
    assert first.lost_lease
    rig.boot()
    summary = rig.journal.run(view.run_id)
    assert summary is not None and summary.finished_at is not None
    assert summary.realized_pnl == rig.ledger_change()


def test_books_left_open_are_finished_by_the_next_runner(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    view = held(rig)
    rig.halt()
    monkeypatch.setattr(Books, "settle", lambda *_: ())
    report, _ = run_flatten(rig)
    assert report.flat and report.runs_unfinished == (view.run_id,)
    rig.boot()
    closed = rig.await_view(lambda v: v.phase is Phase.DONE, 40, "done by reconciliation")
    assert closed.exit_reason == "flatten" and closed.realized_pnl == rig.ledger_change()
    purposes = [r.intent.purpose for _, r in rig.journal.records(view.run_id) if isinstance(r, OrderIntended)]
    entries = purposes.count(Purpose.ENTRY)  # two, or more where the chase had to try again
    assert entries >= 2 and set(purposes[:entries]) == {Purpose.ENTRY} and set(purposes[entries:]) == {Purpose.FLATTEN}


def delete(path: Path) -> None:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


def overwrite(path: Path) -> None:
    delete(path)
    path.write_bytes(b"not a database, whatever it was before" * 200)
    path.chmod(0o600)


@pytest.mark.parametrize("spoil", [delete, overwrite])
def test_with_the_journal_lost_orders_are_known_by_their_ids_and_entries_are_halted(rig: Rig, spoil: Any) -> None:
    view = held(rig)
    rig.halt()
    rig.journal.close()
    spoil(rig.folder / "journal.db")
    report, said = run_flatten(rig)
    assert report.flat and report.journal.startswith("not usable") and report.halted
    assert report.closed == {leg.symbol: QUANTITY for leg in view.legs}
    assert is_halted(rig.folder)
    assert any("counts as ours" in words for words in said)
    assert_flat(rig)
    again, _ = run_flatten(rig)
    assert again.flat and again.closed == {}
    if spoil is delete:
        assert not (rig.folder / "journal.db").exists()  # a flatten never makes an empty journal


def test_a_journal_that_fails_midway_does_not_hold_the_exit_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held(rig)
    rig.halt()
    real = Journal.append

    def full(self: Journal, records: Any, **options: Any) -> int:
        if any(isinstance(record, OrderIntended) for record in records):
            raise_full()
        return real(self, records, **options)

    monkeypatch.setattr(Journal, "append", full)
    report, _ = run_flatten(rig)
    assert report.flat and report.halted
    assert_flat(rig)
    assert capsys.readouterr().err.count('"order_intended"') >= 2


def raise_full() -> None:
    connection = sqlite3.connect(":memory:")
    connection.close()
    from trader.domain.errors import JournalError

    raise JournalError("The journal cannot grow because the disk is full.")


def sell_by_hand(gateway: DeltaGateway, symbol: str, product_id: int, coid: str | None = "my-own-id") -> None:
    intent = OrderIntent(
        client_order_id=coid or "",
        run_id="",
        leg="",
        purpose=Purpose.ENTRY,
        attempt=0,
        symbol=symbol,
        product_id=product_id,
        side=Side.SELL,
        quantity=3,
        order_type=OrderType.MARKET,
        limit_price=None,
        time_in_force=TimeInForce.IOC,
    )
    assert isinstance(gateway.submit(intent), Ok)


def test_other_peoples_positions_are_named_and_left_alone(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.runner.flatten.flattening.LAG_SECS", 1.0)
    monkeypatch.setattr(Books, "settle", lambda *_: ())
    view = held(rig)
    rig.halt()
    taken = {leg.symbol for leg in view.legs}
    quotes = {q.symbol for q in rig.gateway.tickers("BTC") if q.bid and (q.bid_size or 0) >= 3}
    other = next(i for i in rig.gateway.instruments("BTC") if i.symbol in quotes - taken)
    ours = rig.gateway.positions("BTC")
    same = next(p for p in ours if p.symbol in taken)
    sell_by_hand(rig.gateway, other.symbol, other.product_id)
    sell_by_hand(rig.gateway, same.symbol, same.product_id, "my-own-id-2")
    report, said = run_flatten(rig)
    assert report.flat and sorted(report.foreign) == sorted([f"{other.symbol} -3", f"{same.symbol} -3"])
    left = {p.symbol: p.quantity for p in rig.gateway.positions("BTC") if p.quantity}
    assert left == {other.symbol: -3, same.symbol: -3}
    assert any("left alone" in words for words in said)


def rest_a_bid(rig: Rig, view: Any, *coids: str) -> None:
    """Orders far below the market in the first leg's contract, of run and leg as their ids say."""
    leg = view.legs[0]
    product_id = next(p.product_id for p in rig.gateway.positions("BTC") if p.symbol == leg.symbol)
    tick = next(i.tick_size for i in rig.gateway.instruments("BTC") if i.symbol == leg.symbol)
    assert leg.mark is not None
    price = floor_to_tick(leg.mark * Decimal("0.6"), tick)
    for coid in coids:
        intent = OrderIntent(
            client_order_id=coid,
            run_id=view.run_id,
            leg="C",
            purpose=Purpose.ENTRY,
            attempt=7,
            symbol=leg.symbol,
            product_id=product_id,
            side=Side.BUY,
            quantity=1,
            order_type=OrderType.LIMIT,
            limit_price=price,
        )
        assert isinstance(rig.gateway.submit(intent), Ok)


def test_open_orders_of_ours_are_cancelled_and_others_stay(rig: Rig) -> None:
    view = held(rig)
    rig.halt()
    ours = f"sd{rig.journal.installation()}-{view.run_id[:5]}-CE07-009-abcdefgh"
    rest_a_bid(rig, view, ours, "somebody-else")
    report, _ = run_flatten(rig)
    assert report.flat and report.cancelled == (ours,)
    assert [o.client_order_id for o in rig.gateway.open_orders()] == ["somebody-else"]


def test_an_order_that_cannot_be_cancelled_keeps_no_leg_open(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    view = held(rig)
    rig.halt()
    rest_a_bid(rig, view, f"sd{rig.journal.installation()}-{view.run_id[:5]}-CE07-009-abcdefgh")
    monkeypatch.setattr(rig.gateway, "cancel", lambda **_: Unknown("the answer was lost"))
    for _ in range(
        6
    ):  # flat can never be said, so the time given passes in full: a short one, again where it was too short
        report, _ = run_flatten(rig, wait_secs=5)
        if "orders are still open" in report.problem:
            break
    assert all(p.quantity == 0 for p in rig.gateway.positions("BTC"))
    assert not report.flat and "orders are still open" in report.problem


def test_an_exchange_that_does_not_answer_is_never_flat(rig: Rig) -> None:
    held(rig)
    rig.halt()
    rig.venue.stop()
    report, said = run_flatten(rig, wait_secs=1.5)
    assert not report.flat and "cannot be read" in report.problem
    assert any("cannot be read" in words for words in said)


# ------------------------------------------------------------ rows that make no sense


def test_an_odd_row_of_somebody_elses_kept_everything_from_being_closed(rig: Rig) -> None:
    view = held(rig)
    rig.halt()
    junk = {"product_id": 9, "product_symbol": "C-XRP-1-010130", "size": "NaN", "client_order_id": "theirs", "side": 5}
    rows = dict.fromkeys(("positions", "orders", "orders/history"), lambda listed: [*listed, junk])
    spoil(rig.gateway, rows | {"positions": lambda listed: [*listed, junk, 5]})
    report, said = run_flatten(rig)
    assert report.flat and report.closed == {leg.symbol: QUANTITY for leg in view.legs}
    assert said[-1].startswith("FLAT")


def test_a_position_that_cannot_be_read_is_closed_by_our_orders_and_flat_is_not_said(rig: Rig) -> None:
    view = held(rig)
    rig.halt()
    symbol = view.legs[0].symbol

    def odd(listed: list[Any]) -> list[Any]:
        return [{**row, "size": []} if row["product_symbol"] == symbol else row for row in listed] or [5]

    spoil(rig.gateway, {"positions": odd})
    real = rig.gateway.position

    def position(product_id: int) -> Any:
        found = real(product_id)
        if found.symbol == symbol:
            raise WireError("position size is missing")
        return found

    rig.gateway.position = position  # type: ignore[method-assign]
    report, said = run_flatten(rig, wait_secs=8)
    assert report.closed == {leg.symbol: QUANTITY for leg in view.legs}
    assert not report.flat and "could not be read" in report.problem
    assert not any(line.startswith("FLAT") for line in said)
