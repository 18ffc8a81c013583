"""Request and login signatures. Pure: text in, hex out.

Source: exchange documentation, "Authentication / Signing a Message" and "Authenticating / Current method".
"""

import hmac

LOGIN_PATH = "/live"  # occurs only inside the socket login's signature; the socket URL has no path


def sign(secret: str, method: str, timestamp: str, path: str, query: str = "", body: str = "") -> str:
    """Lower-case hex HMAC-SHA256 of ``METHOD + timestamp + path + query + body``.

    Args:
        secret: The API secret as issued, used as UTF-8 text.
        method: Upper-case HTTP method.
        timestamp: Unix seconds as decimal text, the very text sent in the header.
        path: With ``/v2``, without host.
        query: Empty, or ``?`` and the byte-exact query string that goes on the wire.
        body: Empty, or the byte-exact JSON that goes on the wire.
    """
    message = f"{method}{timestamp}{path}{query}{body}"
    return hmac.digest(secret.encode(), message.encode(), "sha256").hex()


def sign_login(secret: str, timestamp: str) -> str:
    """Signature of the private stream's ``key-auth`` frame."""
    return sign(secret, "GET", timestamp, LOGIN_PATH)
