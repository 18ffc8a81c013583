"""Requests that fit the API's document, and requests that do not: `python -m tests.api.fuzz --requests 50000 --seed 1`.

Schemathesis draws requests from the document, valid and invalid ones. Each is sent with a token that may, then with every token
that may not, then with its body broken at random. No answer may be a 5xx, each must be what the document says, every refusal a
problem document; and a request that is not authorised changes nothing.
"""

import argparse
import json
import random
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.api.client import Client, serving
from tests.api.test_scopes import REACH
from tests.desk.conftest import RunnersHand
from trader.config.settings import load_settings
from trader.config.tokens import SCOPES, TokenStore
from trader.desk import Desk
from trader.journal import Journal

_CHECKS = [content_type_conformance, response_schema_conformance]
_ALL = list(HealthCheck)
_BROKEN = (b"", b"{", b"[]", b"null", b"NaN", b'"', b"\xff\xfe\x00", b'{"a":1,"a":2}', b"1e999", b"-0", b"{}{}")


class Fuzz:
    """One server over a desk whose runner seems to be alive, and what was sent to it."""

    def __init__(self, client: Client, journal: Journal, number: int) -> None:
        self.client = client
        self.journal = journal
        self.hand = RunnersHand(journal)
        self.seen = 0.0
        self.chance = random.Random(number)
        self.number = number
        self.statuses: Counter[int] = Counter()
        store = TokenStore(client.home)
        client.tokens["wrong"] = "sd_00000000_" + "a" * 43
        client.tokens["revoked"] = store.create("gone", "trade")[1]
        store.revoke("gone")
        self.schema = schemathesis.openapi.from_dict(client.get("/openapi.json"))
        self.operations = [one.ok() for one in self.schema.get_all_operations() if "/stream/" not in one.ok().path]

    def run(self, operation: Any, mode: GenerationMode, examples: int) -> None:
        """So many drawn requests for one operation."""

        @seed(self.number)
        @settings(
            max_examples=examples, database=None, deadline=None, suppress_health_check=_ALL, phases=[Phase.generate]
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def each(case: Any) -> None:
            self.send(case, operation)

        try:
            each()
        except Unsatisfiable:
            return  # nothing can be wrong with it

    def send(self, case: Any, operation: Any) -> None:
        """A drawn request with every kind of token, and broken."""
        if time.monotonic() > self.seen + 1:
            self.hand.live()
            self.seen = time.monotonic()
        query = case.query or {}
        if any(one.name == "wait" for one in operation.query) and isinstance(query.get("wait", 2), int | float):
            case.query = {**query, "wait": min(query.get("wait", 0), 0)}  # no one answers here
        least = operation.definition.raw.get("x-scope")
        for kind in (None, "wrong", "revoked", *SCOPES):
            allowed = least is None or kind in REACH[least]
            before = self.changes()
            request = case.as_transport_kwargs(base_url=self.client.url)
            drawn = {name: value for name, value in request["headers"].items() if name.lower() != "authorization"}
            token = {} if kind is None else {"Authorization": f"Bearer {self.client.tokens[kind]}"}
            answer = self.client.session.request(**request | {"headers": {**drawn, **token}})
            self.judge(answer.status_code, answer.headers.get("content-type", ""), answer.content, case)
            if not allowed:
                wanted = 403 if kind in SCOPES else 401
                assert answer.status_code == wanted, (kind, answer.status_code, answer.text)
                assert self.changes() == before, f"{operation.label} changed something for {kind}"
            elif kind == "trade":
                case.validate_response(answer, checks=_CHECKS)
        if isinstance(case.body, dict | list):
            self.broken(case, json.dumps(case.body).encode())

    def broken(self, case: Any, body: bytes) -> None:
        """The same with a body that is cut, flipped or replaced."""
        path = case.formatted_path
        for _ in range(3):
            at = self.chance.randrange(len(body) + 1)
            choice = self.chance.randrange(4)
            if choice == 0:
                spoilt = body[:at]
            elif choice == 1:
                spoilt = body[:at] + bytes([self.chance.randrange(256)]) + body[at + 1 :]
            elif choice == 2:
                spoilt = body[:at] + self.chance.choice(_BROKEN) + body[at:]
            else:
                spoilt = self.chance.choice(_BROKEN)
            answer = self.client.ask(case.method, path, data=spoilt, headers={"Content-Type": "application/json"})
            self.judge(answer.status_code, answer.headers["content-type"], answer.content, case)

    def garbage(self) -> None:
        """Bytes that are no HTTP; whatever comes back, the server lives on."""
        with socket.create_connection(("127.0.0.1", self.client.port), timeout=5) as wire:
            wire.sendall(self.chance.randbytes(self.chance.randrange(1, 300)) + b"\r\n\r\n")
        self.statuses[0] += 1
        assert self.client.get("/health", None)["status"] == "up"

    def judge(self, status: int, kind: str, content: bytes, case: Any) -> None:
        self.statuses[status] += 1
        words = f"{case.method} {case.formatted_path}: {status} {content[:300]!r}"
        assert status < 500 or case.path == "/ready", words
        if status >= 400 and case.path != "/ready":
            assert kind == "application/problem+json", words
            assert json.loads(content)["status"] == status, words

    def changes(self) -> int:
        """How many commands there are."""
        return self.journal.newest().command


@contextmanager
def fuzzing(folder: Path, number: int) -> Iterator[Fuzz]:
    chosen = load_settings(environ={"TRADER_HOME": str(folder / "home")})
    desk = Desk(chosen)
    with serving(desk) as client:
        journal = Journal.open(chosen.journal_url)
        try:
            yield Fuzz(client, journal, number)
        finally:
            journal.close()
    desk.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.api.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=50_000, help="stop once so many were sent")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    begun, round_ = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder, fuzzing(Path(folder), chosen.seed) as fuzz:
        while fuzz.statuses.total() < chosen.requests:
            for operation in fuzz.operations:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    fuzz.run(operation, mode, 4)
            fuzz.garbage()
            round_ += 1
            fuzz.number = chosen.seed + round_
            sys.stderr.write(f"{fuzz.statuses.total()} requests, {time.monotonic() - begun:.0f} s\n")
    print(f"{fuzz.statuses.total()} requests, none answered with a 5xx, none changed anything unasked; by status:")
    print(", ".join(f"{status or 'no HTTP'}: {times}" for status, times in sorted(fuzz.statuses.items())))


if __name__ == "__main__":
    main()
