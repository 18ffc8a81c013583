from collections.abc import Iterator

import pytest

from tests.conformance.target import Target, open_target


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    yield from open_target()


@pytest.fixture
def account(target: Target) -> Iterator[Target]:
    """The target with a key; whatever the test leaves behind is tidied up."""
    if not target.key:
        pytest.skip("no key was given")
    yield target
    target.tidy()
