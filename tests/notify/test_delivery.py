"""Messages on their way: each arrives once or stands as undelivered, whatever the endpoint does."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from trader.config.channels import Channel
from trader.domain.errors import ConfigError
from trader.domain.severity import SEVERITIES, Severity
from trader.journal import Journal
from trader.journal.outbox import Message, Outbox
from trader.notify.delivery import APART, GIVEN_UP_AFTER, Courier
from trader.notify.sending import Answer

T0 = datetime(2026, 3, 2, 4, tzinfo=UTC)
CHANNEL = Channel("json-abcd", SecretStr("json://127.0.0.1"), frozenset(SEVERITIES))


class World:
    """A clock, an endpoint that does as it is told, and the outbox between them."""

    def __init__(self, journal: Journal) -> None:
        self.now = T0
        self.journal = journal
        self.outbox = Outbox(journal, "paper")
        self.arrived: list[str] = []
        self.answer: Callable[[str], Answer] = self.take
        self.courier = Courier(self.outbox, CHANNEL, self.send, lambda: self.now)

    def send(self, url: SecretStr, severity: Severity, title: str, body: str) -> Answer:
        return self.answer(f"{title}\n{body}")

    def take(self, text: str) -> Answer:
        self.arrived.append(text)
        return Answer("sent", "")

    def put(self, *names: str, severity: Severity = "critical", at: datetime | None = None) -> None:
        made = at or self.now
        self.outbox.put(
            [
                Message(
                    key=name,
                    channel=CHANNEL.name,
                    severity=severity,
                    title=f"<{name}>",
                    body="",
                    made_at=made,
                    next_at=made,
                )
                for name in names
            ]
        )

    def run(self, secs: float, step: float = 1.0) -> None:
        end = self.now + timedelta(seconds=secs)
        while self.now < end:
            self.courier.step()
            self.now += timedelta(seconds=step)

    def restart(self) -> int:
        self.courier = Courier(self.outbox, CHANNEL, self.send, lambda: self.now)
        return self.outbox.take_over([CHANNEL.name], self.now, self.now - timedelta(days=30))

    def seen(self) -> Counter[str]:
        return Counter(part for text in self.arrived for part in text.split() if part.startswith("<"))

    def states(self) -> dict[str, str]:
        return {f"<{row.key}>": row.state for row in self.outbox.newest(limit=5000)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    journal = Journal.open(f"sqlite:///{tmp_path}/journal.db")
    yield World(journal)
    journal.close()


def test_one_message_goes_as_it_is(world: World) -> None:
    world.put("a")
    assert world.courier.step() == 1 and world.courier.step() == 0
    assert world.arrived == ["<a>\n"] and world.states() == {"<a>": "sent"}


def test_what_is_told_of_already_is_not_told_again(world: World) -> None:
    world.put("a")
    world.courier.step()
    world.put("a", "b")
    world.run(10)
    assert world.seen() == {"<a>": 1, "<b>": 1}


def test_many_go_as_one_message_the_gravest_first(world: World) -> None:
    world.put("i", severity="info")
    world.put("w", severity="warning")
    world.put("c1", "c2")
    world.courier.step()
    (text,) = world.arrived
    assert text.startswith("4 messages: 2 critical, 1 warning, 1 info\n")
    assert [part for part in text.split() if part.startswith("<")] == ["<c1>", "<c2>", "<w>", "<i>"]


def test_a_thousand_in_a_minute_arrive_each_once_and_slowly_enough(world: World) -> None:
    times: list[datetime] = []

    def take(text: str) -> Answer:
        times.append(world.now)
        assert len(text) < 4096
        return world.take(text)

    world.answer = take
    for batch in range(60):
        world.put(*(f"alert-{batch}-{number}-{'x' * 80}" for number in range(17)))
        world.run(1)
    world.run(300)
    assert len(world.seen()) == 1020 and set(world.seen().values()) == {1}
    assert min(b - a for a, b in zip(times, times[1:], strict=False)) >= APART


def test_an_endpoint_that_is_down_for_ten_minutes_gets_all_of_it_afterwards(world: World) -> None:
    tries: list[datetime] = []

    def down(text: str) -> Answer:
        tries.append(world.now)
        return Answer("refused", "connection refused")

    world.answer = down
    world.put("a")
    world.run(300)
    world.put("b")
    world.run(300)
    assert world.states() == {"<a>": "waiting", "<b>": "waiting"} and 5 < len(tries) < 20
    world.answer = world.take
    world.run(70)
    assert world.seen() == {"<a>": 1, "<b>": 1} and set(world.states().values()) == {"sent"}


def test_a_slow_endpoint_may_have_taken_it_so_it_is_not_told_twice(world: World) -> None:
    def slow(text: str) -> Answer:
        world.now += timedelta(seconds=15)
        world.arrived.append(text)  # it did arrive; only the answer came too late
        return Answer("uncertain", "no answer in 15 s")

    world.answer = slow
    world.put("a")
    world.run(600)
    assert world.seen() == {"<a>": 1} and world.states() == {"<a>": "uncertain"}


def test_what_nobody_takes_for_a_day_is_given_up_and_told_as_undelivered(world: World) -> None:
    world.answer = lambda _: Answer("refused", "403 forbidden")
    world.put("a")
    world.now += GIVEN_UP_AFTER
    world.put("b")
    world.courier.step()
    found = {row.key: row for row in world.outbox.newest()}
    assert found["a"].state == "failed" and found["a"].why == "not taken for 24 hours: 403 forbidden"
    assert found["b"].state == "waiting"


def test_an_address_that_cannot_be_used_is_told_and_not_tried_again(world: World) -> None:
    def unknown(text: str) -> Answer:
        raise ConfigError("Apprise knows no such address.")

    world.answer = unknown
    world.put("a")
    world.run(30)
    (row,) = world.outbox.newest()
    assert (row.state, row.tries, row.why) == ("failed", 1, "Apprise knows no such address.")


def test_a_death_while_sending_leaves_it_undelivered_and_the_rest_goes_on(world: World) -> None:
    class Killed(BaseException):
        pass

    def die(text: str) -> Answer:
        world.arrived.append(text)
        raise Killed

    world.answer = die
    world.put("a")
    with pytest.raises(Killed):
        world.courier.step()
    world.put("b")
    world.answer = world.take
    assert world.restart() == 1
    world.run(10)
    assert world.states() == {"<a>": "uncertain", "<b>": "sent"} and world.seen() == {"<a>": 1, "<b>": 1}


def test_what_waits_for_a_channel_that_is_gone_is_undelivered(world: World) -> None:
    world.put("a")
    assert world.outbox.take_over(["tgram-1234"], world.now, world.now - timedelta(days=30)) == 1
    assert world.states() == {"<a>": "failed"}


def test_old_messages_are_deleted_and_those_that_wait_are_not(world: World) -> None:
    world.put("old", at=T0 - timedelta(days=40))
    world.courier.step()
    world.put("stuck", at=T0 - timedelta(days=40))
    world.restart()
    assert world.states() == {"<stuck>": "waiting"}


def test_two_processes_never_send_the_same(world: World) -> None:
    other = Courier(world.outbox, CHANNEL, world.send, lambda: world.now)
    taken = world.outbox.due

    def both_read_first(channel: str, now: datetime, limit: int) -> object:
        rows = taken(channel, now, limit)
        world.outbox.due = taken  # type: ignore[method-assign]
        other.step()
        return rows

    world.put("a", "b")
    world.outbox.due = both_read_first  # type: ignore[method-assign, assignment]
    assert world.courier.step() == 0
    assert world.seen() == {"<a>": 1, "<b>": 1}


outcomes = st.lists(st.sampled_from(["take", "refuse", "lose", "die"]), max_size=25)


@settings(deadline=None, max_examples=15)
@given(outcomes, st.integers(1, 30))
def test_whatever_happens_each_arrives_at_most_once_and_what_did_not_is_told(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[str], many: int
) -> None:
    class Killed(BaseException):
        pass

    journal = Journal.open(f"sqlite:///{tmp_path_factory.mktemp('any')}/journal.db")
    world, plan = World(journal), iter(drawn)

    def answer(text: str) -> Answer:
        match next(plan, "take"):
            case "refuse":
                return Answer("refused", "no")
            case "lose":
                world.arrived.append(text)
                return Answer("uncertain", "late")
            case "die":
                raise Killed
        return world.take(text)

    world.answer = answer
    for number in range(many):
        world.put(f"m{number}")
        try:
            world.run(4)
        except Killed:
            world.restart()
    for _ in range(30):
        try:
            world.run(120, step=5)
        except Killed:
            world.restart()
    states, seen = world.states(), world.seen()
    assert set(states) == {f"<m{number}>" for number in range(many)} and max(seen.values(), default=0) <= 1
    for name, state in states.items():
        assert state in ("sent", "uncertain") and (state != "sent" or seen[name] == 1), (name, state)
    journal.close()
