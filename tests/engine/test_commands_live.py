"""A live start needs the phrase typed for it, whoever inserted the command row."""

import pytest

from trader.config.preset import Preset
from trader.domain.clock import Now
from trader.engine.commands import arming_phrase
from trader.engine.effects import AckCommand
from trader.engine.events import StartCommand
from trader.engine.state import State
from trader.engine.step import step
from trader.runner.market_clock import wall_now


@pytest.mark.parametrize(
    ("env", "confirm", "status"),
    [
        ("production", None, "refused"),
        ("production", "TRADE LIVE acc 2", "refused"),
        ("production", "TRADE LIVE acc 1", "accepted"),
        ("testnet", None, "accepted"),
        ("paper", None, "accepted"),
    ],
)
def test_start_in_an_environment_with_a_phrase(env: str, confirm: str | None, status: str) -> None:
    state = State(installation="abcd", epoch=1, env=env, account_key="acc")
    preset = Preset()
    event = StartCommand(
        at=Now(wall_now(), None),
        command_id="c1",
        config=preset.model_dump(mode="json"),
        config_hash=preset.config_hash,
        start_now=True,
        issued_by="cli",
        confirm=confirm,
    )
    after, effects = step(state, event)
    acks = [e for e in effects if isinstance(e, AckCommand)]
    assert [a.status for a in acks] == [status]
    assert bool(after.runs) is (status == "accepted")
    assert arming_phrase("acc", 1) == "TRADE LIVE acc 1"
