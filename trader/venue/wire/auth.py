"""Who is calling: HMAC signatures over the exact bytes, inside a five-second window of the wall clock.

Source: exchange documentation, "Authentication".
"""

import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from trader.venue.wire.problem import key_not_authorised, signature_expired, signature_mismatch, unknown_key

WINDOW_SECS = 5
LIVE_PATH = "/live"  # what the socket login signs instead of a path


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """An API key of one account. `can_trade` False = a key with the read permission only."""

    api_key: str
    api_secret: str
    user_id: int
    can_trade: bool = True

    def __repr__(self) -> str:
        return f"Credential(user_id={self.user_id}, ***)"


def sign(secret: str, method: str, timestamp: str, path: str, query: str, body: bytes) -> str:
    """The signature of a request; `query` includes its question mark."""
    prehash = f"{method}{timestamp}{path}{query}".encode() + body
    return hmac.new(secret.encode(), prehash, hashlib.sha256).hexdigest()


class KeyRing:
    """The keys this venue knows."""

    def __init__(self, credentials: tuple[Credential, ...]) -> None:
        self._by_key = {c.api_key: c for c in credentials}

    def find(self, api_key: str) -> Credential | None:
        return self._by_key.get(api_key)

    def check_request(
        self, headers: Mapping[str, str], *, method: str, path: str, query: str, body: bytes, wall_secs: float
    ) -> Credential:
        """The credential that signed a REST request.

        Raises:
            GatewayError: Unknown key, signature expired, or not the signature of these bytes.
        """
        credential = self.find(headers.get("api-key", ""))
        if credential is None:
            raise unknown_key()
        timestamp = headers.get("timestamp", "")
        if not in_window(timestamp, wall_secs):
            raise signature_expired(int(timestamp) if timestamp.isdigit() else 0, int(wall_secs))
        expected = sign(credential.api_secret, method, timestamp, path, query, body)
        if not hmac.compare_digest(expected.encode(), headers.get("signature", "").encode()):
            raise signature_mismatch()
        if method != "GET" and not credential.can_trade:
            raise key_not_authorised()
        return credential


def in_window(timestamp: str, wall_secs: float) -> bool:
    """True for a decimal second count at most five seconds from the wall clock, either way.

    The timestamp is whole seconds, so one that was cut just before the next second is not held against the caller.
    """
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    return -WINDOW_SECS <= int(wall_secs) - int(timestamp) <= WINDOW_SECS
