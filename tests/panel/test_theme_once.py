"""A page is told the same theme, put together once."""

import inspect

import pytest
from streamlit.proto.NewSession_pb2 import CustomThemeConfig, NewSession
from streamlit.runtime import app_session

from trader.panel import theme_once

SECTIONS = ("theme", "theme.light", "theme.dark", "theme.sidebar")


def told(populate: theme_once.Populate) -> NewSession:
    session = NewSession()
    theme = session.custom_theme
    for part, section in zip((theme, theme.light, theme.dark, theme.sidebar), SECTIONS, strict=True):
        populate(part, section)
    return session


OPTIONS = {"theme": {"primaryColor": "#123456"}, "theme.light": {"textColor": "#1b2430"}}


def test_the_theme_was_put_together_for_every_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_session.config, "get_options_for_section", lambda section: OPTIONS.get(section, {}))
    asked: list[str] = []

    def counted(theme: CustomThemeConfig, section: str) -> None:
        asked.append(section)
        app_session._populate_theme_msg(theme, section)

    copy = theme_once.remembered(counted)
    first = told(copy)
    assert (first.custom_theme.primary_color, first.custom_theme.light.text_color) == ("#123456", "#1b2430")
    assert not first.custom_theme.HasField("sidebar")
    assert [told(copy), told(copy)] == [first, first]
    assert asked == list(SECTIONS)
    assert first.SerializeToString() == told(app_session._populate_theme_msg).SerializeToString()


def test_streamlit_still_asks_for_the_theme_by_that_name() -> None:
    made = inspect.getsource(app_session.AppSession._create_new_session_message)
    assert "_populate_theme_msg(msg.new_session.custom_theme)" in made
