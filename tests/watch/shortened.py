"""The watchdog's own command with an hour of its waits in a minute: `python -m tests.watch.shortened`. All else is as it is."""

import sys
from datetime import timedelta

from trader.journal import watchers
from trader.notify import delivery, sending
from trader.watch import process

FACTOR = 60
ANSWER_SECS = 0.5  # not 0.25: a busy machine takes longer than that for an answer that came at once


def main() -> None:
    delivery.APART /= FACTOR
    delivery.AGAIN_MOST /= FACTOR
    delivery._FIRST_AGAIN_SECS /= FACTOR  # type: ignore[misc, assignment]
    sending.ANSWER_SECS = ANSWER_SECS  # type: ignore[misc]
    watchers.GONE_AFTER = timedelta(seconds=3)
    process._HEARD_EVERY_SECS = 0.5  # type: ignore[misc]
    process._STEP_SECS = 0.1  # type: ignore[misc]
    from trader.cli.app import main as trader

    sys.exit(trader())


if __name__ == "__main__":
    main()
