"""A small language for the exchange's field tables, and the check of a payload against them. Knows no endpoint.

A table is text, one field or several of one kind per line:

    ! id user_id        : int          must be there
      limit_price       : dec null     documented; its absence is a problem only for who promises the newest edition
    * trigger_price     : dec null     may be missing (conditional, or seen on live servers only)

Types are alternatives separated by blanks: `int`, `str`, `dec` (decimal text), `num` (a JSON number), `bool`, `flag`
(``true``/``"true"``), `iso` (ISO-8601 text, UTC), `us`/`ms`/`sec` (whole numbers of that unit), `digits`, `hex`, `null`,
`any`, `object`, a literal in single quotes, ``@Name`` for another table, and any of them in brackets for a list.

Strings, numbers and absences are told apart exactly: `"5"` is not an `int`, and 0 is not `null`.
"""

import functools
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

_DECIMAL = re.compile(r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$")
_HEX = re.compile(r"^[0-9a-f]{32}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_PROBLEMS_MAX = 40


class Field(msgspec.Struct, frozen=True):
    """One field: its alternatives, and whether it may be missing."""

    types: tuple[str, ...]
    presence: str  # "!" must, " " documented, "*" may be missing


Table = dict[str, Field]


def _is_int(value: Any) -> bool:
    return type(value) is int


def _is_num(value: Any) -> bool:
    return type(value) in (int, float) and value == value and abs(value) != float("inf")


def _is_dec(value: Any) -> bool:
    return isinstance(value, str) and _DECIMAL.match(value) is not None


def _is_iso(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return False
    return instant.utcoffset() == timedelta(0)


def _between(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value < high


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "int": _is_int,
    "num": _is_num,
    "str": lambda value: isinstance(value, str),
    "dec": _is_dec,
    "bool": lambda value: isinstance(value, bool),
    "flag": lambda value: isinstance(value, bool) or value in ("true", "false"),
    "iso": _is_iso,
    "sec": _between(10**8, 10**10),
    "ms": _between(10**11, 10**13),
    "us": _between(10**14, 10**16),
    "digits": lambda value: isinstance(value, str) and value.isascii() and value.isdigit(),
    "hex": lambda value: isinstance(value, str) and _HEX.match(value) is not None,
    "null": lambda value: value is None,
    "any": lambda value: True,
    "object": lambda value: isinstance(value, Mapping),
}


def table(text: str, *, base: Table | None = None) -> Table:
    """Read a table; `base` is another whose fields it adds to."""
    fields: Table = dict(base or {})
    for line in text.splitlines():
        if not line.strip():
            continue
        names, _, types = line.partition(":")
        mark, names = (names.strip()[0], names.strip()[1:]) if names.strip()[0] in "!*" else (" ", names)
        listed = tuple(types.split("#")[0].split())
        if not names.split() or not listed:
            raise ValueError(f"not a field line: {line!r}")
        for name in names.split():
            fields[name] = Field(listed, mark)
    return fields


class Checker:
    """Checks payloads against named tables."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        for name, fields in tables.items():
            for field, entry in fields.items():
                for kind in entry.types:
                    self._known(kind, f"{name}.{field}")

    def check(self, types: str, value: Any, *, newest: bool, where: str = "result") -> list[str]:
        """Problems of a value that should be one of `types`; empty when there is none.

        `newest` demands every documented field and refuses fields no table names, which is what a server that follows
        the newest edition owes its clients. A client owes none of that to a server.
        """
        problems: list[str] = []
        self._value(tuple(types.split()), value, newest, where, problems)
        return problems[:_PROBLEMS_MAX]

    def _known(self, kind: str, where: str) -> None:
        inner = _unbracketed(kind)
        if inner.startswith("'") or inner in _CHECKS or (inner.startswith("@") and inner[1:] in self._tables):
            return
        raise ValueError(f"{where} names the unknown type {kind!r}")

    def _value(self, types: tuple[str, ...], value: Any, newest: bool, where: str, problems: list[str]) -> None:
        best: list[str] | None = None
        for kind in types:
            found = self._one(kind, value, newest, where)
            if not found:
                return
            fits = isinstance(value, list) if kind.startswith("[") else isinstance(value, Mapping) and kind[0] == "@"
            if fits and (best is None or len(found) < len(best)):
                best = found
        problems += best if best is not None else [f"{where}: expected {' or '.join(types)}, was {_shown(value)}"]

    def _one(self, kind: str, value: Any, newest: bool, where: str) -> list[str]:
        if kind.startswith("["):
            return self._list(kind[1:-1], value, newest, where)
        if kind.startswith("@"):
            return self._object(self._tables[kind[1:]], value, newest, where)
        if kind.startswith("'"):
            return [] if value == kind.strip("'") else ["not this literal"]
        return [] if _CHECKS[kind](value) else ["not this type"]

    def _list(self, inner: str, value: Any, newest: bool, where: str) -> list[str]:
        if not isinstance(value, list):
            return ["not a list"]
        problems: list[str] = []
        for index, item in enumerate(value):
            self._value(tuple(inner.split("/")), item, newest, f"{where}[{index}]", problems)
            if len(problems) >= _PROBLEMS_MAX:
                break
        return problems

    def _object(self, fields: Table, value: Any, newest: bool, where: str) -> list[str]:
        if not isinstance(value, Mapping):
            return ["not an object"]
        problems: list[str] = []
        for name, entry in fields.items():
            if name in value:
                self._value(entry.types, value[name], newest, f"{where}.{name}", problems)
            elif entry.presence == "!" or (newest and entry.presence == " "):
                problems.append(f"{where}.{name}: missing")
        if newest:
            problems += [f"{where}.{name}: not in the table" for name in value if name not in fields]
        return problems


@functools.cache
def _unbracketed(kind: str) -> str:
    return kind.strip("[]").split("/")[0]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
