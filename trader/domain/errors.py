"""The exceptions of the house, one tree.

TraderError
├── ConfigError            settings cannot be used; the process does not start
├── JournalError           the journal cannot be read or written
├── ExchangeError          something went wrong between us and the exchange
│   ├── NotSent            provably never left this machine
│   ├── RateLimited        refused by our own budget or answered 429
│   ├── AuthError          key, signature, whitelist or permission refused
│   ├── VenueRefused       the exchange refused in so many words (a documented error code)
│   └── OutcomeUnknown     may have been processed; never resend, look it up
│       └── WireError      an answer or message that cannot be read
└── InvariantViolated      our books contradict themselves; entries stop, exits stay possible

A refusal by our own risk checks is a value (`Denied`), not an exception; the fate of an order is a value too
(`trader.domain.outcome`).
"""

from trader.domain.remedy import Remedy


class TraderError(Exception):
    """Base of every error this project raises on purpose."""


class ConfigError(TraderError):
    """Settings, preset or snapshot cannot be used. The message names the field and the limit."""


class JournalError(TraderError):
    """The journal is unreadable, unwritable, locked by another runner, or of another schema."""


class ExchangeError(TraderError):
    """Something went wrong between us and the exchange."""


class NotSent(ExchangeError):
    """Provably unsent: DNS failure, refused or timed-out connect. Safe to try again."""


class RateLimited(ExchangeError):
    """HTTP 429 or our own budget. `retry_after_secs` says when to come back."""

    def __init__(self, message: str, *, retry_after_secs: float) -> None:
        super().__init__(message)
        self.retry_after_secs = retry_after_secs


class VenueRefused(ExchangeError):
    """The exchange refused with a documented body; the request had no effect. `remedy` is None for a code that is unknown."""

    def __init__(
        self,
        code: str,
        message: str = "",
        context: object = None,
        *,
        http_status: int = 400,
        remedy: Remedy | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.context = context
        self.http_status = http_status
        self.remedy = remedy


class AuthError(VenueRefused):
    """Bad key, bad signature, expired timestamp, missing permission or IP not whitelisted."""


class OutcomeUnknown(ExchangeError):
    """Timeout, reset, 5xx, HTML, parse error: the request may have been processed."""


class WireError(OutcomeUnknown):
    """An answer or message that cannot be read: the request behind it may have been processed."""


class InvariantViolated(TraderError):
    """Our books contradict themselves."""
