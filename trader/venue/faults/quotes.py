"""Prices told wrongly: the same faults for socket frames and REST rows. The exchange's own books stay right.

An occasion is one contract in one frame to one receiver, or in one row of an answer.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from trader.venue.core.exchange import Exchange
from trader.venue.faults.catalogue import Where
from trader.venue.faults.rules import Occasion, Rule, RuleBook
from trader.venue.market.instants import to_us

PRICE_CHANNELS = frozenset({"ticker", "ob_l1", "mark_price", "spot_price"})
_UNITS = {"milliseconds": 1_000, "seconds": 1_000_000}
_INDICES = ".DE"


class Quoted:
    """Access to one told price: where its bid, ask, mark, index, greeks and times are, whatever its form.

    Missing parts read as None and cannot be set, so that one set of faults serves every form.
    """

    def __init__(
        self, symbol: str, places: dict[str, tuple[Any, Any]], times: list[tuple[dict[str, Any], str]]
    ) -> None:
        self.symbol = symbol
        self._places = places
        self.times = times

    def get(self, name: str) -> Any:
        place = self._places.get(name)
        return None if place is None else place[0][place[1]]

    def set(self, name: str, value: Any) -> None:
        place = self._places.get(name)
        if place is not None:
            place[0][place[1]] = value

    def names(self) -> list[str]:
        return list(self._places)


def told_frame(frame: dict[str, Any], rules: RuleBook, exchange: Exchange) -> dict[str, Any] | None:
    """A socket frame as it is told; None when nothing of it is."""
    channel = frame.get("type")
    if channel == "ticker":
        kept = [row for row in frame["d"] if _apply(_of_ticker(frame, row), channel, rules, exchange)]
        if not kept:
            return None
        frame["d"] = kept
        return frame
    builders = {"ob_l1": _of_best, "mark_price": _of_mark, "spot_price": _of_spot}
    quoted = builders[str(channel)](frame)
    return frame if _apply(quoted, str(channel), rules, exchange) else None


def told_row(row: dict[str, Any], rules: RuleBook, exchange: Exchange) -> dict[str, Any] | None:
    """A REST ticker row as it is told; None when it is left out. Order books are left as they are."""
    if "quotes" not in row:
        return row
    quotes, greeks = row["quotes"], row.get("greeks")
    places: dict[str, tuple[Any, Any]] = {
        "bid": (quotes, "best_bid"),
        "ask": (quotes, "best_ask"),
        "mark": (row, "mark_price"),
        "spot": (row, "spot_price"),
        "greeks": (row, "greeks"),
    }
    if greeks:
        places |= {name: (greeks, name) for name in ("delta", "gamma", "rho", "theta", "vega")}
    quoted = Quoted(row["symbol"], places, [(row, "timestamp")])
    return row if _apply(quoted, "tickers", rules, exchange) else None


def _of_ticker(frame: dict[str, Any], row: dict[str, Any]) -> Quoted:
    book, greeks = row["q"], row.get("g")
    places: dict[str, tuple[Any, Any]] = {
        "ask": (book, 0),
        "bid": (book, 2),
        "mark": (row, "m"),
        "spot": (frame, "sp"),
        "greeks": (row, "g"),
    }
    if greeks:
        places |= {name: (greeks, place) for place, name in enumerate(("delta", "gamma", "rho", "theta", "vega"))}
    return Quoted(row["s"], places, [(frame, "ts")])


def _of_best(frame: dict[str, Any]) -> Quoted:
    return Quoted(frame["sy"], {"ask": (frame, "ap"), "bid": (frame, "bp")}, [(frame, "ts"), (frame, "lts")])


def _of_mark(frame: dict[str, Any]) -> Quoted:
    return Quoted(frame["sy"].removeprefix("MARK:"), {"mark": (frame, "p")}, [(frame, "ts")])


def _of_spot(frame: dict[str, Any]) -> Quoted:
    return Quoted(frame["sy"], {"spot": (frame, "p")}, [(frame, "ts")])


def _apply(quoted: Quoted, channel: str, rules: RuleBook, exchange: Exchange) -> bool:
    """Change one told price by every rule that strikes it; False when it is not told at all."""
    occasion = Occasion(symbols=(quoted.symbol,), channel=channel)
    for rule in rules.standing(Where.QUOTE, occasion):
        if rule.spec.match.symbol is None and quoted.symbol.startswith(_INDICES) and rule.kind.kind != "spot":
            continue  # faults of contracts leave the index alone unless it is named
        if not rule.strikes(occasion):
            continue
        if rule.kind.kind == "unpriced":
            return False
        _change(quoted, rule, exchange)
    return True


def _change(quoted: Quoted, rule: Rule, exchange: Exchange) -> None:
    kind, args = rule.kind.kind, rule.args
    match kind:
        case "frozen":
            _freeze(quoted, rule)
        case "stale":
            past = to_us(exchange.now - timedelta(seconds=float(args["secs"])))
            _retime(quoted, lambda _: past)
        case "milliseconds" | "seconds":
            _retime(quoted, lambda value: value // _UNITS[kind] if value > 10**14 else value)
        case "crossed":
            bid, ask = quoted.get("bid"), quoted.get("ask")
            if bid is not None and ask is not None:
                quoted.set("bid", _scaled(ask, Decimal("1.2")))
                quoted.set("ask", bid)
        case "locked":
            quoted.set("bid", quoted.get("ask"))
        case "empty":
            quoted.set("bid", None)
            quoted.set("ask", None)
        case "no_ask":
            quoted.set("ask", None)
        case "bid_zero":
            quoted.set("bid", "0")
        case "null" | "null_text" | "negative":
            for name in ("mark", "bid", "ask"):
                if quoted.get(name) is not None:
                    quoted.set(name, {"null": None, "null_text": "null"}.get(kind, "-1.5"))
        case "greeks_absent":
            quoted.set("greeks", None)
        case "greeks_nan":
            for name in ("delta", "gamma", "rho", "theta", "vega"):
                quoted.set(name, "NaN")
        case "delta":
            quoted.set("delta", str(args["value"]))
        case "mark" | "spot":
            quoted.set(kind, str(args["value"]))
        case "spike":
            for name in ("mark", "bid", "ask"):
                if (value := quoted.get(name)) is not None:
                    quoted.set(name, _scaled(value, Decimal(str(args["factor"]))))


def _freeze(quoted: Quoted, rule: Rule) -> None:
    """The first values told after the rule began are told for ever; prices that were not told yet are taken as they come."""
    kept = rule.memory.setdefault(quoted.symbol, {})
    for name in ("mark", "bid", "ask", "spot"):
        if quoted.get(name) is not None:
            quoted.set(name, kept.setdefault(name, quoted.get(name)))


def _retime(quoted: Quoted, change: Callable[[int], int]) -> None:
    for holder, name in quoted.times:
        if isinstance(holder.get(name), int):
            holder[name] = change(holder[name])


def _scaled(price: str, factor: Decimal) -> str:
    return f"{Decimal(price) * factor:f}"
