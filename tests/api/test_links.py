"""Reply by link: forged, replayed, expired, looked at by a program, after a restart, for a run that has ended."""

import logging
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from msgspec.structs import replace
from pydantic import SecretStr

from tests.api.client import Client, serving
from tests.desk.conftest import RunnersHand
from tests.engine.scene import holding
from tests.panel.fake_books import ticket
from trader.config.settings import Settings, load_settings
from trader.desk import Desk, NotPossible, links
from trader.desk.links import VALID, read_or_make_secret
from trader.domain.clock import Now
from trader.domain.errors import ConfigError
from trader.engine import records as rec
from trader.engine.events import StopCommand
from trader.journal import CommandRow, Journal
from trader.journal.outbox import OutboxRow
from trader.runner.commands import event_of

PUBLIC = "https://desk.example.org"
CHANNEL = "tgram-1a2b"
RUN = holding()


@pytest.fixture
def on(settings: Settings) -> Settings:
    return settings.model_copy(update={"reply_links": True, "public_url": PUBLIC})


@pytest.fixture
def linked(on: Settings) -> Iterator[Desk]:
    opened = Desk(on)
    yield opened
    opened.close()


@pytest.fixture
def api(linked: Desk) -> Iterator[Client]:
    with serving(linked) as client:
        yield client


@pytest.fixture
def held(journal: Journal) -> str:
    """A run that is open; its id."""
    records = [replace(one, account="paper") if isinstance(one, rec.RunCreated) else one for one in RUN.records]
    journal.append(records, lease=None)
    return RUN.view.run_id


def message(run_id: str = "", alerts: tuple[int, ...] = (), severity: Any = "critical") -> OutboxRow:
    now = datetime.now(UTC)
    return OutboxRow(
        id=1, key="k", channel=CHANNEL, severity=severity, title="t", body="b", run_id=run_id, alerts=alerts, made_at=now,
        next_at=now, state="sending", tries=1, changed_at=now, why="",
    )  # fmt: skip


def addresses(desk: Desk, *rows: OutboxRow) -> list[str]:
    """The paths of a message's links, below the API's address: to stop, and to acknowledge where there is something to."""
    lines = desk.links.lines(rows, CHANNEL).splitlines()
    return [line.partition(": ")[2].removeprefix(f"{PUBLIC}/api") for line in lines]


def alert(journal: Journal, text: str = "Somebody else traded.") -> int:
    one = rec.AlertRaised(run_id="", wall=datetime.now(UTC), level="error", code="foreign", text=text)
    return journal.append([one], lease=None, account="paper")


def asked(journal: Journal) -> list[CommandRow]:
    return list(journal.pending_commands("paper"))


def press(api: Client, path: str) -> requests.Response:
    return api.ask("POST", path, None)


# ------------------------------------------------------------------------------------------------- what a press does


def test_looking_changes_nothing_and_a_press_stops_that_run_once_with_who_on_record(
    api: Client, linked: Desk, journal: Journal, held: str
) -> None:
    path, *_ = addresses(linked, message(held))
    for method in ("GET", "HEAD", "GET"):
        looked = api.ask(method, path, None)
        assert looked.status_code == 200 and asked(journal) == []
    assert "Stop &amp; Exit now? (PAPER)" in looked.text and 'method="post"' in looked.text
    assert "No runner is alive: it is recorded, and carried out by the next one." in looked.text
    assert looked.headers["cache-control"] == "no-store"
    done = press(api, path)
    assert (
        done.status_code == 200
        and "Stop &amp; Exit is recorded." in done.text
        and "No runner has answered yet" in done.text
    )
    (row,) = asked(journal)
    assert (row.kind, row.issued_by, row.body) == ("stop", "link", {"run_id": held, "who": CHANNEL})
    event = event_of(row, Now(datetime.now(UTC), None))
    assert isinstance(event, StopCommand) and (event.run_id, event.issued_by) == (held, f"{CHANNEL} (link)")
    again = press(api, path)
    assert again.status_code == 410 and "used already" in again.text and len(asked(journal)) == 1
    assert "used already" in api.ask("GET", path, None).text


