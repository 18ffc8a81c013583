"""Setting how the account is margined: what a person is told whatever becomes of the request; previews in the account's mode."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.conftest import RunnersHand, announce, picture
from tests.desk.test_market import CALL, PRESET, PUT, board, quote
from tests.exchange.scripted_http import Answer, Request, ScriptedHTTP, refused, success
from trader.cli.words import run_lines
from trader.config.preset import Preset
from trader.config.settings import Settings
from trader.desk import Desk, NotPossible
from trader.desk.margin import Margined, change
from trader.desk.market import build_preview
from trader.desk.sizing import size_for
from trader.desk.status_json import status_document
from trader.domain.errors import ConfigError
from trader.domain.margin import MarginTerms
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.venue.server import VenueServer

D = Decimal


# ------------------------------------------------------------------------------------------------- what becomes of it


def tells(mode: str) -> Callable[[Request], Answer]:
    """The reads of an account in this mode."""

    def answer(request: Request) -> Answer:
        if request.path.endswith("trading_preferences"):
            return success(
                {"user_id": 1, "default_auto_topup": False, "enabled_portfolios": {".DEXBTUSD": mode == "portfolio"}}
            )
        return success([])

    return answer


def down(request: Request) -> Answer:
    return Answer(status=503, body={"success": False, "error": {"code": "unavailable"}})


AGREED = success({"id": "1", "margin_mode": "portfolio"})
CUT = Answer(act="close")


@pytest.mark.parametrize(
    ("answer", "then", "done", "words"),
    [
        (AGREED, tells("portfolio"), True, "Set: margin mode portfolio."),
        (AGREED, tells("isolated"), None, "The exchange agreed; read again, it is not portfolio: margin mode isolated. Look again"),
        (AGREED, down, True, "The exchange agreed: margin mode portfolio. It could not be read since: "),
        (CUT, tells("portfolio"), True, "read again, it is set: margin mode portfolio."),
        (CUT, tells("isolated"), None, "read again, it is not portfolio: margin mode isolated. Look again before you trade."),
        (CUT, down, None, "It is not known whether margin mode is portfolio now: no answer came, and it cannot be read ("),
        (refused("insufficient_margin"), tells("isolated"), False, "Not set: insufficient_margin"),
        (refused("insufficient_margin"), tells("isolated"), False, " The exchange tells: margin mode isolated."),
        (refused("insufficient_margin"), down, False, "Not set: insufficient_margin"),
    ],
)  # fmt: skip
def test_whatever_becomes_of_it_is_read_again_and_said(
    answer: Answer, then: Callable[[Request], Answer], done: bool | None, words: str
) -> None:
    server = ScriptedHTTP(lambda request: answer if request.method == "PUT" else then(request))
    gateway = DeltaGateway(server.url, Credentials("key", "secret"))
    try:
        found = change(
            "margin mode",
            lambda: gateway.set_margin_mode("portfolio"),
            gateway.margin_terms,
            lambda terms: terms.mode,
            "portfolio",
        )
    finally:
        gateway.close()
        server.close()
    assert found.done is done and words in found.words, found.words
    assert len([request for request in server.requests if request.method == "PUT"]) == 1, "never sent twice"


# ------------------------------------------------------------------------------------------------- on the local exchange


@pytest.fixture
def isolated(desk: Desk, settings: Settings, venue: VenueServer) -> Iterator[Desk]:
    announce(settings, venue)
    yield desk
    assert desk.set_margin_mode("isolated").done and desk.set_auto_topup(False).done


def checked(desk: Desk, **risk: str) -> dict[str, tuple[bool | None, str]]:
    preset = Preset.model_validate({"risk": risk}) if risk else Preset()
    return {row.name: (row.ok, row.words) for row in desk.prerequisites(preset)}


def test_set_it_is_told_and_counted_with_at_once(isolated: Desk) -> None:
    desk = isolated
    before = desk.preview(Preset())
    assert before.margined.mode == "isolated" and before.margin is not None
    assert checked(desk)["margin mode"][0] is True and "isolated" in checked(desk)["margin mode"][1]
    assert desk.set_margin_mode("portfolio").words == "Set: margin mode portfolio."
    after = desk.preview(Preset())
    assert after.margined.mode == "portfolio" and after.margin is not None and after.margin < before.margin
    assert after.position is not None and after.position.margined.mode == "portfolio"
    assert "portfolio margin needed" in checked(desk)["margin"][1]
    ok, words = checked(desk, margin_mode="isolated")["margin mode"]
    assert ok is False and "account margin-mode isolated" in words
    assert checked(desk, margin_mode="portfolio")["margin mode"][0] is True


def test_auto_topup_is_set_for_new_positions_and_not_for_what_is_not_there(isolated: Desk) -> None:
    assert checked(isolated, auto_topup="on")["auto top-up"][0] is False
    assert isolated.set_auto_topup(True).words == "Set: auto top-up of new positions on."
    assert checked(isolated, auto_topup="on")["auto top-up"][0] is True
    with pytest.raises(NotPossible, match="no open position in C-BTC-1-010126"):
        isolated.set_auto_topup(True, "C-BTC-1-010126")
    with pytest.raises(ConfigError, match="one of isolated, portfolio, was 'cross'"):
        isolated.set_margin_mode("cross")


# ------------------------------------------------------------------------------------------------- sizes


def seen(mode: str | None, quantity: int = 1) -> tuple[Preset, Any]:
    sections = {"strategy": {"quantity": quantity}, "risk": {"max_order_quantity": 100_000}}
    preset = Preset.model_validate({**PRESET.model_dump(mode="json"), **sections})
    return preset, build_preview(preset, board(quote(CALL, 0.12), quote(PUT, -0.12)), Margined(mode=mode))


@pytest.mark.parametrize("mode", ["isolated", "portfolio", None])
@pytest.mark.parametrize("amount", ["50", "777.77", "20000"])
def test_the_most_contracts_for_a_margin_and_not_one_more(mode: str | None, amount: str) -> None:
    preset, preview = seen(mode)
    count = size_for(preset, preview, "margin", D(amount)).contracts
    assert count > 0

    def bound(contracts: int) -> Decimal:
        margin = seen(mode, contracts)[1].margin
        assert isinstance(margin, Decimal)
        return margin

    assert bound(count) <= D(amount) < bound(count + 1)


def test_portfolio_margin_holds_more_contracts_until_its_span_has_grown() -> None:
    counts = {mode: size_for(*seen(mode), "margin", D(900)).contracts for mode in ("isolated", "portfolio")}
    assert counts["portfolio"] > counts["isolated"]
    lot = size_for(*seen("portfolio"), "margin", D("0.01"))
    assert lot.contracts == 0 and "ties up" in lot.words


# ------------------------------------------------------------------------------------------------- the status


def test_the_status_tells_it_as_the_runner_was_told(desk: Desk, runner: RunnersHand) -> None:
    runner.live()
    assert status_document(desk.status())["account_margin"] is None
    assert not [line for line in run_lines(desk.status()) if line.startswith("margin mode")]
    terms = MarginTerms(mode="isolated", portfolios=(), default_auto_topup=True)
    runner.journal.publish(replace(picture(datetime.now(UTC)), margin=terms))
    told = status_document(desk.status())["account_margin"]
    assert (told["mode"], told["default_auto_topup"], told["positions"]) == ("isolated", True, [])
    [line] = [line for line in run_lines(desk.status()) if line.startswith("margin mode")]
    assert "isolated: each short leg is liquidated for itself" in line and line.endswith(
        "auto top-up of new positions on"
    )
