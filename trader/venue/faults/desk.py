"""What a venue with faults has beside its exchange: the rules, the deeds, and the three listeners that obey them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from trader.domain.instrument import Instrument
from trader.venue.core.settings import CoreSettings
from trader.venue.faults.catalogue import Where
from trader.venue.faults.exchange import FaultyExchange
from trader.venue.faults.requests import Application, FaultyRest
from trader.venue.faults.rules import FaultSpec, Occasion, Rule, RuleBook
from trader.venue.faults.sockets import FaultyConnection, build_faulty_socket_app
from trader.venue.market.base import MarketSource
from trader.venue.market.instants import to_us
from trader.venue.wire.connection import Connection, Doorman
from trader.venue.wire.private_socket import PrivateHub
from trader.venue.wire.public_socket import PublicHub
from trader.venue.wire.rest import Floor


class FaultDesk:
    """One venue's faults. Everything runs on the venue's own loop."""

    def __init__(self) -> None:
        self.rules = RuleBook(time.monotonic)
        self.rest: FaultyRest | None = None
        self._floor: Floor | None = None
        self._exchange: FaultyExchange | None = None
        self._hubs: tuple[PublicHub, PrivateHub] | None = None

    def build_exchange(self, market: MarketSource, settings: CoreSettings) -> FaultyExchange:
        """The exchange this venue serves."""
        self._exchange = FaultyExchange(market, settings, rules=self.rules, later=self._later)
        return self._exchange

    def build_apps(
        self, floor: Floor, rest: Application, public: PublicHub, private: PrivateHub, doorman: Doorman
    ) -> tuple[Any, ...]:
        """The listeners' applications: three with their faults around or in them, and the control port's."""
        from trader.venue.faults.control import build_control_app  # it serves this desk, and so knows it

        exchange = self.exchange
        self._floor = floor
        self._hubs = (public, private)
        self.rest = FaultyRest(rest, self.rules, exchange)
        return (
            self.rest,
            build_faulty_socket_app(public, "public", doorman, self.rules, exchange),
            build_faulty_socket_app(private, "private", doorman, self.rules, exchange),
            build_control_app(self),
        )

    @property
    def exchange(self) -> FaultyExchange:
        assert self._exchange is not None, "the exchange is built first"
        return self._exchange

    # ------------------------------------------------------------ rules come and go

    def add(self, spec: FaultSpec) -> Rule:
        """Let a fault stand, or do a deed at once.

        Raises:
            ConfigError: There is no such fault, or an argument it does not take.
        """
        rule = self.rules.add(spec)
        if rule.kind.where is Where.DEED:
            self._do(lambda: self._deed(rule))
            self.rules.remove(rule.id)
        elif rule.kind.where is Where.STATE:
            self._do(self._apply_states)
        elif (rule.kind.fault, rule.kind.kind) == ("X7", "streams_down"):
            self._close(rule, 1001)
        elif (rule.kind.fault, rule.kind.kind) == ("X7", "maintenance"):
            self._tell_status("maintenance_started", "maintenance")
        return rule

    def remove(self, rule_id: str) -> Rule | None:
        """Take a rule away; None when there is none of that id."""
        rule = self.rules.remove(rule_id)
        if rule is not None:
            self._gone([rule])
        return rule

    def clear(self) -> int:
        """Take every rule away; how many there were."""
        gone = self.rules.clear()
        self._gone(gone)
        return len(gone)

    def look_around(self) -> None:
        """To be called about every second: rules whose time is over go."""
        before = self.rules.all()
        self.rules.expire()
        kept = set(self.rules.all())
        self._gone([rule for rule in before if rule not in kept])

    def _gone(self, rules: list[Rule]) -> None:
        if any(rule.kind.where is Where.STATE for rule in rules):
            self._do(self._apply_states)
        if any((rule.kind.fault, rule.kind.kind) == ("X7", "maintenance") for rule in rules):
            self._tell_status("maintenance_finished", "live")

    # ------------------------------------------------------------ what is done

    def _deed(self, rule: Rule) -> None:
        if rule.kind.kind == "disconnect":
            rule.happened = self._close(rule, int(rule.args["code"]))
        elif rule.kind.kind == "abort":
            chosen = [c for c in self._connections(rule) if isinstance(c, FaultyConnection)]
            for connection in chosen:
                connection.cut()
            rule.happened = len(chosen)
        else:
            rule.happened = self.exchange.do(rule)

    def _close(self, rule: Rule, code: int) -> int:
        chosen = self._connections(rule)
        for connection in chosen:
            connection.close(code, "going away")
        return len(chosen)

    def _connections(self, rule: Rule) -> list[Connection]:
        assert self._hubs is not None
        public, private = self._hubs
        chosen: list[Connection] = []
        if rule.looks_at(Occasion(socket="public")):
            chosen += public.connections
        if rule.looks_at(Occasion(socket="private")):
            chosen += private.connections
        return chosen

    def _apply_states(self) -> None:
        changed = self.exchange.apply_states()
        for instrument in changed:
            self._announce("product_updates", _product_update(instrument, to_us(self.exchange.now)))

    def _tell_status(self, event: str, status: str) -> None:
        assert self._hubs is not None
        for hub in self._hubs:
            hub.broadcast.tell_status(event, status)

    def _announce(self, channel: str, frame: dict[str, Any]) -> None:
        assert self._hubs is not None
        for hub in self._hubs:
            hub.broadcast.tell(channel, frame)

    def _later(self, secs: float, work: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(max(0.0, secs), self._do, work)

    def _do(self, work: Callable[[], None]) -> None:
        """Something happens at the exchange outside a request: at the present market time, and told to the streams."""
        assert self._floor is not None
        self._floor.bring_to_now()
        work()
        self._floor.after_change()


def _product_update(instrument: Instrument, ts: int) -> dict[str, Any]:
    product = {"id": instrument.product_id, "symbol": instrument.symbol, "trading_status": instrument.trading_status}
    event = "finish_auction" if instrument.trading_status == "operational" else "market_disruption"
    return {"type": "product_updates", "event": event, "product": product, "timestamp": ts}
