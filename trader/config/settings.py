"""Settings: what the environment and `.env` say, read once, frozen, with secrets that do not print.

A variable of the process wins over the same one in `.env`. Of the exchange keys only the chosen environment's are ever
taken up: in paper mode the production and testnet keys are not even read into memory. Nothing falls back from one
environment's keys to another's.
"""

import io
import os
import re
import stat
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit

from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from trader.config.addresses import check_proxy, check_public, require_readable_address, require_text, usable_path
from trader.config.channels import Channel, read_channels
from trader.config.files import decode_text, read_small
from trader.config.messages import InvalidConfig, sentences, suggestion
from trader.config.numbers import Flag, Number, Real, Whole
from trader.config.precedence import ENVIRONMENT_PREFIX
from trader.config.quiet_hours import Quiet, read_quiet
from trader.domain.errors import ConfigError

Env = Literal["paper", "testnet", "production"]

# Which environment a key variable belongs to; the others' are dropped before anything looks at them.
KEY_VARIABLES: dict[str, tuple[str, str]] = {
    "paper": ("DELTA_PAPER_API_KEY", "DELTA_PAPER_API_SECRET"),
    "testnet": ("DELTA_TESTNET_API_KEY", "DELTA_TESTNET_API_SECRET"),
    "production": ("DELTA_API_KEY", "DELTA_API_SECRET"),
}
_SECRET_LETTERS_MOST = 500
_KEYS = frozenset(name for pair in KEY_VARIABLES.values() for name in pair)
_PLACEHOLDER = re.compile(
    r"^(<.*>|\.\.\.|x{3,}|\*{3,}|.*(change.?me|place.?holder|your[-_ ]|example|todo|dummy|insert).*|(api[-_]?)?(key|secret))$",
    re.IGNORECASE,
)
_OUR_PREFIXES = ("TRADER_", "DELTA_")
_NOT_OURS = frozenset({"TRADER_DATA"})  # where tests and the importer find recorded market data


def _setting(default: Any, variable: str, description: str, **bounds: Any) -> Any:
    return Field(default=default, validation_alias=variable, description=description, **bounds)


