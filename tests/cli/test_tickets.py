"""Single orders from the command line through the real runner to a local exchange: what rests there is what was typed."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import KEY, SECRET, Rig, await_value, start_venue
from trader.cli.app import main
from trader.config.connection import announcement_path
from trader.domain.order import OrderIntent, OrderSnapshot, OrderType, Purpose, Side
from trader.domain.wording import plain
from trader.journal import Lease

D = Decimal
PERP = "BTCUSD"
Said = pytest.CaptureFixture[str]


class Patient(Rig):
    """With a lease that lasts while the machine has other things to do: what opens asks whether a runner lives."""

    def _lease(self) -> Lease:
        found = self.journal.take_lease(
            account="paper", holder="cli", host="thread", pid=1, code_hash="test", ttl_secs=60.0, now=datetime.now(UTC)
        )
        assert found is not None
        return found


class Session:
    """One paper venue and its runner; types commands, and looks at the wire."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.contracts = {one.symbol: one for one in rig.gateway.instruments("BTC")}
        self.perp = self.contracts[PERP]

    def at(self, share: str) -> str:
        """A price so far from the index, on tick."""
        tick = self.perp.tick_size
        return f"{(self.rig.gateway.spot('BTC') * D(share) / tick).to_integral_value() * tick:f}"

    def position(self) -> int:
        return self.rig.gateway.position(self.perp.product_id).quantity

    def resting(self) -> list[OrderSnapshot]:
        return self.rig.gateway.open_orders()

    def await_resting(self, count: int) -> list[OrderSnapshot]:
        found: list[OrderSnapshot] = (
            await_value(
                lambda: (rows := self.resting()) if len(self.resting()) == count else None,
                30,
                f"{count} orders at the exchange",
            )
            if count
            else await_value(lambda: ["none"] if not self.resting() else None, 30, "no order at the exchange")
        )
        return found if count else []


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    home = tmp_path_factory.mktemp("tickets")
    server = start_venue(speed=5.0)
    rig = Patient(server, home)
    rig.boot()
    body = {
        "rest_url": server.addresses.rest_url, "ws_public_url": server.addresses.ws_public_url,
        "ws_private_url": server.addresses.ws_private_url, "api_key": KEY, "api_secret": SECRET, "pid": 1,
    }  # fmt: skip
    announcement_path(home).write_text(json.dumps(body))
    yield Session(rig)
    rig.halt()
    server.stop()


@pytest.fixture(autouse=True)
def _at_home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "session" in request.fixturenames:
        found: Session = request.getfixturevalue("session")
        monkeypatch.setenv("TRADER_HOME", str(found.rig.folder))


def typed(capsys: Said, *arguments: str, code: int = 0) -> Any:
    """The JSON document that a command prints."""
    found = main([*arguments, "--json"])
    said = capsys.readouterr()
    assert found == code, said.err or said.out
    return json.loads(said.out)


def order(capsys: Said, *arguments: str) -> list[str]:
    """Send an order that is accepted, with a key of its own: a test may ask for what another has just asked for. Its tickets."""
    key = () if "--key" in arguments else ("--key", secrets.token_hex(4))
    answer = typed(capsys, "order", *arguments, *key)
    assert [one["status"] for one in answer["tickets"]] == ["accepted"] * len(answer["tickets"])
    return [one["ticket_id"] for one in answer["tickets"]]


def refused(capsys: Said, *arguments: str) -> str:
    """The one sentence of a command that is refused."""
    code = main(list(arguments))
    said = capsys.readouterr()
    assert code not in (0, None), said.out
    assert said.err.count("\n") == 1 and said.err.startswith("Error: "), said.err
    return said.err


