"""What finished runs have made, over HTTP: the desk's figures, those of the command line, and every execution as CSV."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.api.client import Client
from tests.api.test_books import plain, problem_words
from tests.api.test_requests import problem
from tests.desk.analytics.past_runs import renamed
from tests.desk.books.stages import Written
from tests.engine.scene import done
from tests.engine.tickets.stage import PERP, buy, sell
from trader.analytics.choosing import GROUPS, RunFilter
from trader.cli.app import main
from trader.desk import Desk
from trader.engine import records as rec
from trader.journal import Journal
from trader.report.csv_text import cell

D = Decimal
MADE = ("4", "-2", "1.5", "-0.5")


@pytest.fixture
def runs(journal: Journal) -> None:
    """Four runs on four days, and a single order that was closed again at a profit of 4.93."""
    records = done().records
    for number, pnl in enumerate(MADE):
        later, moved = timedelta(days=number), list[rec.AnyRecord]()
        for one in renamed(records, f"r{number}"):
            one = replace(one, wall=one.wall + later, market=None if one.market is None else one.market + later)
            if isinstance(one, rec.RunFinished):
                one = replace(one, realized_pnl=D(pnl))
            elif isinstance(one, rec.RunCreated):
                one = replace(one, account="paper", preset=f"p{number % 2}")
            moved.append(one)
        journal.append(moved, lease=None)
    stage = Written(journal)
    stage.order(buy(quantity=5))
    stage.traded(price="100010")
    stage.moved("101000", after=5)
    stage.order(sell(quantity=5, reduce_only=True))
    stage.traded(price="101000")
    for _ in range(4):
        stage.moved(after=30)
    stage.write()


ASKED: list[dict[str, Any]] = [
    {},
    {"capital": "100", "by": "preset"},
    {"preset": "p1", "by": "exit"},
    {"since": "2025-01-16", "until": "2025-01-17"},
    {"outcome": "lost"},
    {"kinds": "orders"},
    {"kinds": "all", "by": "structure"},
    {"reason": ["manual", "max_loss"], "underlying": "BTC", "structure": "short_strangle"},
]


@pytest.mark.parametrize("asked", ASKED, ids=[",".join(one) or "all" for one in ASKED])
def test_the_figures_are_those_of_the_desk_and_of_the_command_line(
    api: Client, desk: Desk, runs: None, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    told = api.get("/v1/trading/performance", "read", params=asked)
    options = [
        text
        for name, values in asked.items()
        for value in (values if isinstance(values, list) else [values])
        for text in (f"--{name}", value)
    ]
    assert main(["performance", "--json", *options]) == 0
    line = json.loads(capsys.readouterr().out)
    for name in ("account", "capital", "figures", "groups", "missing"):
        assert told[name] == line[name], name
    assert told["equity"] == line["days"] and told["figures"]["runs"] > 0
    whole = desk.analytics.figures(RunFilter(kinds=asked.get("kinds", "runs")))
    if set(asked) <= {"kinds", "by"}:
        assert told["figures"] == plain(whole.figures)


def test_single_orders_are_apart_unless_both_are_asked_for(api: Client, runs: None) -> None:
    totals = {
        kinds: api.get("/v1/trading/performance", params={"kinds": kinds})["figures"]["total"]
        for kinds in ("runs", "orders", "all")
    }
    assert {name: D(total) for name, total in totals.items()} == {"runs": D(3), "orders": D("4.93"), "all": D("7.93")}
    parted = api.get("/v1/trading/performance", params={"kinds": "all", "by": "structure"})["groups"]
    assert [(one["label"], one["figures"]["runs"]) for one in parted] == [("order", 1), ("short_strangle", 4)]


def test_each_day_is_told_beside_them_as_before(api: Client, desk: Desk, runs: None) -> None:
    told = api.get("/v1/trading/performance", params={"days": 2})
    assert told["days"] == plain(desk.days(2)) and told["today"] == plain(desk.status().day)


@pytest.mark.parametrize("by", GROUPS)
def test_every_grouping_may_be_asked_for(api: Client, runs: None, by: str) -> None:
    groups = api.get("/v1/trading/performance", params={"by": by})["groups"]
    assert sum(one["figures"]["runs"] for one in groups) == len(MADE)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("since=yesterday", "since must be a day like 2026-01-31, was 'yesterday'"),
        ("until=2026-02-30", "until must be a day like 2026-01-31, was '2026-02-30'"),
        ("until=2026-03-02T09:15", "until must be a day like 2026-01-31"),
        ("since=2026-03-02&until=2026-03-01", "until: 2026-03-01 lies before since"),
        ("since=0001-01-01&until=2026-03-01", "since, until: a range of at most 36,600 days"),
        ("capital=0", "capital must be above 0"),
        ("capital=lots", "capital must be a number"),
        ("by=moon", "by: must be one of preset"),
        ("kinds=none", "kinds must be one of"),
        ("outcome=even", "outcome must be one of"),
        (f"preset=a&preset={'a' * 101}", "preset[1] must have at most 100 characters"),
        ("presets=a", "presets is not a parameter here"),
    ],
)
def test_what_cannot_be_asked_names_the_parameter(shared: Client, query: str, words: str) -> None:
    assert words in problem_words(shared, f"/v1/trading/performance?{query}")


def test_where_the_pnl_of_a_run_came_from(api: Client, desk: Desk, runs: None) -> None:
    told = api.get("/v1/runs/r2/attribution", "read")
    found = desk.analytics.told("r2")
    assert found is not None
    assert (told["result"], told["parts"]) == (plain(found.result), plain(found.parts))
    assert told["residual_share"] == found.parts.residual_share and told["why"] == found.parts.why
    names = ("delta", "gamma", "theta", "vega", "spread", "slippage", "exchange", "funding", "fees", "residual")
    assert sum(float(told["parts"][name]) for name in names) == pytest.approx(float(told["parts"]["pnl"]))


def test_a_run_that_is_not_there_or_has_not_ended_has_no_attribution(api: Client, stage: Written) -> None:
    for name in ("nosuch", next(iter(stage.state.runs))):
        problem(api.ask("GET", f"/v1/runs/{name}/attribution"), 404, "not-found")


@pytest.fixture
def stage(journal: Journal) -> Written:
    """One ticket that has bought 5 in two fills, the second without a fee yet."""
    found = Written(journal)
    found.order(buy(quantity=5, limit_price="100020"))
    intent = found.take_up()
    found.fill(intent.client_order_id, 2, price="100010", commission="0.03")
    found.fill(intent.client_order_id, 3, price="100020", commission=None)
    found.write()
    return found


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_executions_come_as_csv_by_format_or_by_what_is_accepted(api: Client, desk: Desk, stage: Written) -> None:
    path = "/v1/trading/trades"
    by_format, by_header = (
        api.ask("GET", path, "read", params={"format": "csv"}),
        api.ask("GET", path, "read", headers={"Accept": "text/csv"}),
    )
    assert by_format.text == by_header.text and by_format.headers["content-type"].startswith("text/csv")
    assert api.ask("GET", path, params={"format": "json"}, headers={"Accept": "text/csv"}).json() == api.get(path)
    told = rows(by_format.text)
    for row, one in zip(told, desk.trades().trades, strict=True):
        for name, text in row.items():
            assert text == cell(getattr(one, name)), name
    assert [(row["quantity"], row["price"], row["fee"], row["fee_currency"]) for row in told] == [
        ("3", "100020", "", "USD"),
        ("2", "100010", "0.03", "USD"),
    ]
    assert {(row["symbol"], row["side"], row["algorithm"], row["preset"]) for row in told} == {
        (PERP, "buy", "once", "")
    }
    assert all(row["fill_id"] and row["venue_order_id"] and row["role"] in ("maker", "taker") for row in told)


def test_pages_of_csv_join_to_what_the_command_line_exports(
    api: Client, stage: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    found, cursor = [], ""
    while cursor is not None:
        answer = api.ask("GET", "/v1/trading/trades", params={"format": "csv", "limit": 1, "cursor": cursor})
        found += rows(answer.text)
        cursor = answer.headers.get("X-Next-Cursor")
    assert main(["trades", "--csv"]) == 0
    assert rows(capsys.readouterr().out) == found and len(found) == 2


def test_the_document_names_both_forms(api: Client) -> None:
    operation = api.get("/openapi.json")["paths"]["/v1/trading/trades"]["get"]
    content = operation["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/csv"} and content["text/csv"]["schema"] == {"type": "string"}
    named = api.get("/openapi.json")["paths"]["/v1/trading/performance"]["get"]["parameters"]
    assert next(one for one in named if one["name"] == "by")["schema"]["enum"] == [*GROUPS]
