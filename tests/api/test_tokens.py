"""Tokens: hashed, shown once, revocable at once, of three scopes that include one another."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from trader.config.tokens import TokenStore
from trader.domain.errors import ConfigError


def test_a_token_is_found_by_its_text_and_stored_as_a_hash(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    token, text = store.create("monitor", "read")
    assert store.find(text) == token
    stored = tmp_path / "tokens.json"
    assert text.rsplit("_", 1)[1] not in stored.read_text()
    assert len(text.split("_", 2)[2]) == 43  # 256 bits
    if os.name == "posix":
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600


def test_another_process_revoking_it_ends_it_with_the_next_look(tmp_path: Path) -> None:
    here, there = TokenStore(tmp_path), TokenStore(tmp_path)
    _, text = here.create("monitor", "read")
    assert there.find(text) is not None
    there.revoke("monitor")
    assert here.find(text) is None
    with pytest.raises(ConfigError, match="No token 'monitor' is in use"):
        here.revoke("monitor")


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.swapcase(), lambda t: "", lambda t: "sd_0"]
)
def test_another_text_is_no_token(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    store = TokenStore(tmp_path)
    _, text = store.create("monitor", "read")
    assert store.find(change(text)) is None


@pytest.mark.parametrize("name", ["", " a", "a" * 41, "a\n", "ü", "../x"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name must match"):
        TokenStore(tmp_path).create(name, "read")


def test_a_name_is_free_again_once_its_token_is_revoked(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    store.create("bot", "trade")
    with pytest.raises(ConfigError, match="already a token"):
        store.create("bot", "read")
    store.revoke("bot")
    store.create("bot", "read")
    assert [(one.scope, one.revoked_at is None) for one in store.everyone()] == [("trade", False), ("read", True)]


def test_scopes_include_one_another(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    made = {scope: store.create(scope, scope)[0] for scope in ("read", "stop", "trade")}
    reach = {name: [scope for scope in made if token.may(scope)] for name, token in made.items()}
    assert reach == {"read": ["read"], "stop": ["read", "stop"], "trade": ["read", "stop", "trade"]}


@pytest.mark.parametrize("text", ["{", "[1]", '[{"token_id": "x"}]', ""])
def test_a_broken_file_lets_nobody_in(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokens.json").write_text(text)
    with pytest.raises(ConfigError, match="file of tokens"):
        TokenStore(tmp_path).find("sd_00000000_" + "a" * 43)


def test_the_command_line_makes_lists_and_revokes(clean_environment: Path) -> None:
    def token(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trader", "token", *argv], capture_output=True, text=True, timeout=60
        )

    made = json.loads(token("create", "--scope", "stop", "--name", "phone", "--json").stdout)
    found = TokenStore(clean_environment).find(made["token"])
    assert found is not None and found.scope == "stop"
    listed = token("list").stdout
    assert "phone" in listed and made["token"] not in listed
    wrong = token("create", "--scope", "all", "--name", "x")
    assert (wrong.returncode, wrong.stderr) == (1, "Error: --scope must be one of read, stop, trade, was 'all'\n")
    assert token("revoke", "phone").returncode == 0
    assert TokenStore(clean_environment).find(made["token"]) is None
