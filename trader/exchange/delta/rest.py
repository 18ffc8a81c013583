"""REST calls: budget, signature, one exchange of bytes, decoding. Knows endpoints' weights, not their meaning.

Order of work in a call: take the weight from the budget, then stamp and sign, then send exactly the signed text. Only
reads are ever repeated, once and signed anew: when no answer came, or when the signature had expired.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from trader.domain.errors import AuthError, ExchangeError, NotSent, OutcomeUnknown
from trader.exchange.credentials import Credentials
from trader.exchange.delta.breaker import CircuitBreaker
from trader.exchange.delta.budget import DEFAULT_QUOTA, Priority, RateBudget
from trader.exchange.delta.clock_offset import ClockOffset
from trader.exchange.delta.errors import WireError, is_expired_signature
from trader.exchange.delta.refusal import refusal
from trader.exchange.delta.signing import sign
from trader.exchange.delta.transport import Reply, Transport
from trader.exchange.delta.wire import Envelope
from trader.exchange.gateway import MaySign
from trader.exchange.statistics import CallStatistics

USER_AGENT = "strangle-desk"  # the exchange's front door answers 403 without one
ORDER_DEADLINE_SECS = 5.0
READ_DEADLINE_SECS = 10.0
PAGES_MAX = 2_000
_RETRY_SECS_LEFT_MIN = 0.5

T = TypeVar("T")
Query = Sequence[tuple[str, str]]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint: `weight` in the exchange's units ("Rate Limits"; 5 is assumed where none is listed for a change).
    `label` stands for the path in the statistics where the path carries an id."""

    method: str
    path: str
    weight: int
    signed: bool = True
    label: str = ""

    @property
    def name(self) -> str:
        return f"{self.method} {self.label or self.path}"


class Bare(msgspec.Struct, frozen=True):
    """In place of a result type: the answer has no envelope, it is the row itself."""

    row: Any


class Text:
    """In place of a result type: the answer is text (a CSV download)."""


@functools.cache
def _decoder(result: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Envelope[result], strict=False)


