"""Settings: where they come from, keys that stay out of sight, and which exchange they lead to."""

import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from trader.config.account_names import KnownAccount, KnownAccounts, account_name, fingerprint, write_accounts
from trader.config.connection import announcement_path, resolve_connection
from trader.config.settings import KEY_VARIABLES, VARIABLES, Settings, load_settings
from trader.domain.errors import ConfigError

SettingsWith = Callable[..., Settings]
ROOT = Path(__file__).parents[2]
KEY, SECRET = "kAnArY0123456789abcd", "sEcReTcAnArY0123456789abcdef"
ALL_KEYS = {name: (KEY if "SECRET" not in name else SECRET) for pair in KEY_VARIABLES.values() for name in pair}


def keys_of(env: str) -> dict[str, str]:
    return {name: ALL_KEYS[name] for name in KEY_VARIABLES[env]}


def test_paper_is_the_default_and_needs_nothing(here: Path) -> None:
    settings = load_settings(environ={})
    assert (settings.env, settings.port, settings.home) == ("paper", 8501, here / "var")
    assert settings.snapshot == here / "ui_config_snapshot.json"
    assert settings.journal_url == f"sqlite:///{here}/var/journal.db"
    assert settings.warnings == ()


def test_env_example_names_and_explains_every_setting() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [line.split("=")[0] for line in lines if re.match(r"[A-Z_]+=", line)]
    assert sorted(named) == sorted(VARIABLES)
    assert len(named) == len(set(named))
    text = "\n".join(lines)
    for paragraph in text.split("\n\n"):
        if re.search(r"^[A-Z_]+=", paragraph, re.MULTILINE):
            assert paragraph.startswith("# "), paragraph


def test_env_example_copied_as_it_is_changes_nothing(here: Path) -> None:
    (here / ".env").write_text((ROOT / ".env.example").read_text())
    (here / ".env").chmod(0o600)
    plain = load_settings(environ={}, env_file=here / "none")
    copied = load_settings(environ={})
    assert set(copied.sources.values()) == {
        str(here / ".env")
    }  # it says where each comes from; the values are the same
    assert copied.model_copy(update={"sources": {}}) == plain


def test_process_wins_over_the_file_and_the_command_line_over_both(here: Path) -> None:
    (here / ".env").write_text("PORT=9000\nTRADER_VENUE_SEED=7\nTRADER_ENV=testnet\n")
    (here / ".env").chmod(0o600)
    settings = load_settings(environ={"PORT": "9001"})
    assert (settings.port, settings.venue_seed, settings.env) == (9001, 7, "testnet")
    assert load_settings("paper", environ={}).env == "paper"


@pytest.mark.parametrize(("env", "owner"), [(e, o) for e in KEY_VARIABLES for o in KEY_VARIABLES])
def test_only_the_chosen_environments_keys_are_taken_up(settings_with: SettingsWith, env: str, owner: str) -> None:
    settings = settings_with(TRADER_ENV=env, **ALL_KEYS)
    assert (getattr(settings, f"{owner}_api_key") is not None) == (env == owner)
    assert (getattr(settings, f"{owner}_api_secret") is not None) == (env == owner)


