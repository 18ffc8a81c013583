"""Which words of the settings must be told nowhere."""

import re
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from trader.config.settings import Settings

_SHORTEST = 6  # shorter ones are parts of ordinary words
_SEPARATORS = re.compile(r"[/:@?&=|,\s]+")


def secret_words(settings: Settings) -> frozenset[str]:
    """Keys, secrets and passwords as they could turn up in a text. Of the addresses for notifications, where the token may stand
    anywhere, each part of some length."""
    words: set[str] = set()
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if not isinstance(value, SecretStr):
            continue
        text = value.get_secret_value()
        if name == "notify_urls":
            words.update(_SEPARATORS.split(re.sub(r"[a-zA-Z][\w+.-]*://", " ", text)))
        elif "://" in text:
            words.add(_password(text))
        else:
            words.add(text)
    return frozenset(word for word in (*words, *map(unquote, words)) if len(word) >= _SHORTEST)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return url
