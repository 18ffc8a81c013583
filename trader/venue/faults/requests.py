"""The REST listener under faults: an ASGI layer outside the venue's own application.

It reads each request, notes it, asks the rules, and then loses it, delays it, answers in the exchange's place, or lets it
through and changes or withholds the answer. Signatures are judged by the application when a request reaches it, so one
that arrives too late is refused there, as at the exchange.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from trader.venue.core.exchange import Exchange
from trader.venue.faults.answers import Reply, edited
from trader.venue.faults.catalogue import Where
from trader.venue.faults.replies import reply_instead
from trader.venue.faults.rules import Occasion, Rule, RuleBook, symbols_in

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_KEPT = 20_000
_BODY_BYTES_MAX = 1 << 20
_LATER_SECS_MAX = 60.0


class Noted(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One request as it arrived. `status` is what was answered, None while nothing was; `fault` names what befell it."""

    seq: int
    at: float
    method: str
    path: str
    query: str = ""
    body: Any = None
    status: int | None = None
    fault: str = ""


class _Visit(msgspec.Struct, frozen=True):
    """A request on its way through: what is noted of it, and the server's channels to its caller."""

    note: Noted
    occasion: Occasion
    scope: MutableMapping[str, Any]
    raw: bytes
    receive: Receive
    send: Send


class FaultyRest:
    """Wraps the REST application of a venue."""

    def __init__(self, inner: Application, rules: RuleBook, exchange: Exchange) -> None:
        self._inner = inner
        self._rules = rules
        self._exchange = exchange
        self._later: set[asyncio.Task[None]] = set()
        self._seq = 0
        self.noted: deque[Noted] = deque(maxlen=_KEPT)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        raw = await _read(receive)
        if raw is None:
            return
        note = self._note(scope, raw)
        visit = _Visit(note, self._occasion(note), scope, raw, receive, send)
        rule = self._rules.strike(Where.REQUEST, visit.occasion)
        if rule is not None:
            note.fault = rule.name
            await self._befall(rule, visit)
        else:
            await self._pass(visit)

    # ------------------------------------------------------------ ways through

    async def _befall(self, rule: Rule, visit: _Visit) -> None:
        note = visit.note
        match rule.kind.kind:
            case "lost":
                await _leave(rule, visit.receive)
            case "reply_lost":
                note.status = (await self._ask(visit)).status
                await _leave(rule, visit.receive)
            case "late":
                task = asyncio.create_task(self._ask_later(visit, float(rule.args["secs"])))
                self._later.add(task)
                task.add_done_callback(self._later.discard)
                await _leave(rule, visit.receive)
            case "latency":
                await asyncio.sleep(min(float(rule.args["secs"]), _LATER_SECS_MAX))
                await self._pass(visit)
            case "page_fails" if "after=" not in note.query:
                rule.happened -= 1  # the first page is not what the rule waits for
                note.fault = ""
                await self._pass(visit)
            case _:
                if rule.args.get("effect"):
                    await self._ask(visit)
                reply = reply_instead(rule, time.time())
                note.status = reply.status
                await _answer(visit.send, reply)

    async def _pass(self, visit: _Visit) -> None:
        note, send = visit.note, visit.send
        reply = await self._ask(visit)
        note.status = reply.status
        reply, transport = edited(reply, visit.occasion, note.query, self._rules, self._exchange)
        if transport is None:
            await _answer(send, reply)
            return
        note.fault = transport.name
        if transport.kind.kind == "drip":
            await _drip(send, reply, max(1, int(transport.args["bytes_per_sec"])))
        else:
            await _cut_short(send, reply, visit.receive)

    async def _ask(self, visit: _Visit) -> Reply:
        """The application's own answer, kept back."""
        told = False

        async def receive() -> Message:
            nonlocal told
            if told:
                return {"type": "http.disconnect"}
            told = True
            return {"type": "http.request", "body": visit.raw, "more_body": False}

        started: Message = {}
        body = bytearray()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._inner(visit.scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in started["headers"]}
        return Reply(started["status"], headers, bytes(body))

    async def _ask_later(self, visit: _Visit, secs: float) -> None:
        await asyncio.sleep(min(secs, _LATER_SECS_MAX))
        visit.note.status = (await self._ask(visit)).status

    # ------------------------------------------------------------ in words

    def _note(self, scope: MutableMapping[str, Any], raw: bytes) -> Noted:
        self._seq += 1
        try:
            body = msgspec.json.decode(raw) if raw else None
        except msgspec.DecodeError:
            body = raw.decode("utf-8", "replace")
        note = Noted(
            seq=self._seq,
            at=time.time(),
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("ascii", "replace"),
            body=body,
        )
        self.noted.append(note)
        return note

    def _occasion(self, note: Noted) -> Occasion:
        body: Mapping[str, Any] = note.body if isinstance(note.body, dict) else {}
        query = dict(parse_qsl(note.query))
        symbols = symbols_in(body, query)
        by_id = self._exchange.products.by_id
        listed = [
            body.get("product_id"),
            *query.get("product_id", "").split(","),
            *query.get("product_ids", "").split(","),
        ]
        for word in listed:
            if str(word).isdigit() and (found := by_id.get(int(str(word)))) is not None:
                symbols += (found.symbol,)
        tail = note.path.rpartition("/")[2]
        if self._exchange.products.find(tail) is not None:
            symbols += (tail,)
        coid = str(body.get("client_order_id") or "")
        if "/client_order_id/" in note.path:
            coid = tail
        return Occasion(
            method=note.method,
            path=note.path,
            symbols=tuple(dict.fromkeys(symbols)),
            side=str(body.get("side") or ""),
            reduce_only=str(body.get("reduce_only")).lower() == "true",
            client_order_id=coid,
        )


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when the caller is gone. More than anybody sends is cut off, and refused further in."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body.extend(message.get("body", b"")[: max(0, _BODY_BYTES_MAX - len(body))])
        if not message.get("more_body"):
            return bytes(body)


async def _answer(send: Send, reply: Reply) -> None:
    await send(_start(reply))
    await send({"type": "http.response.body", "body": reply.body})


async def _drip(send: Send, reply: Reply, bytes_per_sec: int) -> None:
    await send(_start(reply))
    step = max(1, bytes_per_sec // 10)
    for begin in range(0, len(reply.body), step):
        await send({"type": "http.response.body", "body": reply.body[begin : begin + step], "more_body": True})
        await asyncio.sleep(step / bytes_per_sec)
    await send({"type": "http.response.body", "body": b""})


async def _cut_short(send: Send, reply: Reply, receive: Receive) -> None:
    await send(_start(reply))
    await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
    await asyncio.sleep(0.01)  # let the half leave before the reset
    await _reset(receive)


async def _leave(rule: Rule, receive: Receive) -> None:
    """No answer: the connection is reset, or kept open in silence until the caller gives up."""
    if rule.args.get("hang"):
        while (await receive())["type"] != "http.disconnect":
            pass
    else:
        await _reset(receive)


async def _reset(receive: Receive) -> None:
    """Cut the TCP connection. The server has no word for it, but the channel we read from belongs to its request cycle,
    which holds the transport."""
    cycle = getattr(receive, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if not isinstance(transport, asyncio.Transport):
        raise RuntimeError("this server's requests cannot be reset")
    transport.abort()
    await receive()  # returns once the server knows that the connection is gone


def _start(reply: Reply) -> Message:
    headers = {**reply.headers, "content-length": str(len(reply.body))}
    return {
        "type": "http.response.start",
        "status": reply.status,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
