"""A desk with a journal of its own behind the API, over a real local exchange; a runner's hand where one is needed."""

from collections.abc import Iterator

import pytest

from tests.api.client import Client, serving
from tests.desk.conftest import RunnersHand, desk, journal, runner, settings, venue  # noqa: F401
from trader.config.settings import load_settings
from trader.desk import Desk


@pytest.fixture
def api(desk: Desk) -> Iterator[Client]:  # noqa: F811
    """The API of a desk without a runner and without an exchange."""
    with serving(desk) as client:
        yield client


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The API of a desk for a whole module: for requests that change nothing."""
    kept = Desk(load_settings(environ={"TRADER_HOME": str(tmp_path_factory.mktemp("shared") / "home")}))
    with serving(kept) as client:
        yield client
    kept.close()


@pytest.fixture
def live(api: Client, runner: RunnersHand) -> Client:  # noqa: F811
    """The same while a runner seems to be alive; it answers nothing."""
    runner.live()
    return api
