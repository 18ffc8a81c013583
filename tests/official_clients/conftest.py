"""A local exchange as it comes, without settings, that other people's clients are pointed at; shared by one file's tests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conformance.schema.check import validate
from tests.conformance.schema.rest import ENDPOINTS
from trader.venue.launch import VenueOptions, build_venue

USER_ID = 5_550_001
_TEMPLATES = {name.split(" ", 1)[1] for name in ENDPOINTS if "{" in name}


@dataclass
class Venue:
    url: str
    key: str
    secret: str
    problems: list[str] = field(default_factory=list)

    def check(self, method: str, path: str, payload: Any) -> None:
        """Note where an answer departs from the exchange's field tables."""
        name = f"{method} {_template(path)}"
        if isinstance(payload, dict) and name in ENDPOINTS:
            found = validate(name, payload) if payload.get("success") is not False else validate("error", payload)
            self.problems += [f"{name}: {problem}" for problem in found]


def _template(path: str) -> str:
    path = path.split("?")[0]
    for template in sorted(_TEMPLATES, key=len, reverse=True):
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and f"GET {path}" not in ENDPOINTS:
            return template
    return path


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    server, announced = build_venue(VenueOptions(seed=11))
    server.start()
    yield Venue(announced.rest_url, announced.api_key, announced.api_secret)
    server.stop()
