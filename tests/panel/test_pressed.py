"""A press is carried out once. Streamlit may end a callback at any access to the session's state and call it again in a newer run
of the page: one press of Save was sent twice, the second refused as somebody else's; Start would have started twice."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.runtime.state import SafeSessionState

from tests.panel.fake_desk import FakeDesk

Open = Callable[..., Any]


def called_from(*names: str) -> bool:
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_name in names:
            return True
    return False


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where a callback touched the session's state although it had asked the desk for something already."""
    found: list[str] = []
    asked: list[bool] = []
    for name in ("start", "set_limits", "sell_now_instead"):
        whole = getattr(FakeDesk, name)

        def ask(self: FakeDesk, *args: Any, whole: Any = whole, **kwargs: Any) -> Any:
            asked.append(True)
            return whole(self, *args, **kwargs)

        monkeypatch.setattr(FakeDesk, name, ask)
    for name in ("__getitem__", "__setitem__", "__contains__"):
        touch = getattr(SafeSessionState, name)

        def look(self: SafeSessionState, *args: Any, touch: Any = touch) -> Any:
            if asked and called_from("_send", "_sell"):
                found.append(str(args[0]))
            return touch(self, *args)

        monkeypatch.setattr(SafeSessionState, name, look)
    return found


def test_start(open_panel: Open, after: list[str]) -> None:
    at, desk = open_panel("empty")
    at.button(key="dash_start").click().run()
    assert [kind for kind, _ in desk.asked] == ["start"] and after == []


def test_selling_now_instead(open_panel: Open, after: list[str]) -> None:
    at, desk = open_panel("waiting")
    at.button(key="dash_instead").click().run()
    assert [kind for kind, _ in desk.asked] == ["instead"] and after == []


def test_saving_limits(open_panel: Open, after: list[str]) -> None:
    at, desk = open_panel("holding", page="pages/account.py")
    [field] = [one for one in at.number_input if one.key is not None and one.key.endswith(".open_runs")]
    field.set_value(4.0).run()
    at.button(key="limits_save").click().run()
    assert [kind for kind, _ in desk.asked] == ["limits"] and after == []
