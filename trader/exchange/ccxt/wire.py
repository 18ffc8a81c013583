"""Calls through a ccxt exchange, with the certainties the rest of the house asks of a connection.

ccxt itself is a library of many exchanges' REST interfaces; it is optional (``requirements-ccxt.txt``). What is added to
it here: one instance per thread, a deadline for the whole call, the knowledge whether anything left this machine, the
status and body behind its exceptions, the instant that is signed, and the exchange's clock, by which it signs.
"""

import copy
import importlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from decimal import localcontext
from typing import Any, TypeVar

from trader.domain.errors import (
    AuthError,
    ConfigError,
    ExchangeError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    VenueRefused,
    WireError,
)
from trader.domain.odd_row import OddRow
from trader.exchange.common.budget import Priority, RateBudget
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.lists import Lists
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.common.patience import CCXT, Patience
from trader.exchange.common.rows import odd_row
from trader.exchange.common.statistics import CallStatistics
from trader.exchange.common.transport import borrowed_call, guard_session
from trader.exchange.delta.http.errors import EXPIRED, is_expired_signature
from trader.exchange.delta.http.refusal import is_rate_limit, parse_error_body, refusal
from trader.exchange.ports import MaySign

logger = logging.getLogger(__name__)

T = TypeVar("T")

UNUSABLE = "unusable"  # marks the structure that stands for a row ccxt could not read
_PARSERS = ("parse_market", "parse_ticker", "parse_order", "parse_trade", "parse_position", "parse_ledger_entry")
_STAND_IN: dict[str, Any] = {
    "info": {},
    "id": "",
    "symbol": None,
    "timestamp": 0,
    UNUSABLE: True,
}  # ccxt sorts by two of these
_WEIGHT = 3  # ccxt does not tell what a call costs; most cost this or less


def load_ccxt() -> Any:
    """The library.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return importlib.import_module("ccxt")
    except ImportError:
        raise ConfigError("ccxt is not installed: python -m pip install --no-deps -r requirements-ccxt.txt") from None


class _Thread(threading.local):
    """What one thread's running call has seen."""

    exchange: Any = None
    status: int | None = None
    body: str = ""
    may_sign: MaySign | None = None
    odd: tuple[OddRow, ...] = ()
    timeless: tuple[OddRow, ...] = ()
    places: int = 0


