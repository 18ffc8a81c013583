"""Single orders are recorded as they were asked for, refused where they must be, and sent once."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.desk.books.stages import Written
from tests.desk.conftest import KEY, SECRET, RunnersHand, announce
from tests.engine.tickets.stage import PERP, buy, sell
from trader.config.halt import halt
from trader.config.settings import load_settings
from trader.config.ticket import Protection, TicketList
from trader.desk import Desk, KeyReused, NotPossible
from trader.domain.errors import ConfigError, JournalError
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.engine.ids import ticket_id_for
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.journal import Journal
from trader.venue.server import VenueServer

D = Decimal


def listed(*tickets: dict[str, Any], link: str = "none") -> TicketList:
    return TicketList.model_validate({"tickets": list(tickets), "link": link})


def test_an_order_is_recorded_as_it_was_asked_for(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    runner.live()
    asked = listed(buy(limit_price="99000.5", reason="why"), sell(quantity=2))
    receipt = desk.order(asked, issued_by="cli", who="asha")
    (row,) = journal.pending_commands("paper")
    assert (row.command_id, row.kind, row.issued_by) == (receipt.command_id, "order", "cli")
    assert TicketList.model_validate({"tickets": row.body["tickets"], "link": row.body["link"]}) == asked
    assert (row.body["confirm"], row.body["key"], row.body["who"]) == (None, "", "asha")


def test_without_a_runner_nothing_that_opens_is_recorded(desk: Desk, journal: Journal) -> None:
    wishes: list[Callable[[], object]] = [
        lambda: desk.order(listed(buy()), issued_by="api"),
        lambda: desk.order(listed(sell(reduce_only=True)), issued_by="api"),
        lambda: desk.amend("t", limit_price=D(5), issued_by="api"),
        lambda: desk.adopt(PERP, f"ADOPT {PERP} -3", issued_by="api"),
    ]
    for wish in wishes:
        with pytest.raises(NotPossible, match="No runner is alive for account paper, so nothing was"):
            wish()
    assert journal.pending_commands("paper") == []


def test_what_closes_and_cancels_is_recorded_whether_a_runner_lives_or_not(desk: Desk, journal: Journal) -> None:
    desk.cancel(ticket="t", issued_by="api")
    desk.cancel(everything=True, issued_by="api")
    desk.close_position(symbol=PERP, issued_by="api", who="asha")
    desk.close_all(issued_by="api", reason="storm")
    assert [(row.kind, row.body) for row in journal.pending_commands("paper")] == [
        ("cancel", {"ticket": "t", "who": ""}),
        ("cancel", {"everything": True, "who": ""}),
        ("close", {"symbol": PERP, "who": "asha"}),
        ("close_all", {"who": "", "reason": "storm"}),
    ]


def test_the_same_key_is_the_same_command_also_once_the_runner_is_gone(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    runner.live()
    first = desk.order(listed(buy()), issued_by="api", key="morning")
    runner.live(age_secs=60)
    assert desk.order(listed(buy()), issued_by="api", key="morning") == first
    with pytest.raises(KeyReused):
        desk.order(listed(buy(quantity=6)), issued_by="api", key="morning")
    (row,) = journal.pending_commands("paper")
    assert row.body["key"] == "morning"


def test_a_halt_bars_what_opens_and_no_closing(desk: Desk, runner: RunnersHand) -> None:
    runner.live()
    halt(desk.settings.home, "a test")
    with pytest.raises(NotPossible, match=r"python -m trader resume.*nothing was sent"):
        desk.order(listed(buy(), sell(reduce_only=True)), issued_by="cli")
    desk.order(listed(sell(reduce_only=True)), issued_by="cli")


def test_production_needs_the_phrase_for_what_opens(tmp_path: Path) -> None:
    keys = {"DELTA_API_KEY": "abcdefgh12345678", "DELTA_API_SECRET": "hgfedcba87654321"}
    desk = Desk(load_settings(environ={"TRADER_HOME": str(tmp_path / "live"), "TRADER_ENV": "production", **keys}))
    asked = listed(buy(quantity=5), buy(quantity=2, limit_price="9"), sell(quantity=3, reduce_only=True))
    phrase = desk.order_phrase(asked)
    assert phrase == f"TRADE LIVE {desk.account} 7"
    for typed in (None, "", phrase.lower(), desk.order_phrase(listed(buy(quantity=6)))):
        with pytest.raises(ConfigError, match="Production needs the phrase"):
            desk.order(asked, issued_by="cli", confirm=typed)
    with pytest.raises(NotPossible, match="No runner"):  # the phrase was right: the next check speaks
        desk.order(asked, issued_by="cli", confirm=phrase)
    assert desk.order_phrase(listed(sell(reduce_only=True))) == ""
    desk.close()


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"limit_price": D("99000.50")}, {"limit_price": "99000.50"}),
        ({"quantity": 7, "trail_usd": D("1E+2")}, {"quantity": 7, "trail_usd": "100"}),
        ({"stop_loss": None}, {"stop_loss": None}),
        ({"take_profit": Protection(price=D(5))}, {"take_profit": {"price": "5", "limit_price": None}}),
        ({"stop_loss": msgspec.UNSET, "stop_price": D(1)}, {"stop_price": "1"}),
    ],
)
def test_only_what_is_to_change_is_asked_for(
    desk: Desk, journal: Journal, runner: RunnersHand, changes: dict[str, Any], body: dict[str, Any]
) -> None:
    runner.live()
    desk.amend("t1", **changes, issued_by="panel")
    (row,) = journal.pending_commands("paper")
    assert row.body == {"ticket": "t1", **body, "who": ""}


@pytest.mark.parametrize(
    "which", [{}, {"ticket": "a", "symbol": "b"}, {"order": "a", "everything": True}, {"everything": False}]
)
def test_a_cancel_names_one(desk: Desk, journal: Journal, which: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="Say exactly one of ticket, order, symbol, underlying or everything"):
        desk.cancel(**which, issued_by="api")
    with pytest.raises(ConfigError, match="Say exactly one of ticket or symbol; nothing was closed"):
        desk.close_position(issued_by="api")
    assert journal.pending_commands("paper") == []


@pytest.mark.parametrize("phrase", ["", f"ADOPT {PERP} 3", f"ADOPT {PERP} +0", f"adopt {PERP} +3", "ADOPT ETHUSD +3"])
def test_adopting_needs_its_phrase(desk: Desk, journal: Journal, runner: RunnersHand, phrase: str) -> None:
    runner.live()
    with pytest.raises(ConfigError, match="Nothing was taken over"):
        desk.adopt(PERP, phrase, issued_by="cli")
    assert journal.pending_commands("paper") == []
    desk.adopt(PERP, f"ADOPT {PERP} -3", issued_by="cli")
    assert journal.pending_commands("paper")[0].body["quantity"] == -3


def test_closing_that_cannot_be_recorded_names_what_works_without_the_journal(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise JournalError("The journal cannot grow because the disk is full.")

    monkeypatch.setattr(Journal, "submit_command", full)
    for wish in (lambda: desk.close_all(issued_by="cli"), lambda: desk.close_position(ticket="a", issued_by="cli")):
        with pytest.raises(JournalError, match="python -m trader flatten"):
            wish()


def test_each_ticket_of_a_command_is_told(desk: Desk, journal: Journal) -> None:
    stage = Written(journal)
    command = stage.order(buy(), buy(limit_price="99000.3"))
    assert [one.status for one in desk.await_order(command, 0).tickets] == ["new", "new"]
    stage.write()
    (ack,) = stage.acks(command)
    journal.mark_command(command, ack.status, ack.detail)
    answer = desk.await_order(command, 1)
    good, bad = answer.tickets
    assert answer.status == "accepted"
    assert (good.ticket_id, good.status, good.code) == (ticket_id_for(command, 0), "accepted", "")
    assert good.ticket is not None and good.ticket.quantity == 5
    assert (bad.status, bad.code, bad.field) == ("refused", "PRICE_OFF_TICK", "limit_price")
    assert "tick of 0.5" in bad.sentence and bad.ticket is None


def test_a_command_refused_as_a_whole_refuses_each(desk: Desk, journal: Journal) -> None:
    stage = Written(journal)
    command = stage.order(buy(), sell())
    journal.mark_command(command, "refused", "It was asked for 70 s ago.")
    assert {(one.status, one.code, one.sentence) for one in desk.await_order(command, 1).tickets} == {
        ("refused", "REFUSED", "It was asked for 70 s ago")
    }


def test_a_position_that_has_just_been_closed_stands_against_no_order(
    desk: Desk, journal: Journal, runner: RunnersHand, venue: VenueServer
) -> None:
    announce(desk.settings, venue)
    gateway = DeltaGateway(venue.addresses.rest_url, Credentials(KEY, SECRET))
    product = next(one for one in gateway.instruments("BTC") if one.symbol == PERP)

    def trade(side: Side) -> None:
        intent = OrderIntent(
            client_order_id=f"other-{side}", run_id="", leg="", purpose=Purpose.ENTRY, attempt=0, symbol=PERP,
            product_id=product.product_id, side=side, quantity=4, order_type=OrderType.MARKET, limit_price=None,
        )  # fmt: skip
        assert type(gateway.submit(intent)).__name__ == "Ok"

    def codes() -> list[str]:
        runner.live()
        return [one.code for one in desk.check_order(listed(buy(order_type="market"))).tickets[0].problems]

    trade(Side.BUY)
    assert "FOREIGN_POSITION" in codes()
    trade(Side.SELL)
    assert "FOREIGN_POSITION" not in codes()
    gateway.close()
