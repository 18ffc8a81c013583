"""Which HTTP requests come from this machine's own programs and pages.

A browser lets any site send requests to 127.0.0.1, and a name can be rebound to it; so both `Host` and `Origin` must name
the server's own loopback address and port.
"""

from collections.abc import Iterable

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def refusal(headers: Iterable[tuple[bytes, bytes]], *, port: int, websocket: bool = False) -> str | None:
    """Why a request with these headers is refused, or None when it may pass.

    Host must be a loopback name with this port; Origin, where there is one, that host over http. Both at most once. A web
    socket must have an Origin: without one it is no browser's.
    """
    hosts = [value.decode("latin-1").lower() for name, value in headers if name.lower() == b"host"]
    origins = [value.decode("latin-1").lower() for name, value in headers if name.lower() == b"origin"]
    allowed = {f"{name}:{port}" for name in LOOPBACK_NAMES}
    if port == 80:
        allowed |= set(LOOPBACK_NAMES)
    if len(hosts) != 1 or hosts[0] not in allowed:
        return "This address is not served here; open the panel by its own address."
    if websocket and not origins:
        return "A web socket must say where it comes from."
    if len(origins) > 1 or any(origin not in {f"http://{host}" for host in allowed} for origin in origins):
        return "Requests from other sites are not answered."
    return None


def link_refusal(headers: Iterable[tuple[bytes, bytes]], *, port: int, public: str) -> str | None:
    """The same for the page of a signed link, which is reached by the public host as well (`public`, empty for none). Where the
    request comes from does not matter: who has no link can do nothing here, and who has one may use it from anywhere."""
    hosts = [value.decode("latin-1").lower() for name, value in headers if name.lower() == b"host"]
    if public and hosts == [public]:
        return None
    return refusal([(name, value) for name, value in headers if name.lower() != b"origin"], port=port)