@pytest.mark.slow
def test_a_bracket_is_opened_moved_and_closed(session: Session, capsys: Said) -> None:
    (ticket,) = order(
        capsys, "buy", "5", PERP, "--stop-loss", session.at("0.95"), "--take-profit", session.at("1.05"),
        "--reason", "breakout", "--wait", "30",
    )  # fmt: skip
    assert session.position() == 5
    assert sorted(one.stop_kind for one in session.await_resting(2)) == ["stop_loss_order", "take_profit_order"]
    lower = session.at("0.94")
    answer = typed(capsys, "amend", ticket, "--stop-loss", lower, "--take-profit", "none")
    assert answer["status"] == "accepted"
    await_value(lambda: [one.stop_price for one in session.resting()] == [D(lower)] or None, 30, "the moved stop loss")
    closed = typed(capsys, "close", ticket)
    assert [(one["side"], one["filled"]) for one in closed["orders"] if one["status"] == "filled"] == [("sell", 5)]
    assert closed["still_open"] == [] and session.position() == 0 and session.resting() == []


@pytest.mark.slow
def test_a_resting_limit_is_changed_and_cancelled(session: Session, capsys: Said) -> None:
    first, second = session.at("0.988"), session.at("0.985")
    (ticket,) = order(capsys, "buy", "3", PERP, "--limit", first, "--post-only", "--leverage", "4")
    (row,) = session.await_resting(1)
    assert (row.limit_price, row.leaves_qty, row.side) == (D(first), 3, Side.BUY)
    assert session.rig.gateway.leverage(session.perp.product_id) == 4
    assert typed(capsys, "amend", ticket, "--limit", second, "--quantity", "4")["status"] == "accepted"
    await_value(
        lambda: [(one.limit_price, one.leaves_qty) for one in session.resting()] == [(D(second), 4)] or None,
        30,
        "changed",
    )
    assert typed(capsys, "cancel", ticket)["answer"] == f"cancelling {ticket}"
    session.await_resting(0)
    assert "cannot be changed any more" in refused(capsys, "amend", ticket, "--limit", first)


@pytest.mark.slow
def test_one_cancels_the_other(session: Session, capsys: Said) -> None:
    order(capsys, "buy", "2", PERP, "--limit", session.at("0.985"), "--stop", session.at("1.03"), "--oco")
    kinds = [one.stop_kind for one in session.await_resting(2)]
    assert sorted(kinds, key=str) == sorted(
        ["stop_loss_order", kinds[0] if kinds[0] != "stop_loss_order" else kinds[1]], key=str
    )
    assert typed(capsys, "cancel", "--underlying", "BTC")["status"] == "accepted"
    session.await_resting(0)


@pytest.mark.slow
def test_a_list_says_of_each_what_became_of_it(session: Session, capsys: Said, tmp_path: Path) -> None:
    tickets = [
        {"symbol": PERP, "side": "buy", "quantity": 1, "limit_price": session.at("0.985"), "time_in_force": "ioc"},
        {"symbol": PERP, "side": "buy", "quantity": 1, "limit_price": "1.23"},
        {"symbol": "BTCUSDD", "side": "buy", "quantity": 1, "order_type": "market"},
    ]
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"tickets": tickets}))
    code = main(["order", "--file", str(path), "--wait", "20", "--json"])
    said = capsys.readouterr()
    assert code == 1
    first, second, third = json.loads(said.out)["tickets"]
    assert first["status"] == "accepted" and first["ticket"]["status"] == "cancelled"
    assert (second["code"], second["field"]) == ("PRICE_OFF_TICK", "limit_price")
    assert (third["code"], third["field"]) == ("UNKNOWN_CONTRACT", "symbol")
    assert "did you mean BTCUSD?" in said.err and "limit_price: 1.23 is no multiple" in said.err


@pytest.mark.slow
def test_the_same_key_is_sent_once(session: Session, capsys: Said) -> None:
    asked = ("order", "buy", "1", PERP, "--limit", session.at("0.985"), "--key", "morning")
    assert typed(capsys, *asked)["command_id"] == typed(capsys, *asked)["command_id"]
    session.await_resting(1)
    assert "Choose another key" in refused(capsys, "order", "buy", "2", PERP, "--key", "morning")
    assert typed(capsys, "cancel", "--all")["status"] == "accepted"
    session.await_resting(0)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["sell", "buy"])
