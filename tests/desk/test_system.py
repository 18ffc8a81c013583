"""The machinery as the desk tells it: each part with its state, since when, its last fault; settings with their source, and no secret."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from tests.desk.conftest import KEY, SECRET, RunnersHand, announce, picture
from trader.config.settings import Settings, load_settings
from trader.desk import Desk, Health
from trader.desk.system.settings_shown import keys_shown, settings_shown
from trader.domain.errors import ConfigError, JournalError
from trader.engine import records as rec
from trader.journal import Journal
from trader.journal.outbox import Outbox
from trader.journal.watchers import GONE_AFTER, Watcher, hold
from trader.venue.server import VenueServer

TELEGRAM = "tgram://123456:hunter2hunter2/987"


def board(desk: Desk) -> dict[str, Health]:
    return {row.name: row for row in desk.system.health(desk.status())}


def told(journal: Journal, code: str, text: str, level: str = "warning") -> datetime:
    now = datetime.now(UTC)
    journal.append(
        [rec.AlertRaised(run_id="", wall=now, level=level, code=code, text=text)], lease=None, account="paper"
    )
    return now


def watcher(now: datetime, holder: str = "here", pid: int = 7) -> Watcher:
    return Watcher(account="paper", holder=holder, machine="vm", pid=pid, since=now, seen_at=now)


def test_before_anything_has_run_the_board_says_so(desk: Desk) -> None:
    rows = board(desk)
    assert rows["Runner"].ok is False and "none has worked on this account yet" in rows["Runner"].words
    assert rows["Market stream"].ok is None and rows["Clock"].ok is None
    assert rows["Journal"].ok and rows["Journal"].words.startswith("writable, ")
    assert rows["Watchdog"].ok is None and rows["Messages"].words == "no channel is set up"
    assert rows["Disk"].ok and rows["Memory"].words.startswith("this process ")


def test_a_living_runner_is_told_with_its_process_epoch_and_beginning(desk: Desk, runner: RunnersHand) -> None:
    runner.live()
    row = board(desk)["Runner"]
    assert runner.lease is not None
    assert row.ok and row.since == runner.lease.taken_at
    assert row.words == "alive: in a panel, process 4711 (not of this machine, or gone), epoch 1"


def test_the_last_fault_of_a_part_is_that_of_its_own_codes(desk: Desk, journal: Journal, runner: RunnersHand) -> None:
    runner.live()
    killed = told(journal, "runner_killed", "The runner was killed.")
    told(journal, "public_stream", "The public stream is down.")
    back = told(journal, "public_stream_back", "The public stream is back.", "info")
    rows = board(desk)
    assert (rows["Runner"].fault, rows["Runner"].fault_at) == ("The runner was killed.", killed)
    assert rows["Market stream"].fault == "The public stream is down." and rows["Market stream"].since == back
    assert not rows["Account stream"].fault


def test_a_stream_that_is_down_says_since_when_and_a_slowed_budget_why(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    runner.live()
    now = datetime.now(UTC)
    down = now - timedelta(minutes=3)
    live = picture(now)
    ops = replace(
        live.ops, private_socket="down", private_down_since=down, slowed="429 until 10:41", quota_left_pct=50.0
    )
    journal.publish(replace(live, ops=ops))
    rows = board(desk)
    assert (rows["Account stream"].ok, rows["Account stream"].since) == (False, down)
    assert rows["Request budget"].ok is False
    assert rows["Request budget"].words == "429 until 10:41; 50 % of five minutes' weight is left"


def test_a_part_that_does_not_say_it_is_dated_by_what_was_seen(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    runner.live()
    first = board(desk)["Clock"]
    assert first.ok and first.since is not None
    live = picture(datetime.now(UTC))
    journal.publish(replace(live, ops=replace(live.ops, clock_skew_s=-7.5)))
    second = board(desk)["Clock"]
    assert second.ok is False and second.words == "the exchange's is −7.50 s off this machine's"
    assert second.since is not None and second.since > first.since
    journal.publish(picture(datetime.now(UTC)))
    third = board(desk)["Clock"]
    assert third.ok and third.fault == second.words and third.fault_at is not None


def test_a_standby_is_shown_while_it_told_of_itself_after_the_lease_was_taken(
    desk: Desk, journal: Journal, runner: RunnersHand
) -> None:
    told(journal, "standing_by", "An old one (pid 1) stands by.", "info")
    runner.live(lease_age_secs=0)
    assert board(desk)["Standby"].ok is None
    at = told(journal, "standing_by", "The one in panel (pid 99) stands by.", "info")
    row = board(desk)["Standby"]
    assert row.ok and row.since == at and "pid 99" in row.words


def test_a_journal_that_was_verified_says_when_and_a_broken_one_what(desk: Desk, journal: Journal) -> None:
    journal.check_writable()
    assert board(desk)["Journal"].words.endswith("never verified")
    assert desk.system.verify().ok
    row = board(desk)["Journal"]
    assert row.ok and row.words.endswith("whole when it was verified last") and row.since is not None


def test_a_backup_lies_beside_the_journal_for_its_owner_only(desk: Desk, journal: Journal) -> None:
    journal.check_writable()
    path, size = desk.system.backup()
    assert path.parent == desk.settings.home / "backups" and path.stat().st_size == size > 0
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with pytest.raises(JournalError):
        desk.system.backup()  # within the same second, the same name


def test_a_watchdog_is_well_while_it_is_heard_and_missed_where_channels_are(
    settings: Settings, journal: Journal
) -> None:
    desk = Desk(settings.model_copy(update={"notify_urls": SecretStr(TELEGRAM)}))
    assert board(desk)["Watchdog"].ok is False
    now = datetime.now(UTC)
    assert hold(journal, watcher(now))
    row = board(desk)["Watchdog"]
    assert row.ok and row.words == "process 7 on vm watches beside the runner" and row.since == now
    hold(journal, replace(watcher(now), seen_at=now - GONE_AFTER))
    assert board(desk)["Watchdog"].ok is False
    desk.close()


def test_what_was_not_delivered_is_a_fault_of_the_messages(settings: Settings, journal: Journal) -> None:
    desk = Desk(settings.model_copy(update={"notify_urls": SecretStr(TELEGRAM)}))
    (channel,) = desk.settings.channels
    key = desk.system.messages.send_test(channel.name)
    outbox, now = Outbox(journal, "paper"), datetime.now(UTC)
    assert board(desk)["Messages"].words == "1 waiting"
    row = desk.system.messages.outcome(key)
    assert row is not None and outbox.begin([row.id], now)
    outbox.finish([row.id], "failed", now, "403 forbidden")
    found = board(desk)["Messages"]
    assert found.ok is False and found.words == "1 undelivered in a day"
    assert found.fault == f"Strangle Desk: test on {channel.name}: 403 forbidden"
    view = desk.system.messages.view()
    assert view.channels[0].undelivered == 1 and [one.why for one in view.undelivered] == ["403 forbidden"]
    with pytest.raises(ConfigError, match="no channel nobody"):
        desk.system.messages.send_test("nobody")
    desk.close()


# ------------------------------------------------------------------------------------------------- settings


def test_every_setting_has_its_value_and_source_and_no_secret_is_shown(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        "PORT=8600\nTRADER_VENUE_SEED=3\nDELTA_API_KEY=hunter2hunter2\nDELTA_API_SECRET=hunter2hunter2\n"
    )
    env_file.chmod(0o600)
    environ = {"TRADER_HOME": str(tmp_path), "TRADER_NOTIFY_URLS": TELEGRAM, "TRADER_VENUE_SEED": "4",
               "DATABASE_URL": "postgresql://asha:hunter2@db/desk", "TRADER_PROXY": "http://asha:hunter2@proxy:3128"}  # fmt: skip
    settings = load_settings(environ=environ, env_file=env_file)
    rows = {row.name: row for row in settings_shown(settings)}
    assert (rows["PORT"].value, rows["PORT"].source) == ("8600", str(env_file))
    assert (rows["TRADER_VENUE_SEED"].value, rows["TRADER_VENUE_SEED"].source) == ("4", "environment")
    assert (rows["RUNNER"].value, rows["RUNNER"].source) == ("thread", "default")
    assert rows["TRADER_NOTIFY_URLS"].value == rows["TRADER_PROXY"].value == "set, not shown"
    assert "hunter2" not in repr(rows) and "db" in rows["DATABASE_URL"].value
    keys = {row.name: row for row in keys_shown(settings)}
    production, paper = keys["DELTA_API_KEY"], keys["DELTA_PAPER_API_KEY"]
    assert (production.present, production.used, production.source) == (True, False, str(env_file))
    assert (paper.present, paper.used) == (False, True)
    assert load_settings("testnet", environ={}, env_file=tmp_path / "none").sources == {"TRADER_ENV": "command line"}


def test_the_configuration_names_what_is_not_the_default(desk: Desk, settings: Settings) -> None:
    assert desk.system.configuration() == ()
    other = settings.model_copy(update={"preset_overrides": {"TRADER__STRATEGY__QUANTITY": "7"}})
    found = Desk(other).system.configuration()
    assert not isinstance(found, str)
    assert [(row.name, row.value) for row in found] == [("strategy.quantity", "7")]


# ------------------------------------------------------------------------------------------------- the exchange


def test_without_an_exchange_the_connection_test_says_why(desk: Desk) -> None:
    (call,) = desk.system.connection()
    assert call.ok is False and call.words


def test_an_exchange_that_answers_tells_its_round_trip_and_whose_key_it_is(
    desk: Desk, settings: Settings, venue: VenueServer
) -> None:
    announce(settings, venue)
    public, signed, trading = desk.system.connection()
    assert public.ok and public.ms is not None and public.ms > 0 and "BTC is at" in public.words
    assert signed.ok and signed.words == "the key is accepted, user 5550001"
    assert trading.ok and KEY not in repr(desk.system.connection()) and SECRET not in repr(desk.system.connection())
    assert [(row.source, row.present) for row in desk.system.key_rows() if row.used] == [
        ("announced by the local exchange", True)
    ] * 2