def test_a_link_that_is_pressed_by_many_at_once_gives_one_command(
    api: Client, linked: Desk, journal: Journal, held: str
) -> None:
    path, *_ = addresses(linked, message(held))
    together = threading.Barrier(6)

    def pressed(_: int) -> int:
        together.wait(10)
        return requests.post(api.url + path, timeout=30).status_code

    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(pressed, range(6)))
    assert len(asked(journal)) == 1 and set(codes) <= {200, 410} and 200 in codes


def test_a_message_about_the_account_or_about_several_runs_stops_everything(
    api: Client, linked: Desk, journal: Journal, held: str
) -> None:
    for rows in ((message(),), (message(held), message("other-1"))):
        path, *_ = addresses(linked, *rows)
        press(api, path)
    assert [row.body["run_id"] for row in asked(journal)] == [None, None]


def test_acknowledging_names_the_alerts_of_the_message_and_no_others(
    api: Client, linked: Desk, journal: Journal
) -> None:
    told, other = alert(journal), alert(journal, "Something else.")
    _, path = addresses(linked, message(alerts=(told,)))
    looked = api.ask("GET", path, None)
    assert "Acknowledge 1 alert?" in looked.text and "Somebody else traded." in looked.text
    assert press(api, path).text.count("Acknowledged: 1 alert.") == 1
    assert [one.seq for one in linked.alerts(open_only=True)] == [other]
    (acked,) = [one for one in linked.alerts() if one.seq == told]
    assert acked.acked_by == f"{CHANNEL} (link)"
    _, second = addresses(linked, message(alerts=(told,)))
    assert "was acknowledged already; nothing was done" in press(api, second).text


def test_the_other_run_goes_on_and_one_that_has_ended_is_told(
    api: Client, linked: Desk, journal: Journal, held: str
) -> None:
    path, *_ = addresses(linked, message("ended-1"))
    answer = press(api, path)
    assert answer.status_code == 410 and "has ended already; nothing was stopped" in answer.text
    assert asked(journal) == []


