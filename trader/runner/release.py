"""Whether what was decided a moment ago may leave now: asked by the workers, in the same breath as signing.

Between the commit of an intent and its signature lies a queue, and the process may have been stopped in it. The engine's
newest state is asked, the lease as far as it is known here, and where too long has passed the journal itself.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from trader.domain.clock import Now
from trader.domain.errors import JournalError
from trader.domain.order import OrderIntent, Purpose
from trader.domain.outcome import Rejected, not_sent
from trader.engine.effects import Cancel, SetLeverage, Submit
from trader.engine.release import check_release
from trader.engine.state import State

logger = logging.getLogger(__name__)

ZOMBIE_SECS = 1.0  # an intent older than this may have been overtaken: the process may have been stopped meanwhile
ENTRY_SECS = 5.0  # an entry older than this was priced on marks too old to add risk on: the process slept or queued
_LOST = "this runner no longer holds the account"


class Instant(NamedTuple):
    """Now on both of the machine's clocks (seconds): `wall` can be set, `boot` also runs while the machine sleeps."""

    wall: float
    boot: float


class Release:
    """The last look before the wire. `fenced` is set, from any thread, when the account is another's."""

    def __init__(
        self,
        *,
        state: Callable[[], State],
        now: Callable[[], Now],
        halted: Callable[[], str] = lambda: "",
        holds: Callable[[], bool] = lambda: True,
    ) -> None:
        """`halted` says why no entry may leave, empty when they may; `holds` asks the journal whether the lease is still
        this runner's, and may raise JournalError."""
        self.fenced = False
        self._state = state
        self._now = now
        self._halted = halted
        self._holds = holds

    def fence(self, why: str) -> None:
        """Another runner has the account: nothing leaves any more. May be called from any thread."""
        if not self.fenced:
            self.fenced = True
            logger.critical("fenced: %s; this runner sends nothing more", why)

    def refusal(self, effect: Submit | Cancel | SetLeverage, released: Instant, now: Instant) -> Rejected | None:
        """Why something may not even be begun; None when it may."""
        if _is_entry(effect) and (halted := self._halted()):
            return Rejected("halted", halted)
        why_not = self.why_not(effect, released, now)
        return not_sent(why_not) if why_not else None

    def why_not(self, effect: Submit | Cancel | SetLeverage, released: Instant, now: Instant) -> str:
        """Why what was decided then may not be signed now, empty when it may. After a second, on either clock, the process
        may have been stopped meanwhile, so the journal is asked; so it is when a clock was set back."""
        if self.fenced:
            return _LOST
        if isinstance(effect, Submit) and (overtaken := self.overtaken(effect.intent)):
            return overtaken
        if isinstance(effect, SetLeverage):
            most = self._state().account.limits.leverage_most
            if effect.leverage > most:
                return f"leverage {effect.leverage} is above leverage_most of {most}"
        waited = max(abs(now.wall - released.wall), now.boot - released.boot)
        if waited > ZOMBIE_SECS and not self._still_holds(effect):
            return _LOST
        if waited > ENTRY_SECS and _is_entry(effect):
            return f"it was decided {waited:.0f} s ago, on prices of then"
        return ""

    def overtaken(self, intent: OrderIntent) -> str:
        """What the engine's newest state has against an order decided a moment ago, as a code; empty when nothing."""
        denied = check_release(self._state(), intent, self._now())
        return denied.code if denied is not None else ""

    def _still_holds(self, effect: Submit | Cancel | SetLeverage) -> bool:
        """What the journal says of the lease. Where it cannot be asked, nothing but exits may go on."""
        try:
            return self._holds()
        except JournalError:
            return isinstance(effect, Cancel) or (isinstance(effect, Submit) and effect.intent.reduce_only)


def _is_entry(effect: Submit | Cancel | SetLeverage) -> bool:
    """Whether it is new risk, or prepares it."""
    return isinstance(effect, SetLeverage) or (isinstance(effect, Submit) and effect.intent.purpose is Purpose.ENTRY)
