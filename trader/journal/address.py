"""Where the journal is: DATABASE_URL read strictly, and shown without anything that could be a password.

A password with an @, a slash or a question mark in it that is not percent-encoded falls apart in a URL: its pieces become
the host, the port or the name, which libraries then print. Such a URL is refused here, and no sentence repeats any part of
one that is refused.
"""

import re
from urllib.parse import parse_qsl

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from trader.config.addresses import is_host, require_text
from trader.domain.errors import JournalError

_SHAPE = "DATABASE_URL must look like sqlite:///path or postgresql://user@host/name."
_ENCODE = "in a user or password write @ as %40, / as %2F, ? as %3F, : as %3A and % as %25"
_NAME = re.compile(r"[^/@:?#%\s]*")
# What libpq and psycopg take that makes sense here. A name that is none of these may be a piece of a password.
_PARAMETERS = frozenset(
    "user password host port sslmode sslrootcert sslcert sslkey sslcrl passfile channel_binding gssencmode "
    "target_session_attrs application_name".split()
)


def parse_url(url_text: str) -> URL:
    """The URL of a journal that can be one; an SQLite file's path is decoded.

    Raises:
        JournalError: One sentence that repeats nothing of the URL.
    """
    try:
        require_text(url_text)
    except ValueError as error:
        raise JournalError(f"DATABASE_URL {error}.") from None
    scheme, colon, rest = url_text.partition("://")
    backend = scheme.partition("+")[0]  # which driver is ours to choose
    if not colon or backend not in ("sqlite", "postgresql"):
        raise JournalError(f"{_SHAPE} The journal can be kept in sqlite or postgresql.")
    try:
        if backend == "sqlite":
            return _sqlite(f"sqlite://{rest}", rest)
        return _postgresql(f"postgresql+psycopg://{rest}", rest)
    except (ArgumentError, ValueError):  # their words hold what was given
        raise JournalError(_SHAPE) from None


def place_of(url: URL) -> str:
    """A journal's place for messages: a path, or host and name. User, password and parameters are left out."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or "this machine's socket"
    return f"postgresql {url.database or '(default)'} at {host if url.port is None else f'{host}:{url.port}'}"


def _sqlite(url_text: str, rest: str) -> URL:
    if "?" in rest or "#" in rest:
        raise JournalError("DATABASE_URL: a path's ? is written %3F and its # %23; sqlite takes no parameters here.")
    url = make_url(url_text)
    if url.host or not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise JournalError("The journal must be a file: DATABASE_URL must look like sqlite:///path.")
    try:
        require_text(url.database)  # again: %00 is NUL only now
    except ValueError as error:
        raise JournalError(f"DATABASE_URL {error}.") from None
    return url


def _postgresql(url_text: str, rest: str) -> URL:
    place, _, parameters = rest.partition("?")
    authority, _, name = place.partition("/")
    login, at, host_and_port = authority.rpartition("@")
    if "@" in login or login.count(":") > 1 or "@" in name or not _NAME.fullmatch(name):
        raise JournalError(f"DATABASE_URL cannot be understood: {_ENCODE}.")
    host, port = _host_and_port(host_and_port)
    if (host and not is_host(host)) or (port is not None and not _is_port(port)):
        missing = "" if at else " or the @ before the host is missing"
        raise JournalError(f"DATABASE_URL has no usable host and port (1 to 65535){missing}; {_ENCODE}.")
    given = parse_qsl(parameters, keep_blank_values=True, strict_parsing=True) if parameters else []
    if "@" in parameters or any(key not in _PARAMETERS for key, _ in given):
        raise JournalError(
            f"DATABASE_URL has a parameter that is not one of {', '.join(sorted(_PARAMETERS))}; {_ENCODE}."
        )
    url = make_url(url_text)
    password = dict(given).get("password")
    if password is not None:  # where it is masked like one
        url = url.difference_update_query(["password"]).set(password=password)
    return url


def _host_and_port(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port[1:] if port.startswith(":") else port or None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535
