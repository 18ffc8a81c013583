"""Which exchange to talk to: the three addresses, the account's name and its keys, decided in one place.

In paper mode the local venue announces itself in ``TRADER_HOME/venue.json``; nothing but this machine is accepted then.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from trader.config.account_names import account_name
from trader.config.addresses import goes_to_this_machine, split_address
from trader.config.document import parse_json_object
from trader.config.environments import Environment, india
from trader.config.files import read_text
from trader.config.messages import InvalidConfig, sentences
from trader.config.settings import KEY_VARIABLES, Env, Settings
from trader.domain.errors import ConfigError

ANNOUNCEMENT_NAME = "venue.json"
URL_VARIABLES = ("DELTA_REST_URL", "DELTA_WS_PUBLIC_URL", "DELTA_WS_PRIVATE_URL")


class KeyPair(BaseModel):
    """An API key and its secret; printing shows neither."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr
    secret: SecretStr

    def reveal(self) -> tuple[str, str]:
        """Key and secret in clear, for signing only."""
        return self.key.get_secret_value(), self.secret.get_secret_value()


class Connection(BaseModel):
    """One exchange, one account. `account` names it in the journal: see `account_names`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: Env
    account: str
    rest_url: str
    ws_public_url: str
    ws_private_url: str
    credentials: KeyPair | None
    proxy: SecretStr | None = None

    @property
    def proxy_url(self) -> str | None:
        """The proxy for what goes beyond this machine; may hold a password, so never print it."""
        return None if self.proxy is None else self.proxy.get_secret_value()


class VenueAnnouncement(BaseModel):
    """What the local venue writes when it is ready."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    rest_url: str
    ws_public_url: str
    ws_private_url: str
    api_key: SecretStr
    api_secret: SecretStr
    # A process is ended by this number: 0 and below would mean many.
    pid: int | None = Field(default=None, ge=1, lt=2**31)
    instance: str = ""  # what it answers when it is asked who it is; an exchange of an earlier version says nothing


def announcement_path(home: Path) -> Path:
    """Where the local venue announces itself."""
    return home / ANNOUNCEMENT_NAME


def read_announcement(home: Path) -> VenueAnnouncement | None:
    """The local venue's announcement, None when there is none.

    Raises:
        ConfigError: The file is broken.
    """
    path = announcement_path(home)
    text = read_text(path, "The local venue's announcement")
    if text is None:
        return None
    where = f"The local venue's announcement {path}"
    parse_json_object(text, where)
    try:
        return VenueAnnouncement.model_validate_json(text)
    except ValidationError as error:
        raise InvalidConfig(sentences(error, VenueAnnouncement), where) from None


def doorbell_path(home: Path, account: str) -> Path:
    """Where the account's runner is rung, so that it looks at once for a command."""
    return home / f"{account}.bell"


def resolve_connection(settings: Settings, *, need_keys: bool = True) -> Connection:
    """The exchange the settings point at.

    Args:
        settings: As loaded.
        need_keys: False accepts an account without keys, for reading public data.

    Raises:
        ConfigError: No local venue, an address outside this machine in paper mode, or missing keys.
    """
    if settings.env == "paper":
        return _paper(settings)
    urls = _explicit_urls(settings) or india(Environment(settings.env))
    pair = settings.api_key_pair()
    if pair is None and need_keys:
        key, secret = KEY_VARIABLES[settings.env]
        raise ConfigError(f"{settings.env} needs {key} and {secret}; set them in the environment or in .env")
    connection = _connection(settings, urls, None if pair is None else KeyPair(key=pair[0], secret=pair[1]))
    return connection.model_copy(update={"proxy": settings.proxy})


def _paper(settings: Settings) -> Connection:
    announced = read_announcement(settings.home)
    urls = _explicit_urls(settings)
    pair = settings.api_key_pair()
    if urls is None:
        if announced is None:
            raise ConfigError(
                f"No local venue is running: there is no {announcement_path(settings.home)}; "
                "start the panel, or `python -m trader venue` and set the three DELTA_..._URL addresses it prints"
            )
        urls = (announced.rest_url, announced.ws_public_url, announced.ws_private_url)
        pair = (announced.api_key, announced.api_secret)
    elif pair is None and announced is not None and announced.rest_url.rstrip("/") == urls[0].rstrip("/"):
        pair = (announced.api_key, announced.api_secret)
    for variable, url in zip(URL_VARIABLES, urls, strict=True):
        if not goes_to_this_machine(url):
            where = variable if _explicit_urls(settings) else str(announcement_path(settings.home))
            raise ConfigError(
                f"Paper trading stays on this machine, but the address in {where} does not; set TRADER_ENV or remove it"
            )
    if pair is None:
        key, secret = KEY_VARIABLES["paper"]
        raise ConfigError(f"The local venue at {urls[0]} needs its keys: set {key} and {secret} to those it printed")
    return _connection(settings, urls, KeyPair(key=pair[0], secret=pair[1]))


def _explicit_urls(settings: Settings) -> tuple[str, str, str] | None:
    if settings.rest_url is None or settings.ws_public_url is None or settings.ws_private_url is None:
        return None  # the settings accept all three or none
    return settings.rest_url, settings.ws_public_url, settings.ws_private_url


def _connection(settings: Settings, urls: tuple[str, str, str], pair: KeyPair | None) -> Connection:
    for variable, url in zip(URL_VARIABLES, urls, strict=True):
        try:
            split_address(url, *(("https", "http") if variable == "DELTA_REST_URL" else ("wss", "ws")))
        except ValueError as error:
            raise ConfigError(f"{variable} {error}") from None
    rest, public, private = (url.rstrip("/") for url in urls)
    return Connection(
        env=settings.env,
        account=account_name(settings),
        rest_url=rest,
        ws_public_url=public,
        ws_private_url=private,
        credentials=pair,
    )
