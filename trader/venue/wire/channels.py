"""Subscriptions: which channels a socket offers, which symbols they take, and the acknowledgement frames.

Pure: a `Subscriptions` object holds one connection's state and never touches a socket.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from trader.venue.wire.feeds import Feed


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One channel. `takes` says whether a symbol is allowed; None = the channel has no symbols. `symbols_max` is per
    connection, `private` needs a login. `feed` is what a public channel sends of its symbols."""

    name: str
    takes: Callable[[str], bool] | None = None
    symbols_max: int | None = None
    private: bool = False
    feed: Feed | None = None


class Change(msgspec.Struct):
    """What a frame changed: (channel, symbol) pairs added and removed; symbol None for channels without symbols."""

    added: list[tuple[str, str | None]]
    removed: list[tuple[str, str | None]]
    failures: dict[str, str]


class Subscriptions:
    """The channels and symbols of one connection."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels
        self.current: dict[str, dict[str, None]] = {}  # channel -> symbols in order; empty for channels without symbols

    def subscribe(self, payload: Any, *, logged_in: bool) -> Change:
        """Add what a subscribe frame asks for; failures are per channel and leave the others standing."""
        change = Change([], [], {})
        for name, symbols in _asked(payload, change):
            failure = self._refusal(name, symbols, logged_in)
            if failure is not None:
                change.failures[name] = failure
                continue
            have = self.current.setdefault(name, {})
            if self._channels[name].takes is None:
                change.added.append((name, None))
                continue
            for symbol in symbols or ():
                if symbol not in have:
                    have[symbol] = None
                change.added.append((name, symbol))
        return change

    def unsubscribe(self, payload: Any) -> Change:
        """Drop symbols, or whole channels named without symbols."""
        change = Change([], [], {})
        for name, symbols in _asked(payload, change):
            have = self.current.get(name)
            if have is None:
                continue
            if symbols is None:
                del self.current[name]
                change.removed += [(name, symbol) for symbol in have] or [(name, None)]
                continue
            for symbol in symbols:
                if symbol in have:
                    del have[symbol]
                    change.removed.append((name, symbol))
            if not have:
                del self.current[name]
        return change

    def drop_private(self) -> None:
        """Forget every channel that needs a login."""
        for name in [n for n in self.current if self._channels[n].private]:
            del self.current[name]

    def acknowledgement(self, failures: Mapping[str, str]) -> dict[str, Any]:
        """The `subscriptions` frame: everything subscribed now, and what failed in this request."""
        listed: list[dict[str, Any]] = []
        for name, symbols in self.current.items():
            row: dict[str, Any] = {"name": name}
            if self._channels[name].takes is not None:
                row["symbols"] = list(symbols)
            listed.append(row)
        listed += [{"name": name, "error": text} for name, text in failures.items()]
        return {"type": "subscriptions", "channels": listed}

    def _refusal(self, name: str, symbols: list[str] | None, logged_in: bool) -> str | None:
        channel = self._channels.get(name)
        if channel is None:
            return f"subscription forbidden on {name}. Unknown channel"
        if channel.private and not logged_in:
            return f"subscription forbidden on {name}. Unauthorized user"
        if channel.takes is None or symbols is None:
            return None
        for symbol in symbols:
            if not channel.takes(symbol):
                return f"subscription forbidden on {name}. Unknown symbol {symbol}"
        held = self.current.get(name, {})
        if channel.symbols_max is not None and len({*held, *symbols}) > channel.symbols_max:
            return f"subscription forbidden on {name}. At most {channel.symbols_max} symbols per connection"
        return None


def _asked(payload: Any, change: Change) -> list[tuple[str, list[str] | None]]:
    """The channels of a frame's payload; what cannot be read becomes a failure."""
    rows = payload.get("channels") if isinstance(payload, dict) else None
    if not isinstance(rows, list):
        change.failures["?"] = "payload.channels must be a list"
        return []
    asked: list[tuple[str, list[str] | None]] = []
    for row in rows:
        name = row.get("name") if isinstance(row, dict) else None
        symbols = row.get("symbols") if isinstance(row, dict) else None
        if not isinstance(name, str):
            change.failures["?"] = "every channel needs a name"
        elif symbols is not None and not (isinstance(symbols, list) and all(isinstance(s, str) for s in symbols)):
            change.failures[name] = "symbols must be a list of strings"
        else:
            asked.append((name, symbols))
    return asked