def test_keys_do_not_show_in_any_form(settings_with: SettingsWith) -> None:
    settings = settings_with(TRADER_ENV="production", DATABASE_URL=f"postgresql://u:{SECRET}@h/n", **ALL_KEYS)
    connection = resolve_connection(settings)
    for thing in (settings, connection, connection.credentials):
        assert thing is not None
        for text in (repr(thing), str(thing), f"{thing}", thing.model_dump_json(), str(thing.model_dump())):
            assert KEY not in text and SECRET not in text
    assert connection.credentials is not None and connection.credentials.reveal() == (KEY, SECRET)
    assert KEY not in connection.account


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("   ", "must not be blank"),
        (f" {KEY}", "must not begin or end with blanks"),
        (f"{KEY}\n", "must not begin or end with blanks"),
        ("ключ-0123456789", "must be printable ASCII"),
        ("changeme", "not a placeholder"),
        ("<your key>", "not a placeholder"),
        ("your_api_key", "not a placeholder"),
        ("xxxxxxxx", "not a placeholder"),
        ("API_KEY", "not a placeholder"),
    ],
)
@pytest.mark.parametrize("variable", ["DELTA_API_KEY", "DELTA_API_SECRET"])
def test_secret_that_cannot_be_one_is_refused_without_showing_it(
    settings_with: SettingsWith, variable: str, value: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_with(TRADER_ENV="production", **(keys_of("production") | {variable: value}))
    assert f"{variable} {problem}" in str(caught.value) or (
        f"{variable} must" in str(caught.value) and problem in str(caught.value)
    )
    assert not value.strip() or value.strip() not in str(caught.value).replace(variable, "")


def test_refused_secret_shows_in_no_traceback(settings_with: SettingsWith) -> None:
    import traceback

    padded = f" {SECRET} "
    with pytest.raises(ConfigError) as caught:
        settings_with(TRADER_ENV="production", DELTA_API_KEY=KEY, DELTA_API_SECRET=padded)
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    assert SECRET.encode() not in pickle.dumps(str(caught.value))


@pytest.mark.parametrize("env", ["testnet", "production"])
def test_half_a_key_pair_is_refused(settings_with: SettingsWith, env: str) -> None:
    key, secret = KEY_VARIABLES[env]
    with pytest.raises(ConfigError, match=f"{key} is set but {secret} is not"):
        settings_with(TRADER_ENV=env, **{key: KEY})


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"TRADER_ENV": "prod"}, "TRADER_ENV must be one of paper, testnet or production, was 'prod'"),
        ({"PORT": "abc"}, "PORT must be a whole number, was 'abc'"),
        ({"PORT": "0"}, "PORT must be at least 1, was '0'"),
        ({"PORT": "70000"}, "PORT must be at most 65535, was '70000'"),
        ({"TRADER_VENUE_SPEED": "601"}, "TRADER_VENUE_SPEED must be at most 600"),
        ({"TRADER_ORDER_TIMEOUT_SECS": "5.1"}, "TRADER_ORDER_TIMEOUT_SECS must be at most 5"),
        ({"TRADER_READ_TIMEOUT_SECS": "0"}, "TRADER_READ_TIMEOUT_SECS must be at least 1"),
        ({"TRADER_READ_REPEATS": "1.5"}, "TRADER_READ_REPEATS"),
        ({"TRADER_STREAM_SILENCE_SECS": "30"}, "TRADER_STREAM_SILENCE_SECS must be at least 31"),
        ({"TRADER_MARGIN_UPDATES": "yes"}, "TRADER_MARGIN_UPDATES must be true or false"),
        ({"TRADER_LOG_LEVEL": "loud"}, "TRADER_LOG_LEVEL must be one of"),
        ({"TRADER_VENUE_SPEED": "nan"}, "TRADER_VENUE_SPEED"),
        ({"TRADER_VENUE_MARKET": "live"}, "TRADER_VENUE_MARKET must be one of synthetic, recording or relay"),
        ({"TRADER_VENUE_MARKET": "recording"}, "TRADER_VENUE_RECORDING must name a file"),
        ({"TRADER_VENUE_MARKET": "relay", "TRADER_VENUE_SPEED": "2"}, "live prices run at TRADER_VENUE_SPEED 1"),
        ({"DELTA_REST_URL": "http://127.0.0.1:1"}, "set all three of"),
    ],
)
def test_setting_that_cannot_be_used_is_named(
    settings_with: SettingsWith, variables: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_with(**variables)
    assert problem in str(caught.value)


def test_slip_of_the_pen_in_the_file_is_refused_and_in_the_process_told(here: Path) -> None:
    (here / ".env").write_text("TRADER_EVN=production\n")
    with pytest.raises(ConfigError, match="TRADER_EVN is not a setting; did you mean TRADER_ENV"):
        load_settings(environ={})
    (here / ".env").unlink()
    settings = load_settings(environ={"TRADER_EVN": "production", "TRADER_DATA": "/x"})
    assert settings.env == "paper"
    assert settings.warnings == ("The environment variable TRADER_EVN is not a setting; did you mean TRADER_ENV?",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"PORT=9000\n'{SECRET}' {SECRET}\n", "cannot be understood in line 2"),
        (f"PORT=9000\n{SECRET}\n", "the name in line 2 is not a setting"),
        (f"{SECRET}={KEY}\n", "the name in line 1 is not a setting"),
        ("PORT\n", "PORT has no value"),
        (b"\xff\xfe=1\n", "cannot be read"),
    ],
)
def test_env_file_that_cannot_be_understood_is_refused_without_showing_it(
    here: Path, content: str | bytes, problem: str
) -> None:
    (here / ".env").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=problem) as caught:
        load_settings(environ={})
    assert SECRET not in str(caught.value)


def test_env_file_that_is_a_folder_is_refused(here: Path) -> None:
    (here / ".env").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(environ={})


@pytest.mark.parametrize("env", ["paper", "testnet", "production"])
@pytest.mark.parametrize("fault", ["mode", "link"])
def test_env_file_others_can_read_is_refused_for_the_exchange_and_told_in_paper(
    here: Path, env: str, fault: str
) -> None:
    path = here / ".env"
    path.write_text("PORT=9000\n")
    path.chmod(0o644 if fault == "mode" else 0o600)
    if fault == "link":
        path.rename(here / "real")
        path.symlink_to(here / "real")
    words = "chmod 600" if fault == "mode" else "symbolic link"
    if env == "paper":
        (warning,) = load_settings(environ={}).warnings
        assert words in warning
        return
    with pytest.raises(ConfigError, match=words):
        load_settings(environ={"TRADER_ENV": env})


