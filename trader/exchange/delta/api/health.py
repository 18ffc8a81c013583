"""Is the exchange reachable, and does it take our key? In words a person can act on.

`explain_failure` turns an error into its likely cause and what to do about it. `check_health` asks the exchange itself:
public side, key, right to trade, clock, request budget.
"""

import re
from collections.abc import Callable

import msgspec

from trader.config.environments import Environment, environment_of
from trader.domain.errors import AuthError, ExchangeError, NotSent, OutcomeUnknown, RateLimited, VenueRefused
from trader.exchange.common.breaker import BreakerState
from trader.exchange.delta.http.errors import is_auth, normalise
from trader.exchange.delta.http.rest import RestClient

CLOCK_SKEW_MOST_SECS = 2.0
PROBE_ID = "permission-probe"  # no order of ours has this id: cancelling it changes nothing
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-fA-F]{1,4}:){2,7}:?[0-9a-fA-F]{1,4}\b")
_KEY_SITES = {
    Environment.PAPER: "the local exchange draws a key at each start and announces it",
    Environment.TESTNET: "testnet keys are made on the demo site, and work nowhere else",
    Environment.PRODUCTION: "live keys are made on the exchange's own site, and the testnet's do not work there",
}


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its answer in words."""

    name: str
    ok: bool
    words: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the exchange can be traded on now, and why or why not."""

    ok: bool
    checks: tuple[HealthCheck, ...]

    @property
    def reasons(self) -> list[str]:
        """What stands in the way; empty when nothing does."""
        return [f"{check.name}: {check.words}" for check in self.checks if not check.ok]


def explain_failure(error: ExchangeError, *, rest_url: str, clock_offset_secs: float = 0.0) -> str:
    """What most likely went wrong and what to do, in one or two sentences; never a key or a signature."""
    if isinstance(error, VenueRefused) and (isinstance(error, AuthError) or is_auth(error.code)):
        return _explain_auth(error, rest_url, clock_offset_secs)
    if isinstance(error, RateLimited):
        return f"too many requests; the exchange can be asked again in {error.retry_after_secs:.0f} s ({error})"
    if isinstance(error, NotSent):
        return f"{error}; is the address right, and is this machine online?"
    if isinstance(error, OutcomeUnknown):
        return f"no usable answer: {error}; the exchange may be in maintenance, or something between it and us"
    return str(error)


def _explain_auth(error: VenueRefused, rest_url: str, clock_offset_secs: float) -> str:
    code = normalise(error.code)
    environment = environment_of(rest_url)
    if code == "nocredentials":
        return "no API key is set for this environment"
    if code in ("invalidapikey",):
        return (
            f"the exchange at {rest_url} does not know this API key: mistyped, deleted, or of another environment "
            f"(this is {environment.value}: {_KEY_SITES[environment]})"
        )
    if code == "ipnotwhitelistedforapikey":
        found = _ADDRESS.search(str(error))
        address = f"the address {found[0]}" if found else "this machine's address"
        return f"{address} is not on the API key's whitelist: add it where the key was made, IPv6 as well as IPv4"
    if code in ("signatureexpired", "expiredsignature"):
        return (
            f"the request came too late for its signature: the exchange's clock is {_lead(clock_offset_secs)} this "
            "machine's; set this machine's clock, and look for a slow connection"
        )
    if code in ("signaturemismatch", "invalidsignature"):
        return "the signature is wrong: the API secret does not belong to the key (both are copied when a key is made)"
    if code in ("unauthorizedapiaccess", "unauthorized"):
        return "the API key lacks the permission for this: give it Read Data and Trading where it was made"
    if code == "forbidden":
        return "the exchange's front door blocked the request: this machine's address, or a proxy that changes requests"
    return str(error)


def _lead(secs: float) -> str:
    return f"{abs(secs):.1f} s {'ahead of' if secs >= 0 else 'behind'}"


def trading_refusal(probe: Callable[[], object], explain: Callable[[ExchangeError], str]) -> str:
    """Why the key may not trade; empty when it may.

    `probe` asks for the cancelling of an order that does not exist (`PROBE_ID`): the right to do so is checked before the
    order is looked for, and nothing can come of it.

    Raises:
        ExchangeError: The exchange did not say.
    """
    try:
        probe()
    except AuthError as error:
        if normalise(error.code) in ("unauthorizedapiaccess", "unauthorized"):
            return "the API key may read but not trade: give it the Trading permission where it was made"
        return explain(error)
    except VenueRefused:
        return ""  # it looked for the order: the right to cancel it is there
    return ""


def check_health(rest: RestClient, *, rest_url: str, spot: Callable[[], str], who: Callable[[], str]) -> Health:
    """Ask the exchange: its public side, whether it takes our key, its clock; and look at our own budget and breaker."""
    checks = [
        _asked("public API", lambda: f"reachable, {spot()}", rest, rest_url),
        _asked("signed API", lambda: f"key accepted, user {who()}", rest, rest_url),
    ]
    offset = rest.clock.secs
    skewed = abs(offset) > CLOCK_SKEW_MOST_SECS
    remedy = "; set this machine's clock" if skewed else ""
    words = f"the exchange's clock is {_lead(offset)} this machine's{remedy}"
    checks.append(HealthCheck(name="clock", ok=not skewed, words=words))
    blocked = rest.budget.blocked_secs
    told = (
        f"the exchange asked us to wait {blocked:.0f} s more" if blocked else f"{rest.budget.left()} weight units left"
    )
    checks.append(HealthCheck(name="request budget", ok=not blocked and rest.budget.left() > 0, words=told))
    breaker = rest.breaker
    closed = breaker.state is BreakerState.CLOSED
    words = "answers" if closed else f"{breaker.failures_in_a_row} calls in a row failed ({breaker.last_failure})"
    checks.append(HealthCheck(name="connection", ok=closed, words=words))
    return Health(ok=all(check.ok for check in checks), checks=tuple(checks))


def _asked(name: str, ask: Callable[[], str], rest: RestClient, rest_url: str) -> HealthCheck:
    try:
        return HealthCheck(name=name, ok=True, words=ask())
    except ExchangeError as error:
        words = explain_failure(error, rest_url=rest_url, clock_offset_secs=rest.clock.secs)
        return HealthCheck(name=name, ok=False, words=words)
