"""REST calls: budget, signature, one exchange of bytes, decoding. Knows endpoints' weights, not their meaning.

Order of work in a call: take the weight from the budget, then stamp and sign, then send exactly the signed text. Only
reads are repeated when no answer came, once and signed again. Whatever was refused because its signature had expired is
signed once again, orders too: it was refused, so it was not processed, and the refusal tells the exchange's time.
"""

import copy
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from trader.domain.errors import AuthError, ExchangeError, NotSent, OutcomeUnknown, RateLimited, VenueRefused, WireError
from trader.exchange.common.breaker import CircuitBreaker
from trader.exchange.common.budget import DEFAULT_QUOTA, Priority, RateBudget
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.decoding import decoder_of
from trader.exchange.common.lists import Lists
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.common.patience import OWN, Patience
from trader.exchange.common.rows import UNREADABLE
from trader.exchange.common.statistics import CallStatistics
from trader.exchange.common.transport import Reply, Transport
from trader.exchange.delta.http.errors import NOT_FOUND, is_expired_signature, normalise
from trader.exchange.delta.http.queries import Query, id_lists
from trader.exchange.delta.http.refusal import refusal
from trader.exchange.delta.http.signing import sign
from trader.exchange.delta.wire.core import Envelope
from trader.exchange.delta.wire.listing import Rows, decode_rows
from trader.exchange.ports import MaySign

logger = logging.getLogger(__name__)

USER_AGENT = "strangle-desk"  # the exchange's front door answers 403 without one
PAGES_MAX = 2_000
_RETRY_SECS_LEFT_MIN = 0.5
_BODY_LOG_CHARS = 2000

T = TypeVar("T")
V = TypeVar("V")


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