class CcxtWire(Lists):
    """One account at one exchange through ccxt. Safe to use from any thread: each has an instance of its own."""

    def __init__(
        self,
        make: Callable[[], Any],
        *,
        quota: int,
        patience: Patience = CCXT,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        sound: Mapping[str, Callable[[Any], object]] | None = None,
    ) -> None:
        """`make` builds an exchange object with its keys and addresses set; it is called once per thread. `sound` judges the
        rows of an answer's ``result`` by the path asked, raising WireError for those ccxt must not see."""
        self._sound = sound or {}
        self.ccxt = load_ccxt()
        self._make = make
        self._patience = patience
        self._wall = wall
        self._sleep = sleep
        self._thread = _Thread()
        self._lock = threading.Lock()
        self._markets: list[tuple[list[Any], Any]] = []  # the last given; `for_exit` shares it
        self.budget = RateBudget(monotonic, quota=quota)
        self.clock = ClockOffset()
        self.statistics = CallStatistics()
        self.odd = OddRows(monotonic)
        self._least = Priority.MARKET

    def for_exit(self) -> "CcxtWire":
        """The same connection, with reads as urgent as the exits they serve."""
        urgent = copy.copy(self)
        urgent._least = Priority.EXIT
        return urgent

    def left_out(self, *, timed: bool = False) -> list[OddRow]:
        """What of the last read of this thread's made no sense. `timed`: rows were chosen by their time, so one without a
        time is among them: ccxt drops it without a word."""
        return [*self._thread.odd, *(self._thread.timeless if timed else ())]

    def change(self, name: str, call: Callable[[Any], T], *, priority: Priority, may_sign: MaySign | None = None) -> T:
        """Make a call that changes something. Once: it is repeated only where the exchange refused its signature as expired,
        and then once.

        Raises:
            BudgetRefused, NotSent: Nothing left this machine.
            AuthError, VenueRefused, RateLimited: Refused; nothing was done.
            OutcomeUnknown: It may have been done.
        """
        self._thread.may_sign = may_sign
        try:
            return self._signed_again(name, call, self._patience.change_secs, priority)
        finally:
            self._thread.may_sign = None

    def read(self, name: str, call: Callable[[Any], T], *, priority: Priority = Priority.OWN) -> T:
        """Make a call that only reads, again where no answer came or too many were asked for, and once more where
        its signature was refused as expired.

        Raises:
            ExchangeError: Any of its kinds.
        """
        pause, attempts = self._patience.pause_secs, 1 + self._patience.repeats
        for attempt in range(1, attempts + 1):
            try:
                return self._signed_again(name, call, self._patience.read_secs, max(priority, self._least))
            except (NotSent, OutcomeUnknown, RateLimited) as error:
                waiting = error.retry_after_secs if isinstance(error, RateLimited) else pause
                if attempt == attempts or waiting > 2.0:
                    raise
                self._sleep(waiting)
                pause *= 2
        raise AssertionError("a loop of attempts ends in an answer or an error")

    def set_markets(self, rows: list[Any], currencies: Any) -> None:
        """Give every instance, present and future, these markets: loading them is slow and paged."""
        with self._lock:
            self._markets[:] = [(rows, currencies)]
        self._thread.exchange = None

    def close(self) -> None:
        """Drop this thread's connections; those of others end with their threads."""
        if self._thread.exchange is not None:
            self._thread.exchange.session.close()

    @property
    def exchange(self) -> Any:
        """This thread's instance."""
        if self._thread.exchange is None:
            made = self._make()
            made.enableRateLimit = False  # our own budget decides; ccxt would sleep in the middle of an exit
            made.enableLastJsonResponse = True  # the page cursors are nowhere else
            made.timeout = int(self._patience.change_secs * 1000)
            guard_session(made.session)
            self._watch(made)
            self._set_clock(made)
            self._guard_rows(made)
            with self._lock:
                given = list(self._markets)
            for rows, currencies in given:
                made.set_markets(rows, currencies)
                made.load_markets()
            self._thread.exchange = made
        return self._thread.exchange

    def _watch(self, exchange: Any) -> None:
        """See the status and body of each answer, and the instant before each signature."""
        handle_errors, sign, seen = exchange.handle_errors, exchange.sign, self._thread

        def handling(code: Any, reason: Any, url: Any, method: Any, headers: Any, body: Any, *rest: Any) -> Any:
            seen.status, seen.body = code, body if isinstance(body, str) else ""
            now = self._wall()
            self.clock.learn((headers or {}).get("Date"), sent_at=now, received_at=now)
            error = None if code == 200 else parse_error_body(seen.body.encode())
            if is_rate_limit(code, error):
                self.budget.observe_429((headers or {}).get("X-RATE-LIMIT-RESET"))
            elif code != 200:
                expired = error is not None and is_expired_signature(error.code)
                self.clock.learn_refusal(seen.body, sent_at=now, received_at=now, expired=expired)
            return handle_errors(code, reason, url, method, headers, body, *rest)

        def signing(*args: Any, **kwargs: Any) -> Any:
            why_not = seen.may_sign(self._wall()) if seen.may_sign is not None else ""
            if why_not:
                raise NotSent(why_not)
            return sign(*args, **kwargs)

        exchange.handle_errors, exchange.sign = handling, signing

    def _set_clock(self, exchange: Any) -> None:
        """Have it sign by the exchange's clock: ccxt takes this machine's."""

        def micros() -> int:
            return int((self._wall() + self.clock.secs) * 1_000_000)

        exchange.microseconds = micros
        exchange.milliseconds = lambda: micros() // 1_000
        exchange.seconds = lambda: micros() // 1_000_000

    def _signed_again(self, name: str, call: Callable[[Any], T], secs: float, priority: Priority) -> T:
        try:
            return self._call(name, call, secs, priority)
        except AuthError as error:
            if not is_expired_signature(error.code):
                raise
            # The refusal itself told us the exchange's time: signed by it, the request may pass.
            return self._call(name, call, secs, priority)

    def _guard_rows(self, exchange: Any) -> None:
        """See that a row ccxt trips over costs that row, and is known."""
        fetch = exchange.fetch2

        def fetching(path: str, *args: Any, **kwargs: Any) -> Any:
            answer = fetch(path, *args, **kwargs)
            judge, rows = self._sound.get(path), answer.get("result") if isinstance(answer, dict) else None
            if judge is None or not isinstance(rows, list):
                return answer
            return {
                **answer,
                "result": [row for place, row in enumerate(rows, 1) if self._is_sound(path, place, row, judge)],
            }

        exchange.fetch2 = fetching
        for name in _PARSERS:
            setattr(exchange, name, self._guarded(name, getattr(exchange, name)))

    def _is_sound(self, path: str, place: int, row: Any, judge: Callable[[Any], object]) -> bool:
        try:
            judge(row)
        except WireError as error:
            self._thread.odd += (odd_row(f"the {path}", place, row, str(error)),)
            return False
        return True

    def _guarded(self, name: str, parse: Callable[..., Any]) -> Callable[..., Any]:
        seen, what = self._thread, f"the {name.removeprefix('parse_')}s"

        def parsing(row: Any, *args: Any, **kwargs: Any) -> Any:
            place = seen.places = seen.places + 1
            try:
                parsed = parse(row, *args, **kwargs)
            except (
                self.ccxt.BaseError,
                KeyError,
                TypeError,
                ValueError,
                AttributeError,
                IndexError,
                ArithmeticError,
            ) as e:
                seen.odd += (odd_row(what, place, row, f"ccxt cannot read it ({type(e).__name__})"),)
                return dict(_STAND_IN)
            if parsed.get("symbol") is None:
                seen.odd += (odd_row(what, place, row, "it names no market"),)
                return {**parsed, UNUSABLE: True}
            if name == "parse_trade" and parsed.get("timestamp") is None:  # ccxt cannot even sort it
                seen.odd += (odd_row(what, place, row, "it tells no time"),)
                return dict(_STAND_IN)
            if name == "parse_order" and parsed.get("timestamp") is None:
                seen.timeless += (odd_row(what, place, row, "it tells no time"),)
            return parsed

        return parsing

    def _call(self, name: str, call: Callable[[Any], T], secs: float, priority: Priority) -> T:
        exchange = self.exchange
        self.budget.spend(_WEIGHT, priority)
        self._thread.status, self._thread.body = None, ""
        self._thread.odd, self._thread.timeless, self._thread.places = (), (), 0
        started = time.monotonic()
        error: BaseException | None = None
        try:
            # ccxt sets its own rounding and traps in the thread's decimal context; the caller's comes back as it was.
            with borrowed_call(secs) as made, localcontext():
                try:
                    return call(exchange)
                except ExchangeError:
                    raise
                except self.ccxt.BaseError as raised:
                    raise self._meaning(name, raised, sent=made.sent) from None
                except (KeyError, TypeError, ValueError, AttributeError, IndexError) as raised:
                    # ccxt reads answers without checking them; what it trips over is an unreadable answer.
                    if not made.sent:
                        raise
                    raise OutcomeUnknown(f"{name}: unreadable answer ({type(raised).__name__})") from None
        except ExchangeError as raised:
            error = raised
            raise
        finally:
            took = time.monotonic() - started
            self.statistics.record_call(name, took, error)
            why = "" if error is None else f" error={type(error).__name__} why={error}"
            logger.debug("http ccxt %s ms=%.0f status=%s%s", name, took * 1000, self._thread.status, why)

    def _meaning(self, name: str, raised: Any, *, sent: bool) -> ExchangeError:
        """The error behind one of ccxt's, by what was sent and answered rather than by its class alone."""
        kind = type(raised).__name__
        if not sent:
            if isinstance(raised, self.ccxt.NetworkError):
                return NotSent(f"{name}: {kind}")
            if isinstance(raised, self.ccxt.AuthenticationError):
                return AuthError("no_credentials", f"{name} needs an API key, and none is set")
            return VenueRefused(kind, f"refused by ccxt before anything was sent: {raised}"[:300])
        status, body = self._thread.status, self._thread.body
        if status is None:
            return OutcomeUnknown(f"{name}: {kind} without an answer")
        body_error = parse_error_body(body.encode())
        too_many = isinstance(raised, self.ccxt.RateLimitExceeded | self.ccxt.DDoSProtection) and 400 <= status < 500
        if too_many or is_rate_limit(status, body_error):
            return RateLimited(f"{name}: too many requests", retry_after_secs=max(self.budget.blocked_secs, 0.25))
        if 400 <= status < 500 and isinstance(raised, self.ccxt.InvalidNonce):
            return AuthError(EXPIRED, body[:200], http_status=status)
        if status != 200 and (status >= 500 or body_error is not None):
            return refusal(status, body.encode(), what=name)
        if isinstance(raised, self.ccxt.NetworkError) or not 200 <= status < 500 or status == 408:
            return OutcomeUnknown(f"{name}: HTTP {status} {kind}")
        if isinstance(raised, self.ccxt.AuthenticationError):
            return AuthError(kind, body[:200], http_status=status)
        if kind == "ExchangeError":  # the base class says no more than that ccxt did not understand
            return OutcomeUnknown(f"{name}: HTTP {status} {kind}")
        return VenueRefused(kind, body[:200], http_status=status)
