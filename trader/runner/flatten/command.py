"""From settings to a flatten: the addresses, the keys, on paper the local exchange, then the work."""

from contextlib import suppress

from trader.config.account_names import fingerprint
from trader.config.connection import Connection, resolve_connection
from trader.config.settings import Settings
from trader.domain.errors import ConfigError
from trader.exchange.factory import build_gateway
from trader.runner.account_owner import settle_account
from trader.runner.flatten.books import Books, Say
from trader.runner.flatten.flattening import Report, flatten
from trader.runner.local_venue import LocalVenue


def whatever_the_list_says(settings: Settings) -> Connection:
    """The exchange the settings point at, also where the list of accounts cannot be read: what is open is known by its orders' ids.

    Raises:
        ConfigError: The settings name no usable exchange, or its key is missing.
    """
    pair = settings.api_key_pair()
    try:
        return resolve_connection(settings)
    except ConfigError:
        if pair is None or settings.account_id is not None:
            raise
        return resolve_connection(settings.model_copy(update={"account_id": fingerprint(pair[0].get_secret_value())}))


def flatten_account(settings: Settings, say: Say, *, wait_secs: float, any_price: bool = False) -> Report:
    """Close everything of ours on the account the settings name. Needs neither panel nor runner nor journal.

    Raises:
        ConfigError: The settings name no usable exchange, or its key is missing; nothing was sent.
    """
    venue = LocalVenue(settings) if settings.env == "paper" and settings.rest_url is None else None
    if venue is not None:
        venue.start()  # positions on paper live in its state file, so a stopped local exchange is brought back
    try:
        connection = whatever_the_list_says(settings)
        gateway = build_gateway(settings, connection)
        with suppress(ConfigError):  # whosever books they are, what is open is closed
            connection = settle_account(settings, connection, gateway)
        books = Books(settings.journal_url, settings.home, connection.account, connection.env, say)
        try:
            return flatten(gateway, books, say, wait_secs=wait_secs, any_price=any_price)
        finally:
            books.close()
            gateway.close()
    finally:
        if venue is not None:
            venue.stop()
