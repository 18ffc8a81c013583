import pytest

from trader.config.environments import DEPLOYMENTS, Environment, check_urls, environment_of, is_loopback
from trader.domain.errors import ConfigError

INDIA = (
    "https://api.india.delta.exchange",
    "wss://public-socket.india.delta.exchange",
    "wss://socket.india.delta.exchange",
)
TESTNET = (
    "https://cdn-ind.testnet.deltaex.org",
    "wss://socket-ind-pub.testnet.deltaex.org",
    "wss://socket-ind.testnet.deltaex.org",
)
LOCAL = ("http://127.0.0.1:8080", "ws://127.0.0.1:8081", "ws://localhost:8082")
UNKNOWN = ("https://a.example", "wss://b.example", "wss://c.example")


@pytest.mark.parametrize(
    ("env", "urls"),
    [
        ("production", INDIA),
        ("testnet", TESTNET),
        ("testnet", LOCAL),
        ("paper", LOCAL),
        ("paper", ("http://[::1]:1", "ws://127.8.9.1:2", "ws://localhost:3")),
        ("production", ("https://cdn.india.deltaex.org", INDIA[1], INDIA[2])),
        ("production", UNKNOWN),
    ],
)
def test_urls_of_one_environment_pass(env: str, urls: tuple[str, str, str]) -> None:
    check_urls(env, *urls)


@pytest.mark.parametrize(
    ("env", "urls", "words"),
    [
        ("paper", INDIA, "stays on this machine"),
        ("paper", (LOCAL[0], LOCAL[1], INDIA[2]), "stays on this machine"),
        ("paper", ("http://127.0.0.1.nip.io:1", LOCAL[1], LOCAL[2]), "is for this machine only"),
        ("paper", ("https://127.0.0.1.nip.io:1", LOCAL[1], LOCAL[2]), "stays on this machine"),
        ("testnet", INDIA, "counts as production"),
        ("testnet", UNKNOWN, "counts as production"),
        ("testnet", (TESTNET[0], TESTNET[1], INDIA[2]), "different deployments"),
        ("testnet", (LOCAL[0], TESTNET[1], TESTNET[2]), "different deployments"),
        ("production", TESTNET, "counts as testnet"),
        ("production", LOCAL, "is this machine"),
        ("production", (INDIA[0], INDIA[1], UNKNOWN[2]), "different deployments"),
        ("production", ("https://api.delta.exchange", INDIA[1], INDIA[2]), "different deployments"),
        ("production", ("http://api.india.delta.exchange", INDIA[1], INDIA[2]), "not encrypted"),
        ("production", (INDIA[0], "ws://public-socket.india.delta.exchange", INDIA[2]), "not encrypted"),
        ("production", ("ftp://api.india.delta.exchange", INDIA[1], INDIA[2]), "must start with https"),
        ("production", ("api.india.delta.exchange", INDIA[1], INDIA[2]), "has no host"),
        ("paper", ("http://127.0.0.1:99999", LOCAL[1], LOCAL[2]), "impossible port"),
        ("paper", ("http://user:pw@127.0.0.1:1", LOCAL[1], LOCAL[2]), "bare base address"),
        ("live", INDIA, "unknown environment"),
    ],
)
def test_urls_that_do_not_belong_are_refused_in_a_sentence(env: str, urls: tuple[str, str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_urls(env, *urls)


@pytest.mark.parametrize("host", ["localhost.example", "0.0.0.0", "127.0.0.1.nip.io", "128.0.0.1", "::", "LOCALHOST "])
def test_lookalikes_are_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


def test_unknown_host_counts_as_live() -> None:
    assert environment_of("https://api.indla.delta.exchange") is Environment.PRODUCTION


def test_no_host_belongs_to_two_deployments() -> None:
    hosts = [host for deployment in DEPLOYMENTS for host in deployment.hosts]
    assert len(hosts) == len(set(hosts))
