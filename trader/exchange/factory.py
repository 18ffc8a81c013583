"""Builds what talks to an exchange. The one place where a client is chosen: by `TRADER_GATEWAY`, the addresses and the keys."""

from trader.config.connection import Connection
from trader.config.environments import check_urls
from trader.config.settings import Settings
from trader.domain.errors import ConfigError
from trader.exchange.common.credentials import Credentials
from trader.exchange.ports import AccountFeed, Gateway, MarketFeed


def build_gateway(settings: Settings, connection: Connection) -> Gateway:
    """The account, through the client the settings ask for; without keys it reads the market only.

    Raises:
        ConfigError: The addresses do not belong to the environment, or the client is not installed.
    """
    check_urls(connection.env, connection.rest_url, connection.ws_public_url, connection.ws_private_url)
    # Here, not above: the HTTP stack is the slowest thing to import, and ccxt is optional, and large.
    if settings.gateway == "ccxt":
        from trader.exchange.ccxt.delta import CcxtDeltaGateway

        return CcxtDeltaGateway(connection.rest_url, _credentials(connection), proxy=connection.proxy_url)
    from trader.exchange.delta.gateway import DeltaGateway

    return DeltaGateway(connection.rest_url, _credentials(connection), proxy=connection.proxy_url)


def build_feeds(connection: Connection, gateway: Gateway) -> tuple[MarketFeed, AccountFeed]:
    """The two streams beside a gateway of the same connection, sharing its clock and figures.

    Raises:
        ConfigError: There are no keys to log in with.
    """
    from trader.exchange.delta.stream.feeds import DeltaAccountFeed, DeltaMarketFeed

    credentials = _credentials(connection)
    if credentials is None:
        raise ConfigError(f"{connection.env} needs its API key and secret")
    market = DeltaMarketFeed(
        connection.ws_public_url, clock=gateway.clock, proxy=connection.proxy_url, odd=gateway.odd_rows
    )
    account = DeltaAccountFeed(
        connection.ws_private_url,
        credentials,
        clock=gateway.clock,
        product_id_of=gateway.product_id_of,
        proxy=connection.proxy_url,
        odd=gateway.odd_rows,
    )
    return market, account


def _credentials(connection: Connection) -> Credentials | None:
    return None if connection.credentials is None else Credentials(*connection.credentials.reveal())