# ---------------------------------------------------------------- connection

VENUE = {
    "rest_url": "http://127.0.0.1:7001",
    "ws_public_url": "ws://127.0.0.1:7002",
    "ws_private_url": "ws://127.0.0.1:7003",
    "api_key": KEY,
    "api_secret": SECRET,
    "pid": 1,
    "seed": 5,
}
BY_HAND = {
    "DELTA_REST_URL": "http://127.0.0.1:7001/",
    "DELTA_WS_PUBLIC_URL": "ws://127.0.0.1:7002",
    "DELTA_WS_PRIVATE_URL": "ws://127.0.0.1:7003",
}


def announce(settings: Settings, body: object = VENUE) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    announcement_path(settings.home).write_text(json.dumps(body))


def test_paper_finds_the_announced_local_venue(settings_with: SettingsWith) -> None:
    settings = settings_with()
    announce(settings)
    connection = resolve_connection(settings)
    assert (connection.env, connection.account, connection.rest_url) == ("paper", "paper", VENUE["rest_url"])
    assert connection.credentials is not None and connection.credentials.reveal() == (KEY, SECRET)


def test_paper_without_a_venue_says_how_to_start_one(settings_with: SettingsWith) -> None:
    with pytest.raises(ConfigError, match="No local venue is running"):
        resolve_connection(settings_with())


def test_paper_with_addresses_by_hand_takes_the_paper_keys(settings_with: SettingsWith) -> None:
    connection = resolve_connection(settings_with(**BY_HAND, **keys_of("paper")))
    assert connection.rest_url == "http://127.0.0.1:7001"
    assert connection.credentials is not None and connection.credentials.reveal() == (KEY, SECRET)


def test_paper_with_addresses_by_hand_takes_the_announced_keys_of_the_same_venue(settings_with: SettingsWith) -> None:
    settings = settings_with(**BY_HAND)
    announce(settings)
    connection = resolve_connection(settings)
    assert connection.credentials is not None
    announce(settings, VENUE | {"rest_url": "http://127.0.0.1:9999"})
    with pytest.raises(ConfigError, match="set DELTA_PAPER_API_KEY and DELTA_PAPER_API_SECRET"):
        resolve_connection(settings)


@pytest.mark.parametrize("variable", sorted(BY_HAND))
@pytest.mark.parametrize(
    "url",
    [
        "https://api.india.delta.exchange",
        "http://127.0.0.1.nip.io",
        "http://localhost.evil.org",
        "http://10.0.0.1",
        "nonsense",
    ],
)
def test_paper_never_leaves_this_machine(settings_with: SettingsWith, variable: str, url: str) -> None:
    with pytest.raises(ConfigError, match="stays on this machine"):
        resolve_connection(settings_with(**(BY_HAND | {variable: url}), **keys_of("paper")))


def test_announcement_that_leads_elsewhere_is_refused(settings_with: SettingsWith) -> None:
    settings = settings_with()
    announce(settings, VENUE | {"rest_url": "https://api.india.delta.exchange"})
    with pytest.raises(ConfigError, match="stays on this machine"):
        resolve_connection(settings)


@pytest.mark.parametrize("body", [{}, VENUE | {"rest_url": 5}, []])
def test_broken_announcement_is_told_without_its_secret(settings_with: SettingsWith, body: object) -> None:
    settings = settings_with()
    announce(settings, body)
    with pytest.raises(ConfigError, match="announcement") as caught:
        resolve_connection(settings)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("env", "rest"),
    [("testnet", "https://cdn-ind.testnet.deltaex.org"), ("production", "https://api.india.delta.exchange")],
)
def test_exchange_environments_have_their_addresses_and_need_their_keys(
    settings_with: SettingsWith, env: str, rest: str
) -> None:
    connection = resolve_connection(settings_with(TRADER_ENV=env, **ALL_KEYS))
    assert (connection.env, connection.rest_url) == (env, rest)
    assert re.fullmatch(rf"{env}-[0-9a-f]{{8}}", connection.account)
    others = {name: value for name, value in ALL_KEYS.items() if name not in KEY_VARIABLES[env]}
    with pytest.raises(ConfigError, match=f"{env} needs {KEY_VARIABLES[env][0]}"):
        resolve_connection(settings_with(TRADER_ENV=env, **others))
    bare = resolve_connection(settings_with(TRADER_ENV=env, **others), need_keys=False)
    assert bare.credentials is None and bare.account == f"{env}-nokey"


