"""Performs what the engine asked for, on worker threads, and hands the answers back as events.

Exits and cancels have workers of their own, so nothing ever queues ahead of them. Only this class puts an order on the
wire, and it asks for permission (`may_send`) in the same breath.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from trader.domain.clock import Now
from trader.domain.order import Purpose
from trader.domain.outcome import Outcome, Rejected, Unknown
from trader.engine.effects import Cancel, ReadAccount, ReadChain, Submit
from trader.engine.events import AccountRead, AnyEvent, CancelAnswered, ChainRead, SubmitAnswered
from trader.exchange.gateway import Gateway
from trader.runner import killpoints
from trader.runner.reading import read_account, read_chain

logger = logging.getLogger(__name__)

ZOMBIE_SECS = 1.0  # an intent older than this may have been overtaken: the process may have been stopped meanwhile


class Dispatcher:
    """Workers over one gateway. `post` takes events from any thread; `now` reads both clocks; `may_send` says whether
    this runner still holds the account as far as it knows; `holds` asks the journal; `halted` says why no entry may leave,
    empty when it may; `refused` looks at the engine's state once more: an entry may have been overtaken by a Stop."""

    def __init__(
        self,
        gateway: Gateway,
        post: Callable[[AnyEvent], None],
        now: Callable[[], Now],
        may_send: Callable[[], bool],
        halted: Callable[[], str] = lambda: "",
        holds: Callable[[Submit | Cancel], bool] = lambda _: True,
        refused: Callable[[Submit], str] = lambda _: "",
    ) -> None:
        self._gateway = gateway
        self._post = post
        self._now = now
        self._may_send = may_send
        self._halted = halted
        self._holds = holds
        self._refused = refused
        self._entries = ThreadPoolExecutor(2, thread_name_prefix="entries")
        self._exits = ThreadPoolExecutor(4, thread_name_prefix="exits")
        self._reads = ThreadPoolExecutor(2, thread_name_prefix="reads")
        self._closed = False

    def perform(self, effect: Submit | Cancel | ReadChain | ReadAccount) -> None:
        """Start one effect; its answer arrives as an event."""
        if self._closed:
            return
        match effect:
            case Submit(intent=intent):
                pool = self._entries if intent.purpose is Purpose.ENTRY else self._exits
                pool.submit(self._guarded, self._submit, effect, self._now().wall, time.monotonic())
            case Cancel():
                self._exits.submit(self._guarded, self._cancel, effect, self._now().wall, time.monotonic())
            case ReadChain():
                self._reads.submit(self._guarded, self._read_chain, effect)
            case ReadAccount():
                self._reads.submit(self._guarded, self._read_account, effect, self._now().wall)

    def close(self) -> None:
        """Take nothing new; what is on the wire may finish."""
        self._closed = True
        for pool in (self._entries, self._exits, self._reads):
            pool.shutdown(wait=False, cancel_futures=True)

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        # A worker's exception would vanish in its future: the loop that must live reports it here.
        try:
            work(*arguments)
        except Exception:
            logger.exception("worker_failed work=%s", work.__name__)

    def _submit(self, effect: Submit, released: datetime, released_monotonic: float) -> None:
        outcome: Outcome = Unknown("worker failed")
        try:
            halted = self._halted() if effect.intent.purpose is Purpose.ENTRY else ""
            if killpoints.ARMED:
                killpoints.reach(f"submit.{effect.intent.purpose.name.lower()}.before")
            refused = self._refused(effect)
            if not self._may_still(effect, released, released_monotonic):
                outcome = Rejected("not_sent", "this runner no longer holds the account")
            elif refused:
                outcome = Rejected("not_sent", refused)
            elif halted:
                outcome = Rejected("halted", halted)
            else:
                outcome = self._gateway.submit(effect.intent)
            if killpoints.ARMED:
                killpoints.reach(f"submit.{effect.intent.purpose.name.lower()}.answered")
        finally:
            coid = effect.intent.client_order_id
            self._post(SubmitAnswered(at=self._now(), client_order_id=coid, outcome=outcome))

    def _may_still(self, effect: Submit | Cancel, released: datetime, released_monotonic: float) -> bool:
        """Whether what was decided then may be signed now; after a second, and a stop perhaps, the journal is asked."""
        waited = max((self._now().wall - released).total_seconds(), time.monotonic() - released_monotonic)
        return self._may_send() and (waited <= ZOMBIE_SECS or self._holds(effect))

    def _cancel(self, effect: Cancel, released: datetime, released_monotonic: float) -> None:
        outcome: Outcome = Unknown("worker failed")
        try:
            if killpoints.ARMED:
                killpoints.reach("cancel.before")
            if not self._may_still(effect, released, released_monotonic):
                outcome = Rejected("not_sent", "this runner no longer holds the account")
            elif effect.venue_order_id is not None:
                outcome = self._gateway.cancel(product_id=effect.product_id, venue_order_id=effect.venue_order_id)
            else:
                outcome = self._gateway.cancel(product_id=effect.product_id, client_order_id=effect.client_order_id)
            if killpoints.ARMED:
                killpoints.reach("cancel.answered")
        finally:
            self._post(CancelAnswered(at=self._now(), client_order_id=effect.client_order_id, outcome=outcome))

    def _read_chain(self, effect: ReadChain) -> None:
        if killpoints.ARMED:
            killpoints.reach("read.chain.before")
        # A reader that dies must not look like one that is still reading: the engine would wait for it.
        event = ChainRead(at=self._now(), run_id=effect.run_id, error="the reader failed")
        try:
            event = read_chain(self._gateway, effect, self._now)
        finally:
            self._post(event)
        if killpoints.ARMED:
            killpoints.reach("read.chain.answered")

    def _read_account(self, effect: ReadAccount, asked: datetime) -> None:
        if killpoints.ARMED:
            killpoints.reach("read.account.before")
        event = AccountRead(at=self._now(), run_id=effect.run_id, asked=asked, error="the reader failed")
        try:
            event = read_account(self._gateway, effect, asked, self._now)
        finally:
            self._post(event)
        if killpoints.ARMED:
            killpoints.reach("read.account.answered")
