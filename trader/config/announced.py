"""Whether the local exchange that a file announces is the one that answers at the announced address.

The file may be left over from an exchange that was killed, and its port be another program's by now: who answers there is
asked who it is before it gets an order, a key, or is believed a price.
"""

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

from trader.config.connection import VenueAnnouncement, read_announcement
from trader.domain.errors import ConfigError

IDENTITY_PATH = "/identity"
_LARGEST_BYTES = 10_000


def lock_beside(announcement: Path) -> Path:
    """The file whose lock the exchange that announces itself there holds for as long as it lives."""
    return announcement.with_suffix(".lock")


def who_answers(url: str, timeout_secs: float = 2.0) -> str | None:
    """The instance that answers at a loopback address; empty when it does not say, None when there is no answer.

    Asked without the HTTP library of the rest, so that no proxy can come between.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if host != "127.0.0.1":  # the address comes from a file
        return None
    connection = http.client.HTTPConnection(host, port, timeout=timeout_secs)
    try:
        connection.request("GET", IDENTITY_PATH, headers={"User-Agent": "strangle-desk"})
        told = json.loads(connection.getresponse().read(_LARGEST_BYTES))
    except OSError:
        return None
    except (http.client.HTTPException, ValueError):
        return ""
    finally:
        connection.close()
    instance = told.get("instance") if isinstance(told, dict) else None
    return instance if isinstance(instance, str) else ""


def is_itself(announced: VenueAnnouncement) -> bool:
    """Whether the exchange that wrote this announcement answers, and no other."""
    return announced.instance != "" and who_answers(announced.rest_url) == announced.instance


def refuse_stranger(home: Path) -> None:
    """For programs that only read: where something else than the announced exchange answers, it is not asked anything more.

    Raises:
        ConfigError: Another program answers at the announced address.
    """
    announced = read_announcement(home)
    if announced is None or not announced.instance:
        return
    if who_answers(announced.rest_url) not in (announced.instance, None):
        raise ConfigError(
            f"The local venue has gone: another program answers at {announced.rest_url}, where it was announced; "
            "start the panel or `python -m trader run`, which bring it back"
        )