def test_an_account_is_called_after_its_first_key_or_as_it_is_named(settings_with: SettingsWith) -> None:
    keys, other = keys_of("testnet"), dict.fromkeys(KEY_VARIABLES["testnet"], SECRET)
    first = account_name(settings_with(TRADER_ENV="testnet", **keys))
    assert first == f"testnet-{fingerprint(KEY)}" and KEY not in first
    changed = settings_with(TRADER_ENV="testnet", **other)
    assert account_name(changed) == f"testnet-{fingerprint(SECRET)}" != first
    known = KnownAccount(
        env="testnet",
        account=first,
        rest_url="https://there",
        user_id="7",
        keys=(fingerprint(KEY), fingerprint(SECRET)),
    )
    changed.home.mkdir()
    write_accounts(changed.home, KnownAccounts(accounts=(known,)))
    assert account_name(changed) == first == resolve_connection(changed).account
    assert account_name(settings_with(TRADER_ENV="testnet", TRADER_ACCOUNT_ID="desk-1", **other)) == "testnet-desk-1"
    assert account_name(settings_with(**keys)) == "paper"


def test_a_list_of_accounts_that_is_broken_is_named(settings_with: SettingsWith) -> None:
    settings = settings_with(TRADER_ENV="testnet", **keys_of("testnet"))
    settings.home.mkdir(exist_ok=True)
    (settings.home / "accounts.json").write_text("{}x")
    with pytest.raises(ConfigError, match=r"The list of accounts .*accounts\.json"):
        account_name(settings)


def test_the_exchanges_addresses_agree_with_the_clients_table(settings_with: SettingsWith) -> None:
    from trader.config.environments import check_urls

    for env in ("testnet", "production"):
        connection = resolve_connection(settings_with(TRADER_ENV=env, **ALL_KEYS))
        check_urls(env, connection.rest_url, connection.ws_public_url, connection.ws_private_url)


# ------------------------------------------------------------------ .env as people save it


def test_an_env_file_with_a_byte_order_mark_or_other_line_ends_was_misread(here: Path) -> None:
    for content in (b"\xef\xbb\xbfPORT=9000\nTRADER_VENUE_SEED=7\n", b"PORT=9000\r\nTRADER_VENUE_SEED=7\r\n"):
        (here / ".env").write_bytes(content)
        settings = load_settings(environ={})
        assert (settings.port, settings.venue_seed) == (9000, 7)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: os.mkfifo(path), "is not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a file"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.symlink_to("nowhere"), "leads nowhere"),
        (lambda path: path.write_bytes(b"PORT=1\n" * 200_000), "at most 1000000 are read"),
        (lambda path: path.write_bytes("PORT=9000\n".encode("utf-16")), "save it again as UTF-8"),
        (lambda path: path.write_bytes(bytes(range(256))), "save it again as UTF-8"),
        (lambda path: path.write_bytes(b'PORT="9\n000"\n'), "PORT must not hold control characters"),
        (lambda path: path.write_bytes(b"DATABASE_URL='sqlite:///canary\n'\n"), "DATABASE_URL must not hold control"),
    ],
    ids=["pipe", "device", "loop", "dead link", "huge", "UTF-16", "binary", "two lines", "secret of two lines"],
)
def test_an_env_file_that_is_none_hung_or_ended_in_a_traceback(
    here: Path, make: Callable[[Path], object], words: str
) -> None:
    make(here / ".env")
    with pytest.raises(ConfigError, match=words) as caught:
        load_settings(environ={})
    assert "\n" not in str(caught.value) and "canary" not in str(caught.value)


@pytest.mark.parametrize("variable", ["TRADER_HOME", "TRADER_SNAPSHOT", "TRADER_VENUE_RECORDING"])
def test_the_home_of_a_user_there_is_not_ended_in_a_traceback(settings_with: SettingsWith, variable: str) -> None:
    with pytest.raises(
        ConfigError, match=f"{variable} must name a folder there is: no user's home is known for '~nobody-"
    ):
        settings_with(**{variable: "~nobody-of-that-name/x"})


@pytest.mark.parametrize("url", ["https://u:canary@h", "http://u@127.0.0.1:1", "http://[::1", "http://h:99999", "  "])
def test_an_address_that_cannot_be_one_is_refused_without_repeating_it(settings_with: SettingsWith, url: str) -> None:
    with pytest.raises(ConfigError, match=r"DELTA_REST_URL (must|cannot|has)") as caught:
        settings_with(**(BY_HAND | {"DELTA_REST_URL": url}))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("pid", [0, -1, 2**31, "x"])
def test_an_announcement_whose_process_would_be_many_is_refused(settings_with: SettingsWith, pid: object) -> None:
    settings = settings_with()
    announce(settings, VENUE | {"pid": pid})
    with pytest.raises(ConfigError, match="pid"):
        resolve_connection(settings)
