"""Which environment a URL belongs to, and the rule that the three URLs must name one and the same.

Unknown hosts that are not this machine count as live: a mistyped host must not slip past the checks meant for money.
"""

from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from trader.config.addresses import is_loopback, split_address
from trader.domain.errors import ConfigError


class Environment(StrEnum):
    """Where orders go. `PAPER` is a Delta-speaking server on this machine."""

    PAPER = "paper"
    TESTNET = "testnet"
    PRODUCTION = "production"


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment of the exchange: its hosts share keys and product ids, no other deployment's do."""

    name: str
    environment: Environment
    rest: str
    ws_private: str
    ws_public: str | None
    aliases: tuple[str, ...] = ()

    @property
    def hosts(self) -> frozenset[str]:
        urls = [self.rest, self.ws_private, *([self.ws_public] if self.ws_public else [])]
        return frozenset([urlsplit(url).hostname or "" for url in urls]) | frozenset(self.aliases)


# Source: exchange documentation, "Rest Api" and "Websocket Feed"; global hosts from the official client.
DEPLOYMENTS = (
    Deployment(
        name="india",
        environment=Environment.PRODUCTION,
        rest="https://api.india.delta.exchange",
        ws_private="wss://socket.india.delta.exchange",
        ws_public="wss://public-socket.india.delta.exchange",
        aliases=("cdn.india.deltaex.org",),
    ),
    Deployment(
        name="india testnet",
        environment=Environment.TESTNET,
        rest="https://cdn-ind.testnet.deltaex.org",
        ws_private="wss://socket-ind.testnet.deltaex.org",
        ws_public="wss://socket-ind-pub.testnet.deltaex.org",
    ),
    Deployment(
        name="global",
        environment=Environment.PRODUCTION,
        rest="https://api.delta.exchange",
        ws_private="wss://socket.delta.exchange",
        ws_public=None,
    ),
    Deployment(
        name="global testnet",
        environment=Environment.TESTNET,
        rest="https://testnet-api.delta.exchange",
        ws_private="wss://testnet-socket.delta.exchange",
        ws_public=None,
    ),
)


def india(environment: Environment) -> tuple[str, str, str]:
    """The three addresses of the India edition: REST, public and private WebSocket."""
    [one] = [d for d in DEPLOYMENTS if d.environment is environment and d.name.startswith("india")]
    assert one.ws_public is not None
    return one.rest, one.ws_public, one.ws_private


_BY_HOST = {host: deployment for deployment in DEPLOYMENTS for host in deployment.hosts}
_LOOPBACK = "this machine"
_SCHEMES = {"REST": ("https", "http"), "public WebSocket": ("wss", "ws"), "private WebSocket": ("wss", "ws")}


def environment_of(url: str) -> Environment:
    """The environment a URL belongs to; this machine is PAPER, an unknown host is PRODUCTION.

    Raises:
        ConfigError: The text is no URL with a host.
    """
    host = _host(url, "base")
    if is_loopback(host):
        return Environment.PAPER
    deployment = _BY_HOST.get(host)
    return deployment.environment if deployment else Environment.PRODUCTION


def check_urls(env: str, rest: str, ws_public: str, ws_private: str) -> None:
    """Refuse URLs that do not belong together or not to `env`.

    Loopback serves paper and testnet; paper accepts nothing else; plain ``http``/``ws`` is for loopback only.

    Raises:
        ConfigError: With the URL at fault and what was expected.
    """
    environment = _environment(env)
    urls = {"REST": rest, "public WebSocket": ws_public, "private WebSocket": ws_private}
    hosts = {name: _checked_host(name, url) for name, url in urls.items()}
    if environment is Environment.PAPER:
        for name, host in hosts.items():
            if not is_loopback(host):
                raise ConfigError(f"paper trading stays on this machine, but the {name} URL names {host}")
    names = {name: _deployment_name(host) for name, host in hosts.items()}
    if len(set(names.values())) > 1:
        listed = ", ".join(f"{name}: {names[name]} ({hosts[name]})" for name in names)
        raise ConfigError(f"the three URLs name different deployments: {listed}")
    actual = environment_of(rest)
    if actual is Environment.PAPER and environment is Environment.PRODUCTION:
        raise ConfigError(f"environment production needs the exchange's URLs, but {hosts['REST']} is this machine")
    if actual is not Environment.PAPER and actual is not environment:
        raise ConfigError(f"environment {env} was asked for, but {hosts['REST']} counts as {actual.value}")


def _environment(env: str) -> Environment:
    try:
        return Environment(env)
    except ValueError:
        raise ConfigError(f"unknown environment {env!r}: expected paper, testnet or production") from None


def _deployment_name(host: str) -> str:
    if is_loopback(host):
        return _LOOPBACK
    deployment = _BY_HOST.get(host)
    # Two unknown hosts may serve one private deployment behind separate names; they are told apart by nothing.
    return deployment.name if deployment else "unknown, counted as production"


def _host(url: str, name: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise ConfigError(f"the {name} URL has no host")
    return host


def _checked_host(name: str, url: str) -> str:
    try:
        return split_address(url, *_SCHEMES[name]).hostname or ""
    except ValueError as error:
        raise ConfigError(f"the {name} URL {error}") from None
