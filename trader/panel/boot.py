"""The panel's process: host the runner before any browser opens, let it go at exit, keep strangers out."""

import gc
import importlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import NoReturn

from anyio import to_thread
from starlette.middleware import Middleware
from starlette.routing import Mount
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager

from trader.api.mounted import Mounted, below_api
from trader.config.settings import load_settings
from trader.domain.errors import TraderError
from trader.panel import no_delay, theme_once
from trader.panel.frame import PAGES
from trader.panel.guard import HostGuard
from trader.panel.paths import KnownPaths
from trader.runner.host import ensure_host
from trader.watch.hosted import WatchProcess

# Whatever the pages import, imported before serving: the first visitor does not wait for it, and `gc.freeze` covers it.
_WARM = (
    "pandas",
    "plotly.graph_objects",
    "trader.panel.frame",
    "trader.panel.live",
    "trader.panel.editor",
    "trader.panel.orders_form",
    "trader.panel.past",
    "trader.panel.system_messages",
)


def served_port() -> int:
    """The port this server is bound to."""
    return int(config.get_option("server.port"))


def middleware() -> list[Middleware]:
    """What stands in front of every route.

    Said here too, before the first visitor: pages come from `frame.draw`. A folder named `pages` beside the entry makes
    Streamlit otherwise serve its files bare until some session has called `st.navigation`.
    """
    PagesManager.uses_pages_directory = False
    names = [Path(file).stem for file, *_ in PAGES]
    return [Middleware(HostGuard, port=served_port, public=_public_host), Middleware(KnownPaths, pages=names)]


@cache
def _public_host() -> str:
    """Asked at the first link: the settings were read, and are usable, by then."""
    return load_settings().links_host


_api = Mounted()


def routes() -> list[Mount]:
    """What is served beside the pages: the HTTP API, which is made at its first request. Asked for before the port is bound
    where this file is the program; where Streamlit's command line is, `serve` has done the same."""
    no_delay.install()
    return [below_api(_api)]


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Start the runner's host (and, on paper, the local exchange) before serving; stop it after the last request.

    A start that cannot work ends the process with one sentence and exit code 1.
    """
    try:
        settings = await to_thread.run_sync(load_settings)
        host = await to_thread.run_sync(lambda: ensure_host(settings))
    except TraderError as error:
        _give_up(str(error))
    watchdog = WatchProcess(settings)
    watchdog.start()
    _warm_up()
    theme_once.install()
    # Streamlit collects garbage after every rerun, with the interpreter held: without this the runner's thread would
    # stop for tens of milliseconds each second.
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        await to_thread.run_sync(_api.close)
        await to_thread.run_sync(watchdog.stop)
        await to_thread.run_sync(host.stop)


def _warm_up() -> None:
    """Import, and use once, what the pages draw with: libraries load parts of themselves at first use only."""
    for name in _WARM:
        importlib.import_module(name)
    from streamlit.dataframe_util import convert_anything_to_arrow_bytes

    from trader.panel import charts, tables

    charts.pnl_figure(charts.Pnl([], [], [], [], [])).to_json()
    convert_anything_to_arrow_bytes(tables.orders_table([]))


def _give_up(sentence: str) -> NoReturn:
    """End at once: the server would wrap any exception from here into pages of traceback."""
    sys.stderr.write(f"Strangle Desk cannot start: {sentence}\n")
    sys.stderr.flush()
    os._exit(1)


def port_from_environment() -> int:
    """`PORT` as the settings have it, or 8501.

    Raises:
        SystemExit: The settings cannot be used; one sentence.
    """
    try:
        return load_settings().port
    except TraderError as error:
        raise SystemExit(str(error)) from None
