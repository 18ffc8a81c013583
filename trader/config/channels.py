"""The channels that TRADER_NOTIFY_URLS names: where messages go, and of which severities.

An entry is an address as Apprise reads it (`tgram://`, `slack://`, `discord://`, `mailto://`, `json://`, `ntfy://` and a hundred
more), before it, where not everything is wanted, the severities and a bar: ``critical,warning|tgram://token/chat``. Entries are
parted by blanks or line ends. Addresses carry secrets: they are never told, a channel is known by its kind and four letters.
"""

import hashlib
import re
from urllib.parse import urlsplit

import msgspec
from pydantic import SecretStr

from trader.domain.severity import SEVERITIES, Severity

_KIND = re.compile(r"([a-z][a-z0-9+.-]*)://.+", re.IGNORECASE)
_MOST = 20
_CALLED = {
    "tgram": "Telegram", "slack": "Slack", "discord": "Discord", "mailto": "E-mail", "mailtos": "E-mail", "ntfy": "ntfy",
    "ntfys": "ntfy", "json": "Webhook", "jsons": "Webhook", "form": "Webhook", "forms": "Webhook", "gotify": "Gotify",
    "gotifys": "Gotify", "signal": "Signal", "whatsapp": "WhatsApp", "pover": "Pushover",
}  # fmt: skip
# Where the part behind `//` is a machine. In all others it may be a token or the name of a private topic.
_WITH_HOST = frozenset({"json", "jsons", "form", "forms", "mailto", "mailtos", "gotify", "gotifys"})


class Channel(msgspec.Struct, frozen=True):
    """Where some severities go. `name` is safe to show."""

    name: str
    url: SecretStr
    severities: frozenset[Severity]

    @property
    def called(self) -> str:
        """The kind and, where that part of the address is one for certain, the host: ``Telegram``, ``Webhook at 10.0.0.5:8080``."""
        kind = self.name.rpartition("-")[0]
        words = _CALLED.get(kind, kind)
        if kind not in _WITH_HOST:
            return words
        try:
            address = urlsplit(self.url.get_secret_value())
            port = f":{address.port}" if address.port is not None else ""
        except ValueError:
            return words
        return f"{words} at {address.hostname}{port}" if address.hostname else words


def read_channels(text: str) -> tuple[Channel, ...]:
    """The channels of a setting's text, in its order; one that is named twice takes the severities of both.

    Raises:
        ValueError: An entry is none; it is told by its place, not by its text, in words that continue the setting's name.
    """
    found: dict[str, Channel] = {}
    entries = text.split()
    if len(entries) > _MOST:
        raise ValueError(f"has {len(entries)} entries, at most {_MOST} are used")
    for place, entry in enumerate(entries, start=1):
        where = f"entry {place}"
        wanted, bar, url = entry.rpartition("|")
        severities = read_severities(wanted, where) if bar else frozenset(SEVERITIES)
        kind = _KIND.fullmatch(url)
        if kind is None:
            raise ValueError(f"{where} is no address such as tgram://token/chat or mailto://user:password@host")
        name = f"{kind[1].lower()}-{hashlib.sha256(url.encode()).hexdigest()[:4]}"
        before = found[name].severities if name in found else frozenset()
        found[name] = Channel(name, SecretStr(url), before | severities)
    return tuple(found.values())


def read_severities(text: str, where: str) -> frozenset[Severity]:
    """``critical,warning``; `where` begins the sentence of what is wrong.

    Raises:
        ValueError: One of them is no severity.
    """
    names = [one.strip().lower() for one in text.split(",")]
    for name in names:
        if name not in SEVERITIES:
            raise ValueError(f"{where} names the severity {name[:20]!r}; there are {', '.join(SEVERITIES)}")
    return frozenset(one for one in SEVERITIES if one in names)
