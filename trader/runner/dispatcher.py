"""Performs what the engine asked for, on worker threads, and hands the answers back as events.

Exits and cancels have workers of their own, so nothing ever queues ahead of them. Only this class puts an order on the
wire. Whether it may still leave is asked in the same breath as signing it, with the very instant that is signed.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from trader.domain.clock import Now
from trader.domain.order import Purpose
from trader.domain.outcome import Outcome, Rejected, Unknown
from trader.engine.effects import Cancel, ReadAccount, ReadChain, ReadMargin, ReadWallet, SetLeverage, Submit
from trader.engine.events import (
    AccountRead,
    AnyEvent,
    CancelAnswered,
    ChainRead,
    LeverageAnswered,
    MarginRead,
    SubmitAnswered,
    WalletRead,
)
from trader.exchange.ports import Sending
from trader.runner import killpoints
from trader.runner.notices import Note
from trader.runner.reading import read_account, read_chain, read_margin, read_wallet
from trader.runner.release import Instant, Release
from trader.runner.steady_clock import boot_secs

logger = logging.getLogger(__name__)


def read_clocks() -> Instant:
    return Instant(time.time(), boot_secs())


class Dispatcher:
    """Workers over one gateway. `post` takes events from any thread; `now` reads market and steady time; `release` is asked
    before anything leaves; `report` takes what went wrong with a worker; `clocks` are the machine's."""

    def __init__(
        self,
        gateway: Sending,
        post: Callable[[AnyEvent], None],
        now: Callable[[], Now],
        release: Release,
        report: Callable[[Note], None] = lambda _: None,
        clocks: Callable[[], Instant] = read_clocks,
    ) -> None:
        self._gateway = gateway
        self._post = post
        self._now = now
        self._release = release
        self._report = report
        self._clocks = clocks
        self._entries = ThreadPoolExecutor(2, thread_name_prefix="entries")
        self._exits = ThreadPoolExecutor(4, thread_name_prefix="exits")
        self._reads = ThreadPoolExecutor(2, thread_name_prefix="reads")
        self._closed = False

    def perform(
        self, effect: Submit | Cancel | SetLeverage | ReadChain | ReadAccount | ReadWallet | ReadMargin
    ) -> None:
        """Start one effect; its answer arrives as an event."""
        if self._closed:
            return
        match effect:
            case Submit(intent=intent):
                pool = self._entries if intent.purpose is Purpose.ENTRY else self._exits
                pool.submit(self._guarded, self._submit, effect, self._clocks())
            case SetLeverage():
                self._entries.submit(self._guarded, self._set_leverage, effect, self._clocks())
            case Cancel():
                self._exits.submit(self._guarded, self._cancel, effect, self._clocks())
            case ReadChain():
                self._reads.submit(self._guarded, self._read_chain, effect)
            case ReadAccount():
                self._reads.submit(self._guarded, self._read_account, effect, self._now().wall)
            case ReadWallet():
                self._reads.submit(self._guarded, self._read_wallet, effect)
            case ReadMargin():
                self._reads.submit(self._guarded, self._read_margin)

    def close(self) -> None:
        """Take nothing new; what is on the wire may finish."""
        self._closed = True
        for pool in (self._entries, self._exits, self._reads):
            pool.shutdown(wait=False, cancel_futures=True)

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        # A worker's exception would vanish in its future, whatever it is: the loop that must live reports it here, and
        # the pool's thread goes on to the next piece of work.
        try:
            work(*arguments)
        except BaseException as error:
            logger.exception("worker_failed work=%s", work.__name__)
            what = work.__name__.removeprefix("_").replace("_", " ")
            text = f"A worker failed ({what}: {type(error).__name__}: {error}); it was replaced, and what it did is unknown."
            self._report(Note("error", f"worker_failed:{work.__name__}", text))

    def _submit(self, effect: Submit, released: Instant) -> None:
        outcome: Outcome = Unknown("worker failed")
        try:
            if killpoints.ARMED:
                killpoints.reach(f"submit.{effect.intent.purpose.name.lower()}.before")
            if refused := self._release.refusal(effect, released, self._clocks()):
                outcome = refused
            else:
                outcome = self._gateway.submit(effect.intent, may_sign=self._gate(effect, released))
            if killpoints.ARMED:
                killpoints.reach(f"submit.{effect.intent.purpose.name.lower()}.answered")
        finally:
            coid = effect.intent.client_order_id
            self._post(SubmitAnswered(at=self._now(), client_order_id=coid, outcome=outcome))

    def _gate(self, effect: Submit | Cancel, released: Instant) -> Callable[[float], str]:
        """What the gateway asks when it has the instant it will sign: nothing may be queued between the two."""
        return lambda wall: self._release.why_not(effect, released, self._clocks()._replace(wall=wall))

    def _cancel(self, effect: Cancel, released: Instant) -> None:
        outcome: Outcome = Unknown("worker failed")
        try:
            if killpoints.ARMED:
                killpoints.reach("cancel.before")
            may_sign = self._gate(effect, released)
            if refused := self._release.refusal(effect, released, self._clocks()):
                outcome = refused
            elif effect.venue_order_id is not None:
                outcome = self._gateway.cancel(
                    product_id=effect.product_id, venue_order_id=effect.venue_order_id, may_sign=may_sign
                )
            else:
                outcome = self._gateway.cancel(
                    product_id=effect.product_id, client_order_id=effect.client_order_id, may_sign=may_sign
                )
            if killpoints.ARMED:
                killpoints.reach("cancel.answered")
        finally:
            self._post(CancelAnswered(at=self._now(), client_order_id=effect.client_order_id, outcome=outcome))

    def _set_leverage(self, effect: SetLeverage, released: Instant) -> None:
        ended: Rejected | Unknown | None = Unknown("worker failed")
        try:
            ended = self._release.refusal(effect, released, self._clocks())
            if ended is None:
                ended = self._gateway.set_leverage(effect.product_id, effect.leverage)
        finally:
            self._post(
                LeverageAnswered(
                    at=self._now(),
                    run_id=effect.run_id,
                    product_id=effect.product_id,
                    leverage=effect.leverage,
                    ended=ended,
                )
            )

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
        event = AccountRead(at=self._now(), runs=effect.runs, asked=asked, error="the reader failed")
        try:
            event = read_account(self._gateway, effect, asked, self._now)
        finally:
            self._post(event)
        if killpoints.ARMED:
            killpoints.reach("read.account.answered")

    def _read_wallet(self, effect: ReadWallet) -> None:
        event = WalletRead(at=self._now(), run_id=effect.run_id, since=effect.since, error="the reader failed")
        try:
            event = read_wallet(self._gateway, effect, self._now)
        finally:
            self._post(event)

    def _read_margin(self) -> None:
        event = MarginRead(at=self._now(), error="the reader failed")
        try:
            event = read_margin(self._gateway, self._now)
        finally:
            self._post(event)
