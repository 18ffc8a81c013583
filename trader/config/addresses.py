"""Addresses and paths as people type them: checked before anything is made of them, and repeated only where they can hold
no secret. The words of every `ValueError` here continue the name of a setting or an option."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

_HOST_NAME = re.compile(
    r"(?=.{1,253}\.?$)([A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*\.?"
)
_PATH_BYTES_MOST = 4000
_PROXY_SHAPE = "must look like http://host:port or http://user:password@host:port, an @ in a password as %40"


def is_loopback(host: str) -> bool:
    """True for this machine: ``localhost`` and loopback addresses, nothing that merely looks like them."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def goes_to_this_machine(url: str) -> bool:
    """Whether a URL's host is this machine; no proxy ever carries what is meant for it."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def is_host(text: str) -> bool:
    """Whether this can be a host: a name or an address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _HOST_NAME.fullmatch(text) is not None
    return True


def require_text(text: str) -> None:
    """Refuse what no setting or argument can be: control characters (line breaks and NUL too), and bytes that are no text.

    Raises:
        ValueError: It holds one.
    """
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise ValueError("must not hold control characters, such as a line break or NUL")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("must be UTF-8 text")


def require_readable_address(text: str) -> None:
    """Refuse an address that cannot even be taken apart, or holds a user or password.

    Raises:
        ValueError: Without the text.
    """
    try:
        require_text(text)
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("cannot be read as an address like https://host") from None
    if not text.strip():
        raise ValueError("must not be blank")
    if "@" in parts.netloc:
        raise ValueError("must be a bare base address, without user, query or fragment")
    if not _port_possible(parts):
        raise ValueError("has an impossible port; it must be 1 to 65535")


def split_address(text: str, secure: str, plain: str) -> SplitResult:
    """The parts of a base address like ``https://host:port``. `plain` (not encrypted) is for this machine only.

    Raises:
        ValueError: It is none. The text is not repeated: it may hold a password.
    """
    try:
        require_text(text)
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        raise ValueError(f"must look like {secure}://host") from None
    if parts.username is not None or parts.password is not None or "?" in text or "#" in text:
        raise ValueError("must be a bare base address, without user, query or fragment")
    if not is_host(host):
        raise ValueError(f"has no host that can be one; it must look like {secure}://host")
    if not _port_possible(parts):
        raise ValueError("has an impossible port; it must be 1 to 65535")
    if parts.scheme not in (secure, plain):
        raise ValueError(f"must start with {secure}://")
    if parts.scheme == plain and not is_loopback(host):
        raise ValueError(f"is not encrypted: {plain}:// is for this machine only")
    return parts


def _port_possible(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def check_proxy(text: str) -> None:
    """Refuse what is no HTTP proxy's address.

    Raises:
        ValueError: Without the text, which may hold a password.
    """
    try:
        require_text(text)
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(_PROXY_SHAPE) from None
    usable = host and port and is_host(host) and parts.scheme == "http" and parts.netloc.count("@") <= 1
    if not usable or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(_PROXY_SHAPE)


def check_public(text: str) -> str:
    """The address under which others reach this server, without a path: ``https://desk.example.org``.

    Raises:
        ValueError: It is none; `http` is for this machine only.
    """
    parts = split_address(text, "https", "http")
    if parts.path not in ("", "/"):
        raise ValueError("must have no path: links begin at the root of the address")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def usable_path(text: str) -> Path:
    """A path from one text; ``~`` stands for the user's folder, and what is relative starts at the current directory.

    Raises:
        ValueError: No path can be made of it.
    """
    require_text(text)
    if not text.strip():
        raise ValueError("must name a file or folder, was blank")
    if len(text.encode()) > _PATH_BYTES_MOST:
        raise ValueError(f"must be at most {_PATH_BYTES_MOST} bytes long")
    try:
        return Path.cwd() / Path(text).expanduser()
    except RuntimeError:  # a ~ before a name that no user has, or no home folder is known
        raise ValueError(
            f"must name a folder there is: no user's home is known for {text.split('/')[0][:40]!r}"
        ) from None
    except OSError as error:
        raise ValueError(f"cannot be used: the current directory is gone ({error.strerror})") from None