class RestClient(Lists):
    """Calls to one deployment with one key. Safe to use from any thread."""

    def __init__(
        self,
        base_url: str,
        *,
        credentials: Credentials | None = None,
        quota: int = DEFAULT_QUOTA,
        user_agent: str = USER_AGENT,
        proxy: str | None = None,
        patience: Patience = OWN,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`base_url` is without ``/v2``; without `credentials` only public endpoints answer; `proxy` is a URL."""
        self._base_url = base_url.rstrip("/")
        self._credentials = credentials
        self._user_agent = user_agent
        self._patience = patience
        self._wall = wall
        self.budget = RateBudget(monotonic, quota=quota)
        self.clock = ClockOffset()
        self.breaker = CircuitBreaker(monotonic)
        self.statistics = CallStatistics()
        self.odd = OddRows(monotonic)
        self.on_reply: Callable[[Endpoint, Reply], None] | None = None  # sees every answer as it came
        # Orders and cancels have connections of their own: no listing or download is ever in their way.
        self._orders = Transport(connections=8, wall=wall, proxy=proxy)
        self._reads = Transport(connections=4, wall=wall, proxy=proxy)
        self._least = Priority.MARKET

    def for_exit(self) -> "RestClient":
        """The same connection, with reads as urgent as the exits they serve."""
        urgent = copy.copy(self)
        urgent._least = Priority.EXIT
        return urgent

    def use_credentials(self, credentials: Credentials) -> None:
        """Change the key pair; requests that follow use it."""
        self._credentials = credentials

    def change(
        self,
        result: Any,
        endpoint: Endpoint,
        body: Mapping[str, Any],
        *,
        priority: Priority,
        may_sign: MaySign | None = None,
    ) -> Any:
        """Send a request that changes something, and give what was answered: a `result`, whatever there is where that is
        `Any`. Once: it is repeated only where the exchange refused its signature as expired, and then once. `may_sign` is
        asked with the very instant that is then signed.

        Raises:
            BudgetRefused, NotSent: Nothing left this machine.
            AuthError, VenueRefused, RateLimited: Refused; nothing was done.
            OutcomeUnknown: It may have been done.
        """
        text = msgspec.json.encode(body).decode()
        deadline = time.monotonic() + self._patience.change_secs
        call = _Call(endpoint, endpoint.path, "", text, priority, may_sign)
        answered = self._signed_again(result, call, self._orders, deadline).result
        if answered is None and result is not Any:
            raise WireError(f"{endpoint.name}: the answer has no result")
        return answered

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
        is the type of its row, or `Rows`, `Bare` or `Text`.

        Raises:
            ExchangeError: Any of its kinds; a read either succeeds whole or raises.
        """
        path = f"{endpoint.path}/{quote(tail, safe=',')}" if tail else endpoint.path
        text = f"?{urlencode(query)}" if query else ""
        deadline = time.monotonic() + self._patience.read_secs
        call = _Call(endpoint, path, text, "", max(priority, self._least), None)
        envelope = self._signed_again(result, call, self._reads, deadline)
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
        """All rows of a paged list, to its very end; an unreadable one is an `OddRow` in its place.

        Raises:
            ExchangeError: A page failed or the cursor repeats: part of a list is never the list.
        """
        rows: list[Any] = []
        seen: set[str] = set()
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            paging = [("page_size", str(page_size)), *([("after", cursor)] if cursor else [])]
            envelope = self.read(Rows(row), endpoint, query=[*query, *paging], priority=priority)
            rows.extend(envelope.result or ())
            cursor = envelope.meta.after if envelope.meta else None
            if not cursor:
                return rows
            if cursor in seen:
                raise WireError(f"{endpoint.path}: the page cursor repeats; the list cannot be completed")
            seen.add(cursor)
        raise WireError(f"{endpoint.path}: more than {PAGES_MAX} pages")

    def find(self, row: Any, endpoint: Endpoint, tail: str, *, priority: Priority = Priority.OWN) -> Any:
        """One row by id; None only when the exchange says in so many words that there is none."""
        try:
            return self.fetch(row, endpoint, tail=tail, priority=priority)
        except VenueRefused as error:
            if error.http_status == 404 or normalise(error.code) in NOT_FOUND:
                return None
            raise

    def read_of(
        self, product_ids: Sequence[int] | None, row: Any, endpoint: Endpoint, *, query: Query, page_size: int
    ) -> list[Any]:
        """As `read_pages`, of these products only; None means of all."""
        if product_ids is None:
            return self.read_pages(row, endpoint, query=query, page_size=page_size)
        filters = [[*query, ("product_ids", ids)] for ids in id_lists(product_ids)]
        return [found for one in filters for found in self.read_pages(row, endpoint, query=one, page_size=page_size)]

    def close(self) -> None:
        """Drop the kept connections."""
        self._orders.close()
        self._reads.close()

    def _signed_again(self, result: Any, call: "_Call", transport: Transport, deadline: float) -> Envelope[Any]:
        try:
            return self._call(result, call, transport, deadline)
        except AuthError as error:
            if not is_expired_signature(error.code):
                raise
            # The refusal itself told us the exchange's time: signed by it, the request may pass.
            return self._call(result, call, transport, deadline)

    def _call(self, result: Any, call: "_Call", transport: Transport, deadline: float) -> Envelope[Any]:
        name = call.endpoint.name
        started = time.monotonic()
        error: BaseException | None = None
        try:
            reply = self._exchange(call, transport, deadline)
            self.clock.learn(_date(reply), sent_at=reply.sent_at, received_at=reply.received_at)
            if self.on_reply is not None:
                self.on_reply(call.endpoint, reply)
            return self._decode(result, reply, name)
        except ExchangeError as raised:
            error = raised
            raise
        finally:
            self.statistics.record_call(name, time.monotonic() - started, error)
            if error is not None:
                logger.debug("http_failed %s error=%s why=%s", name, type(error).__name__, error)

    def _exchange(self, call: "_Call", transport: Transport, deadline: float) -> Reply:
        attempts = 1 + self._patience.repeats if call.endpoint.method == "GET" else 1
        pause = self._patience.pause_secs
        for attempt in range(1, attempts + 1):
            self.breaker.admit(call.priority)
            try:
                self.budget.spend(call.endpoint.weight, call.priority)
                headers = self._headers(call)
            except BaseException:
                self.breaker.abandoned()
                raise
            try:
                reply = self._send(call, transport, headers, deadline, attempt)
            except WireError:
                self.breaker.answered()  # something did answer
                raise
            except (NotSent, OutcomeUnknown) as error:
                self.breaker.failed(str(error))
                if attempt == attempts or deadline - time.monotonic() - pause < _RETRY_SECS_LEFT_MIN:
                    raise
                time.sleep(pause)
                pause *= 2
            else:
                if reply.status >= 500:
                    self.breaker.failed(f"HTTP {reply.status}")
                else:
                    self.breaker.answered()
                return reply
        raise AssertionError("the last attempt ends in an answer or an error")

    def _send(
        self, call: "_Call", transport: Transport, headers: dict[str, str], deadline: float, attempt: int
    ) -> Reply:
        """One exchange of bytes, and its line in the log: without headers, where the key and the signature are."""
        method, target = call.endpoint.method, call.path + call.query
        started = time.monotonic()
        end = ""
        try:
            reply = transport.send(method, self._base_url + target, headers, call.body, deadline)
            end = f"status={reply.status} bytes={len(reply.body)}"
            return reply
        except ExchangeError as error:
            end = f"failed={type(error).__name__}"
            raise
        finally:
            took = (time.monotonic() - started) * 1000
            sent = f" body={call.body[:_BODY_LOG_CHARS]}" if call.body else ""
            logger.debug("http %s %s attempt=%d ms=%.0f %s%s", method, target, attempt, took, end, sent)

    def _headers(self, call: "_Call") -> dict[str, str]:
        headers = {"User-Agent": self._user_agent, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        method = call.endpoint.method
        if call.body:
            headers["Content-Type"] = "application/json"
        if call.endpoint.signed:
            if self._credentials is None:
                raise AuthError("no_credentials", f"{method} {call.endpoint.path} needs an API key, and none is set")
            key, secret = self._credentials.reveal()
            at = self._wall()
            if call.may_sign is not None and (why_not := call.may_sign(at)):
                raise NotSent(why_not)
            timestamp = str(int(at + self.clock.secs))
            headers["api-key"] = key
            headers["timestamp"] = timestamp
            headers["signature"] = sign(secret, method, timestamp, call.path, call.query, call.body)
        return headers

    def _decode(self, result: Any, reply: Reply, name: str) -> Envelope[Any]:
        if reply.status != 200:
            raise self._refused(reply, name)
        try:
            if result is Text:
                return Envelope(success=True, result=reply.body.decode())
            if isinstance(result, Bare):
                return Envelope(success=True, result=decoder_of(result.row).decode(reply.body))
            if isinstance(result, Rows):
                envelope: Envelope[Any] = decode_rows(reply.body, result, name)
            else:
                envelope = decoder_of(Envelope[result]).decode(reply.body)
        except UNREADABLE as error:
            raise WireError(f"{name}: unreadable answer: {error}") from None
        if envelope.success is not True:
            raise WireError(f"{name}: HTTP 200 without success")
        return envelope

    def _refused(self, reply: Reply, name: str) -> ExchangeError:
        """The error behind an answer other than 200, and what it tells beside: when to come back, what time it is."""
        error = refusal(reply.status, reply.body, what=name)
        if isinstance(error, RateLimited):
            error.retry_after_secs = self.budget.observe_429(reply.headers.get("X-RATE-LIMIT-RESET"))
        expired = isinstance(error, AuthError) and is_expired_signature(error.code)
        self.clock.learn_refusal(reply.body, sent_at=reply.sent_at, received_at=reply.received_at, expired=expired)
        return error


class _Call(msgspec.Struct, frozen=True):
    """One request as it is signed and sent."""

    endpoint: Endpoint
    path: str
    query: str  # empty, or with its question mark
    body: str
    priority: Priority
    may_sign: MaySign | None


def _date(reply: Reply) -> str | None:
    if reply.headers.get("Age") not in (None, "0"):
        return None  # served from a cache: the date is that of the original answer
    date: str | None = reply.headers.get("Date")
    return date
