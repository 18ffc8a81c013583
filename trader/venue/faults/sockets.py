"""A socket connection under faults: frames left out, doubled, swapped, delayed, renumbered; logins and subscriptions refused."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.websockets import WebSocket

from trader.domain.order import OrderType, Side
from trader.venue.core.events import OrderEvent
from trader.venue.core.exchange import Exchange
from trader.venue.core.records import Order
from trader.venue.faults.catalogue import Where
from trader.venue.faults.quotes import PRICE_CHANNELS, told_frame
from trader.venue.faults.rules import Occasion, Rule, RuleBook, symbols_in
from trader.venue.wire.account_rows import order_frame
from trader.venue.wire.connection import Connection, Doorman, Hub

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_ALIVE = frozenset({"heartbeat", "pong"})
_ANSWERS = frozenset({"subscriptions", "key-auth", "error"})
_SEQUENCES = {"orders": "seq_no", "v2/user_trades": "se"}
_TOO_MANY, _AWAY = 429, 1001
_NOBODYS_ID = 999_999_999_001


class FaultyConnection(Connection):
    """One client of a venue with faults. `kind` is public or private."""

    def __init__(
        self, socket: WebSocket, hub: Hub, kind: str, rules: RuleBook, exchange: Exchange, receive: Receive
    ) -> None:
        """`receive` is the server's own channel for this connection; behind it is the transport that can be cut."""
        super().__init__(socket, hub)
        self._receive = receive
        self.kind = kind
        self._rules = rules
        self._exchange = exchange
        self._held: str | None = None  # a frame that waits for its successor
        self._bases: dict[tuple[str, str], int] = {}  # what a renumbered sequence is short of

    # ------------------------------------------------------------ going out

    def send_text(self, text: str) -> None:
        """Queue a frame, unless a rule has other plans for it."""
        if not self._bases and self._held is None and not self._rules.any_at(Where.FRAME, Where.QUOTE):
            super().send_text(text)
            return
        frame = msgspec.json.decode(text)
        channel = str(frame.get("type"))
        if channel in PRICE_CHANNELS and self._rules.any_at(Where.QUOTE):
            told = told_frame(frame, self._rules, self._exchange)
            if told is None:
                return
            frame, text = told, msgspec.json.encode(told).decode()
        self._befall(frame, channel, text)

    def _befall(self, frame: dict[str, Any], channel: str, text: str) -> None:
        occasion = Occasion(socket=self.kind, channel=channel, symbols=_symbols_of(frame))
        rule = self._struck(occasion)
        kind = "" if rule is None else rule.kind.kind
        if kind == "renumber" and channel in _SEQUENCES:
            self._bases[channel, _symbol_of(frame, channel)] = int(frame[_SEQUENCES[channel]]) - 1
        text = self._numbered(frame, channel, text)
        match kind:
            case "gap" | "stall" | "data_stall" | "half_open":
                return
            case "reorder":
                self._held = text
                return
            case "behind":
                assert rule is not None
                asyncio.get_running_loop().call_later(float(rule.args["secs"]), super().send_text, text)
                return
            case "unknown_order":
                super().send_text(msgspec.json.encode(_nobodys_order(self._exchange)).decode())
        super().send_text(text)
        if kind == "duplicate":
            super().send_text(text)
        if self._held is not None:
            held, self._held = self._held, None
            super().send_text(held)

    def _struck(self, occasion: Occasion) -> Rule | None:
        """The rule for this frame. Answers and signs of life are touched only by rules that silence everything, or that
        name their channel."""
        for rule in self._rules.standing(Where.FRAME, occasion):
            named = rule.spec.match.channel is not None
            whole = rule.kind.kind in ("stall", "half_open") and rule.spec.match.symbol is None
            if occasion.channel in _ALIVE and not (named or whole):
                continue
            if occasion.channel in _ANSWERS and not (named or whole or rule.kind.kind == "behind"):
                continue
            if rule.kind.kind == "unknown_order" and self.kind != "private":
                continue
            if rule.strikes(occasion):
                return rule
        return None

    def _numbered(self, frame: dict[str, Any], channel: str, text: str) -> str:
        name = _SEQUENCES.get(channel)
        base = self._bases.get((channel, _symbol_of(frame, channel))) if name else None
        if base is None or name is None or name not in frame:
            return text
        return msgspec.json.encode({**frame, name: int(frame[name]) - base}).decode()

    # ------------------------------------------------------------ coming in

    def _read(self, text: str) -> None:
        if self._rules.any_at(Where.FRAME) and self._is_deaf():
            return
        if self._rules.any_at(Where.SOCKET):
            try:
                frame = msgspec.json.decode(text)
            except msgspec.DecodeError:
                frame = None
            if isinstance(frame, dict) and self._refuses(frame):
                return
        super()._read(text)

    def _is_deaf(self) -> bool:
        occasion = Occasion(socket=self.kind)
        return any(rule.kind.kind == "half_open" for rule in self._rules.standing(Where.FRAME, occasion))

    def _refuses(self, frame: dict[str, Any]) -> bool:
        """Answer a login or subscription in the venue's place; True when that (or silence) was all."""
        if frame.get("type") == "key-auth":
            rule = self._rules.strike(
                Where.SOCKET, Occasion(socket=self.kind, channel="key-auth"), "login_refused", "login_silent"
            )
            if rule is not None and rule.kind.kind == "login_refused":
                status, code = str(rule.args["status"]), int(rule.args["code"])
                told = {"type": "key-auth", "success": False, "status_code": code, "status": status}
                self.send({**told, "message": status.replace("_", " ")})
            return rule is not None
        if frame.get("type") != "subscribe":
            return False
        return self._refuses_channels(frame)

    def _refuses_channels(self, frame: dict[str, Any]) -> bool:
        payload = frame.get("payload")
        asked = payload.get("channels") if isinstance(payload, dict) else None
        if not isinstance(asked, list):
            return False
        failures: dict[str, str] = {}
        kept: list[Any] = []
        for row in asked:
            name = str(row.get("name")) if isinstance(row, dict) else ""
            rule = self._rules.strike(
                Where.SOCKET, Occasion(socket=self.kind, channel=name), "forbidden", "moved", "subscription_silent"
            )
            if rule is None:
                kept.append(row)
            elif rule.kind.kind != "subscription_silent":
                why = "Unauthorized user" if rule.kind.kind == "forbidden" else "Unknown channel"
                failures[name] = f"subscription forbidden on {name}. {why}"
        if len(kept) == len(asked):
            return False
        if failures:
            self.send(self.subscriptions.acknowledgement(failures))
        if kept:
            super()._read(msgspec.json.encode({"type": "subscribe", "payload": {"channels": kept}}).decode())
        return True

    # ------------------------------------------------------------ ending

    def cut(self) -> None:
        """Drop the TCP connection without a closing frame."""
        protocol = getattr(self._receive, "__self__", None)
        transport = getattr(protocol, "transport", None)
        if not isinstance(transport, asyncio.Transport):
            raise RuntimeError("this server's sockets cannot be cut")
        transport.abort()


