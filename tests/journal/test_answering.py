"""A server that holds the connection and says nothing: whoever waits for it is let go."""

import socket
import threading
from collections.abc import Iterator

import pytest

from trader.journal.answering import Answers, ServerSilent


@pytest.fixture
def link() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class Clock:
    def __init__(self) -> None:
        self.secs = 0.0

    def __call__(self) -> float:
        return self.secs


def absent() -> None:
    raise ServerSilent


def test_a_call_that_nobody_answers_is_let_go(link: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = link
    answers = Answers(absent, answer_secs=0.0)
    heard: list[bytes] = []

    def call() -> None:
        with answers.awaited(ours):
            heard.append(ours.recv(1))

    waiting = threading.Thread(target=call)
    waiting.start()
    waiting.join(10)
    answers.end()
    assert not waiting.is_alive()
    assert heard == [b""], "what a connection that has ended says"


def test_only_what_has_waited_too_long_is_given_up(link: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = link
    clock = Clock()
    answers = Answers(absent, answer_secs=6.0, monotonic=clock)
    with answers.awaited(ours):
        clock.secs = 6.0
        assert answers.give_up() == 0
    clock.secs = 60.0
    assert answers.give_up() == 0, "it has been answered"
    theirs.sendall(b"x")
    assert ours.recv(1) == b"x"
    with answers.awaited(ours):
        clock.secs = 66.1
        assert answers.give_up() == 1
        assert answers.give_up() == 0
    assert ours.recv(1) == b""
    assert ours.fileno() >= 0, "closing it is its owner's business"


def test_a_connection_that_is_closed_already_disturbs_nothing(link: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    answers = Answers(absent, answer_secs=6.0, monotonic=clock)
    with answers.awaited(link[0]):
        link[0].close()
        clock.secs = 7.0
        assert answers.give_up() == 1


def test_after_one_silence_every_call_fails_at_once_until_the_server_is_back(
    link: tuple[socket.socket, socket.socket],
) -> None:
    clock, back = Clock(), threading.Event()

    def probe() -> None:
        if not back.is_set():
            raise ServerSilent

    answers = Answers(probe, answer_secs=6.0, monotonic=clock)
    with answers.awaited(link[0]):
        clock.secs = 7.0
        answers.give_up()
    answers.try_again()
    with pytest.raises(ServerSilent, match="does not answer"), answers.awaited(link[0]):
        pass
    back.set()
    answers.try_again()
    with answers.awaited(link[0]):
        assert answers.give_up() == 0
    answers.end()
