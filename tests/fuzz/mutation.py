"""Damage to JSON payloads: seeded, so that a failing case is its number."""

import contextlib
import json
import random
from typing import Any

# What servers, caches, proxies and bugs put where a number, a text or a list belongs.
ODD: tuple[Any, ...] = (
    None, True, False, 0, -0.0, 1, -1, 2**31, 2**63, -(2**63), 10**400, 1e308, -1e308, 5e-324, 1.5, "", " ", "0", "-0",
    "-1", "1.5", "1e999", "-1e999", "NaN", "nan", "inf", "-Infinity", "null", "true", "abc", "1,5", "0x10", "１２",
    "9" * 30, "9" * 400, "1_000", "+1", "1e5", "--1", "\u0000", "\ud83d\ude00", "<html>", "2026-02-30T00:00:00Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "1795156200000000", 1795156200, 1795156200000,
    1795156200000000, -1795156200000000, 10**20, [], [None], [[]], {}, {"a": 1}, "buy", "closed", "C-BTC-90000-310125",
    "C-BTC-0-000000", "P--1-311299", "MARK:", ".DE",
)  # fmt: skip
_RAW = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e1000",
    b"01",
    b"\xff\xfe",
    b"{",
    b"]",
    b'"',
    b"\x00",
    b"1" * 5000,
    b"[" * 900,
)


def damaged(rng: random.Random, payload: Any) -> Any:
    """One damaged copy of a payload."""
    copy = _copy(payload)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        copy = _damage(rng, copy)
    return copy


def mutate(rng: random.Random, payload: Any) -> bytes:
    """One damaged copy of a payload, as it would come off the wire."""
    text = json.dumps(damaged(rng, payload)).encode()
    if rng.random() < 0.12:
        text = _damage_bytes(rng, text)
    return text


def _odd(rng: random.Random) -> Any:
    return _copy(rng.choice(ODD))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _places(value: Any, found: list[tuple[Any, Any]]) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            found.append((value, name))
            _places(item, found)
    elif isinstance(value, list):
        for index, item in enumerate(value[:20]):
            found.append((value, index))
            _places(item, found)


def _damage(rng: random.Random, payload: Any) -> Any:
    places: list[tuple[Any, Any]] = []
    _places(payload, places)
    if not places or rng.random() < 0.01:
        return _odd(rng)
    holder, key = rng.choice(places)
    kind = rng.randrange(6)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder["surprise"] = _odd(rng)
    elif kind == 2 and isinstance(holder, list):
        holder.insert(rng.randrange(len(holder) + 1), _odd(rng))
    elif kind == 3 and isinstance(holder[key], int | float) and abs(holder[key]) < 1e18:
        holder[key] = rng.choice((str(holder[key]), -holder[key], float(holder[key]), holder[key] * 1e12))
    elif kind == 4 and isinstance(holder[key], str) and holder[key]:
        holder[key] = _damage_text(rng, holder[key])
    else:
        holder[key] = _odd(rng)
    return payload


def _damage_text(rng: random.Random, text: str) -> Any:
    at = rng.randrange(len(text))
    ways: tuple[Any, ...] = (
        "-" + text, text[:at], text[at:], text + "0" * 40, text.upper(), text[:at] + chr(rng.randrange(1, 0x2FF)) + text[at:],
    )  # fmt: skip
    with contextlib.suppress(ValueError, OverflowError):
        ways += (float(text), int(float(text)))
    return rng.choice(ways)


def _damage_bytes(rng: random.Random, text: bytes) -> bytes:
    at = rng.randrange(len(text) + 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text[:at] + rng.choice(_RAW) + text[at:]
    return text[:at] + rng.choice(_RAW) + text[at + 1 :]
