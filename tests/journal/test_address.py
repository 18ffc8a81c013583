"""DATABASE_URL: read strictly, and never repeated in a sentence, whichever part of it is wrong."""

import traceback
from pathlib import Path

import pytest

from trader.config.settings import load_settings
from trader.domain.errors import JournalError
from trader.journal.address import parse_url, place_of
from trader.journal.database import sqlite_path, where
from trader.journal.store import Journal

BROKEN = [
    "postgresql://desk:canary@canary@127.0.0.1:1/journal",  # an @ in the password
    "postgresql://desk:canary/canary@127.0.0.1:1/journal",
    "postgresql://desk:canary?canary@127.0.0.1:1/journal",
    "postgresql://desk:canary:canary@127.0.0.1:1/journal",
    "postgresql://desk:canary",  # the @ left out
    "postgresql://desk:canary/journal",
    "postgresql://desk:canary127.0.0.1/journal",
    "postgresql://desk:123456canary@h:canary/journal",
    "postgresql://desk:canary@h:0/journal",
    "postgresql://desk:canary@h:99999/journal",
    "postgresql://desk:canary@h:٥/journal",
    "postgresql://desk:canary@[::1/journal",
    "postgresql://desk:canary@h h/journal",
    "postgresql://desk:canary@h/journal/canary",
    "postgresql://desk:canary@h/journal@canary",
    "postgresql://desk@h/journal?canary",
    "postgresql://desk@h/journal?canary=1",
    "postgresql://desk@h/journal?sslmode=require&canary",
    "postgresql://desk:canary@h/jour\nnal",
    "postgresql://desk:canary@h/\x00",
    "canary://desk:canary@h/journal",
    "mysql://desk:canary@h/journal",
    "postgres://desk:canary@h/journal",
    "canary",
    "://canary",
    "sqlite:///x.db?password=canary",
    "sqlite://canary/x.db",
    "sqlite:///%00canary",
    "sqlite:///:memory:",
    "sqlite:///",
    "",
]


@pytest.mark.parametrize("url", BROKEN)
def test_parts_of_a_password_were_printed(url: str) -> None:
    with pytest.raises(JournalError) as caught:
        Journal.open(url)
    said = "".join(traceback.format_exception(caught.value))
    assert "canary" not in str(caught.value)
    assert "canary" not in said.replace(repr(url), "") and str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://desk:can%40ary@127.0.0.1:1/journal",
        "postgresql://desk@127.0.0.1:1/journal?password=can%40ary",
        "postgresql://127.0.0.1:1/journal?user=desk&password=can%40ary&sslmode=disable",
    ],
)
def test_a_password_is_taken_as_it_was_meant_and_shown_nowhere(url: str) -> None:
    pytest.importorskip("psycopg")
    read = parse_url(url)
    assert read.password == "can@ary"
    assert "ary" not in f"{read!r}{place_of(read)}{where(url)}"
    with pytest.raises(JournalError) as caught:
        Journal.open(url)
    assert "postgresql journal at 127.0.0.1:1" in str(caught.value) and "can" not in str(caught.value).replace(
        "cannot", ""
    )


@pytest.mark.parametrize("name", ["plain", "a b", "a?b", "a%20b", "a#b", "ä", "100%", "a'b", "x;y=z", "a@b:c"])
def test_a_home_whose_name_is_syntax_in_a_url_led_elsewhere(name: str, tmp_path: Path) -> None:
    home = tmp_path / name
    settings = load_settings(environ={"TRADER_HOME": str(home)})
    assert sqlite_path(settings.journal_url) == home / "journal.db"
    Journal.open(settings.journal_url).close()
    assert (home / "journal.db").is_file() and [path.name for path in tmp_path.iterdir()] == [name]