class RestClient:
    """Calls to one deployment with one key. Safe to use from any thread."""

    def __init__(
        self,
        base_url: str,
        *,
        credentials: Credentials | None = None,
        quota: int = DEFAULT_QUOTA,
        user_agent: str = USER_AGENT,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`base_url` is without ``/v2``; without `credentials` only public endpoints answer."""
        self._base_url = base_url.rstrip("/")
        self._credentials = credentials
        self._user_agent = user_agent
        self._wall = wall
        self.budget = RateBudget(monotonic, quota=quota)
        self.clock = ClockOffset()
        self.breaker = CircuitBreaker(monotonic)
        self.statistics = CallStatistics()
        self.on_reply: Callable[[Endpoint, Reply], None] | None = None  # sees every answer as it came
        # Orders and cancels have connections of their own: no listing or download is ever in their way.
        self._orders = Transport(connections=8, wall=wall)
        self._reads = Transport(connections=4, wall=wall)

    def use_credentials(self, credentials: Credentials) -> None:
        """Change the key pair; requests that follow use it."""
        self._credentials = credentials

    def change(
        self,
        result: type[T],
        endpoint: Endpoint,
        body: Mapping[str, Any],
        *,
        priority: Priority,
        may_sign: MaySign | None = None,
    ) -> Envelope[T]:
        """Send a request that changes something. Once: whatever happens it is not repeated. `may_sign` is asked with the
        very instant that is then signed.

        Raises:
            BudgetRefused, NotSent: Nothing left this machine.
            AuthError, VenueRefused: Refused; nothing was done.
            RateLimited, OutcomeUnknown: It may have been done.
        """
        text = msgspec.json.encode(body).decode()
        deadline = time.monotonic() + ORDER_DEADLINE_SECS
        return self._call(result, endpoint, endpoint.path, "", text, priority, self._orders, deadline, may_sign)

    def read(
        self,
        result: Any,
        endpoint: Endpoint,
        *,
        query: Query = (),
        tail: str = "",
        priority: Priority = Priority.OWN,
    ) -> Envelope[Any]:
        """Read something; `tail` is one more path part. The decoded envelope's `result` is checked to be there. `result`
        is the type of its row or rows, or `Bare` or `Text`.

        Raises:
            ExchangeError: Any of its kinds; a read either succeeds whole or raises.
        """
        path = f"{endpoint.path}/{quote(tail, safe=',')}" if tail else endpoint.path
        text = f"?{urlencode(query)}" if query else ""
        deadline = time.monotonic() + READ_DEADLINE_SECS
        try:
            envelope = self._call(result, endpoint, path, text, "", priority, self._reads, deadline)
        except AuthError as error:
            if not is_expired_signature(error.code):
                raise
            # The refusal itself told us the exchange's time: signed by it, the request may pass.
            envelope = self._call(result, endpoint, path, text, "", priority, self._reads, deadline)
        if envelope.result is None:
            raise WireError(f"{endpoint.method} {path}: the answer has no result")
        return envelope

    def fetch(
        self,
        result: Any,
        endpoint: Endpoint,
        *,
        query: Query = (),
        tail: str = "",
        priority: Priority = Priority.OWN,
    ) -> Any:
        """As `read`, for who only wants the `result`."""
        return self.read(result, endpoint, query=query, tail=tail, priority=priority).result

    def read_pages(
        self, row: Any, endpoint: Endpoint, *, query: Query = (), page_size: int, priority: Priority = Priority.OWN
    ) -> list[Any]:
        """All rows of a paged list, to its very end.

        Raises:
            ExchangeError: A page failed or the cursor repeats: part of a list is never the list.
        """
        rows: list[Any] = []
        seen: set[str] = set()
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            paging = [("page_size", str(page_size)), *([("after", cursor)] if cursor else [])]
            envelope = self.read(list[row], endpoint, query=[*query, *paging], priority=priority)
            rows.extend(envelope.result or ())
            cursor = envelope.meta.after if envelope.meta else None
            if not cursor:
                return rows
            if cursor in seen:
                raise WireError(f"{endpoint.path}: the page cursor repeats; the list cannot be completed")
            seen.add(cursor)
        raise WireError(f"{endpoint.path}: more than {PAGES_MAX} pages")

    def close(self) -> None:
        """Drop the kept connections."""
        self._orders.close()
        self._reads.close()

    def _call(
        self,
        result: Any,
        endpoint: Endpoint,
        path: str,
        query: str,
        body: str,
        priority: Priority,
        transport: Transport,
        deadline: float,
        may_sign: MaySign | None = None,
    ) -> Envelope[Any]:
        name = endpoint.name
        started = time.monotonic()
        error: BaseException | None = None
        try:
            reply = self._exchange(endpoint, path, query, body, priority, transport, deadline, may_sign)
            self.clock.learn(_date(reply), sent_at=reply.sent_at, received_at=reply.received_at)
            if self.on_reply is not None:
                self.on_reply(endpoint, reply)
            return self._decode(result, reply, name)
        except ExchangeError as raised:
            error = raised
            raise
        finally:
            self.statistics.record_call(name, time.monotonic() - started, error)

    def _exchange(
        self,
        endpoint: Endpoint,
        path: str,
        query: str,
        body: str,
        priority: Priority,
        transport: Transport,
        deadline: float,
        may_sign: MaySign | None,
    ) -> Reply:
        attempts = 2 if endpoint.method == "GET" else 1
        while True:
            attempts -= 1
            self.breaker.admit(priority)
            try:
                self.budget.spend(endpoint.weight, priority)
                headers = self._headers(endpoint, path, query, body, may_sign)
            except BaseException:
                self.breaker.abandoned()
                raise
            try:
                reply = transport.send(endpoint.method, self._base_url + path + query, headers, body, deadline)
            except WireError:
                self.breaker.answered()  # something did answer
                raise
            except (NotSent, OutcomeUnknown) as error:
                self.breaker.failed(str(error))
                if attempts == 0 or deadline - time.monotonic() < _RETRY_SECS_LEFT_MIN:
                    raise
            else:
                if reply.status >= 500:
                    self.breaker.failed(f"HTTP {reply.status}")
                else:
                    self.breaker.answered()
                return reply

    def _headers(
        self, endpoint: Endpoint, path: str, query: str, body: str, may_sign: MaySign | None
    ) -> dict[str, str]:
        headers = {"User-Agent": self._user_agent, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        if body:
            headers["Content-Type"] = "application/json"
        if endpoint.signed:
            if self._credentials is None:
                raise AuthError(
                    "no_credentials", f"{endpoint.method} {endpoint.path} needs an API key, and none is set"
                )
            key, secret = self._credentials.reveal()
            at = self._wall()
            if may_sign is not None and (why_not := may_sign(at)):
                raise NotSent(why_not)
            timestamp = str(int(at + self.clock.secs))
            headers["api-key"] = key
            headers["timestamp"] = timestamp
            headers["signature"] = sign(secret, endpoint.method, timestamp, path, query, body)
        return headers

    def _decode(self, result: Any, reply: Reply, name: str) -> Envelope[Any]:
        if reply.status == 429:
            wait = self.budget.observe_429(reply.headers.get("X-RATE-LIMIT-RESET"))
            raise refusal(reply.status, reply.body, what=name, retry_after_secs=wait)
        if reply.status != 200:
            raise refusal(reply.status, reply.body, what=name)
        try:
            if result is Text:
                return Envelope(success=True, result=reply.body.decode())
            if isinstance(result, Bare):
                return Envelope(success=True, result=msgspec.json.decode(reply.body, type=result.row, strict=False))
            envelope: Envelope[Any] = _decoder(result).decode(reply.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise WireError(f"{name}: unreadable answer: {error}") from None
        if envelope.success is not True:
            raise WireError(f"{name}: HTTP 200 without success")
        return envelope


def _date(reply: Reply) -> str | None:
    if reply.headers.get("Age") not in (None, "0"):
        return None  # served from a cache: the date is that of the original answer
    date: str | None = reply.headers.get("Date")
    return date
