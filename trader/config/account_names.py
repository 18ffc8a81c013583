"""What an account is called in the journal, whichever API key it is used with.

``paper``; or the environment and `TRADER_ACCOUNT_ID`; or the environment and a fingerprint of the key it was first used with. Which
keys are of one account stands in ``TRADER_HOME/accounts.json``, with the exchange's number of its user: a key that was changed
at the exchange goes on with the same books.
"""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from trader.config.document import parse_json_object
from trader.config.files import read_text, write_text
from trader.config.messages import InvalidConfig, sentences
from trader.config.settings import Env, Settings

FILE_NAME = "accounts.json"
_WHAT = "The list of accounts"


class KnownAccount(BaseModel):
    """One account: its name in the journal, the exchange's number of its user (at that address: each exchange counts for itself),
    and the fingerprints of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: Env
    account: str
    rest_url: str
    user_id: str
    keys: tuple[str, ...]


class KnownAccounts(BaseModel):
    """All that this installation has been used with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accounts: tuple[KnownAccount, ...] = ()

    def of_key(self, env: str, key: str) -> KnownAccount | None:
        return next((one for one in self.accounts if one.env == env and key in one.keys), None)

    def at(self, env: str, rest_url: str) -> "KnownAccounts":
        """Those of one exchange."""
        return KnownAccounts(accounts=tuple(o for o in self.accounts if (o.env, o.rest_url) == (env, rest_url)))

    def of_user(self, user_id: str) -> KnownAccount | None:
        return next((one for one in self.accounts if one.user_id == user_id), None)

    def named(self, account: str) -> KnownAccount | None:
        return next((one for one in self.accounts if one.account == account), None)

    def with_account(self, changed: KnownAccount) -> "KnownAccounts":
        others = tuple(one for one in self.accounts if one.account != changed.account)
        return KnownAccounts(accounts=(*others, changed))


def fingerprint(key: str) -> str:
    """Names a key and never reveals it."""
    return hashlib.blake2b(key.encode(), digest_size=4).hexdigest()


def account_name(settings: Settings) -> str:
    """The account's name in the journal, without asking the exchange. An account without a key (only public data can be read) is
    ``testnet-nokey``.

    Raises:
        ConfigError: The list of accounts is broken.
    """
    if settings.env == "paper":
        return "paper"
    if settings.account_id is not None:
        return f"{settings.env}-{settings.account_id}"
    pair = settings.api_key_pair()
    if pair is None:
        return f"{settings.env}-nokey"
    key = fingerprint(pair[0].get_secret_value())
    known = read_accounts(settings.home).of_key(settings.env, key)
    return f"{settings.env}-{key}" if known is None else known.account


def key_words(settings: Settings) -> str:
    """Under which name the books are kept, and how another key comes to them."""
    name = account_name(settings)
    if settings.env == "paper":
        return f"Books: {name}."
    known = read_accounts(settings.home).named(name)
    keys = (
        ""
        if known is None
        else f" (user {known.user_id}, {len(known.keys)} API key{'s' * (len(known.keys) > 1)} so far)"
    )
    return f"Books: {name}{keys}. To change the API key: put the new one into .env and start again; these books go on."


def read_accounts(home: Path) -> KnownAccounts:
    """What is known; nothing where there is no list yet.

    Raises:
        ConfigError: The file is broken.
    """
    path = home / FILE_NAME
    text = read_text(path, _WHAT)
    if text is None:
        return KnownAccounts()
    parse_json_object(text, f"{_WHAT} {path}")
    try:
        return KnownAccounts.model_validate_json(text)
    except ValidationError as error:
        raise InvalidConfig(sentences(error, KnownAccounts), f"{_WHAT} {path}") from None


def write_accounts(home: Path, known: KnownAccounts) -> None:
    """Keep the list.

    Raises:
        ConfigError: It cannot be written.
    """
    write_text(home / FILE_NAME, known.model_dump_json(indent=2) + "\n", _WHAT)
