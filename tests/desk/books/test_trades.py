"""Executions: by which algorithm, of which run, and the same as a table for other programs."""

import csv
import io
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.desk.books.stages import Written
from tests.engine.scene import Scene, done, holding, preset, settlement
from tests.engine.tickets.stage import buy
from trader.desk import Desk
from trader.desk.books.lines import LONGEST_PAGE
from trader.engine import records as rec
from trader.journal import Journal
from trader.report.trades_csv import COLUMNS, trades_csv


def written(journal: Journal, scene: Scene) -> None:
    """A run's records, of the desk's account."""
    records = [replace(one, account="paper") if isinstance(one, rec.RunCreated) else one for one in scene.records]
    journal.append([one for one in records if one.run_id], lease=None)


def test_a_run_names_its_preset_and_the_algorithms_of_entry_and_exit(journal: Journal, desk: Desk) -> None:
    written(journal, done(preset(orders={"entry_algo": "market", "exit_algo": "chase"})))
    found = desk.trades().trades
    assert {(one.leg, one.side, one.algorithm) for one in found} == {
        (leg, side, algorithm) for leg in ("C", "P") for side, algorithm in (("sell", "market"), ("buy", "chase"))
    }
    assert {(one.preset, one.is_ticket) for one in found} == {("default", False)}


def test_what_the_exchange_does_itself_has_no_algorithm(journal: Journal, desk: Desk) -> None:
    scene = holding()
    for key in ("C", "P"):
        scene.exchange.fills.append(settlement(key, 2, "300", scene.now.market or scene.wall))
    scene.pass_time((scene.run.legs[0].expiry - scene.wall).total_seconds() + 5)
    scene.serve()
    written(journal, scene)
    assert {(one.kind, one.algorithm) for one in desk.trades().trades} == {("normal", "chase"), ("settlement", "")}


@pytest.mark.parametrize(("work", "algorithm"), [("once", "once"), ("chase", "chase")])
def test_a_single_order_names_how_it_was_worked(journal: Journal, desk: Desk, work: str, algorithm: str) -> None:
    stage = Written(journal)
    stage.order(buy(work=work))
    stage.traded()
    stage.write()
    [one] = desk.trades().trades
    assert (one.algorithm, one.preset, one.is_ticket) == (algorithm, "", True)


def test_every_trade_is_taken_page_by_page(journal: Journal, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Written(journal)
    stage.order(buy(quantity=9, limit_price="100020"))
    intent = stage.take_up()
    for _ in range(9):
        stage.fill(intent.client_order_id, 1, price="100010")
        stage.pass_time(60)
    stage.write()
    whole = desk.trades(limit=LONGEST_PAGE).trades
    monkeypatch.setattr("trader.desk.books.reads.LONGEST_PAGE", 4)
    assert tuple(desk.every_trade()) == whole and len(whole) == 9
    since = whole[3].at
    assert tuple(desk.every_trade(since=since, until=since + timedelta(seconds=90))) == whole[2:4]


def test_a_table_is_exact_and_starts_no_formula(journal: Journal, desk: Desk) -> None:
    stage = Written(journal)
    stage.order(buy(quantity=1, limit_price="100020"))
    stage.fill(stage.take_up().client_order_id, 1, price="100010", commission=None)
    stage.write()
    [one] = desk.trades().trades
    text = trades_csv([replace(one, fill_id="=1+1", venue_order_id="@x")])
    [row] = csv.DictReader(io.StringIO(text))
    assert tuple(row) == COLUMNS and (row["fee"], row["cash"], row["price"]) == ("", "-100.010", "100010")
    assert (row["fill_id"], row["venue_order_id"]) == ("'=1+1", "'@x")
    assert text == trades_csv([], head=True) + trades_csv(
        [replace(one, fill_id="=1+1", venue_order_id="@x")], head=False
    )
