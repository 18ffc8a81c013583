import copy
import json
import logging
import pickle
import traceback

import msgspec
import pytest

from trader.exchange.common.credentials import Credentials

KEY, SECRET = "canary-key-4711", "canary-secret-0815"


@pytest.fixture
def credentials() -> Credentials:
    return Credentials(KEY, SECRET)


def _shown(credentials: Credentials) -> list[str]:
    try:
        raise RuntimeError(credentials)
    except RuntimeError:
        trace = traceback.format_exc()
    return [
        repr(credentials),
        str(credentials),
        f"{credentials:>20}",
        f"{credentials!r}",
        "%s %r" % (credentials, credentials),  # noqa: UP031
        repr([credentials]),
        repr(copy.deepcopy(credentials)),
        repr(copy.copy(credentials)),
        json.dumps({"c": credentials}, default=str),
        repr(pickle.dumps(credentials)),
        str(pickle.loads(pickle.dumps(credentials))),
        trace,
    ]


def test_no_way_of_showing_reveals_the_pair(credentials: Credentials, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("x").warning("pair %s %r", credentials, credentials)
    for text in [*_shown(credentials), caplog.text]:
        assert KEY not in text
        assert SECRET not in text
        assert "***" in text


def test_encoders_refuse_it(credentials: Credentials) -> None:
    with pytest.raises(TypeError):
        json.dumps(credentials)
    with pytest.raises(TypeError):
        msgspec.json.encode(credentials)
    with pytest.raises(TypeError):
        vars(credentials)


def test_reveal_gives_the_pair(credentials: Credentials) -> None:
    assert credentials.reveal() == (KEY, SECRET)


@pytest.mark.parametrize(
    ("key", "secret"), [("", "s"), ("k", ""), (" k", "s"), ("k", "s\n"), ("k", "é"), ("k\r\nX: y", "s")]
)
def test_unusable_pair_is_refused_without_showing_it(key: str, secret: str) -> None:
    with pytest.raises(ValueError, match="the API") as caught:
        Credentials(key, secret)
    assert "X: y" not in str(caught.value)
