"""Two runs and several tickets on paper: at one instant of the market every face tells the venue's own numbers, to the last digit."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.faces import Api, Cli, Panel, Ticket, api_of, dashboard_of, panel_of
from tests.e2e.live import PATIENCE_SECS, PERP, Live, StillMarket, faulty_venue
from tests.e2e.rig import USER, await_value, preset
from trader.domain.instrument import Kind
from trader.engine.records import Phase
from trader.panel import orders_books, parts
from trader.report.trades_csv import trades_csv
from trader.venue.core.records import FillRow

D = Decimal
Numbers = dict[str, Any]
_EXACT = D(10) ** -12  # to which the books divide P&L into what is open and the rest


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    server = faulty_venue(speed=1.0)
    made = Live(server, tmp_path / "home")
    made.launch()
    yield made
    made.close()
    server.stop()


# ------------------------------------------------------------------------------------------------- the story


def option(live: Live) -> str:
    """A call at the money that no run has picked: of the last expiry but one that is quoted."""
    quotes = {one.symbol for one in live.gateway.tickers("BTC") if one.ask is not None and one.bid is not None}
    spot, held = live.gateway.spot("BTC"), {leg.symbol for run in live.desk.status().runs for leg in run.legs}
    calls = [
        one for one in live.gateway.instruments("BTC")
        if one.kind is Kind.CALL and one.symbol in quotes - held and one.strike is not None and one.expiry is not None
    ]  # fmt: skip
    last = max(one.expiry for one in calls if one.expiry is not None)
    return min((one for one in calls if one.expiry == last), key=lambda one: abs((one.strike or D(0)) - spot)).symbol


def trade(live: Live, panel: Panel, cli: Cli, api: Api) -> None:
    """Two runs that hold, and tickets: a bracket, one that is reduced, an option, one that rests, one that is over."""
    for underlying in ("BTC", "ETH"):
        chosen = preset(strategy={"quantity": 20, "underlying": underlying})
        live.desk.start(chosen, now=True, issued_by="cli")
    await_value(
        lambda: [one.phase for one in live.desk.status().runs] == [Phase.HOLDING] * 2 or None, PATIENCE_SECS, "two runs"
    )
    perp: Ticket = {"symbol": PERP, "side": "buy", "order_type": "market"}
    first = api.order(
        {**perp, "quantity": 10, "stop_loss": {"price": live.at("0.95")}, "take_profit": {"price": live.at("1.05")}}
    )
    await_fills(live, first, 10)
    panel.order({**perp, "quantity": 3, "order_type": "limit", "limit_price": live.at("0.985")})
    await_fills(live, cli.order({**perp, "symbol": option(live), "quantity": 5}), 5)
    panel.order({**perp, "side": "sell", "quantity": 4, "reduce_only": True})
    await_fills(live, first, 6)
    over = cli.order({**perp, "symbol": "ETHUSD", "quantity": 7})
    await_fills(live, over, 7)
    api.client.ask("POST", f"/v1/trading/tickets/{over}/close")
    await_fills(live, over, 0)


def await_fills(live: Live, ticket: str, held: int) -> None:
    def look() -> bool | None:
        found = live.desk.ticket(ticket)
        return (found is not None and found.status in ("holding", "done") and found.open_quantity == held) or None

    await_value(look, PATIENCE_SECS, f"{held} held by {ticket}", every_secs=0.05)


# ------------------------------------------------------------------------------------------------- the venue's own tables


class Tables:
    """What the venue itself has of the account, while its market stands."""

    def __init__(self, live: Live) -> None:
        exchange = live.venue.exchange
        account = exchange.accounts[USER]
        self.wallet, self.equity = account.wallet(), exchange.equity(account)
        self.fills: list[FillRow] = list(account.fills)
        self.marks = {name: exchange.stats(name).mark for name in {fill.symbol for fill in self.fills}}
        self.values = {name: exchange.products.live[name].contract_value for name in self.marks}
        self.held = {name: one for name, one in account.holdings.items() if one.size}

    def unrealised(self, symbol: str) -> Decimal:
        one = self.held[symbol]
        assert one.entry_price is not None
        return (self.marks[symbol] - one.entry_price) * one.size * self.values[symbol]

    def made(self, orders: Iterable[str]) -> Decimal:
        """What the fills of these orders (the venue's ids) have made at the present marks, fees in (USD)."""
        ids, total = set(orders), D(0)
        for fill in self.fills:
            if fill.order_id in ids:
                price = (self.marks[fill.symbol] - fill.price) * fill.side.sign
                total += price * fill.size * self.values[fill.symbol] - fill.commission
        return total

    def paid(self, orders: Iterable[str]) -> Decimal:
        ids = set(orders)
        return sum((fill.commission for fill in self.fills if fill.order_id in ids), D(0))


# ------------------------------------------------------------------------------------------------- what the faces tell


def decimals(document: Any) -> Any:
    """A JSON document with its decimal texts as numbers, so that 5 and 5.0 are one; without when it was read."""
    if isinstance(document, dict):
        return {name: decimals(value) for name, value in document.items() if name not in ("read_at", "wall")}
    if isinstance(document, list):
        return [decimals(value) for value in document]
    try:
        return D(document) if isinstance(document, str) else document
    except ArithmeticError:
        return document


def told_by_programs(cli: Cli, api: Api) -> list[tuple[str, Any, Any]]:
    """The same question at the command line and over HTTP."""
    return [
        ("positions", cli.ask("positions"), api.client.get("/v1/trading/positions")),
        ("balances", {"balances": cli.ask("account")["balances"]}, {"balances": api.client.get("/v1/trading/balances")["balances"]}),
        ("trades", cli.ask("trades", "--limit", "500"), api.client.get("/v1/trading/trades", params={"limit": 500})),
        ("orders", cli.ask("orders", "--limit", "500"), api.client.get("/v1/trading/orders", params={"limit": 500})),
        ("runs", _runs(cli.ask("status")), _runs(api.client.get("/v1/status"))),
    ]  # fmt: skip


_OF_A_RUN = ("run_id", "pnl", "pnl_mark", "fees", "premium", "margin", "spread_to_close", "fees_to_close")


def _runs(document: Any) -> Any:
    """The money of the runs and of the day."""
    day = {name: document["day"][name] for name in ("realised", "open", "total")}
    return {"runs": [{name: run[name] for name in _OF_A_RUN} for run in document["runs"]], "day": day}


def differences(live: Live, panel: Panel, cli: Cli, api: Api) -> list[str]:
    """Everything that any two of the faces and the venue tell otherwise."""
    tables, wrong, documents = Tables(live), [], {}
    for name, typed, asked in told_by_programs(cli, api):
        documents[name] = decimals(asked)
        if decimals(typed) != decimals(asked):
            wrong.append(f"{name}: {typed} at the command line, {asked} over HTTP")
    wrong += _held(tables, documents["positions"])
    wrong += _money(tables, documents["balances"])
    wrong += _traded(tables, documents["trades"])
    wrong += _whose(tables, documents)
    wrong += _on_the_panel(panel, documents)
    return wrong + [said for run in documents["runs"]["runs"] for said in _on_the_dashboard(run)]


def _same(what: str, told: dict[str, Any], there: dict[str, Any]) -> list[str]:
    return [
        f"{what} {name}: {told[name]} told, {there[name]} at the venue" for name in there if told[name] != there[name]
    ]


def _held(tables: Tables, book: Numbers) -> list[str]:
    lines = {line["symbol"]: line for line in book["positions"]}
    if lines.keys() != tables.held.keys():
        return [f"positions {sorted(lines)} told, {sorted(tables.held)} at the venue"]
    wrong = []
    for symbol, one in tables.held.items():
        there = {"net": one.size, "ours": one.size, "foreign": 0, "entry_price": one.entry_price, "mark": tables.marks[symbol],
                 "margin": one.margin, "unrealised": tables.unrealised(symbol), "realised": one.realized_pnl}  # fmt: skip
        wrong += _same(symbol, lines[symbol], there)
    return wrong


def _money(tables: Tables, sheet: Numbers) -> list[str]:
    wallet, [line] = tables.wallet, sheet["balances"]
    there = {"total": wallet.balance, "free": wallet.available_balance, "locked": wallet.blocked_margin, "equity": tables.equity,
             "order_margin": wallet.order_margin, "position_margin": wallet.position_margin, "commission": wallet.commission}  # fmt: skip
    return _same("balance", line, there)


def _traded(tables: Tables, page: Numbers) -> list[str]:
    told = Counter(
        (str(one["venue_order_id"]), one["symbol"], one["quantity"], one["price"], one["fee"]) for one in page["trades"]
    )
    there = Counter((fill.order_id, fill.symbol, fill.size, fill.price, fill.commission) for fill in tables.fills)
    return [f"trades {told - there} told only, {there - told} at the venue only"] if told != there else []


def _whose(tables: Tables, documents: Numbers) -> list[str]:
    """Each run's and ticket's share, reckoned from the venue's fills of its orders; all of them together are the account's."""
    of: dict[tuple[str, str], list[str]] = {}
    for order in documents["orders"]["orders"]:
        of.setdefault((order["run_id"], order["symbol"]), []).append(str(order["venue_order_id"]))
    wrong, counted = [], D(0)
    for line in documents["positions"]["positions"]:
        for part in line["parts"]:
            orders = of.pop((part["run_id"], line["symbol"]))
            made = tables.made(orders)
            there = {"fees": tables.paid(orders), "pnl_mark": made}
            wrong += _same(f"{part['run_id']} in {line['symbol']}", part, there)
            if part["pnl_mark"] is not None and abs(part["realised"] + part["unrealised"] - made) > _EXACT:
                wrong.append(f"{part['run_id']}: {part['realised']} and {part['unrealised']} are not {made}")
            counted += made
    finished = sum((tables.made(orders) for orders in of.values()), D(0))
    if counted + finished != tables.equity - 10_000:
        wrong.append(f"all runs and tickets have made {counted + finished}, the account {tables.equity - 10_000}")
    if documents["runs"]["day"]["total"] is None or abs(documents["runs"]["day"]["realised"] - finished) > 0:
        wrong.append(f"the day {documents['runs']['day']}, what is over has made {finished}")
    return wrong


def _on_the_panel(panel: Panel, documents: Numbers) -> list[str]:
    words = panel.seen()
    [balance] = documents["balances"]["balances"]
    wanted = [
        f"Balance {parts.dollars(balance['total'], 2)} in USD; {parts.dollars(balance['free'], 2)} free",
        f"Equity {parts.dollars(balance['equity'], 2)}", f"Margin used {parts.dollars(balance['locked'], 2)}",
        f"Day P&L {parts.dollars(documents['runs']['day']['total'], 2, signed=True)}",
    ]  # fmt: skip
    for line in documents["positions"]["positions"]:
        for part in line["parts"]:
            wanted.append(
                " ".join((f"{parts.price(part['entry_price'])} {parts.price(part['mark'])}",
                          *(parts.dollars(part[name], 2, signed=True) for name in ("pnl_mark", "pnl"))))
            )  # fmt: skip
    for one in documents["trades"]["trades"]:
        wanted.append(
            f"{parts.price(one['price'])} {parts.dollars(one['cash'], 4, signed=True)} {parts.dollars(one['fee'], 4)}"
        )
    wrong = [f"not on the page: {one}" for one in wanted if one.replace("\u2060", "") not in words]
    books = orders_books.seen()
    assert books is not None and not isinstance(books.trades, str)
    rows = decimals(list(csv.DictReader(io.StringIO(trades_csv(books.trades)))))
    told = [
        {name: D(one[name]) for name in ("price", "cash", "fee", "quantity")} for one in documents["trades"]["trades"]
    ]
    if [{name: row[name] for name in ("price", "cash", "fee", "quantity")} for row in rows] != told:
        wrong.append(f"CSV {rows}, trades {told}")
    return wrong


def _on_the_dashboard(run: Numbers) -> list[str]:
    places = parts.places(run["premium"])
    wanted = [
        f"{label} {parts.dollars(run[name], places, signed=True)}"
        for label, name in (("P&L if closed now", "pnl"), ("At mark", "pnl_mark"))
    ]
    words = dashboard_of(run["run_id"])
    return [f"not on the dashboard: {one}" for one in wanted if one.replace("\u2060", "") not in words]


@pytest.mark.slow
def test_every_face_tells_the_venues_numbers(
    live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = Cli(live, capsys, monkeypatch)
    with panel_of(live) as panel, api_of(live) as api:
        trade(live, panel, cli, api)
        await_value(
            lambda: all(one.fee is not None for one in live.desk.trades(limit=500).trades) or None,
            PATIENCE_SECS,
            "every fee",
            0.1,
        )
        last: list[str] = []

        def agree() -> bool | None:
            last[:] = differences(live, panel, cli, api)
            return True if not last else None

        assert isinstance(live.venue.exchange.market, StillMarket)
        live.venue.exchange.market.stands = True
        try:
            await_value(agree, PATIENCE_SECS, "the same numbers everywhere", 0.1)
        except AssertionError as error:
            raise AssertionError("\n".join(last or [str(error)])) from error