def test_a_single_order_is_stopped_by_its_own_link(
    api: Client, linked: Desk, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = linked.status()
    monkeypatch.setattr(linked, "status", lambda: replace(seen, tickets=(ticket("t1ck3t0001"),)))
    path, *_ = addresses(linked, message("t1ck3t0001"))
    assert "5 BTCUSD, a single order (Holds 5): cancelled and closed." in api.ask("GET", path, None).text
    assert press(api, path).status_code == 200
    assert [row.body["run_id"] for row in asked(journal)] == ["t1ck3t0001"]
    other, *_ = addresses(linked, message("t1ck3t0002"))
    assert "has ended already" in press(api, other).text


def test_nothing_open_is_told(api: Client, linked: Desk, journal: Journal) -> None:
    path, *_ = addresses(linked, message())
    assert "Nothing is open; nothing was stopped." in press(api, path).text and asked(journal) == []


# ------------------------------------------------------------------------------------------------- what is turned away


FORGERIES: dict[str, Callable[[str], str]] = {
    "another signature": lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
    "another body": lambda token: ("A" if token[0] != "A" else "B") + token[1:],
    "no signature": lambda token: token.partition(".")[0],
    "an empty signature": lambda token: token.partition(".")[0] + ".",
    "more behind it": lambda token: token + "A",
    "nothing": lambda token: "x",
    "a long one": lambda token: "A" * 5000 + "." + "A" * 43,
    "letters of elsewhere": lambda token: "%E0%A4%A",
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_link_does_nothing(
    api: Client, linked: Desk, journal: Journal, held: str, forged: Callable[[str], str]
) -> None:
    path, *_ = addresses(linked, message(held))
    token = path.removeprefix("/link/")
    for method in ("GET", "POST"):
        answer = api.ask(method, f"/link/{forged(token)}", None)
        assert answer.status_code == 410 and "was not made here, or it is not whole; nothing was done" in answer.text
    assert asked(journal) == []


def test_a_link_of_another_account_or_home_is_forged(on: Settings, api: Client, linked: Desk, tmp_path: Path) -> None:
    linked.links.lines([message()], CHANNEL)
    other_home = Desk(on.model_copy(update={"home": tmp_path / "other"}))
    keys = {"testnet_api_key": SecretStr("abcdefgh12345678"), "testnet_api_secret": SecretStr("hgfedcba87654321")}
    other_account = Desk(on.model_copy(update={"env": "testnet", "account_id": "second", **keys}))
    assert other_account.account != linked.account
    for other in (other_home, other_account):
        path, *_ = addresses(other, message())
        assert "was not made here" in press(api, path).text
        other.close()


def test_a_link_works_for_an_hour(
    api: Client, linked: Desk, journal: Journal, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + shift

    path, *_ = addresses(linked, message(held))
    monkeypatch.setattr(links, "datetime", Later)
    shift = VALID + timedelta(seconds=1)
    for method in ("GET", "POST"):
        answer = api.ask(method, path, None)
        assert answer.status_code == 410 and "has expired: links work for an hour" in answer.text
    assert asked(journal) == []
    shift = VALID - timedelta(seconds=5)
    assert press(api, path).status_code == 200


def test_after_a_restart_a_link_works_and_one_that_was_used_does_not(on: Settings, journal: Journal, held: str) -> None:
    first = Desk(on)
    fresh, *_ = addresses(first, message(held))
    used, *_ = addresses(first, message(held))
    first.links.use(used.removeprefix("/link/"))
    first.close()
    second = Desk(on)
    with pytest.raises(NotPossible, match="used already"):
        second.links.use(used.removeprefix("/link/"))
    assert "recorded" in second.links.use(fresh.removeprefix("/link/")) and len(asked(journal)) == 2
    second.close()


def test_links_that_are_off_are_not_there(settings: Settings, linked: Desk, journal: Journal, held: str) -> None:
    path, *_ = addresses(linked, message(held))
    off = Desk(settings)
    assert off.links.lines([message(held)], CHANNEL) == ""
    with serving(off) as api:
        for method in ("GET", "POST"):
            assert api.ask(method, path, None).status_code == 404
    off.close()
    assert asked(journal) == []


# ------------------------------------------------------------------------------------------------- who may come here


def test_the_public_host_answers_links_and_nothing_else(api: Client, linked: Desk, held: str) -> None:
    path, *_ = addresses(linked, message(held))
    outside = {"Host": "desk.example.org"}
    assert api.ask("GET", path, None, headers=outside).status_code == 200
    for other in ("/health", "/v1/status", "/linked", ""):
        assert api.ask("GET", other, headers=outside).status_code == 403
    for host in ("evil.example", "desk.example.org:8443", "desk.example.org.evil.example"):
        assert api.ask("GET", path, None, headers={"Host": host}).status_code == 403
    # A page with this policy sends `null`; the link is the permission, wherever it is pressed.
    assert api.ask("POST", path, None, headers=outside | {"Origin": "null"}).status_code == 200


def test_no_other_method_is_known(api: Client, linked: Desk, journal: Journal, held: str) -> None:
    path, *_ = addresses(linked, message(held))
    for method in ("PUT", "DELETE", "PATCH"):
        assert api.ask(method, path, None).status_code == 405
    assert asked(journal) == []


def test_text_of_alerts_is_no_markup_on_the_page(api: Client, linked: Desk, journal: Journal) -> None:
    seq = alert(journal, "<script>alert(1)</script>")
    _, path = addresses(linked, message(alerts=(seq,)))
    page = api.ask("GET", path, None).text
    assert "<script>" not in page and "&lt;script&gt;" in page


# ------------------------------------------------------------------------------------------------- secret and log


def test_the_secret_is_made_once_and_is_its_owners_alone(on: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: read_or_make_secret(on.home), range(8)))
    file = on.home / "links.key"
    assert len(found) == 1 and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(on.home.glob(".links.key*"))


def test_a_secret_that_is_none_is_told_and_the_message_goes_without_links(on: Settings, linked: Desk) -> None:
    on.home.mkdir(exist_ok=True, mode=0o700)
    (on.home / "links.key").write_text("abc\n")
    with pytest.raises(ConfigError, match=r"links\.key is none: delete it"):
        read_or_make_secret(on.home)
    assert linked.links.lines([message()], CHANNEL).startswith("No links: The secret of links")


def test_neither_secret_nor_link_is_in_the_log(
    api: Client, linked: Desk, held: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    path, *_ = addresses(linked, message(held))
    press(api, path)
    monkeypatch.setattr(linked.links, "question", lambda token: 1 / 0)
    assert api.ask("GET", path, None).status_code == 500
    # Without this test's own client, and the server's access log, which has no handler but pytest's.
    mine = [record for record in caplog.records if not record.name.startswith(("urllib3", "uvicorn.access"))]
    text = "\n".join(record.getMessage() + str(record.exc_info) for record in mine)
    assert "link_failed" in text and path.removeprefix("/link/") not in text
    assert (linked.settings.home / "links.key").read_text().strip() not in text


def test_only_critical_messages_carry_links(linked: Desk) -> None:
    assert linked.links.lines([message(severity="warning", alerts=(1,))], CHANNEL) == ""
    assert (
        linked.links.lines([message("r-1"), message(severity="warning", alerts=(4,))], CHANNEL)
        .splitlines()[1]
        .startswith(f"Acknowledge: {PUBLIC}/api/link/")
    )


def test_a_message_full_of_alerts_fits_with_its_links(linked: Desk) -> None:
    rows = [message("20261130-abcdefgh-1", alerts=(9_000_000 + number,)) for number in range(50)]
    assert len(linked.links.lines(rows, CHANNEL)) < 1000


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"TRADER_REPLY_LINKS": "true"}, "TRADER_REPLY_LINKS is true, so TRADER_PUBLIC_URL must say where"),
        ({"TRADER_PUBLIC_URL": "http://desk.example.org"}, "TRADER_PUBLIC_URL is not encrypted"),
        ({"TRADER_PUBLIC_URL": "https://desk.example.org/panel"}, "TRADER_PUBLIC_URL must have no path"),
        ({"TRADER_PUBLIC_URL": "desk.example.org"}, "TRADER_PUBLIC_URL "),
        ({"TRADER_REPLY_LINKS": "yes"}, "TRADER_REPLY_LINKS must be true or false"),
    ],
)
def test_settings_of_links_that_cannot_be_used_are_told(tmp_path: Path, environ: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_settings(environ=environ, env_file=tmp_path / "none")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://desk.example.org", "desk.example.org"),
        ("https://Desk.example.org:443/", "desk.example.org"),
        ("https://desk.example.org:8443", "desk.example.org:8443"),
        ("http://127.0.0.1:8501", "127.0.0.1:8501"),
    ],
)
def test_the_host_is_what_a_browser_sends(tmp_path: Path, url: str, host: str) -> None:
    environ = {"TRADER_PUBLIC_URL": url, "TRADER_REPLY_LINKS": "true"}
    found = load_settings(environ=environ, env_file=tmp_path / "none")
    assert found.links_host == host
    assert found.model_copy(update={"reply_links": False}).links_host == ""


def test_a_living_runner_answers_what_it_does(
    on: Settings, linked: Desk, journal: Journal, held: str, runner: RunnersHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.live(RUN.view)
    monkeypatch.setattr(links, "_ANSWER_SECS", 0.05)
    path, *_ = addresses(linked, message(held))
    question = linked.links.question(path.removeprefix("/link/"))
    assert question.lines and "No runner is alive" not in " ".join(question.lines)