def test_what_a_dry_run_reckons_is_what_the_exchange_takes(session: Session, capsys: Said, side: str) -> None:
    quotes = {one.symbol: one for one in session.rig.gateway.tickers("BTC")}
    spot = session.rig.gateway.spot("BTC")
    calls = [one for one in session.contracts.values() if one.strike is not None and one.symbol in quotes]
    symbol = min(calls, key=lambda one: (one.expiry, abs(D(str(one.strike)) - spot))).symbol
    before = session.rig.gateway.wallet().available
    told = typed(capsys, "order", side, "10", symbol, "--dry-run")
    (checked,) = told["tickets"]
    assert told["ok"] and D(told["free"]) == before and session.resting() == []
    order(capsys, side, "10", symbol, "--wait", "30")
    after = session.rig.gateway.wallet().available
    wanted = D(told["free_after"])
    assert abs(after - wanted) < max(abs(wanted - before) * D("0.15"), D("0.02")), (before, after, checked)
    if side == "sell":
        margined = await_value(
            lambda: next((p for p in session.rig.gateway.margin_terms().positions if p.symbol == symbol), None),
            30,
            "margin",
        )
        estimate = D(checked["cost"]["liquidation_price"])
        assert abs(margined.liquidation_price - estimate) < estimate * D("0.05")
    else:
        assert checked["cost"]["liquidation_price"] is None
    typed(capsys, "close", "--symbol", symbol)


@pytest.mark.slow
def test_a_dry_run_says_what_the_gate_would(session: Session, capsys: Said) -> None:
    told = typed(capsys, "order", "buy", "1000000", PERP, "--limit", session.at("1.2"), "--dry-run", code=1)
    codes = {one["code"] for one in told["tickets"][0]["problems"]}
    assert {"PRICE_OUTSIDE_COLLAR", "ACCOUNT_ORDER_SIZE"} <= codes
    told = typed(capsys, "order", "sell", "3", PERP, "--reduce-only", "--dry-run", code=1)
    assert [one["code"] for one in told["tickets"][0]["problems"]] == ["NOTHING_TO_REDUCE"]
    told = typed(capsys, "order", "sell", "3", "C-BTC-1-010126", "--dry-run", code=1)
    assert "did you mean C-BTC-" in told["tickets"][0]["problems"][0]["sentence"]


@pytest.mark.slow
def test_a_strange_position_is_adopted_and_close_all_tells_its_orders(session: Session, capsys: Said) -> None:
    session.rig.gateway.submit(
        OrderIntent(
            client_order_id="by-hand", run_id="", leg="", purpose=Purpose.ENTRY, attempt=0, symbol=PERP,
            product_id=session.perp.product_id, side=Side.BUY, quantity=4, order_type=OrderType.MARKET,
            limit_price=None,
        )
    )  # fmt: skip
    phrase = await_value(
        lambda: typed(capsys, "adopt", PERP)["phrase"] if session.position() == 4 else None, 30, "the position"
    )
    assert phrase == f"ADOPT {PERP} +4"
    assert f'needs the phrase "{phrase}"' in refused(capsys, "adopt", PERP, "yes")
    assert typed(capsys, "adopt", PERP, phrase)["status"] == "accepted"
    order(capsys, "buy", "2", PERP, "--wait", "20")
    assert "There is no terminal to confirm it at; give --yes" in refused(capsys, "close-all")
    closed = typed(capsys, "close-all", "--yes")
    filled = sorted(one["filled"] for one in closed["orders"] if one["filled"])  # an attempt may have met nobody
    assert filled == [2, 4] and closed["still_open"] == []
    assert session.position() == 0


