"""REST answers changed on their way out: unreadable, wrong, lagging, partial. Pure but for the books they look at."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from trader.venue.core.account import Account
from trader.venue.core.exchange import Exchange
from trader.venue.faults.catalogue import Where
from trader.venue.faults.quotes import told_row
from trader.venue.faults.rules import Occasion, Rule, RuleBook
from trader.venue.wire.text import plain_or_none

_PRICED = ("/v2/tickers", "/v2/l2orderbook")
_TRANSPORT = frozenset({"drip", "reset_mid_body"})


class Reply(msgspec.Struct):
    """An answer before it is written: header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def edited(
    reply: Reply, occasion: Occasion, query: str, rules: RuleBook, exchange: Exchange
) -> tuple[Reply, Rule | None]:
    """The answer after every rule that strikes it, and the rule (or None) that says how it is to be written."""
    if not rules.any_at(Where.ANSWER, Where.QUOTE):
        return reply, None
    if reply.status == 200 and occasion.path.startswith(_PRICED) and rules.any_at(Where.QUOTE):
        reply = _with_result(reply, lambda result: _quoted(result, rules, exchange))
    transport: Rule | None = None
    for rule in rules.standing(Where.ANSWER, occasion):
        if not _concerns(rule, occasion, reply) or not rule.strikes(occasion):
            continue
        if rule.kind.kind in _TRANSPORT:
            transport = rule
        else:
            reply = _edit(reply, rule, query, exchange)
    return reply, transport


def _concerns(rule: Rule, occasion: Occasion, reply: Reply) -> bool:
    """Rules about one kind of answer leave the others alone, uncounted."""
    match rule.kind.fault:
        case "Q4":
            return occasion.path in ("/v2/tickers", "/v2/products") and reply.status == 200
        case "X11":
            return occasion.path.startswith("/v2/positions") and reply.status == 200
        case "X5":
            return occasion.path.startswith("/v2/products") and reply.status == 200
        case "N8":
            return b'"after"' in reply.body and reply.status == 200
        case _:
            return True


def _edit(reply: Reply, rule: Rule, query: str, exchange: Exchange) -> Reply:
    match rule.kind.fault:
        case "N7":
            return _unreadable(reply, rule)
        case "N8":
            return _paged(reply, rule.kind.kind, query)
        case "N15":
            told = parsedate_to_datetime(reply.headers["date"]) + timedelta(seconds=float(rule.args["secs"]))
            return Reply(reply.status, {**reply.headers, "date": format_datetime(told, usegmt=True)}, reply.body)
        case "X5":
            return _with_result(reply, lambda result: _each(result, _without_settlement))
        case "X11" if rule.kind.kind == "lag":
            return _with_result(reply, lambda result: _lagging(result, query, float(rule.args["secs"]), exchange))
        case "X11":
            return _with_result(reply, lambda result: _each(result, lambda row: _size_as(row, str(rule.args["as"]))))
        case _:
            return _with_result(reply, lambda result: _chain(result, rule.kind.kind))


def _with_result(reply: Reply, change: Callable[[Any], Any]) -> Reply:
    """The same envelope around a changed result."""
    envelope = msgspec.json.decode(reply.body)
    envelope["result"] = change(envelope.get("result"))
    return Reply(reply.status, reply.headers, msgspec.json.encode(envelope))


