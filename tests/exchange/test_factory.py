"""One factory: every place that talks to the exchange does so through the client the settings ask for."""

import sys
from pathlib import Path
from typing import Protocol

import pytest

from trader.config.connection import resolve_connection
from trader.config.settings import Settings, load_settings
from trader.desk.market import ExchangeDoor
from trader.domain.errors import ConfigError, ExchangeError
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.patience import CCXT, OWN, Patience
from trader.exchange.delta.stream.connection import Timings
from trader.exchange.delta.stream.feeds import DeltaMarketFeed
from trader.exchange.factory import build_feeds, build_gateway
from trader.exchange.ports import (
    AccountReads,
    Gateway,
    MarginSettings,
    MarketReads,
    OrderPort,
    PastReads,
    Trading,
    Upkeep,
)
from trader.runner.flatten import command
from trader.runner.flatten.flattening import Report
from trader.simulation.gateway import SimGateway

CLASSES = {"own": "DeltaGateway", "ccxt": "CcxtDeltaGateway"}
PORTS = (OrderPort, AccountReads, MarketReads, Trading, Upkeep, Gateway)
ADDRESSES = {
    "DELTA_REST_URL": "http://127.0.0.1:1",
    "DELTA_WS_PUBLIC_URL": "ws://127.0.0.1:1",
    "DELTA_WS_PRIVATE_URL": "ws://127.0.0.1:1",
    "DELTA_PAPER_API_KEY": "k",
    "DELTA_PAPER_API_SECRET": "s",
}


def settings(home: Path, gateway: str, **changes: str) -> Settings:
    return load_settings(environ={"TRADER_HOME": str(home), "TRADER_GATEWAY": gateway, **ADDRESSES, **changes})


@pytest.fixture(autouse=True)
def _ccxt() -> None:
    pytest.importorskip("ccxt", reason="ccxt is optional: see requirements-ccxt.txt")


def members(port: type) -> set[str]:
    return {name for base in port.__mro__ for name in vars(base) if not name.startswith("_") and base is not Protocol}


def class_used(gateway: object) -> str:
    return type(gateway).__name__


@pytest.mark.parametrize(("chosen", "expected"), CLASSES.items())
def test_flatten_ignored_the_gateway_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, expected: str
) -> None:
    used: list[object] = []

    def flatten(gateway: object, *_: object, **__: object) -> Report:
        used.append(gateway)
        return Report(
            flat=True, journal="", halted=False, cancelled=(), closed={}, remaining={}, foreign=(), problem=""
        )

    monkeypatch.setattr(command, "flatten", flatten)
    command.flatten_account(settings(tmp_path, chosen), lambda line: None, wait_secs=1)
    assert [class_used(gateway) for gateway in used] == [expected]


@pytest.mark.parametrize(("chosen", "expected"), CLASSES.items())
def test_preview_and_check_ignored_the_gateway_setting(tmp_path: Path, chosen: str, expected: str) -> None:
    door = ExchangeDoor(settings(tmp_path, chosen))
    assert class_used(door.gateway()) == expected
    door.close()


@pytest.mark.parametrize("gateway", ["own", "ccxt"])
def test_each_client_has_every_port(tmp_path: Path, gateway: str) -> None:
    asked = settings(tmp_path, gateway)
    made = build_gateway(asked, resolve_connection(asked))
    for port in PORTS:
        assert not [name for name in members(port) if not hasattr(made, name)], port.__name__
    made.close()


def test_ports_are_narrow() -> None:
    """The whole is cut so that no caller is handed more than it needs."""
    assert {port.__name__: len(members(port)) for port in PORTS[:3]} == {
        "OrderPort": 3,
        "AccountReads": 13,
        "MarketReads": 3,
    }
    assert not members(OrderPort) & members(AccountReads) and not members(AccountReads) & members(MarketReads)
    assert members(Trading) == members(OrderPort) | members(AccountReads) | members(MarketReads)
    assert members(Gateway) == members(Trading) | members(MarginSettings) | members(PastReads) | members(Upkeep)


def test_the_simulation_reads_and_sends_nothing() -> None:
    assert not [name for port in (AccountReads, MarketReads) for name in members(port) - {"odd_rows"}
                if not hasattr(SimGateway, name)]  # fmt: skip
    assert not [name for name in members(OrderPort) if hasattr(SimGateway, name)]


@pytest.mark.parametrize("gateway", ["own", "ccxt"])
def test_without_keys_the_market_is_read_and_the_account_says_why_not(tmp_path: Path, gateway: str) -> None:
    asked = settings(tmp_path, gateway)
    connection = resolve_connection(asked).model_copy(update={"credentials": None})
    made = build_gateway(asked, connection)
    with pytest.raises(ExchangeError) as caught:
        made.who_am_i()
    assert made.explain(caught.value) == "no API key is set for this environment"
    with pytest.raises(ConfigError, match="paper needs its API key and secret"):
        build_feeds(asked, connection, made)


