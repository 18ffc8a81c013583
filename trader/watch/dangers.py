"""What is dangerous now, as seen from beside the runner. Pure: a look in, findings out."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from trader.desk.system.health import DISK_LEAST_BYTES
from trader.domain.severity import Severity

SILENT = timedelta(seconds=15)  # a runner is replaced by itself within about ten
PRICES_OLD_SECS = 60.0


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen at an instant (this machine's clock). `open_words` names what is open, empty while nothing is. `heard`: when the
    runner was last heard. `silence`: why it is silent, in words. `unread`: why the journal cannot be read."""

    at: datetime
    open_words: str = ""
    runner_alive: bool = True
    heard: datetime | None = None
    silence: str = ""
    price_age_secs: float | None = None
    sockets_down: tuple[str, ...] = ()
    journal_fault: str = ""
    unread: str = ""
    disk_free: int | None = None


class Danger(msgspec.Struct, frozen=True):
    """`code` stays the same while it lasts."""

    code: str
    severity: Severity
    title: str
    body: str


def dangers(look: Look) -> Iterator[Danger]:
    """All that is dangerous now. While nothing is open only what would keep the next run from being safe."""
    if look.unread:
        yield Danger("journal", "critical", "The journal cannot be read", look.unread)
        return
    held = look.open_words
    silent = not look.runner_alive and (look.heard is None or look.at - look.heard >= SILENT)
    if held and silent:
        yield Danger("runner", "critical", f"No runner is alive and {held} open", look.silence)
    if held and look.runner_alive:
        if look.price_age_secs is not None and look.price_age_secs >= PRICES_OLD_SECS:
            words = f"The newest price is {look.price_age_secs:.0f} s old; {held} open."
            yield Danger("prices", "critical", "Prices stand still", words)
        if look.journal_fault:
            yield Danger("recording", "critical", "The runner cannot record", f"{look.journal_fault} {held} open.")
    if look.disk_free is not None and look.disk_free < DISK_LEAST_BYTES:
        severity: Severity = "critical" if held else "warning"
        yield Danger("disk", severity, "The disk is nearly full", f"{look.disk_free // 1_000_000} MB are left.")
