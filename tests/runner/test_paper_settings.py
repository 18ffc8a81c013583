"""The paper exchange's settings arrive at it, whoever starts it: the panel, the runner, or a person."""

from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from trader.cli.app import app
from trader.config.settings import Settings, load_settings
from trader.runner.venue_process import venue_options
from trader.venue import launch
from trader.venue.__main__ import _path
from trader.venue.core.settings import CoreSettings
from trader.venue.launch import VenueOptions

CHOSEN = {
    "TRADER_VENUE_SEED": "41",
    "TRADER_VENUE_BALANCE_USD": "2500.5",
    "TRADER_VENUE_FEES": "simple",
    "TRADER_VENUE_MAKER_FEE_PCT": "0.01",
    "TRADER_VENUE_TAKER_FEE_PCT": "0.03",
    "TRADER_VENUE_SLIPPAGE_PCT": "0",
    "TRADER_VENUE_FILL_IDS": "separate",
    "TRADER_VENUE_MODE": "calm",
}
FIELDS = ("seed", "initial_balance", "fees", "maker_fee_pct", "taker_fee_pct", "slippage_pct", "fill_ids", "mode")
WANTED = (41, D("2500.5"), "simple", D("0.01"), D("0.03"), D(0), "separate", "calm")


def hosted(settings: Settings) -> VenueOptions:
    """What the process of the exchange that the panel or the runner starts is told."""
    told = msgspec.json.encode(venue_options(settings, None, []))
    return msgspec.json.decode(told, type=VenueOptions, dec_hook=_path)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """What `python -m trader venue` with some options would serve."""
    monkeypatch.chdir(tmp_path)
    served: list[VenueOptions] = []
    monkeypatch.setattr(launch, "serve_venue", lambda options, explain: served.append(options))

    def run(*words: str) -> VenueOptions:
        result = CliRunner().invoke(app, ["venue", *words])
        assert result.exit_code == 0, result.output
        return served.pop()

    return run


def of(options: VenueOptions) -> tuple[Any, ...]:
    return tuple(getattr(options, name) for name in FIELDS)


def test_balance_fees_and_fill_ids_of_paper_could_not_be_set_for_up_and_run(tmp_path: Path) -> None:
    assert of(hosted(load_settings(environ={**CHOSEN, "TRADER_HOME": str(tmp_path)}))) == WANTED


def test_the_venue_command_takes_them_from_the_environment_and_its_own_options_win(
    typed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CHOSEN.items():
        monkeypatch.setenv(name, value)
    assert of(typed()) == WANTED
    own = typed("--seed", "7", "--balance", "1", "--slippage-pct", "0.5", "--fill-ids", "same", "--mode", "stress")
    assert of(own) == (7, D(1), "simple", D("0.01"), D("0.03"), D("0.5"), "same", "stress")
    assert of(typed("--fees", "delta"))[2:6] == ("delta", None, None, None)


def test_without_any_setting_every_way_of_starting_gives_the_exchanges_defaults(typed: Any, tmp_path: Path) -> None:
    core = CoreSettings()
    defaults = (None, core.initial_balance, core.fees, None, None, None, core.fill_ids, "normal")
    assert of(VenueOptions()) == of(typed()) == of(hosted(load_settings(environ={}))) == defaults


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"TRADER_VENUE_BALANCE_USD": "0"}, "must be above 0"),
        ({"TRADER_VENUE_BALANCE_USD": "1000000000.01"}, "must be at most 1000000000"),
        ({"TRADER_VENUE_BALANCE_USD": "NaN"}, "must be a number"),
        ({"TRADER_VENUE_FEES": "none"}, "must be one of delta or simple"),
        ({"TRADER_VENUE_TAKER_FEE_PCT": "0.1"}, "is of the simple fees"),
        ({"TRADER_VENUE_FEES": "simple", "TRADER_VENUE_TAKER_FEE_PCT": "5.01"}, "must be at most 5"),
        ({"TRADER_VENUE_FEES": "simple", "TRADER_VENUE_SLIPPAGE_PCT": "-0.01"}, "must be at least 0"),
    ],
)
def test_what_cannot_be_set_is_said_in_one_sentence_with_its_name_and_limit(
    changes: dict[str, str], words: str
) -> None:
    with pytest.raises(Exception, match=words) as caught:
        load_settings(environ=changes)
    assert list(changes)[-1] in str(caught.value)
