"""Messages on the System page: who is told what and when, a test for each channel, and what has not arrived."""

from collections.abc import Sequence

import streamlit as st

from trader.desk import ChannelRow, MessagesView, OutboxRow, SeverityRow
from trader.domain.errors import TraderError
from trader.panel import format as fmt
from trader.panel import markup, pressed, service, sheet
from trader.panel.markup import Html, join, tag

_SAID = "sys_messages_said"
_STATES = {
    "waiting": "waits",
    "sending": "is being sent",
    "sent": "delivered",
    "failed": "not delivered",
    "uncertain": "may not have arrived",
}


@st.fragment(run_every=3)
def draw() -> None:
    """The whole section, looked at again every three seconds: a test's outcome comes by itself."""
    st.markdown("**Messages**")
    try:
        view = service.desk().system.messages.view()
    except TraderError as error:
        st.text(fmt.plain(error))
        return
    if not view.channels:
        _teach()
    else:
        _channels(view)
    _undelivered(view)
    st.button("Allow notices of this browser", key="sys_notify", icon=":material/notifications:",
              help="While a tab of the desk is open in the background, what it has to tell is shown by the browser, too. The browser asks once.")  # fmt: skip


def _teach() -> None:
    st.info(
        "No channel is set up, so nobody is told when something happens while no page is open.",
        icon=":material/school:",
    )
    st.markdown(
        "1. Put an address into TRADER_NOTIFY_URLS of your `.env`: `tgram://BOTTOKEN/CHATID` for Telegram, "
        "`mailto://user:password@example.org` for e-mail, `ntfy://TOPIC`, a webhook as `json://host/path`, or any other that Apprise knows.\n"
        "2. Start the panel again: it starts the watchdog that sends.\n"
        "3. Press *Test* here. `docs/notifications.md` tells the rest: severities, quiet hours, reply by link."
    )


def _channels(view: MessagesView) -> None:
    markup.draw(sheet.table(("Severity", "Goes to", "Waits (IST)"), [_severity(row, view) for row in view.severities],
                            name="Who is told what"))  # fmt: skip
    markup.draw(sheet.table(("Channel", "Takes", "Last delivered", "Waiting", "Delivered", "Undelivered"),
                            [_channel(row) for row in view.channels], name="Channels",
                            right=("Waiting", "Delivered", "Undelivered")))  # fmt: skip
    with st.container(horizontal=True, gap="small", key="sys_tests"):
        for row in view.channels:
            st.button(fmt.safe(f"Test {row.called} ({row.name})"), key=f"sys_test_{row.name}", icon=":material/send:",
                      on_click=_test, args=(row.name,))  # fmt: skip
    if told := _outcome():
        st.text(told)
    linked = f"Critical messages carry links to {view.links}; each works once and for an hour." if view.links else (
        "Critical messages carry no links (TRADER_REPLY_LINKS is off)."
    )  # fmt: skip
    st.text(linked)


def _severity(row: SeverityRow, view: MessagesView) -> tuple[str, ...]:
    called = {one.name: one.called for one in view.channels}
    goes = ", ".join(f"{called[name]} ({name})" for name in row.channels)
    again = "repeated until acknowledged" if row.severity == "critical" else ""
    waits = row.quiet or "never"
    return row.severity, goes or "nobody", f"{waits}; {again}" if again else waits


def _channel(row: ChannelRow) -> tuple[str, ...]:
    lost = tag("span", f"{row.undelivered:,}", class_="ar-down" if row.undelivered else None)
    return (f"{row.called} ({row.name})", ", ".join(row.severities), fmt.ist_day_time(row.delivered_at),
            f"{row.waiting:,}", f"{row.sent:,}", lost)  # fmt: skip


def _undelivered(view: MessagesView) -> None:
    rows = [*view.waiting, *view.undelivered]
    if not rows:
        return
    with st.expander(fmt.safe(_counted(view)), key="sys_outbox", expanded=bool(view.undelivered)):
        markup.draw(_outbox(rows))


def _counted(view: MessagesView) -> str:
    return f"Undelivered {len(view.undelivered)}, waiting {len(view.waiting)} (the newest)"


def _outbox(rows: Sequence[OutboxRow]) -> Html:
    return sheet.table(
        ("Message", "Channel", "Made", "State"),
        [(f"{row.severity}: {row.title}", row.channel, fmt.ist_day_time(row.made_at), _state(row)) for row in rows],
        name="Messages that have not arrived",
    )


def _state(row: OutboxRow) -> Html:
    tries = f" after {row.tries} tries" if row.tries > 1 else ""
    after = f", not before {fmt.ist_clock(row.next_at)} IST" if row.state == "waiting" and row.tries else ""
    return join(f"{_STATES[row.state]}{tries}{after}", f": {row.why}" if row.why else "")


class _Test(pressed.Note):
    """The test that was asked for last: the key of its message, and its channel."""

    def __init__(self) -> None:
        super().__init__()
        self.key = self.channel = ""


def _note() -> _Test:
    if _SAID not in st.session_state:
        st.session_state[_SAID] = _Test()
    found: _Test = st.session_state[_SAID]
    return found


def _test(name: str) -> None:
    desk, note = service.desk(), _note()
    try:
        note.key, note.channel, note.said = desk.system.messages.send_test(name), name, ""
    except TraderError as error:
        note.key, note.said = "", fmt.plain(error)


def _outcome() -> str:
    """What has become of the test."""
    note = _note()
    if not note.key:
        return note.said
    try:
        row = service.desk().system.messages.outcome(note.key)
    except TraderError as error:
        return fmt.plain(error)
    if row is None:
        return ""
    took = (row.changed_at - row.made_at).total_seconds()
    if row.state == "sent":
        return f"Test on {note.channel}: delivered after {took:.1f} s."
    why = f": {fmt.plain(row.why)}" if row.why else ""
    untouched = " The watchdog has not taken it up yet." if row.state == "waiting" and not row.tries else ""
    return f"Test on {note.channel}: {_STATES[row.state]}{why}.{untouched}"
