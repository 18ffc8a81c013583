"""Identifiers derived from what they name, so that a restart makes the same ones.

A client order id reads ``sd<inst4>-<run5>-<leg><purpose><nn>-<epoch3>-<digest8>``: at most 32 characters (the exchange's
limit), the prefix finds our orders without a journal, the epoch exposes a zombie's.
"""

import base64
import hashlib
import re

import msgspec

from trader.domain.order import Purpose

_FORM = re.compile(
    r"^sd(?P<installation>\w{4})-(?P<run>\w{5})-(?P<leg>\w+)(?P<purpose>[EXRFC])\d\d-(?P<epoch>\d{3})-\w{8}$"
)


class OrderName(msgspec.Struct, frozen=True):
    """What a client order id says of its order. `run` is the first five characters of the run's id."""

    installation: str
    run: str
    leg: str
    purpose: Purpose
    epoch: int


def _short(text: str, length: int) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=10).digest()
    return base64.b32encode(digest).decode().lower()[:length]


def run_id_for(command_id: str) -> str:
    """The run a start command makes: the same command makes the same run, however often it is read."""
    return _short(f"run:{command_id}", 10)


def ticket_id_for(command_id: str, number: int) -> str:
    """The same for one order of a command that names several."""
    return _short(f"ticket:{command_id}:{number}", 10)


def client_order_id(
    *, installation: str, epoch: int, run_id: str, leg: str, purpose: Purpose, attempt: int, holder: str = ""
) -> str:
    """Unique per intent (installation, run, leg, purpose, attempt), lease epoch and holder of the lease: where an older
    copy of the journal was put back, an epoch may come a second time and an attempt be counted again."""
    stem = f"{run_id[:5]}-{leg}{purpose.value}{attempt % 100:02d}-{epoch % 1000:03d}"
    digest = _short(f"{installation}:{run_id}:{leg}:{purpose.value}:{attempt}:{epoch}:{holder}", 8)
    return f"sd{installation[:4]}-{stem}-{digest}"


def is_ours(client_order_id_text: str | None, installation: str) -> bool:
    """True for orders of this installation, whichever run or epoch made them."""
    return client_order_id_text is not None and client_order_id_text.startswith(f"sd{installation[:4]}-")


def parse_client_order_id(text: str | None) -> OrderName | None:
    """The parts of an id of this program, whichever installation made it; None for anybody else's."""
    match = _FORM.match(text or "")
    if match is None:
        return None
    return OrderName(match["installation"], match["run"], match["leg"], Purpose(match["purpose"]), int(match["epoch"]))
