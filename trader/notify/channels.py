"""The channels that TRADER_NOTIFY_URLS names: where messages go, and of which severities.

An entry is an address as Apprise reads it (`tgram://`, `slack://`, `discord://`, `mailto://`, `json://`, `ntfy://` and a hundred
more), before it, where not everything is wanted, the severities and a bar: ``critical,warning|tgram://token/chat``. Entries are
parted by blanks or line ends. Addresses carry secrets: they are never told, a channel is known by its kind and four letters.
"""

import hashlib
import re

import msgspec
from pydantic import SecretStr

from trader.domain.errors import ConfigError
from trader.domain.severity import SEVERITIES, Severity

_KIND = re.compile(r"([a-z][a-z0-9+.-]*)://.+", re.IGNORECASE)
_MOST = 20


class Channel(msgspec.Struct, frozen=True):
    """Where some severities go. `name` is safe to show."""

    name: str
    url: SecretStr
    severities: frozenset[Severity]


def read_channels(text: str) -> tuple[Channel, ...]:
    """The channels of a setting's text, in its order; one that is named twice takes the severities of both.

    Raises:
        ConfigError: An entry is none; it is told by its place, not by its text.
    """
    found: dict[str, Channel] = {}
    entries = text.split()
    if len(entries) > _MOST:
        raise ConfigError(f"TRADER_NOTIFY_URLS has {len(entries)} entries, at most {_MOST} are used.")
    for place, entry in enumerate(entries, start=1):
        wanted, bar, url = entry.rpartition("|")
        severities = _severities(wanted, place) if bar else frozenset(SEVERITIES)
        kind = _KIND.fullmatch(url)
        if kind is None:
            raise ConfigError(
                f"TRADER_NOTIFY_URLS: entry {place} is no address such as tgram://token/chat or mailto://user:password@host."
            )
        name = f"{kind[1].lower()}-{hashlib.sha256(url.encode()).hexdigest()[:4]}"
        before = found[name].severities if name in found else frozenset()
        found[name] = Channel(name, SecretStr(url), before | severities)
    return tuple(found.values())


def _severities(text: str, place: int) -> frozenset[Severity]:
    names = [one.strip().lower() for one in text.split(",")]
    for name in names:
        if name not in SEVERITIES:
            raise ConfigError(
                f"TRADER_NOTIFY_URLS: entry {place} names the severity {name[:20]!r}; there are {', '.join(SEVERITIES)}."
            )
    return frozenset(one for one in SEVERITIES if one in names)
