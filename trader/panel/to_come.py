"""Runs that have ended and are being read for the first time: how many are not in what a page shows."""

from contextlib import suppress

import streamlit as st

from trader.domain.errors import TraderError
from trader.panel import format as fmt
from trader.panel import service


def draw(missing: int, account: str | None) -> None:
    """How many runs are not in the figures yet; the whole page again once all are."""
    if missing:
        with st.container(border=True, key="to_come"):
            _counting(missing, account)
            st.button("Show those read by now", key="to_come_now")


@st.fragment(run_every=2)
def _counting(missing: int, account: str | None) -> None:
    with suppress(TraderError):  # the page itself says why
        missing = service.desk().analytics.results(account).missing
    if not missing:
        st.rerun(scope="app")
    many = "1 run that has ended is" if missing == 1 else f"{missing:,} runs that have ended are"
    st.markdown(fmt.safe(f"{many} still to come: read for the first time. What stands here is of those before."))
