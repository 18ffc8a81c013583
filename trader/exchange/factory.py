"""Builds what talks to an exchange. The one place where a client is chosen: by `TRADER_GATEWAY`, the addresses and the keys."""

from trader.config.connection import Connection
from trader.config.environments import check_urls
from trader.config.settings import Settings
from trader.domain.errors import ConfigError
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.patience import CCXT, OWN, Patience
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

        patience = _patience(settings, CCXT)
        return CcxtDeltaGateway(
            connection.rest_url,
            _credentials(connection),
            proxy=connection.proxy_url,
            patience=patience,
            quota=settings.request_quota,
        )
    from trader.exchange.delta.gateway import DeltaGateway

    patience = _patience(settings, OWN)
    return DeltaGateway(
        connection.rest_url,
        _credentials(connection),
        proxy=connection.proxy_url,
        patience=patience,
        quota=settings.request_quota,
    )


def build_feeds(settings: Settings, connection: Connection, gateway: Gateway) -> tuple[MarketFeed, AccountFeed]:
    """The two streams beside a gateway of the same connection, sharing its clock and figures.

    Raises:
        ConfigError: There are no keys to log in with.
    """
    from trader.exchange.delta.stream.connection import Timings
    from trader.exchange.delta.stream.feeds import DeltaAccountFeed, DeltaMarketFeed

    credentials = _credentials(connection)
    if credentials is None:
        raise ConfigError(f"{connection.env} needs its API key and secret")
    timings = Timings(
        connect_secs=settings.stream_connect_secs,
        answer_secs=settings.stream_answer_secs,
        heartbeat_secs=settings.stream_silence_secs,
        backoff_first_secs=settings.reconnect_secs,
        backoff_longest_secs=max(settings.reconnect_most_secs, settings.reconnect_secs),
    )
    market = DeltaMarketFeed(
        connection.ws_public_url,
        clock=gateway.clock,
        proxy=connection.proxy_url,
        odd=gateway.odd_rows,
        timings=timings,
    )
    account = DeltaAccountFeed(
        connection.ws_private_url,
        credentials,
        clock=gateway.clock,
        product_id_of=gateway.product_id_of,
        proxy=connection.proxy_url,
        odd=gateway.odd_rows,
        timings=timings,
        follows_positions=settings.position_updates,
        follows_margins=settings.margin_updates,
    )
    return market, account


def _patience(settings: Settings, usual: Patience) -> Patience:
    """What the settings say; where they say nothing, as is usual for this client."""
    return Patience(
        change_secs=settings.order_timeout_secs,
        read_secs=settings.read_timeout_secs,
        repeats=usual.repeats if settings.read_repeats is None else settings.read_repeats,
        pause_secs=usual.pause_secs if settings.retry_delay_secs is None else settings.retry_delay_secs,
    )


def _credentials(connection: Connection) -> Credentials | None:
    return None if connection.credentials is None else Credentials(*connection.credentials.reveal())
