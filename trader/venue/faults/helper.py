"""For tests of any bot: a client of the control port, and a local exchange with faults as a context manager.

    with VenueProcess(speed=30) as venue:                      # venue.rest_url, venue.api_key, ... for the bot
        with venue.faults.fault("N2", match={"method": "POST", "path": "/v2/orders"}) as rule:
            ...                                                # the bot's next order is accepted, its answer lost
            rule.await_happened()

Needs the standard library only, so that it can be copied into another project.
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

_ANSWER_SECS = 10.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the control port is on this machine
_POLL_SECS = 0.02
_END_SECS = 15.0


class FaultRefused(Exception):
    """The control port does not take the rule; the message says why."""


class StandingFault:
    """A rule that was added."""

    def __init__(self, faults: "VenueFaults", row: dict[str, Any]) -> None:
        self._faults = faults
        self.row = row
        self.id: str = row["id"]

    @property
    def happened(self) -> int:
        """How often it has struck so far; a deed tells what it touched when it was added."""
        for row in self._faults.rules():
            if row["id"] == self.id:
                self.row = row
        return int(self.row["happened"])

    def await_happened(self, times: int = 1, secs: float = _ANSWER_SECS) -> None:
        """Wait until it has struck so often.

        Raises:
            TimeoutError: It did not within `secs`.
        """
        deadline = time.monotonic() + secs
        while (happened := self.happened) < times:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.row['fault']} {self.row['kind']} happened {happened} of {times} times")
            time.sleep(_POLL_SECS)

    def remove(self) -> None:
        """End it; nothing happens when it has ended already."""
        self._faults.remove(self.id)


class VenueFaults:
    """Adds and removes faults of the venue whose control port is at `control_url`."""

    def __init__(self, control_url: str) -> None:
        self._url = control_url.rstrip("/")

    def add(
        self,
        fault: str,
        kind: str = "",
        *,
        match: dict[str, Any] | None = None,
        times: int | None = None,
        for_secs: float | None = None,
        **args: Any,
    ) -> StandingFault:
        """Let a fault stand; an argument named like a keyword (`as`) is passed as ``**{"as": ...}``.

        Raises:
            FaultRefused: There is no such fault, or an argument it does not take.
        """
        spec = {"fault": fault, "kind": kind, "match": match or {}, "times": times, "for_secs": for_secs, "args": args}
        [row] = self._call("POST", "/faults", spec)
        return StandingFault(self, row)

    @contextmanager
    def fault(self, fault: str, kind: str = "", **options: Any) -> Iterator[StandingFault]:
        """A fault for the length of a `with` block."""
        standing = self.add(fault, kind, **options)
        try:
            yield standing
        finally:
            standing.remove()

    def rules(self) -> list[dict[str, Any]]:
        """Every standing rule with how often it has struck."""
        rows: list[dict[str, Any]] = self._call("GET", "/faults")
        return rows

    def catalogue(self) -> list[dict[str, Any]]:
        """Every fault there is, with its arguments and their defaults."""
        rows: list[dict[str, Any]] = self._call("GET", "/catalogue")
        return rows

    def remove(self, rule_id: str) -> bool:
        """End one; False when there is none of that id."""
        try:
            self._call("DELETE", f"/faults/{rule_id}")
        except FaultRefused:
            return False
        return True

    def clear(self) -> None:
        """End all."""
        self._call("DELETE", "/faults")

    def requests(self, after: int = 0) -> list[dict[str, Any]]:
        """REST requests as they arrived, those with a number above `after`."""
        rows: list[dict[str, Any]] = self._call("GET", f"/requests?after={after}")
        return rows

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)  # noqa: S310 - loopback
        try:
            with _DIRECT.open(request, timeout=_ANSWER_SECS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise FaultRefused(json.load(error)["error"]) from None


class VenueProcess:
    """`python -m trader venue --control` as a context manager: one exchange with faults, gone at the end.

    `options` are those of the command, such as ``speed=30``, ``seed=7``, ``balance=1000000``, ``start="2026-03-03T05:00:00Z"``.
    """

    def __init__(self, **options: Any) -> None:
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        self._command = [sys.executable, "-m", "trader", "venue", "--control", *words]
        self._process: subprocess.Popen[bytes] | None = None
        self.announcement: dict[str, Any] = {}

    def __enter__(self) -> "VenueProcess":
        tree = Path(__file__).parents[3]
        process = subprocess.Popen(self._command, cwd=tree, stdout=subprocess.PIPE)  # noqa: S603 - our own command
        self._process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.stdout.close()
            raise RuntimeError(f"the venue did not start, exit code {process.wait(_END_SECS)}")
        self.announcement = json.loads(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        assert process is not None and process.stdout is not None
        process.terminate()
        try:
            process.wait(_END_SECS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    @property
    def faults(self) -> VenueFaults:
        """The control port of this venue."""
        return VenueFaults(self.announcement["control_url"])

    @property
    def rest_url(self) -> str:
        return str(self.announcement["rest_url"])

    @property
    def ws_public_url(self) -> str:
        return str(self.announcement["ws_public_url"])

    @property
    def ws_private_url(self) -> str:
        return str(self.announcement["ws_private_url"])

    @property
    def api_key(self) -> str:
        return str(self.announcement["api_key"])

    @property
    def api_secret(self) -> str:
        return str(self.announcement["api_secret"])
