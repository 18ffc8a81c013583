"""What a refusal leaves to do. Each exchange says it of its own codes; what decides reads this and knows no code."""

from enum import StrEnum


class Remedy(StrEnum):
    """How another attempt would fare. An exit is tried again whatever it says; an entry only where an attempt is worth it."""

    RESEND = "resend"  # the request never left this machine
    WAIT = "wait"  # turned away for too many requests, not looked at: later
    RETRY = "retry"  # passes by itself, or with a smaller order: another attempt may be accepted
    MARKET = "market"  # how the market is, nothing wrong on our side: another price or a later moment
    UNBLOCK = "unblock"  # another order of the account is in its way, and has to go first
    GIVE_UP = "give_up"  # another attempt would be refused as well
    HALT = "halt"  # key, account or program is at fault: no other order would fare better

    @property
    def may_pass(self) -> bool:
        """Whether another attempt at the same entry is worth it."""
        return self in (Remedy.RESEND, Remedy.WAIT, Remedy.RETRY, Remedy.MARKET)

    @property
    def is_blameless(self) -> bool:
        """Whether a refusal says nothing about the order itself: it was not looked at, or nobody was there to meet it."""
        return self in (Remedy.RESEND, Remedy.WAIT, Remedy.MARKET)