def build_faulty_socket_app(
    hub: Hub, kind: str, doorman: Doorman, rules: RuleBook, exchange: Exchange
) -> Callable[[MutableMapping[str, Any], Any, Any], Any]:
    """A socket listener whose connections may go wrong."""

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            await Response(status_code=404)(scope, receive, send)
            return
        socket = WebSocket(scope, receive, send)
        occasion = Occasion(socket=kind, channel="upgrade")
        if rules.strike(Where.SOCKET, occasion, "upgrade", "streams_down") is not None:
            await socket.send_denial_response(Response("too many connections", _TOO_MANY))
            return
        if not await doorman.admits(socket):
            return
        connection = FaultyConnection(socket, hub, kind, rules, exchange, receive)
        storm = rules.strike(Where.SOCKET, occasion, "storm")
        if storm is not None:
            secs = float(storm.args["secs"])
            asyncio.get_running_loop().call_later(secs, connection.close, _AWAY, "going away")
        await connection.serve()

    return app


def _symbols_of(frame: dict[str, Any]) -> tuple[str, ...]:
    """Every contract a frame speaks of; a mark's prefix is left off."""
    rows = [row for key in ("d", "result") for row in (frame.get(key) or ()) if isinstance(row, dict)]
    return tuple(symbol.removeprefix("MARK:") for symbol in symbols_in(frame, *rows))


def _symbol_of(frame: dict[str, Any], channel: str) -> str:
    return str(frame.get("sy" if channel == "v2/user_trades" else "symbol") or "")


def _nobodys_order(exchange: Exchange) -> dict[str, Any]:
    instrument = next(iter(exchange.products.live.values()))
    order = Order(
        id=_NOBODYS_ID,
        user_id=exchange.settings.first_user_id,
        product_id=instrument.product_id,
        symbol=instrument.symbol,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        size=1,
        unfilled_size=1,
        limit_price=instrument.tick_size,
        created_at=exchange.now,
        updated_at=exchange.now,
    )
    event = OrderEvent(user_id=order.user_id, order=order, action="update", reason=None, seq_no=1, ts=exchange.now)
    return order_frame(event)