class Settings(BaseSettings):
    """Everything the environment decides. Made by `load_settings`; every field names its variable."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    env: Env = _setting(
        "paper",
        "TRADER_ENV",
        "Where orders go: paper (the local venue, no account needed), testnet, or production (real money).",
    )
    home: Path = _setting(
        Path("var"), "TRADER_HOME", "Folder of runtime files: journal, logs, saved presets, recordings."
    )
    snapshot: Path = _setting(
        Path("ui_config_snapshot.json"), "TRADER_SNAPSHOT", "File of the last configuration saved in the panel."
    )
    database_url: SecretStr | None = _setting(
        None,
        "DATABASE_URL",
        "The journal: sqlite:///path or postgresql://user@host/name. Default: journal.db in TRADER_HOME.",
    )
    alert_repeat_secs: Real = _setting(
        30.0,
        "TRADER_ALERT_REPEAT_SECS",
        "How often unacknowledged critical alerts are repeated, in seconds.",
        ge=1,
        le=3600,
    )
    notify_urls: SecretStr | None = _setting(
        None,
        "TRADER_NOTIFY_URLS",
        "Where messages go: addresses as Apprise reads them, parted by blanks; `critical,warning|tgram://token/chat` for those only.",
    )
    notify_quiet: str = _setting(
        "",
        "TRADER_NOTIFY_QUIET",
        "Hours (IST) in which only critical messages are sent, like 23:00-07:00; or by severity: `info|20:00-09:00 warning|23:00-07:00`.",
    )
    notify_repeat_mins: Real = _setting(
        10.0,
        "TRADER_NOTIFY_REPEAT_MINS",
        "How often critical alerts that nobody has acknowledged are sent again, in minutes.",
        ge=1,
        le=1440,
    )
    reply_links: Flag = _setting(
        False,
        "TRADER_REPLY_LINKS",
        "Whether critical messages carry links that stop or acknowledge with one press; needs TRADER_PUBLIC_URL.",
    )
    public_url: str | None = _setting(
        None,
        "TRADER_PUBLIC_URL",
        "Address under which the panel's links are reached from outside, like https://desk.example.org; only links are answered there.",
    )
    gateway: Literal["own", "ccxt"] = _setting(
        "own",
        "TRADER_GATEWAY",
        "What carries orders and reads, of runner, panel, check and flatten: the own client, or ccxt (needs requirements-ccxt.txt).",
    )
    runner: Literal["thread", "process"] = _setting(
        "thread",
        "RUNNER",
        "Where the panel's runner lives: thread (in the panel's process), or process (one of its own that the panel starts).",
    )
    port: Whole = _setting(8501, "PORT", "Port of the panel on 127.0.0.1.", ge=1, le=65_535)

    rest_url: str | None = _setting(
        None, "DELTA_REST_URL", "REST base address. Set all three addresses or none; none means the environment's own."
    )
    ws_public_url: str | None = _setting(None, "DELTA_WS_PUBLIC_URL", "WebSocket address of the public channels.")
    ws_private_url: str | None = _setting(None, "DELTA_WS_PRIVATE_URL", "WebSocket address of the private channels.")
    proxy: SecretStr | None = _setting(
        None,
        "TRADER_PROXY",
        "HTTP proxy to testnet and production, like http://host:3128; never used for this machine, nor is HTTPS_PROXY.",
    )

    order_timeout_secs: Real = _setting(
        5.0,
        "TRADER_ORDER_TIMEOUT_SECS",
        "How long an order or cancel may take in all before its outcome counts as unknown, in seconds.",
        ge=1,
        le=5,
    )
    read_timeout_secs: Real = _setting(
        10.0,
        "TRADER_READ_TIMEOUT_SECS",
        "How long a read may take in all, its repeats included, in seconds.",
        ge=1,
        le=60,
    )
    read_repeats: Whole | None = _setting(
        None,
        "TRADER_READ_REPEATS",
        "How often a read that was not answered is repeated; left empty 1, through ccxt 2. Orders are never repeated.",
        ge=0,
        le=5,
    )
    retry_delay_secs: Real | None = _setting(
        None,
        "TRADER_RETRY_DELAY_SECS",
        "Wait before the first repeat, doubled for each further one; left empty 0, through ccxt 0.25 seconds.",
        ge=0,
        le=5,
    )
    request_quota: Whole = _setting(
        10_000,
        "TRADER_REQUEST_QUOTA",
        "Request weight in five minutes that counts as all there is; less where other programs share the account's. "
        "Entries and prices take at most 60 % of it, own reads 90 %; exits are never held back.",
        ge=1_000,
        le=20_000,
    )
    stream_connect_secs: Real = _setting(
        10.0, "TRADER_STREAM_CONNECT_SECS", "How long connecting a stream may take, in seconds.", ge=1, le=60
    )
    stream_answer_secs: Real = _setting(
        10.0,
        "TRADER_STREAM_ANSWER_SECS",
        "How long a stream's login and subscriptions may wait for their answer, in seconds.",
        ge=1,
        le=60,
    )
    stream_silence_secs: Real = _setting(
        35.0,
        "TRADER_STREAM_SILENCE_SECS",
        "After how many seconds without a message a stream counts as lost; the exchange sends a heartbeat every 30.",
        ge=31,
        le=60,
    )
    reconnect_secs: Real = _setting(
        0.5, "TRADER_RECONNECT_SECS", "Wait before a lost stream is connected again, doubled each time.", ge=0.1, le=30
    )
    reconnect_most_secs: Real = _setting(
        30.0, "TRADER_RECONNECT_MOST_SECS", "The longest such wait, in seconds.", ge=1, le=300
    )
    position_updates: Flag = _setting(
        True,
        "TRADER_POSITION_UPDATES",
        "Whether positions are followed as the stream tells them (liquidation prices); they are read over REST in any case.",
    )
    margin_updates: Flag = _setting(
        True,
        "TRADER_MARGIN_UPDATES",
        "Whether balances are followed as the stream tells them; they are read in any case.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "debug",
        "TRADER_LOG_LEVEL",
        "What the detailed log takes: debug is every request, answer and private message.",
    )
    console_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "TRADER_CONSOLE_LEVEL", "What the console shows of the log."
    )

    account_id: str | None = _setting(
        None,
        "TRADER_ACCOUNT_ID",
        "The account's name in the journal, after the environment; left empty, it is that of the first API key it was used with.",
        pattern=r"^[A-Za-z0-9_-]{1,32}$",
    )
    production_api_key: SecretStr | None = _setting(
        None, "DELTA_API_KEY", "Production API key. Read only when TRADER_ENV is production."
    )
    production_api_secret: SecretStr | None = _setting(None, "DELTA_API_SECRET", "Production API secret.")
    testnet_api_key: SecretStr | None = _setting(
        None, "DELTA_TESTNET_API_KEY", "Testnet API key. Read only when TRADER_ENV is testnet."
    )
    testnet_api_secret: SecretStr | None = _setting(None, "DELTA_TESTNET_API_SECRET", "Testnet API secret.")
    paper_api_key: SecretStr | None = _setting(
        None,
        "DELTA_PAPER_API_KEY",
        "Key of a local venue started by hand; the one started with the panel announces its own.",
    )
    paper_api_secret: SecretStr | None = _setting(None, "DELTA_PAPER_API_SECRET", "Secret of that local venue.")

    venue_market: Literal["synthetic", "recording", "relay"] = _setting(
        "synthetic",
        "TRADER_VENUE_MARKET",
        "What moves the local venue's prices: synthetic, recording, or relay (Delta's live public prices).",
    )
    venue_mode: Literal["normal", "calm", "stress"] = _setting(
        "normal",
        "TRADER_VENUE_MODE",
        "How wild the local venue's synthetic market is: normal (as in a usual year), calm, or stress.",
    )
    venue_recording: Path | None = _setting(
        None,
        "TRADER_VENUE_RECORDING",
        "Recording to replay, a file or a recorded session's folder; needed when TRADER_VENUE_MARKET is recording.",
    )
    venue_speed: Real = _setting(
        1.0,
        "TRADER_VENUE_SPEED",
        "Speed of the local venue's clock: 1 = real time, 60 = an hour a minute.",
        ge=1,
        le=600,
    )
    venue_seed: Whole | None = _setting(
        None,
        "TRADER_VENUE_SEED",
        "Seed of the local venue's market; without one it goes on with the seed it had, else with a random one.",
        ge=0,
        le=2**31 - 1,
    )

    venue_balance_usd: Number = _setting(
        Decimal(10_000),
        "TRADER_VENUE_BALANCE_USD",
        "Money of a paper account, USD; for an account that is made now, an existing one keeps its own.",
        gt=0,
        le=1_000_000_000,
    )
    venue_fees: Literal["delta", "simple"] = _setting(
        "delta",
        "TRADER_VENUE_FEES",
        "What paper fills cost: delta (the exchange's rates with cap and GST) or simple (a percentage and a slippage).",
    )
    venue_maker_fee_pct: Number | None = _setting(
        None, "TRADER_VENUE_MAKER_FEE_PCT", "Simple fees: percent of what a resting order trades; 0.02.", ge=0, le=5
    )
    venue_taker_fee_pct: Number | None = _setting(
        None, "TRADER_VENUE_TAKER_FEE_PCT", "Simple fees: percent of what is taken from the book; 0.04.", ge=0, le=5
    )
    venue_slippage_pct: Number | None = _setting(
        None,
        "TRADER_VENUE_SLIPPAGE_PCT",
        "Simple fees: by how many percent a price taken from the book is worse than the book says; 0.05.",
        ge=0,
        le=5,
    )
    venue_fill_ids: Literal["same", "separate"] = _setting(
        "separate",
        "TRADER_VENUE_FILL_IDS",
        "Whether the local venue calls one execution by the same id over REST and on its sockets, or by separate ones.",
    )

    preset_overrides: dict[str, str] = Field(default={}, validation_alias="preset_overrides", repr=False)
    warnings: tuple[str, ...] = Field(default=(), validation_alias="warnings", repr=False)
    sources: dict[str, str] = Field(default={}, validation_alias="sources", repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` hands over: it reads both sources itself, to leave other environments' keys out."""
        return (init_settings,)

    @field_validator(
        "production_api_key",
        "production_api_secret",
        "testnet_api_key",
        "testnet_api_secret",
        "paper_api_key",
        "paper_api_secret",
    )
    @classmethod
    def _real_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        text = value.get_secret_value()
        if not text.strip():
            raise ValueError("must not be blank")
        if text != text.strip():
            raise ValueError("must not begin or end with blanks")
        if len(text) > _SECRET_LETTERS_MOST:
            raise ValueError(f"must be at most {_SECRET_LETTERS_MOST} letters long")
        if not text.isascii() or not text.isprintable():
            raise ValueError("must be printable ASCII text")
        if _PLACEHOLDER.match(text):
            raise ValueError("must be a real value, not a placeholder")
        return value

    @field_validator("home", "snapshot", "venue_recording")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else usable_path(str(value))

    @field_validator("rest_url", "ws_public_url", "ws_private_url")
    @classmethod
    def _readable_address(cls, value: str | None) -> str | None:
        if value is not None:
            require_readable_address(value)  # whether it belongs to the environment is asked when it is used
        return value

    @field_validator("notify_urls")
    @classmethod
    def _notify_urls(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not read_channels(value.get_secret_value()):
            raise ValueError("is blank")
        return value

    @field_validator("notify_quiet")
    @classmethod
    def _notify_quiet(cls, value: str) -> str:
        if value and not read_quiet(value).spans:
            raise ValueError("is blank")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str | None) -> str | None:
        return None if value is None else check_public(value)

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_proxy(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for env, (key, secret) in KEY_VARIABLES.items():
            has_key, has_secret = (getattr(self, f"{env}_api_{part}") is not None for part in ("key", "secret"))
            if has_key != has_secret:
                given, other = (key, secret) if has_key else (secret, key)
                raise ValueError(f"{given} is set but {other} is not; a key needs its secret")
        urls = {
            "DELTA_REST_URL": self.rest_url,
            "DELTA_WS_PUBLIC_URL": self.ws_public_url,
            "DELTA_WS_PRIVATE_URL": self.ws_private_url,
        }
        absent = [name for name, url in urls.items() if url is None]
        if absent and len(absent) < len(urls):
            raise ValueError(f"set all three of {', '.join(urls)} or none; missing: {', '.join(absent)}")
        if self.reply_links and self.public_url is None:
            raise ValueError("TRADER_REPLY_LINKS is true, so TRADER_PUBLIC_URL must say where the links lead")
        if self.venue_market == "recording" and self.venue_recording is None:
            raise ValueError("TRADER_VENUE_MARKET is recording, so TRADER_VENUE_RECORDING must name a file")
        if self.venue_market != "synthetic" and self.venue_mode != "normal":
            raise ValueError(
                "TRADER_VENUE_MODE is of the synthetic market; leave it out, or set TRADER_VENUE_MARKET=synthetic"
            )
        if self.venue_market == "relay" and self.venue_speed != 1:
            raise ValueError("TRADER_VENUE_MARKET is relay: live prices run at TRADER_VENUE_SPEED 1")
        simple = {
            "TRADER_VENUE_MAKER_FEE_PCT": self.venue_maker_fee_pct,
            "TRADER_VENUE_TAKER_FEE_PCT": self.venue_taker_fee_pct,
            "TRADER_VENUE_SLIPPAGE_PCT": self.venue_slippage_pct,
        }
        given_percent = [name for name, percent in simple.items() if percent is not None]
        if given_percent and self.venue_fees != "simple":
            raise ValueError(f"{given_percent[0]} is of the simple fees: set TRADER_VENUE_FEES=simple or leave it out")
        return self

    @property
    def journal_url(self) -> str:
        """The journal's URL; may hold a password, so never print it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{quote(str(self.home / 'journal.db'))}"  # a path may hold ? and %, which a URL reads

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Where messages go."""
        return () if self.notify_urls is None else read_channels(self.notify_urls.get_secret_value())

    @property
    def quiet(self) -> Quiet:
        """When messages wait."""
        return read_quiet(self.notify_quiet)

    @property
    def links_host(self) -> str:
        """What a browser that follows a link names as its host; empty while links are off."""
        if not self.reply_links or self.public_url is None:
            return ""
        parts = urlsplit(self.public_url)
        usual = {"https": ":443", "http": ":80"}[parts.scheme]
        return parts.netloc.removesuffix(usual)

    @property
    def proxy_url(self) -> str | None:
        """The proxy's address; may hold a password, so never print it."""
        return None if self.proxy is None else self.proxy.get_secret_value()

    def api_key_pair(self) -> tuple[SecretStr, SecretStr] | None:
        """Key and secret of the chosen environment, None when not set."""
        key, secret = getattr(self, f"{self.env}_api_key"), getattr(self, f"{self.env}_api_secret")
        return None if key is None or secret is None else (key, secret)


VARIABLES: dict[str, str] = {
    str(field.validation_alias): name
    for name, field in Settings.model_fields.items()
    if name not in ("preset_overrides", "warnings", "sources")
}


def load_settings(
    env: str | None = None,
    *,
    env_file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings.

    Args:
        env: The environment given on the command line; wins over TRADER_ENV.
        env_file: Default: `.env` in the current directory.
        environ: Default: this process's environment.

    Raises:
        ConfigError: One sentence per variable at fault; values of secrets are never shown.
    """
    path = Path.cwd() / ".env" if env_file is None else env_file
    process = os.environ if environ is None else environ
    from_file = _read_env_file(path)
    from_process = {k: v for k, v in process.items() if k in VARIABLES or k.startswith(ENVIRONMENT_PREFIX)}
    sources = dict.fromkeys(from_file, str(path)) | dict.fromkeys(from_process, "environment")
    merged = {**from_file, **from_process}
    if env is not None:
        merged["TRADER_ENV"], sources["TRADER_ENV"] = env, "command line"
    merged = {name: value for name, value in merged.items() if value != ""}  # NAME= means not set
    chosen = merged.get("TRADER_ENV", "paper")
    warnings = _check_env_file(path, strict=chosen != "paper") if from_file else []
    warnings += _unknown(process)
    foreign = {name for owner, names in KEY_VARIABLES.items() if owner != chosen for name in names}
    values: dict[str, Any] = {
        name: value for name, value in merged.items() if name in VARIABLES and name not in foreign
    }
    overrides = {name: value for name, value in merged.items() if name.startswith(ENVIRONMENT_PREFIX)}
    _require_texts({name: value for name, value in {**values, **overrides}.items() if name not in _KEYS})
    if chosen != "paper" and "TRADER_PROXY" not in values:
        warnings += _unused_proxies(process)
    try:
        return Settings(
            **values,
            preset_overrides=overrides,
            warnings=tuple(warnings),
            sources={name: source for name, source in sources.items() if name in merged},
        )
    except ValidationError as error:
        raise InvalidConfig(sentences(error, Settings), "The settings cannot be used") from None


def _read_env_file(path: Path) -> dict[str, str]:
    """Variables of `.env`; a name that is none of ours is an error, because a slip of the pen must not go unseen."""
    content = read_small(path, "The file")
    if content is None:
        if path.is_symlink():
            raise ConfigError(f"The file {path} is a symbolic link that leads nowhere")
        return {}
    lines = list(parse_stream(io.StringIO(decode_text(content, f"The file {path}"), newline=None)))
    # dotenv's own reader logs and skips what it does not understand. The text stays out of the message: it may be a key.
    torn = [str(line.original.line) for line in lines if line.error]
    if torn:
        raise ConfigError(f"The file {path} cannot be understood in line {', '.join(torn)}; write NAME=value")
    problems: list[str] = []
    found: dict[str, str] = {}
    for line in lines:
        name, value = line.key, line.value
        if name is None:
            continue
        if name not in VARIABLES and not name.startswith(ENVIRONMENT_PREFIX):
            problems.append(_no_setting(name, line.original.line))
        elif value is None:
            problems.append(f"{name} has no value: write {name}=...")
        else:
            found[name] = value
    if problems:
        raise InvalidConfig(problems, f"The file {path}")
    return found


def _no_setting(name: str, line: int) -> str:
    """A name that is none of ours is only repeated where it resembles one: it could be a key pasted by itself."""
    close = suggestion(name, VARIABLES)
    shown = name if close or name.startswith(_OUR_PREFIXES) else f"the name in line {line}"
    return f"{shown} is not a setting{close}"


def _check_env_file(path: Path, *, strict: bool) -> list[str]:
    """Whether only the owner can read `.env`: refused outside paper trading, warned about in it (no key is read there)."""
    problem = ""
    if path.is_symlink():
        problem = f"The file {path} is a symbolic link; it must be the file itself"
    elif os.name == "posix" and path.stat().st_mode & 0o077:
        mode = stat.S_IMODE(path.stat().st_mode)
        problem = f"The file {path} can be read by other users (mode {mode:04o}); run: chmod 600 {path}"
    if problem and strict:
        raise ConfigError(problem)
    return [problem] if problem else []


def _unknown(process: Mapping[str, str]) -> list[str]:
    """Variables that look like ours and are not. Only a warning: other programs may own them."""
    known = list(VARIABLES)
    return [
        f"The environment variable {name} is not a setting{suggestion(name, known)}"
        for name in sorted(process)
        if name.startswith(_OUR_PREFIXES)
        and name not in VARIABLES
        and name not in _NOT_OURS
        and not name.startswith(ENVIRONMENT_PREFIX)
    ]


def _require_texts(values: Mapping[str, str]) -> None:
    """No setting holds line breaks, other control characters or broken text; secrets included, so none is repeated.

    Raises:
        ConfigError: One sentence per variable.
    """
    problems = []
    for name, value in values.items():
        try:
            require_text(value)
        except ValueError as error:
            problems.append(f"{name} {error}")
    if problems:
        raise InvalidConfig(problems, "The settings cannot be used")


def _unused_proxies(process: Mapping[str, str]) -> list[str]:
    """A person who has set a proxy for other programs may expect it to count here; told once, because nothing else would say so."""
    found = [name for name in sorted(process) if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]
    return [f"{', '.join(found)} is not used for the exchange; TRADER_PROXY is"] if found else []
