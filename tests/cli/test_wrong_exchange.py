"""A wrong key, a wrong address: said in one sentence by the commands that need the exchange."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest


def trader(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "trader", *argv], capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def venue() -> Iterator[dict[str, str]]:
    """A local exchange of its own, standing in for a testnet."""
    process = subprocess.Popen([sys.executable, "-m", "trader", "venue"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.terminate()
    process.communicate(timeout=20)


@pytest.fixture
def as_testnet(venue: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("TRADER_ENV", "testnet")
    monkeypatch.setenv("DELTA_REST_URL", venue["rest_url"])
    monkeypatch.setenv("DELTA_WS_PUBLIC_URL", venue["ws_public_url"])
    monkeypatch.setenv("DELTA_WS_PRIVATE_URL", venue["ws_private_url"])
    monkeypatch.setenv("DELTA_TESTNET_API_KEY", venue["api_key"])
    monkeypatch.setenv("DELTA_TESTNET_API_SECRET", venue["api_secret"])
    return monkeypatch


def failed_checks() -> dict[str, str]:
    done = trader("check", "--json", "--preset", "development")  # it is made in any market
    assert done.returncode == 1, done.stderr
    return {item["name"]: item["words"] for item in json.loads(done.stdout)["checks"] if item["ok"] is False}


def test_with_the_right_key_only_the_runner_is_missing(as_testnet: pytest.MonkeyPatch) -> None:
    assert failed_checks().keys() == {"runner"}


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("DELTA_TESTNET_API_SECRET", "canary-of-another-key", "secret does not belong to the key"),
        pytest.param("DELTA_TESTNET_API_KEY", "canary-that-nobody-knows", "key", marks=pytest.mark.t1),
        ("DELTA_REST_URL", "http://127.0.0.1:1", "127.0.0.1:1"),
        pytest.param("DELTA_REST_URL", "http://127.0.0.1:1/elsewhere", "127.0.0.1", marks=pytest.mark.t1),
        pytest.param("DELTA_REST_URL", "https://api.delta.example", "api.delta.example", marks=pytest.mark.t1),
        ("DELTA_REST_URL", "not an address", "DELTA_REST_URL has no host"),
    ],
)
def test_a_wrong_key_or_address_ends_the_runner_with_one_sentence(
    as_testnet: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    as_testnet.setenv(variable, value)
    done = trader("run")
    assert done.returncode == 1
    assert done.stdout == ""
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr


def test_check_names_the_wrong_key_and_keeps_the_rest_of_the_board(as_testnet: pytest.MonkeyPatch) -> None:
    as_testnet.setenv("DELTA_TESTNET_API_SECRET", "canary-of-another-key")
    failed = failed_checks()
    assert "secret does not belong to the key" in failed["signed API"]
    assert "public API" not in failed
    assert "canary" not in json.dumps(failed)
