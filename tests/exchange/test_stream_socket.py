"""Frames are cut from whole reads of the socket, however they lie in them."""

import socket
from collections.abc import Iterator

import pytest
import websocket

from trader.exchange.common.stream_socket import StreamSocket


def frame(text: str, *, opcode: int = 1, final: bool = True) -> bytes:
    data = text.encode()
    head = bytes([opcode | (0x80 if final else 0)])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 65_536:
        return head + bytes([126]) + len(data).to_bytes(2, "big") + data
    return head + bytes([127]) + len(data).to_bytes(8, "big") + data


@pytest.fixture
def ends() -> Iterator[tuple[StreamSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    stream = StreamSocket()
    stream.sock = ours
    stream.settimeout(5)
    yield stream, theirs
    theirs.close()
    ours.close()


Ends = tuple[StreamSocket, socket.socket]


@pytest.mark.parametrize("size", [1, 125, 126, 2000])
def test_a_message_that_comes_alone_went_through_the_librarys_machinery(
    ends: Ends, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, theirs = ends
    monkeypatch.setattr(stream, "recv_data", lambda: pytest.fail("read by the library"))
    for letter in "abc":
        theirs.sendall(frame(letter * size))
        assert stream.receive() == letter.encode() * size


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ([frame("one") + frame("two") + frame("three")], ["one", "two", "three"]),
        ([frame("one") + frame("two")[:3], frame("two")[3:]], ["one", "two"]),
        ([frame("one")[:1], frame("one")[1:] + frame("two")], ["one", "two"]),
        ([frame("x" * 300)[:3], frame("x" * 300)[3:], frame("after")], ["x" * 300, "after"]),
        ([frame("y" * 70_000), frame("after")], ["y" * 70_000, "after"]),
        ([frame("fi", final=False), frame("", opcode=9), frame("rst", opcode=0), frame("then")], ["first", "then"]),
        ([frame("fi", final=False) + frame("rst", opcode=0) + frame("then")], ["first", "then"]),
    ],
    ids=["three at once", "cut in two", "cut in the head", "cut in the length", "long", "in fragments", "in one read"],
)
def test_messages_are_whole_however_they_come(
    ends: Ends, sent: list[bytes], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, _ = ends
    reads = iter(sent)
    monkeypatch.setattr(websocket.WebSocket, "_recv", lambda self, size: next(reads))
    assert [(stream.receive() or b"").decode() for _ in told] == told
    assert next(reads, None) is None


def test_silence_and_a_peer_that_has_gone_are_told_as_ever(ends: Ends) -> None:
    stream, theirs = ends
    stream.settimeout(0.01)
    with pytest.raises(websocket.WebSocketTimeoutException):
        stream.receive()
    theirs.sendall(frame("still there"))
    assert stream.receive() == b"still there"
    theirs.sendall(frame("", opcode=8))
    assert stream.receive() is None
    theirs.close()
    with pytest.raises((websocket.WebSocketException, OSError)):
        stream.receive()