@pytest.mark.parametrize("gateway", ["own", "ccxt"])
def test_addresses_of_another_environment_are_refused_whoever_asks(tmp_path: Path, gateway: str) -> None:
    asked = settings(tmp_path, gateway)
    strange = resolve_connection(asked).model_copy(update={"rest_url": "https://api.india.delta.exchange"})
    with pytest.raises(ConfigError, match="stays on this machine"):
        build_gateway(asked, strange)


def test_ccxt_that_is_not_installed_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    asked = settings(tmp_path, "ccxt")
    with pytest.raises(ConfigError, match="ccxt is not installed"):
        build_gateway(asked, resolve_connection(asked))


def test_feeds_share_the_clock_and_the_figures_of_their_gateway(tmp_path: Path) -> None:
    asked = settings(tmp_path, "own")
    connection = resolve_connection(asked)
    gateway = build_gateway(asked, connection)
    market, account = build_feeds(asked, connection, gateway)
    assert market._clock is gateway.clock  # type: ignore[attr-defined]
    assert account._stream._clock is gateway.clock  # type: ignore[attr-defined]
    assert market.take() is None and (market.messages, account.messages) == (0, 0)


def test_waits_and_repeats_are_those_of_the_settings_or_usual_for_the_client(tmp_path: Path) -> None:
    usual = {"own": OWN, "ccxt": CCXT}
    named = {
        "TRADER_ORDER_TIMEOUT_SECS": "2",
        "TRADER_READ_TIMEOUT_SECS": "20",
        "TRADER_READ_REPEATS": "4",
        "TRADER_RETRY_DELAY_SECS": "0.5",
    }
    for gateway in CLASSES:
        for changes, patience in (
            ({}, usual[gateway]),
            (named, Patience(change_secs=2, read_secs=20, repeats=4, pause_secs=0.5)),
        ):
            asked = settings(tmp_path, gateway, **changes)
            made = build_gateway(asked, resolve_connection(asked))
            assert (made.rest if gateway == "own" else made.wire)._patience == patience  # type: ignore[attr-defined]


def test_the_request_quota_is_that_of_the_settings(tmp_path: Path) -> None:
    for gateway in CLASSES:
        for changes, quota in (({}, 10_000), ({"TRADER_REQUEST_QUOTA": "4000"}, 4_000)):
            asked = settings(tmp_path, gateway, **changes)
            assert build_gateway(asked, resolve_connection(asked)).quota_left() == quota


def test_streams_wait_as_the_settings_say_and_follow_what_is_switched_on(tmp_path: Path) -> None:
    for changes, timings, channels in (
        ({}, Timings(), {"orders", "v2/user_trades", "positions", "margins"}),
        (
            {
                "TRADER_STREAM_CONNECT_SECS": "3",
                "TRADER_STREAM_ANSWER_SECS": "4",
                "TRADER_STREAM_SILENCE_SECS": "45",
                "TRADER_RECONNECT_SECS": "2",
                "TRADER_RECONNECT_MOST_SECS": "1",
                "TRADER_POSITION_UPDATES": "false",
                "TRADER_MARGIN_UPDATES": "false",
            },
            Timings(connect_secs=3, answer_secs=4, heartbeat_secs=45, backoff_first_secs=2, backoff_longest_secs=2),
            {"orders", "v2/user_trades"},
        ),
    ):
        asked = settings(tmp_path, "own", **changes)
        connection = resolve_connection(asked)
        streams = [feed._stream for feed in build_feeds(asked, connection, build_gateway(asked, connection))]  # type: ignore[attr-defined]
        assert [stream._timings for stream in streams] == [timings, timings]
        assert set(streams[1].subscriptions) == channels


def test_a_feed_follows_exactly_what_is_wanted() -> None:
    feed = DeltaMarketFeed("ws://127.0.0.1:1", clock=ClockOffset())
    feed.want(("C-BTC-1-010130", "P-BTC-1-010130"), ("BTC",))
    assert feed._stream.subscriptions == {
        "ticker": {"C-BTC-1-010130", "P-BTC-1-010130"},
        "ob_l1": {"C-BTC-1-010130", "P-BTC-1-010130"},
        "mark_price": {"MARK:C-BTC-1-010130", "MARK:P-BTC-1-010130"},
        "spot_price": {".DEXBTUSD"},
    }
    feed.want(("P-BTC-1-010130",), ("ETH",))
    assert feed._stream.subscriptions == {
        "ticker": {"P-BTC-1-010130"},
        "ob_l1": {"P-BTC-1-010130"},
        "mark_price": {"MARK:P-BTC-1-010130"},
        "spot_price": {".DEETHUSD"},
    }
    feed.want((), ())
    assert feed._stream.subscriptions == {}