BAD = [
    (("buy", "1.5", PERP), "quantity must be a whole number, was '1.5'"),
    (("buy", "0", PERP), "quantity must be at least 1 contracts, was '0'"),
    (("buy", "9999999", PERP), "quantity must be at most 1000000 contracts"),
    (("buy", "99999999999999999999999", PERP), "quantity must be a whole number"),
    (("buy", "NaN", PERP), "quantity must be a whole number, was 'NaN'"),
    (("hold", "1", PERP), "side must be one of"),
    (("buy", "1", ""), "symbol"),
    (("buy", "1", PERP, "--limit", "NaN"), "limit_price must be a number, was 'NaN'"),
    (("buy", "1", PERP, "--limit", "1e9"), "limit_price must be a number"),
    (("buy", "1", PERP, "--limit", "-1"), "limit_price must be above 0 USD, was '-1'"),
    (("buy", "1", PERP, "--limit", "99999999999"), "limit_price must be at most"),
    (("buy", "1", PERP, "--stop", "many"), "stop_price must be a number"),
    (("buy", "1", PERP, "--trail", "0"), "trail_usd must be above 0"),
    (("buy", "1", PERP, "--type", "best"), "order_type must be one of"),
    (("buy", "1", PERP, "--type", "stop_limit", "--stop", "5"), "limit_price is missing: a stop_limit order"),
    (("buy", "1", PERP, "--tif", "day"), "time_in_force must be one of gtc or ioc"),
    (("buy", "1", PERP, "--post-only"), "post_only is for a limit order"),
    (("buy", "1", PERP, "--leverage", "500"), "leverage must be at most 200"),
    (("buy", "1", PERP, "--work", "magic"), "work must be one of"),
    (("buy", "1", PERP, "--work", "twap", "--limit", "5"), "work must be once for a limit order"),
    (("buy", "1", PERP, "--set", "orders.entry_slice=2"), "did you mean orders.entry_slices?"),
    (("buy", "1", PERP, "--set", "risk.collar=2"), "--set takes orders.FIELD=VALUE"),
    (("buy", "1", PERP, "--stop-loss", "none"), "stop_loss.price must be a number, was 'none'"),
    (("buy", "1", PERP, "--stop-loss", "5:x"), "stop_loss.limit_price must be a number, was 'x'"),
    (
        ("buy", "1", PERP, "--reduce-only", "--stop-loss", "5"),
        "stop_loss and take_profit belong to an order that opens",
    ),
    (("buy", "1", PERP, "--oco"), "--oco needs --limit and --stop"),
    (
        ("buy", "1", PERP, "--limit", "9", "--stop", "8", "--oco", "--reduce-only"),
        "link oco is for two orders that open",
    ),
    (("buy", "1"), "SYMBOL is missing"),
    (("--file", "nowhere.json"), "nowhere.json does not exist"),
    (("buy", "--file", "nowhere.json"), "so side cannot be given beside it"),
    (("buy", "1", PERP), "No runner is alive for account paper, so nothing was sent"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), BAD, ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else ""
)
def test_a_bad_order_is_one_sentence_and_nothing_is_recorded(
    arguments: tuple[str, ...], words: str, capsys: Said, clean_environment: Path
) -> None:
    assert words in refused(capsys, "order", *arguments)


FILES = [
    ("{", "is not valid JSON"),
    ('{"tickets": []}', "tickets"),
    ('{"tickets": [{"symbol": "BTCUSD", "side": "buy", "quantity": NaN}]}', "NaN"),
    (
        '{"tickets": [{"symbol": "BTCUSD", "side": "buy", "quantity": "5"}]}',
        "tickets[0].quantity must be a whole number",
    ),
    (
        '{"tickets": [{"symbol": "BTCUSD", "side": "buy", "quantity": 5, "colour": 1}]}',
        "tickets[0].colour is not a setting",
    ),
    ('{"tickets": [{"symbol": "BTCUSD", "side": "buy", "side": "sell", "quantity": 5}]}', "side"),
    (
        '{"tickets": [{"symbol": "BTCUSD", "side": "buy", "quantity": 5, "order_type": "market"}], "link": "oco"}',
        "exactly 2",
    ),
    (
        '{"tickets": [{"symbol": "BTCUSD", "side": "sell", "quantity": 5, "limit_price": 9, "reduce_only": true}, '
        '{"symbol": "BTCUSD", "side": "sell", "quantity": 5, "limit_price": 8}], "link": "oco"}',
        "link oco is for two orders that open",
    ),
]


