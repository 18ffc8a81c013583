"""Channels as a setting names them; addresses are secrets."""

import pytest

from trader.config.channels import read_channels
from trader.domain.severity import SEVERITIES

TELEGRAM = "tgram://123456:secretsecret/987"


def test_an_address_alone_takes_every_severity() -> None:
    (channel,) = read_channels(TELEGRAM)
    assert channel.name.startswith("tgram-") and channel.severities == set(SEVERITIES)
    assert channel.url.get_secret_value() == TELEGRAM


def test_severities_stand_before_a_bar_and_entries_are_parted_by_blanks_or_lines() -> None:
    first, second = read_channels(f"critical,warning|{TELEGRAM}\n  ntfy://topic ")
    assert first.severities == {"critical", "warning"} and second.name.startswith("ntfy-")


def test_the_same_address_twice_is_one_channel() -> None:
    (channel,) = read_channels(f"critical|{TELEGRAM} info|{TELEGRAM}")
    assert channel.severities == {"critical", "info"}


def test_nothing_is_no_channel() -> None:
    assert read_channels("  \n ") == ()


def test_a_channel_shows_no_secret() -> None:
    (channel,) = read_channels(TELEGRAM)
    assert "secretsecret" not in repr(channel)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (TELEGRAM, "Telegram"),
        ("ntfy://hunter2", "ntfy"),
        ("discord://hunter2/hunter2", "Discord"),
        ("mailtos://asha:hunter2@mail.example.org?to=x@example.org", "E-mail at mail.example.org"),
        ("json://10.0.0.5:8080/hunter2?token=hunter2", "Webhook at 10.0.0.5:8080"),
        ("json://10.0.0.5:port/hunter2", "Webhook"),
        ("sinch://hunter2/hunter2", "sinch"),
    ],
)
def test_a_channel_is_called_by_its_kind_and_where_that_is_no_secret_its_host(url: str, words: str) -> None:
    (channel,) = read_channels(url)
    assert channel.called == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ntfy://a hunter2", "entry 2 is no address such as"),
        ("urgent|ntfy://hunter2", "entry 1 names the severity 'urgent'; there are info, notice, warning, critical"),
        ("|ntfy://hunter2", "entry 1 names the severity ''"),
        (" ".join(f"ntfy://hunter2{n}" for n in range(21)), "has 21 entries, at most 20"),
    ],
)
def test_an_entry_that_is_none_is_told_by_its_place_and_not_by_its_text(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as told:
        read_channels(text)
    assert "hunter2" not in str(told.value)
