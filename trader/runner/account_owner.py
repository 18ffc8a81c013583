"""Whose the API key is: asked of the exchange when a key is used for the first time, so that a changed key keeps its account's books."""

import logging

from trader.config.account_names import KnownAccount, KnownAccounts, fingerprint, read_accounts, write_accounts
from trader.config.connection import Connection, resolve_connection
from trader.config.settings import Settings
from trader.domain.errors import ConfigError, ExchangeError
from trader.exchange.factory import build_gateway
from trader.exchange.ports import Gateway

logger = logging.getLogger(__name__)


def connected(settings: Settings) -> Connection:
    """The exchange the settings point at, under the name of the account the key belongs to.

    Raises:
        ConfigError: It cannot be used, or it cannot be told whose books the key goes on with.
    """
    connection = resolve_connection(settings)
    gateway = build_gateway(settings, connection)
    try:
        return settle_account(settings, connection, gateway)
    finally:
        gateway.close()


def settle_account(settings: Settings, connection: Connection, gateway: Gateway) -> Connection:
    """The connection with the account its key belongs to, remembered from now on. A key that is known is not asked about.

    Raises:
        ConfigError: The key is of another user than the account that is named, or it cannot be told whose books it goes on with.
    """
    if connection.env == "paper" or connection.credentials is None:
        return connection
    known, key = read_accounts(settings.home), fingerprint(connection.credentials.reveal()[0])
    here = known.at(connection.env, connection.rest_url)
    own = here.of_key(connection.env, key)
    if own is not None and own.account == connection.account:
        return connection
    try:
        user = gateway.who_am_i()
    except ExchangeError as error:
        if not here.accounts:
            return connection  # nothing it could go on with
        raise ConfigError(
            f"The API key is new here, and the exchange does not say whose it is ({error}); start again when it answers, or name "
            "the account by TRADER_ACCOUNT_ID in .env"
        ) from None
    account = _account_of(settings, connection, here, user)
    before = known.named(account)
    keys = (key,) if before is None else tuple(dict.fromkeys([*before.keys, key]))
    made = KnownAccount(env=connection.env, account=account, rest_url=connection.rest_url, user_id=user, keys=keys)
    write_accounts(settings.home, known.with_account(made))
    if before is not None:
        logger.info("api_key_changed account=%s keys=%d", account, len(keys))
    return connection.model_copy(update={"account": account})


def _account_of(settings: Settings, connection: Connection, here: KnownAccounts, user: str) -> str:
    """The account of the exchange's user; where it was named, that has to be it."""
    theirs, named = here.of_user(user), here.named(connection.account)
    if named is not None and named.user_id != user:
        raise ConfigError(
            f"The account {connection.account} is user {named.user_id} of the exchange, the API key is of user {user}; "
            "correct TRADER_ACCOUNT_ID or the key"
        )
    if theirs is None:
        return connection.account
    if settings.account_id is not None and theirs.account != connection.account:
        name = theirs.account.removeprefix(f"{connection.env}-")
        raise ConfigError(
            f"The books of the exchange's user {user} are those of {theirs.account} here: set TRADER_ACCOUNT_ID={name}, or leave it out"
        )
    return theirs.account
