"""One REST call on its way to a handler, and what a handler answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from trader.venue.core.account import Account
from trader.venue.core.exchange import Exchange
from trader.venue.tape import Tape
from trader.venue.wire.problem import key_not_authorised


class Call(msgspec.Struct, kw_only=True):
    """`now` is market time; `path` the route's parameters; `account` None on unsigned calls."""

    exchange: Exchange
    tape: Tape
    now: datetime
    wall_secs: float
    path: Mapping[str, Any]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    caller: str
    holder: Account | None

    @property
    def account(self) -> Account:
        """The signed-in account; handlers of signed routes only."""
        if self.holder is None:
            raise key_not_authorised()
        return self.holder


class Answer(msgspec.Struct):
    """`result` goes into the envelope with `meta`; `bare` True sends `result` without one, `csv` True as a CSV text."""

    result: Any
    meta: dict[str, Any] | None = None
    bare: bool = False
    csv: bool = False


class Handler(Protocol):
    """Answers one endpoint."""

    def __call__(self, call: Call) -> Answer: ...