def _each(result: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    return [change(row) for row in result] if isinstance(result, list) else change(result)


# ------------------------------------------------------------ N7


def _unreadable(reply: Reply, rule: Rule) -> Reply:
    kind, body = rule.kind.kind, reply.body
    match kind:
        case "truncated":
            return Reply(reply.status, reply.headers, body[: max(1, len(body) // 2)])
        case "malformed":
            return Reply(reply.status, {**reply.headers, "content-type": "text/plain"}, b"upstream says hello {]")
        case "empty":
            return Reply(reply.status, reply.headers, b"")
        case "huge":
            filling = b" " * (int(rule.args["megabytes"]) * 1_000_000)
            return Reply(reply.status, reply.headers, body[:-1] + filling + body[-1:])
        case "gzip_bomb":
            filling = b" " * (int(rule.args["megabytes"]) * 1_000_000)
            packed = gzip.compress(body[:-1] + filling + body[-1:], 9)
            return Reply(reply.status, {**reply.headers, "content-encoding": "gzip"}, packed)
        case "nan":
            # No encoder writes the token NaN: it is put in as text and unquoted afterwards.
            text = msgspec.json.encode(_mapped(msgspec.json.decode(body), _not_a_number))
            return Reply(reply.status, reply.headers, text.replace(b'"\\u0000NaN"', b"NaN"))
    envelope = msgspec.json.decode(body)
    changes: dict[str, Callable[[Any], Any]] = {
        "null_result": lambda _: None,
        "wrong_types": lambda result: _mapped(result, _wrong_type),
        "missing_keys": _with_gaps,
        "extra_keys": _with_extras,
    }
    envelope["result"] = changes[kind](envelope.get("result"))
    return Reply(reply.status, reply.headers, msgspec.json.encode(envelope))


def _mapped(value: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _mapped(inner, leaf) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, leaf) for inner in value]
    return leaf(value)


def _not_a_number(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return "\0NaN"
    return "NaN" if value.replace(".", "", 1).lstrip("-").isdigit() else value


def _wrong_type(value: Any) -> Any:
    return [value] if isinstance(value, int | float) else {"value": value}


def _with_gaps(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: inner for place, (name, inner) in enumerate(value.items()) if place % 2}
    return [_with_gaps(inner) for inner in value] if isinstance(value, list) else value


def _with_extras(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{n: _with_extras(v) for n, v in value.items()}, "not_documented": {"nested": [1, "2", None]}}
    return [_with_extras(inner) for inner in value] if isinstance(value, list) else value


# ------------------------------------------------------------ lists, positions, products, chains


def _paged(reply: Reply, kind: str, query: str) -> Reply:
    envelope = msgspec.json.decode(reply.body)
    meta = envelope.get("meta") or {}
    asked = parse_qs(query).get("after", [None])[0]
    if kind == "cut":
        meta["after"] = None
    elif asked is not None:
        meta["after"] = asked
    envelope["meta"] = meta
    return Reply(reply.status, reply.headers, msgspec.json.encode(envelope))


def _without_settlement(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("state") not in ("expired", "settled"):
        return row
    specs = {n: v for n, v in (row.get("product_specs") or {}).items() if n != "settlement_index_price"}
    return {**row, "settlement_price": None, "product_specs": specs}


def _lagging(result: Any, query: str, secs: float, exchange: Exchange) -> Any:
    """Positions as they were. The venue has one trading account per key; the lag is shown for the account in the rows."""
    account = next(iter(exchange.accounts.values()))
    if isinstance(result, dict):
        return _as_of(result, account, secs, exchange)
    underlying = parse_qs(query).get("underlying_asset_symbol", [""])[0]
    rows: list[dict[str, Any]] = []
    for held in account.positions_as_of(exchange.now, secs):
        instrument = exchange.products.find(held.symbol)
        if instrument is not None and underlying in ("", instrument.underlying):
            known: dict[str, Any] = next((row for row in result if row["product_symbol"] == held.symbol), {})
            told = {"product_id": held.product_id, "product_symbol": held.symbol}
            rows.append({**known, **told, "size": held.size, "entry_price": plain_or_none(held.entry_price)})
    return rows


def _as_of(row: dict[str, Any], account: Account, secs: float, exchange: Exchange) -> dict[str, Any]:
    past = {held.symbol: held for held in account.positions_as_of(exchange.now, secs)}
    held = past.get(row["product_symbol"])
    return {
        **row,
        "size": held.size if held else 0,
        "entry_price": plain_or_none(held.entry_price) if held else None,
    }


def _size_as(row: dict[str, Any], form: str) -> dict[str, Any]:
    if form == "missing":
        return {name: value for name, value in row.items() if name != "size"}
    size = row["size"]
    forms = {"string": str(size), "float": float(size), "empty": ""}
    return {**row, "size": forms.get(form, size)}


def _quoted(result: Any, rules: RuleBook, exchange: Exchange) -> Any:
    rows = result if isinstance(result, list) else [result]
    told = [row for row in (told_row(row, rules, exchange) for row in rows) if row is not None]
    if isinstance(result, list):
        return told
    return told[0] if told else None


def _chain(result: Any, kind: str) -> Any:
    if not isinstance(result, list):
        return result
    match kind:
        case "no_calls":
            return [row for row in result if row.get("contract_type") != "call_options"]
        case "no_puts":
            return [row for row in result if row.get("contract_type") != "put_options"]
        case "empty":
            return []
        case "doubled":
            return [row for row in result for _ in range(2)]
        case _:
            foreign = [_renamed(row) for row in result[:20]]
            return [*foreign, *result]


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    """The same contract of an underlying nobody asked for."""
    symbol = str(row.get("symbol", "")).replace("-BTC-", "-XRP-").replace("-ETH-", "-XRP-")
    number = int(row.get("product_id") or row.get("id") or 0) + 9_000_000
    ids = {"product_id": number} if "product_id" in row else {"id": number}
    return {**row, **ids, "symbol": symbol, "underlying_asset_symbol": "XRP"}