@pytest.mark.parametrize(("text", "words"), FILES, ids=[words for _, words in FILES])
def test_a_bad_file_names_the_field(text: str, words: str, capsys: Said, tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)
    said = refused(capsys, "order", "--file", str(path))
    assert words in said and "list.json" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("amend", "abc", "--limit", "x"), "limit_price must be a number, was 'x'"),
        (("amend", "abc", "--quantity", "0"), "quantity must be at least 1"),
        (("amend", "abc", "--stop-loss", "5:"), "stop_loss.limit_price must be a number"),
        (("amend", "abc"), "Say what is to change"),
        (("amend", "abc", "--limit", "5"), "No runner is alive"),
        (("cancel",), "Say exactly one of ticket, order, symbol, underlying or everything"),
        (("cancel", "abc", "--all"), "Say exactly one of"),
        (("close",), "Say exactly one of ticket or symbol"),
        (("adopt", PERP, "ADOPT BTCUSD 4"), "Nothing was taken over."),
        (("adopt", PERP, "ADOPT BTCUSD +4"), "No runner is alive"),
    ],
)
def test_a_bad_wish_is_one_sentence(arguments: tuple[str, ...], words: str, capsys: Said) -> None:
    assert words in refused(capsys, *arguments)


def test_closing_without_a_runner_is_recorded_and_said_to_be_open(capsys: Said) -> None:
    said = refused(capsys, "close-all", "--yes", "--wait", "0")
    assert "NOT CLOSED" in said and "python -m trader flatten" in said


@pytest.mark.slow
def test_words_for_people(session: Session, capsys: Said) -> None:
    def read(*arguments: str, code: int = 0) -> tuple[str, str]:
        key = ("--key", secrets.token_hex(4)) if arguments[0] == "order" and "--dry-run" not in arguments else ()
        found = main([*arguments, *key])
        said = capsys.readouterr()
        assert found == code, said.err or said.out
        return said.out, said.err

    price = session.at("0.985")
    out, _ = read("order", "buy", "2", PERP, "--limit", price, "--dry-run")
    for words in (
        f"buy 2 {PERP}\n",
        f"at {plain(D(price))}: notional ",
        "(maker)",
        "margin ",
        "from the market",
        "liquidated at about",
        "Nothing was sent.",
    ):
        assert words in out, out
    out, err = read("order", "buy", "2", PERP, "--limit", price, "--wait", "1", code=1)
    ticket = out.split()[0]
    assert out == f"{ticket}  buy 2 {PERP}: accepted, Its order works; 0/2 filled\n"
    assert err == f"Error: Still working after 1 s: {ticket}.\n"
    assert read("cancel", "--all")[0] == f"Cancelling {ticket}.\n"
    session.await_resting(0)
    out, _ = read("order", "buy", "2", PERP, "--wait", "20")
    ticket = out.split()[0]
    assert f"{ticket}  buy 2 {PERP}: accepted, 2 filled at " in out
    out, _ = read("close", ticket)
    assert out.startswith(f"Closing {ticket}") and f"sell 2 {PERP}: filled, 2 filled at " in out
    assert read("close", ticket)[0].startswith(f"Ticket {ticket} is done.\n")
    out, err = read("order", "buy", "2", PERP, "--limit", "1.23", code=1)
    assert out.endswith(": refused\n") and err.startswith(
        f"Error: Refused: buy 2 {PERP}: limit_price: 1.23 is no multiple"
    )
    assert err.endswith("(PRICE_OFF_TICK).\n")
