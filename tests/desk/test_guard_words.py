"""Both numbers wherever the spread guard binds: in words, in the document, in a terminal and on the page."""

from typing import Any

import pytest

from tests.cli.test_words import status_of
from tests.desk.test_words_of_money import said
from tests.engine.boards import CONDOR, Board
from tests.engine.boards import holding as board_of
from tests.engine.scene import Scene, holding
from tests.engine.test_spread_guard import show
from tests.panel.test_live import a_picture, cards, rows
from trader.cli.words import run_lines
from trader.desk import guard_words
from trader.desk.status_json import status_document
from trader.engine.view import RunView
from trader.panel import hero, legs


def held(call: tuple[str, str | None], times: int = 1) -> Scene:
    scene = holding()
    show(scene)
    show(scene, call=call, times=times)
    return scene


def condor() -> Board:
    """A wing is bid for far below its mark."""
    board = board_of(CONDOR)
    board.prices(after=2)
    board.bids[board.leg("LC").symbol] = None
    board.prices(after=2)
    return board


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (lambda: held(("205", "210")).view, ""),
        (lambda: held(("205", "800")).view, "at the ask -160 %, counted -37 % for 60 s more (spread guard)"),
        (lambda: held(("205", "800"), 14).view, "at the ask -160 %, counted -37 % for 34 s more (spread guard)"),
        (
            lambda: held(("205", None), 40).view,
            "no ask for C 104,000: P&L is not known; for a stop it counts as -37 % (spread guard)",
        ),
    ],
    ids=["narrow", "wide", "a while", "no ask"],
)
def test_both_numbers_in_words(view: Any, words: str) -> None:
    assert said(guard_words(view())) == words


def test_with_wings_it_is_ask_and_bid() -> None:
    words = said(guard_words(condor().view))
    assert words.startswith("at ask and bid ") and words.endswith(" for 60 s more (spread guard)")


def test_the_document_has_both_numbers() -> None:
    view = held(("205", "800"), 14).view
    told = status_document(status_of(view, run=view))
    assert told["guarded"]["pnl_pct"].startswith("-36.9") and told["guarded"]["secs"] == 34.0
    assert told["pnl_pct"].startswith("-160.")
    assert [(leg["closing_px"], leg["counted_px"], leg["guard_secs"]) for leg in told["legs"]] == [
        ("800", "307.5", 34.0),
        ("210", None, None),
    ]
    view = held(("205", None)).view
    told = status_document(status_of(view, run=view))
    assert (told["pnl"], told["legs"][0]["pnl"], told["legs"][0]["closing_px"]) == (None, None, None)
    assert told["guarded"]["unoffered"] == [view.legs[0].symbol] and told["legs"][1]["pnl"] is not None


def test_a_terminal_says_both_numbers() -> None:
    view = held(("205", "800")).view
    assert guard_words(view) in run_lines(status_of(view, run=view))


def test_the_page_says_both_numbers_in_hero_and_legs() -> None:
    status, _ = a_picture()
    for scene, value, note, touch in (
        (held(("205", "800"), 14), "-$1.2809", "at the ask -160 %, counted -37 % for 34 s more (spread guard)", "800.00, counted 307.50"),
        (held(("205", None)), "–", "no ask for C 104,000: P&L is not known; for a stop it counts as -37 % (spread guard)", "no ask, counted 307.5"),
    ):  # fmt: skip
        view: RunView = scene.view
        _, shown, told = cards(hero.hero(status, view))["pnl"]
        assert said(told) == note
        assert said(shown).replace("\u2060", "") == value
        assert touch in " ".join(rows(legs.legs(view), "leg")["C"]), rows(legs.legs(view), "leg")["C"]
