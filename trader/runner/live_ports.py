"""The kernel's ports in the live runner: where its requests, its records and its halts go."""

import logging
from collections.abc import Callable, Sequence

from trader.domain.errors import ConfigError
from trader.engine.effects import Subscribe, Tell
from trader.engine.records import AnyRecord
from trader.engine.state import State
from trader.runner.dispatcher import Dispatcher
from trader.runner.feed import Feed
from trader.runner.kernel import Request
from trader.runner.run_log import log_effect, log_line, log_records

logger = logging.getLogger(__name__)


class LivePorts:
    """Used by the runner's thread only."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        feed: Feed,
        *,
        state: Callable[[], State],
        halt: Callable[[str], None],
        publish: Callable[[], None],
    ) -> None:
        """`publish` has what is recorded shown at once."""
        self.dispatcher = dispatcher
        self._feed = feed
        self._state = state
        self._halt = halt
        self._publish = publish

    def perform(self, request: Request) -> None:
        match request:
            case Subscribe(symbols=symbols, underlyings=underlyings):
                self._feed.want(symbols, underlyings)
            case Tell():
                log_line(request, self._state())
            case _:
                self.dispatcher.perform(request)
        log_effect(request, self._state())  # after it: nothing stands between a decision and its request

    def recorded(self, records: Sequence[AnyRecord], state: State) -> None:
        log_records(records, state)
        self._publish()

    def keep_halt(self, reason: str) -> None:
        """A halt that cannot be recorded is kept in the HALT file."""
        try:
            self._halt(reason)
        except ConfigError as error:
            logger.critical("halt_not_written: %s", error)
