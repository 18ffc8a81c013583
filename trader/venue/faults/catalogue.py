"""Every fault the venue can be asked for: its id, its kinds, where it strikes, what its arguments mean.

The ids are those of docs/venue-faults.md. A request for anything that is not listed here is refused, so that a test
with a slip of the pen cannot pass by injecting nothing.
"""

from enum import StrEnum
from typing import Any

import msgspec


class Where(StrEnum):
    """What a fault waits for."""

    REQUEST = "request"  # a REST request arrives
    ANSWER = "answer"  # a REST answer leaves
    ORDER = "order"  # the matching engine has an order, or a cancel, in its hands
    FRAME = "frame"  # a socket frame leaves
    SOCKET = "socket"  # a socket connects, logs in, subscribes
    QUOTE = "quote"  # a price is told, by socket or REST
    STATE = "state"  # nothing: the exchange is like that while the rule stands
    DEED = "deed"  # nothing: it is done once, when asked for


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a fault can happen. `args` are the arguments with their defaults; `lasting` ones strike until they
    are cleared, the others once, unless `times` says otherwise."""

    fault: str
    kind: str
    where: Where
    words: str
    args: dict[str, Any] = {}
    lasting: bool = False


def _kind(fault: str, kind: str, where: Where, words: str, lasting: bool = False, **args: Any) -> Kind:
    return Kind(fault=fault, kind=kind, where=where, words=words, args=args, lasting=lasting)


_ALL = (
    _kind("N1", "lost", Where.REQUEST, "never arrives; the connection is reset, or with `hang` left unanswered", hang=False),
    _kind("N2", "reply_lost", Where.REQUEST, "is carried out, its answer never sent; reset, or with `hang` silence", hang=False),
    _kind("N3", "late", Where.REQUEST, "the caller is cut off (or with `hang` left waiting); `secs` later it arrives after all", secs=3.0, hang=False),
    _kind("N4", "code", Where.REQUEST, "a JSON error with `status`; with `effect` after it was carried out", status=500, effect=False),
    _kind("N4", "html", Where.REQUEST, "the CDN's HTML error page with `status`", status=502, effect=False),
    _kind("N4", "maintenance", Where.REQUEST, "503 with a maintenance body", effect=False),
    _kind("N5", "limited", Where.REQUEST, "429; `header` is X-RATE-LIMIT-RESET as sent, null leaves it out", header="1500"),
    _kind("N5", "upgrade", Where.SOCKET, "429 in answer to a socket's upgrade"),
    _kind("N6", "cdn", Where.REQUEST, "403 as an HTML page of the CDN"),
    _kind("N6", "ip", Where.REQUEST, "401 ip_not_whitelisted_for_api_key"),
    _kind("N6", "key", Where.REQUEST, "401 invalid_api_key, as for a key that was revoked"),
    _kind("N6", "expired", Where.REQUEST, "401 signature_expired"),
    _kind("N6", "forbidden", Where.REQUEST, "401 UnauthorizedApiAccess"),
    _kind("N7", "truncated", Where.ANSWER, "JSON cut off in the middle, with a matching length"),
    _kind("N7", "malformed", Where.ANSWER, "200 with something that is not JSON"),
    _kind("N7", "empty", Where.ANSWER, "200 with an empty body"),
    _kind("N7", "null_result", Where.ANSWER, "the envelope with a null result"),
    _kind("N7", "nan", Where.ANSWER, "every numeric text replaced by NaN"),
    _kind("N7", "wrong_types", Where.ANSWER, "numbers as lists, texts as objects"),
    _kind("N7", "missing_keys", Where.ANSWER, "every other key of every row left out"),
    _kind("N7", "extra_keys", Where.ANSWER, "keys nobody has documented; nothing is missing"),
    _kind("N7", "huge", Where.ANSWER, "`megabytes` of filling inside valid JSON", megabytes=20),
    _kind("N7", "gzip_bomb", Where.ANSWER, "a small gzip body that unpacks to `megabytes`", megabytes=64),
    _kind("N8", "page_fails", Where.REQUEST, "500 for a page after the first"),
    _kind("N8", "cursor_repeats", Where.ANSWER, "a list's cursor leads back to the page in hand"),
    _kind("N8", "cut", Where.ANSWER, "the list ends after this page although there is more"),
    _kind("N9", "gap", Where.FRAME, "a frame is left out; the numbers of those behind it show it"),
    _kind("N9", "duplicate", Where.FRAME, "a frame is sent twice"),
    _kind("N9", "reorder", Where.FRAME, "a frame is sent after its successor"),
    _kind("N9", "renumber", Where.FRAME, "from this frame on, the sequence of its channel and symbol counts from 1", lasting=False),
    _kind("N9", "unknown_order", Where.FRAME, "an update of an order nobody placed is slipped in before the frame"),
    _kind("N10", "stall", Where.FRAME, "the socket stays open and says nothing any more, heartbeats included", True),
    _kind("N10", "data_stall", Where.FRAME, "heartbeats and pongs go on, data does not; with a `symbol` only that one is silent", True),
    _kind("N10", "half_open", Where.FRAME, "nothing is sent and nothing that arrives is read", True),
    _kind("N11", "login_refused", Where.SOCKET, "the login is answered with `status` and `code`", True, status="api_key_not_found", code=404),
    _kind("N11", "login_silent", Where.SOCKET, "the login is never answered", True),
    _kind("N11", "forbidden", Where.SOCKET, "a subscription to `channel` is refused as forbidden", True),
    _kind("N11", "moved", Where.SOCKET, "`channel` does not exist any more", True),
    _kind("N11", "subscription_silent", Where.SOCKET, "a subscription to `channel` is neither answered nor served", True),
    _kind("N12", "latency", Where.REQUEST, "arrives `secs` late, and is answered", secs=2.0),
    _kind("N12", "drip", Where.ANSWER, "the answer comes at `bytes_per_sec`", bytes_per_sec=200),
    _kind("N12", "reset_mid_body", Where.ANSWER, "the connection is reset in the middle of the answer"),
    _kind("N13", "disconnect", Where.DEED, "every socket (or those of `socket`) is closed with `code`", code=1001),
    _kind("N13", "abort", Where.DEED, "every socket is cut without a closing frame"),
    _kind("N13", "storm", Where.SOCKET, "each new socket is closed again after `secs`", True, secs=0.2),
    _kind("N14", "behind", Where.FRAME, "frames are sent `secs` late, in order", True, secs=2.0),
    _kind("N15", "skew", Where.ANSWER, "the Date header is off by `secs`", True, secs=5.0),
    _kind("X1", "partial", Where.ORDER, "at most `contracts` of the order find a partner at once (0: none)", contracts=1),
    _kind("X1", "before_cancel", Where.ORDER, "`contracts` of the order are filled just before its cancel is judged", contracts=1),
    _kind("X2", "refused", Where.REQUEST, "400 with the documented `code` (any text is sent as it is)", code="insufficient_margin", context=None),
    _kind("X3", "cancels", Where.ORDER, "`secs` after an order came to rest the exchange cancels it for `reason`", secs=0.2, reason="self_trade"),
    _kind("X3", "cancels_all", Where.DEED, "every open order that matches is cancelled for `reason`", reason="cancelled_by_system"),
    _kind("X4", "halted", Where.STATE, "matching contracts have the trading `status`; new orders are refused, cancels taken", True, status="disrupted_cancel_only"),
    _kind("X5", "settle_now", Where.DEED, "matching options settle at once, at `index` or the present one", index=None),
    _kind("X5", "no_fill", Where.STATE, "what expires worthless vanishes without a settlement fill", True),
    _kind("X5", "price_late", Where.ANSWER, "expired products carry no settlement price yet", True),
    _kind("X6", "liquidation", Where.DEED, "the exchange closes `contracts` of the matching short position; with `told` false no frame says so", contracts=1, told=True),
    _kind("X7", "maintenance", Where.REQUEST, "every request is answered with 503", True),
    _kind("X7", "cancel_only", Where.STATE, "every contract takes cancels only", True),
    _kind("X7", "streams_down", Where.SOCKET, "sockets are closed and new ones refused, REST goes on", True),
    _kind("X9", "reduce_only_early", Where.STATE, "reduce-only orders find no position until `secs` of market time after the opening fill", True, secs=1.0),
    _kind("X10", "refused", Where.STATE, "a client order id that was ever used is refused", True),
    _kind("X10", "accepted", Where.STATE, "a repeated client order id places a second order, even while the first is open", True),
    _kind("X10", "existing", Where.STATE, "a repeated client order id answers with the first order", True),
    _kind("X10", "open_only", Where.STATE, "refused while the first is open, accepted afterwards (the venue's own default)", True),
    _kind("X11", "lag", Where.ANSWER, "GET /v2/positions shows what was true `secs` of market time ago", True, secs=2.0),
    _kind("X11", "size_as", Where.ANSWER, "the size of a position `as` string, float, empty or missing", True, **{"as": "string"}),
    _kind("X12", "terms", Where.STATE, "terms of matching contracts change: `tick_size`, `contract_value`, `taker_rate`", True, tick_size=None, contract_value=None, taker_rate=None),
    _kind("Q1", "frozen", Where.QUOTE, "prices stand still, their time goes on", True),
    _kind("Q1", "stale", Where.QUOTE, "prices carry times `secs` of market time ago", True, secs=60.0),
    _kind("Q1", "milliseconds", Where.QUOTE, "times are told in milliseconds instead of microseconds", True),
    _kind("Q1", "seconds", Where.QUOTE, "times are told in seconds", True),
    _kind("Q2", "crossed", Where.QUOTE, "the bid is above the ask", True),
    _kind("Q2", "locked", Where.QUOTE, "bid and ask are the same", True),
    _kind("Q2", "empty", Where.QUOTE, "no bid and no ask", True),
    _kind("Q2", "no_ask", Where.QUOTE, "no ask", True),
    _kind("Q2", "bid_zero", Where.QUOTE, "a bid of 0", True),
    _kind("Q2", "null", Where.QUOTE, "mark, bid and ask are null", True),
    _kind("Q2", "null_text", Where.QUOTE, 'mark, bid and ask are the text "null"', True),
    _kind("Q2", "negative", Where.QUOTE, "mark, bid and ask below 0", True),
    _kind("Q2", "greeks_absent", Where.QUOTE, "no greeks", True),
    _kind("Q2", "greeks_nan", Where.QUOTE, "greeks are NaN", True),
    _kind("Q2", "delta", Where.QUOTE, "delta is `value`", True, value="1"),
    _kind("Q2", "mark", Where.QUOTE, "the mark is `value` (0, 1e308, ...)", True, value="0"),
    _kind("Q2", "spot", Where.QUOTE, "the index price is `value`", True, value="0"),
    _kind("Q2", "spike", Where.QUOTE, "one print with every price times `factor`", factor=100),
    _kind("Q3", "unpriced", Where.QUOTE, "the matching contract's prices are not told, the others are", True),
    _kind("Q4", "no_calls", Where.ANSWER, "the chain has puts only", True),
    _kind("Q4", "no_puts", Where.ANSWER, "the chain has calls only", True),
    _kind("Q4", "empty", Where.ANSWER, "the chain is empty", True),
    _kind("Q4", "doubled", Where.ANSWER, "every contract is listed twice", True),
    _kind("Q4", "foreign", Where.ANSWER, "contracts of another underlying are mixed in", True),
)  # fmt: skip

KINDS: dict[tuple[str, str], Kind] = {(kind.fault, kind.kind): kind for kind in _ALL}


def kind_of(fault: str, kind: str) -> Kind | None:
    """The entry of a fault; an empty `kind` is the first one listed."""
    if kind:
        return KINDS.get((fault, kind))
    return next((entry for entry in _ALL if entry.fault == fault), None)
