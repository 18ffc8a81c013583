"""The System page: what is not well stands first, no secret is shown, and each button does one thing."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tests.panel.fake_system import message
from tests.panel.seen import read

Open = Callable[..., Any]
PAGE = "pages/system.py"


def test_each_part_says_how_it_is_since_when_and_what_failed_last(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=PAGE)
    words = read(at)
    assert "Not well: Market stream." in words
    assert "✓ Runner alive: in a panel, process 4711 on this machine, epoch 3 21 Nov 10:41 IST none seen" in words
    assert "? Standby none has told of itself" in words
    assert "✗ Market stream down 21 Nov 10:41 IST The public stream is down. 21 Nov 10:41 IST" in words


def test_where_nothing_can_be_read_the_page_says_why_and_the_rest_of_it_works(open_panel: Open) -> None:
    at, desk = open_panel("unreachable", page=PAGE)
    assert "✗ Journal the journal cannot be read: disk I/O error" in read(at)
    at.button(key="sys_test").click().run()
    assert ("connection", None) in desk.asked


def test_the_connection_is_asked_when_a_person_presses_and_told_with_its_round_trip(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    assert desk.asked == []
    at.button(key="sys_test").click().run()
    assert desk.asked == [("connection", None)]
    words = read(at)
    assert "✓ Public 127.0.0.1:9000 answers; BTC is at 91234; 3 ms there and back" in words
    assert "✗ Signed The exchange does not know this key." in words


def test_the_journal_is_verified_and_backed_up(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    at.button(key="sys_verify").click().run()
    assert "Whole: 1,234 records of 5 runs." in read(at)
    at.button(key="sys_backup").click().run()
    assert "Saved /home/asha/desk/var/backups/journal-20261121-051107.db (2.5 MB)." in read(at)
    desk.system.whole = False
    at.button(key="sys_verify").click().run()
    assert "NOT WHOLE: fills: twice booked: 7" in read(at)
    at.button(key="sys_backup").click().run()
    assert "backed up with pg_dump" in read(at)


def test_who_is_told_what_and_when_it_waits_stands_there(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=PAGE)
    words = read(at)
    assert (
        "critical Telegram (tgram-1a2b), Webhook at 10.0.0.5:8080 (json-3c4d) never; repeated until acknowledged"
        in words
    )
    assert "info Webhook at 10.0.0.5:8080 (json-3c4d) 23:00-07:00" in words
    assert "Telegram (tgram-1a2b) critical, warning 21 Nov 10:41 IST 0 12 0" in words
    assert "Critical messages carry no links" in words


def test_what_has_not_arrived_is_told_with_its_reason(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=PAGE)
    words = read(at)
    assert "waits after 2 tries, not before 10:41:07 IST: connection refused" in words
    assert "critical: Runner dead json-3c4d 21 Nov 10:41 IST may not have arrived after 2 tries: no answer" in words


def test_a_test_goes_to_one_channel_and_its_outcome_is_told(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    desk.system.messages.became = replace(message("test", "waiting"), tries=0)
    at.button(key="sys_test_json-3c4d").click().run()
    assert desk.asked == [("test", "json-3c4d")]
    assert "Test on json-3c4d: waits. The watchdog has not taken it up yet." in read(at)
    desk.system.messages.became = message("test", "sent")
    at.run()
    assert "Test on json-3c4d: delivered after 1.5 s." in read(at)
    desk.system.messages.became = message("test", "failed", "404 not found")
    at.run()
    assert "Test on json-3c4d: not delivered: 404 not found." in read(at)


def test_without_channels_the_page_teaches_how_to_set_one_up(open_panel: Open) -> None:
    at, desk = open_panel("holding", page=PAGE)
    desk.system.without_channels()
    at.run()
    assert "No channel is set up" in read(at) and not [one for one in at.button if str(one.key).startswith("sys_test_")]


def test_keys_and_settings_say_where_they_come_from_and_show_no_secret(open_panel: Open) -> None:
    at, _ = open_panel("holding", page=PAGE)
    words = read(at)
    assert "✓ DELTA_PAPER_API_KEY is there (announced by the local exchange), never shown" in words
    assert "✓ DELTA_API_KEY is there (/home/asha/desk/.env), not read: it is another environment's" in words
    assert "DELTA_TESTNET_API_KEY" not in words
    assert "TRADER_NOTIFY_URLS set, not shown environment Where messages go." in words
    assert "strategy.quantity 2 environment (TRADER__STRATEGY__QUANTITY)" in words
    assert "PORT 8501 default" in words
