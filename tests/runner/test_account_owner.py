"""A key that was changed at the exchange goes on with its account's books; another account's key never does."""

from pathlib import Path
from typing import Any, cast

import pytest

from trader.config.account_names import account_name, fingerprint, key_words, read_accounts
from trader.config.connection import resolve_connection
from trader.config.settings import Settings, load_settings
from trader.domain.errors import ConfigError, ExchangeError
from trader.exchange.ports import Gateway
from trader.runner.account_owner import settle_account
from trader.runner.flatten.command import whatever_the_list_says

OLD, NEW, OTHER = "old0123456789abcdef", "new0123456789abcdef", "other0123456789abcdef"

_ADDRESSES = (("REST", "http"), ("WS_PUBLIC", "ws"), ("WS_PRIVATE", "ws"))


class Users:
    """Tells whose a key is; None: does not answer."""

    def __init__(self, user: str | None) -> None:
        self.user = user
        self.asked = 0

    def who_am_i(self) -> str:
        self.asked += 1
        if self.user is None:
            raise ExchangeError("timed out")
        return self.user


def settings(home: Path, key: str, **more: str) -> Settings:
    keys = {"DELTA_TESTNET_API_KEY": key, "DELTA_TESTNET_API_SECRET": f"{key}-secret"}
    home.mkdir(exist_ok=True)
    return load_settings(environ={"TRADER_HOME": str(home), "TRADER_ENV": "testnet", **keys, **more})


def settle(made: Settings, user: str | None) -> str:
    users: Any = Users(user)
    return settle_account(made, resolve_connection(made), cast(Gateway, users)).account


def test_a_changed_key_goes_on_with_the_books_of_the_same_user(tmp_path: Path) -> None:
    first = settle(settings(tmp_path, OLD), "7")
    assert first == f"testnet-{fingerprint(OLD)}", "an old journal keeps its account"
    rotated = settings(tmp_path, NEW)
    assert settle(rotated, "7") == first
    assert account_name(rotated) == account_name(settings(tmp_path, OLD)) == first, "every face finds it without asking"
    assert OLD not in (tmp_path / "accounts.json").read_text() + (tmp_path / "accounts.json").read_text()


def test_the_key_of_another_user_has_books_of_its_own(tmp_path: Path) -> None:
    first = settle(settings(tmp_path, OLD), "7")
    assert settle(settings(tmp_path, OTHER), "8") == f"testnet-{fingerprint(OTHER)}" != first
    assert [one.user_id for one in read_accounts(tmp_path).accounts] == ["7", "8"]


def test_how_a_key_is_changed_is_told(tmp_path: Path) -> None:
    settle(settings(tmp_path, OLD), "7")
    settle(settings(tmp_path, NEW), "7")
    words = key_words(settings(tmp_path, NEW))
    assert f"testnet-{fingerprint(OLD)} (user 7, 2 API keys so far)" in words and ".env" in words


def test_a_list_that_is_broken_keeps_no_one_from_closing(tmp_path: Path) -> None:
    made = settings(tmp_path, OLD)
    (tmp_path / "accounts.json").write_text("{")
    with pytest.raises(ConfigError, match=r"accounts\.json"):
        resolve_connection(made)
    assert whatever_the_list_says(made).account == f"testnet-{fingerprint(OLD)}"
    with pytest.raises(ConfigError, match="needs DELTA_TESTNET_API_KEY"):
        whatever_the_list_says(load_settings(environ={"TRADER_HOME": str(tmp_path), "TRADER_ENV": "testnet"}))


def test_users_of_two_exchanges_are_two(tmp_path: Path) -> None:
    first = settle(settings(tmp_path, OLD), "7")
    local = {f"DELTA_{name}_URL": f"{scheme}://127.0.0.1:9" for name, scheme in _ADDRESSES}
    assert settle(settings(tmp_path, NEW, **local), "7") == f"testnet-{fingerprint(NEW)}" != first


def test_a_key_that_is_known_is_not_asked_about(tmp_path: Path) -> None:
    settle(settings(tmp_path, OLD), "7")
    users: Any = Users("7")
    made = settings(tmp_path, OLD)
    settle_account(made, resolve_connection(made), cast(Gateway, users))
    assert not users.asked


def test_whose_a_new_key_is_has_to_be_known_where_books_are(tmp_path: Path) -> None:
    assert settle(settings(tmp_path, OLD), None) == f"testnet-{fingerprint(OLD)}", "the first key needs no answer"
    settle(settings(tmp_path, OLD), "7")
    with pytest.raises(ConfigError, match="the exchange does not say whose it is"):
        settle(settings(tmp_path, NEW), None)


def test_an_account_that_is_named_keeps_its_name_and_its_user(tmp_path: Path) -> None:
    named = {"TRADER_ACCOUNT_ID": "desk-1"}
    assert settle(settings(tmp_path, OLD, **named), "7") == "testnet-desk-1"
    assert settle(settings(tmp_path, NEW, **named), "7") == "testnet-desk-1"
    with pytest.raises(ConfigError, match="is user 7 of the exchange, the API key is of user 8"):
        settle(settings(tmp_path, OTHER, **named), "8")
    with pytest.raises(ConfigError, match="TRADER_ACCOUNT_ID=desk-1"):
        settle(settings(tmp_path, "third0123456789abcdef", TRADER_ACCOUNT_ID="desk-2"), "7")


def test_an_old_journal_can_be_named_by_its_fingerprint(tmp_path: Path) -> None:
    made = settings(tmp_path, NEW, TRADER_ACCOUNT_ID=fingerprint(OLD))
    assert settle(made, "7") == f"testnet-{fingerprint(OLD)}"


@pytest.mark.parametrize("name", ["a b", "x" * 33, "../up"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="TRADER_ACCOUNT_ID"):
        settings(tmp_path, OLD, TRADER_ACCOUNT_ID=name)
