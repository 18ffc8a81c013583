"""`python -m trader account`: how the local exchange margins the account, shown and set over its real HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.desk.conftest import KEY, SECRET, announce
from trader.cli.app import main
from trader.config.settings import load_settings
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

Said = pytest.CaptureFixture[str]


@pytest.fixture
def venue(clean_environment: Path) -> Iterator[VenueServer]:
    market = SyntheticMarket(SyntheticSettings(seed=3, start=datetime(2026, 3, 3, 5, 0, tzinfo=UTC)))
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=5_550_001)
    server = VenueServer(market, VenueSettings(credentials=(credential,), speed=1.0))
    server.start()
    announce(load_settings(environ={"TRADER_HOME": str(clean_environment)}), server)
    yield server
    server.stop()


def run(capsys: Said, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_margin_mode_and_auto_topup_are_shown_and_set(venue: VenueServer, capsys: Said) -> None:
    code, out, _ = run(capsys, "account")
    assert code == 0 and "Margin mode: isolated: each short leg is liquidated for itself" in out
    assert "Auto top-up of new positions: off: a position is liquidated once its own margin is used up." in out
    assert run(capsys, "account", "margin-mode", "portfolio") == (0, "Set: margin mode portfolio.\n", "")
    assert run(capsys, "account", "auto-topup", "on")[1] == "Set: auto top-up of new positions on.\n"
    shown = json.loads(run(capsys, "account", "show", "--json")[1])
    assert json.loads(run(capsys, "account", "--json")[1]) == shown
    assert "--json" in run(capsys, "account", "--json", "margin-mode", "portfolio")[2]
    assert (shown["mode"], shown["default_auto_topup"], shown["positions"]) == ("portfolio", True, [])
    [account] = venue.exchange.accounts.values()
    assert (account.margin_mode, account.default_auto_topup) == ("portfolio", True)
    code, out, _ = run(capsys, "account", "margin-mode", "isolated", "--json")
    assert code == 0 and json.loads(out) == {
        "done": True,
        "words": "Set: margin mode isolated.",
        "margin_mode": "isolated",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("margin-mode", "cross"), "The margin mode is one of isolated, portfolio, was 'cross'."),
        (("auto-topup", "maybe"), "auto top-up is on or off, was 'maybe'"),
        (("auto-topup", "on", "--symbol", "C-BTC-1-010126"), "The exchange tells no open position in C-BTC-1-010126"),
    ],
)
def test_what_cannot_be_set_is_one_sentence(
    venue: VenueServer, capsys: Said, arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = run(capsys, "account", *arguments)
    assert code == 1 and words in err and err.count("\n") == 1


def test_without_an_exchange_it_says_so(clean_environment: Path, capsys: Said) -> None:
    code, _, err = run(capsys, "account")
    assert code == 1 and "No local venue is running" in err


def test_preview_and_check_tell_the_mode(venue: VenueServer, capsys: Said) -> None:
    isolated = run(capsys, "preview", "--preset", "default")[1]
    assert "(isolated margin)" in isolated
    run(capsys, "account", "margin-mode", "portfolio")
    told = json.loads(run(capsys, "preview", "--preset", "default", "--json")[1])
    assert told["margin_mode"] == "portfolio"
    assert "portfolio: the legs are netted" in run(capsys, "check")[1]
