"""Each example runs against the local exchange, says what it is for, and leaves nothing open behind."""

import importlib.util
import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.client import serving
from tests.cli.test_tickets import Session, session  # noqa: F401
from tests.e2e.rig import await_value
from trader.config.settings import load_settings
from trader.desk import Desk
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.venue.launch import VenueOptions, build_venue

ROOT = Path(__file__).parents[2]
# What each prints when it has done what it is for.
CLIENT = {
    "batch": r"(buy \d at [\d.]+: Ok\n){5}cancelled 5 of 5",
    "bracket": r"bought 5 at [\d.]+\n(rests: sell 5, (stop_loss|take_profit)_order at [\d.]+\n){2}closed \+5",
    "twap": r"slice 3: (\d) of \1 at [\d.]+\n9 of 9 bought\nclosed \+9",
    "iceberg": r"6 of 6 in all\nclosed \+6",
    "risk_denial": r"all: Rejected\(code='not_sent'.*\n.*bears: Rejected\(code=.*\n.*price: Rejected\(code=",
    "report": r"balance .* USD, free .*\nmargin mode isolated.*\nBTCUSD: -3 at [\d.]+, margin .*\nclosed -3",
    "position_monitor": r"(\+4 at [\d.]+, mark [\d.]+: [+-][\d.]+ USD\n){3}closed \+4",
    "stop_loss_update": r"before: \[Decimal\('[\d.]+'\)\]\nmoved: Done\(.*\nafter: \[Decimal\('[\d.]+'\)\]\nclosed \+2",
    "close_all": r"sell 7 BTCUSD: 7 filled at [\d.]+\nheld now: 0",
    "ccxt_order": r"sent: Ok\(.*\nheld: 2\nclosed: Ok\(",
}
API = {
    "batch": r"(\w+ buy \d BTCUSD: accepted \n){5}\w+ buy 1 BTCUSDD: refused .*did you mean BTCUSD\?\n.*\n(\w+ cancelled\n){5}",
    "bracket": r"holding, 5 at [\d.]+\n(  (stop loss|take profit): 5 at \d+, accepted\n){2}\w+: done",
    "twap": r"holding, 9 of 9 at [\d.]+, in \d+ orders\n\w+: done",
    "iceberg": r"(  \d of [12] at [\d.]+: \w+\n){3,}\w+: holding, 6 of 6.*\n\w+: done",
    "risk_denial": r"quantity: .*at least 1(.*\n)+would be refused: ACCOUNT_ORDER_SIZE(.*\n)+would be refused: PRICE_OUTSIDE_COLLAR(.*\n)+refused: ",
    "report": r"USD: [\d.]+, free .*\nBTCUSD: -3 \(ours -3, foreign 0\) at [\d.]+\n(.*\n)+\w+: done",
    "position_monitor": r"(4 at [\d.]+, mark [\d.]+: -?[\d.]+ USD if closed now\n){3}\w+: done",
    "stop_loss_update": r"\[\('\d+', 'accepted'\)\]\n.*\n.*\[\('\d+', 'accepted'\)\]\n.*\nstop losses: \[\]\n\w+: done",
    "close_all": r"[Cc]losing .*\n(  .*: sell \d BTCUSD, \w+\n){2,}flat",
}
ARGUMENTS = {
    "client.twap": ["0.1"],
    "api.twap": ["15"],
    "client.position_monitor": ["3"],
    "api.position_monitor": ["3"],
}


def said(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "argv", [name, *ARGUMENTS.get(name, [])])
    runpy.run_module(f"examples.{name}", run_name="__main__")
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, DeltaGateway]]:
    """A folder with venue.json, and a client of that exchange."""
    folder, (server, made) = tmp_path_factory.mktemp("client"), build_venue(VenueOptions(seed=11))
    server.start()
    told = {"rest_url": made.rest_url, "api_key": made.api_key, "api_secret": made.api_secret}
    (folder / "venue.json").write_text(json.dumps(told))
    yield folder, DeltaGateway(made.rest_url, Credentials(made.api_key, made.api_secret))
    server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIENT)
def test_over_the_exchange_client(
    name: str,
    venue: tuple[Path, DeltaGateway],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "ccxt_order" and importlib.util.find_spec("ccxt") is None:
        pytest.skip("ccxt is optional: see requirements-ccxt.txt")
    folder, gateway = venue
    monkeypatch.chdir(folder)
    told = said(f"client.{name}", capsys, monkeypatch)
    assert re.search(CLIENT[name], told), told
    assert gateway.open_orders() == [] and not any(one.quantity for one in gateway.positions("BTC"))


@pytest.fixture(scope="module")
def address(session: Session) -> Iterator[dict[str, str]]:  # noqa: F811
    """The API over that session's desk."""
    desk = Desk(load_settings(environ={"TRADER_HOME": str(session.rig.folder)}))
    with serving(desk) as client:
        yield {"TRADER_API": client.url, "TRADER_TOKEN": client.tokens["trade"]}
    desk.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", API)
def test_over_the_http_api(
    name: str,
    session: Session,  # noqa: F811
    address: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in address.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delitem(sys.modules, "examples.api.connect", raising=False)  # it reads the address when it is imported
    told = said(f"api.{name}", capsys, monkeypatch)
    assert re.search(API[name], told), told
    await_value(lambda: (session.position() == 0 and not session.resting()) or None, 30, "nothing left open")


def test_every_example_is_run_and_stands_in_the_table() -> None:
    table = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    for folder, known in (("client", CLIENT), ("api", API)):
        there = {path.stem for path in (ROOT / "examples" / folder).glob("*.py")} - {"__init__", "connect"}
        assert there == set(known)
        assert all(f"`{name}`" in table for name in there)
