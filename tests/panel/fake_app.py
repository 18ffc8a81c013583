"""The panel over the fake desk, for looking at it: `FAKE_SCENARIO=holding streamlit run tests/panel/fake_app.py`."""

import os
import sys
from pathlib import Path

import streamlit as st
from streamlit import runtime

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.panel.fake_desk import STRANGE, FakeDesk
from tests.panel.fake_results import SAMPLED
from trader.desk.logs.looking import Logs
from trader.panel import service

if runtime.exists():
    pass
else:
    from starlette.middleware import Middleware
    from streamlit import config
    from streamlit.runtime.pages_manager import PagesManager

    from trader.panel.guard import HostGuard

    fake = FakeDesk(os.environ.get("FAKE_SCENARIO", "holding"), env=os.environ.get("FAKE_ENV", "paper"))
    fake.hostile = bool(os.environ.get("FAKE_HOSTILE"))
    fake.foreign_things = STRANGE if os.environ.get("FAKE_FOREIGN") else ()
    if home := os.environ.get("FAKE_HOME"):  # whose logs are shown
        fake.logs = Logs(Path(home))
    fake.analytics.more = SAMPLED if os.environ.get("FAKE_RUNS") else ()
    service.desk = lambda: fake  # type: ignore[assignment]
    PagesManager.uses_pages_directory = False
    app = st.App(
        str(Path(__file__).parent.parent.parent / "streamlit_app.py"),
        middleware=[Middleware(HostGuard, port=lambda: int(config.get_option("server.port")))],
    )
