"""Sending one message on one channel, by Apprise.

Apprise says only whether it worked. What it was refused at once, or by an answer, did not arrive and is tried again; where the
time ran out nobody knows, and a second try might tell a person twice.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from pydantic import SecretStr

from trader.domain.errors import ConfigError
from trader.domain.severity import Severity

ANSWER_SECS = 15.0  # how long an answer is waited for
_CONNECT_SECS = 5.0
_TYPES: dict[Severity, str] = {"info": "info", "notice": "success", "warning": "warning", "critical": "failure"}
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)

Sent = Literal["sent", "refused", "uncertain"]


class Answer(NamedTuple):
    """What became of it, and why in words without an address."""

    outcome: Sent
    why: str


Send = Callable[[SecretStr, Severity, str, str], Answer]


def send(url: SecretStr, severity: Severity, title: str, body: str) -> Answer:
    """Send a message and wait for the answer. Blocks for at most about `ANSWER_SECS` a request.

    Raises:
        ConfigError: Apprise is not installed, or does not know such an address.
    """
    try:
        import apprise  # 40 MB that only the process that sends needs
    except ImportError as error:
        raise ConfigError("Notifications need Apprise: python -m pip install -r requirements.txt") from error
    target = apprise.Apprise.instantiate(_with_times(url.get_secret_value()), suppress_exceptions=True)
    if target is None:
        raise ConfigError("Apprise knows no such address, or it is not whole.")
    begun = time.monotonic()
    with apprise.LogCapture(level=logging.WARNING) as log:  # type: ignore[no-untyped-call]
        worked = target.notify(title=title, body=body, notify_type=_TYPES[severity], body_format="text")
        lines = log.getvalue().splitlines()
    if worked:
        return Answer("sent", "")
    why = _ADDRESS.sub("(address)", lines[-1].split(" - ")[-1].strip() if lines else "no answer that tells why")[:200]
    return Answer("uncertain" if time.monotonic() - begun >= ANSWER_SECS else "refused", why)


def _with_times(url: str) -> str:
    """The address with our time-outs, unless it has its own."""
    if "rto=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}rto={ANSWER_SECS}&cto={_CONNECT_SECS}"
