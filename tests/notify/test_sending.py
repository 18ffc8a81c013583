"""Sending by the real library to real servers on this machine: HTTP, SMTP, and one of Telegram's shape."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from trader.domain.errors import ConfigError
from trader.notify import sending
from trader.notify.sending import send


class Web:
    """An HTTP server that keeps what it was sent and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.status = 200
        self.hold = threading.Event()
        self.hold.set()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.got.append((self.path, json.loads(body)))
                web.hold.wait(20)
                answer = b'{"ok": true, "result": {"message_id": 1}}'
                self.send_response(web.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    with closing(Web()) as server:
        yield server


def address(web: Web) -> SecretStr:
    return SecretStr(f"json://127.0.0.1:{web.port}/hook?token=hunter2")


def test_a_message_arrives_with_title_text_and_severity(web: Web) -> None:
    assert send(address(web), "critical", "Runner dead", "2 legs are open") == ("sent", "")
    ((path, told),) = web.got
    assert path.startswith("/hook")
    assert (told["title"], told["message"], told["type"]) == ("Runner dead", "2 legs are open", "failure")


@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
def test_an_answer_that_says_no_is_a_refusal_told_without_the_address(web: Web, status: int) -> None:
    web.status = status
    answer = send(address(web), "info", "t", "b")
    assert answer.outcome == "refused" and str(status) in answer.why and "hunter2" not in answer.why


def test_a_closed_port_is_a_refusal(web: Web) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    answer = send(SecretStr(f"json://127.0.0.1:{port}/hunter2"), "info", "t", "b")
    assert answer.outcome == "refused" and "hunter2" not in answer.why


def test_an_answer_that_does_not_come_is_uncertain(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "ANSWER_SECS", 0.3)
    web.hold.clear()
    assert send(address(web), "info", "t", "b").outcome == "uncertain"
    assert len(web.got) == 1  # it had arrived


def test_an_address_that_the_library_does_not_know_is_told_without_it() -> None:
    with pytest.raises(ConfigError, match="Apprise knows no such address") as told:
        send(SecretStr("nosuch://hunter2"), "info", "t", "b")
    assert "hunter2" not in str(told.value)


def test_telegram_gets_a_message_of_its_shape(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.telegram import NotifyTelegram

    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{web.port}/bot")
    token = "123456789:abcdefg_hijklmnopqrstuvwxyz12345678"
    assert send(SecretStr(f"tgram://{token}/987654321/"), "warning", "Stop near", "BTC 1 % away").outcome == "sent"
    path, told = web.got[-1]
    assert path == f"/bot{token}/sendMessage" and str(told["chat_id"]) == "987654321"
    assert "Stop near" in told["text"] and "BTC 1 % away" in told["text"]


@contextmanager
def mail_server(answer: Callable[[str], str]) -> Iterator[tuple[int, list[str]]]:
    """Just enough SMTP: `answer` says what follows a command."""
    got: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:

            def say(text: str) -> None:
                stream.write(f"{text}\r\n".encode())
                stream.flush()

            say("220 ready")
            for raw in stream:
                line = raw.decode().rstrip("\r\n")
                if line.upper() == "DATA":
                    say("354 go on")
                    while (text := stream.readline().decode()) != ".\r\n":
                        got.append(text.rstrip())
                    say(answer("DATA"))
                elif line.upper() == "QUIT":
                    say("221 bye")
                    return
                else:
                    say(answer(line))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], got
    finally:
        listener.close()


def test_mail_arrives_with_its_subject() -> None:
    with mail_server(lambda _: "250 fine") as (port, got):
        url = f"mailto://127.0.0.1:{port}?from=desk@example.org&to=asha@example.org"
        assert send(SecretStr(url), "notice", "Closed: +$4.10", "max profit").outcome == "sent"
    text = "\n".join(got)
    assert "Subject: Closed" in text and "asha@example.org" in text


def test_mail_that_is_not_taken_is_a_refusal() -> None:
    with mail_server(lambda line: "550 no such person" if line.upper().startswith("RCPT") else "250 fine") as (port, _):
        url = f"mailto://127.0.0.1:{port}?from=desk@example.org&to=asha@example.org"
        assert send(SecretStr(url), "notice", "t", "b").outcome == "refused"
