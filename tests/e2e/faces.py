"""Three faces that send the same order: the panel's form, the command line, the HTTP API. Each gives the ticket's id."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from streamlit.testing.v1 import AppTest

from tests.api.client import Client, serving
from tests.e2e.live import PERP, Live
from tests.panel.seen import read
from trader.cli.app import main
from trader.panel import orders_books, service

ENTRY = Path(__file__).parents[2] / "streamlit_app.py"
Ticket = dict[str, Any]


class Face(Protocol):
    def order(self, ticket: Ticket) -> str: ...

    def order_both(self, first: Ticket, second: Ticket) -> list[str]:
        """A limit and a stop of which one cancels the other."""


class Panel:
    """The page Orders & positions in a browser session, over the real desk."""

    def __init__(self, at: AppTest) -> None:
        self.at = at

    def order(self, ticket: Ticket) -> str:
        for name, value in {**_EMPTY, **dict(_fields(ticket))}.items():
            self.at.session_state[f"or_ticket.{name}"] = value
        self.seen()
        [button] = [one for one in self.at.button if one.key and one.key.startswith("or_send_")]
        assert not button.disabled, read(self.at)
        button.click().run()
        words = read(self.at)
        told = re.search(r"Accepted: .*, ticket (\w+)\.", words)
        assert told is not None and not self.at.exception, words
        return told[1]

    def order_both(self, first: Ticket, second: Ticket) -> list[str]:
        raise NotImplementedError("the form sends one order at a time")

    def seen(self) -> str:
        """The page's words, of what is read now."""
        orders_books.forget()
        self.at.run()
        assert not self.at.exception, self.at.exception
        return read(self.at)


# The form as it is found; an order that was typed before leaves nothing behind.
_EMPTY = {
    "reduce_only": False, "post_only": False, "work": "once", "time_in_force": "gtc", "limit_price": None, "stop_price": None,
    "trail_usd": None, "stop_loss.price": None, "take_profit.price": None,
}  # fmt: skip


def _fields(ticket: Ticket, before: str = "") -> Iterator[tuple[str, Any]]:
    """The form's fields by their paths, as they are typed into it."""
    for name, value in ticket.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{before}{name}.")
        elif name != "symbol":
            is_number = name.endswith(("price", "usd")) or before == "orders."
            yield f"{before}{name}", float(value) if is_number else value


class Cli:
    """`python -m trader order ... --json`, in this process."""

    def __init__(self, live: Live, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        for name, value in live.environment.items():
            patch.setenv(name, value)

    def order(self, ticket: Ticket) -> str:
        words = ["order", ticket["side"], str(ticket["quantity"]), ticket["symbol"], "--key", secrets.token_hex(4)]
        [answer] = self.ask(*words, *_options(ticket))["tickets"]
        assert answer["status"] == "accepted", answer
        return str(answer["ticket_id"])

    def order_both(self, first: Ticket, second: Ticket) -> list[str]:
        words = [
            "order",
            first["side"],
            str(first["quantity"]),
            first["symbol"],
            "--key",
            secrets.token_hex(4),
            "--oco",
        ]
        answer = self.ask(*words, "--limit", first["limit_price"], "--stop", second["stop_price"])
        return [one["ticket_id"] for one in answer["tickets"]]

    def ask(self, *words: str) -> Any:
        self._capsys.readouterr()
        code = main([*words, "--json"])
        said = self._capsys.readouterr()
        assert code in (0, None), said.err
        return json.loads(said.out)


_OPTIONS = {
    "limit_price": "--limit", "stop_price": "--stop", "trail_usd": "--trail", "order_type": "--type",
    "time_in_force": "--tif", "work": "--work", "reason": "--reason",
}  # fmt: skip


def _options(ticket: Ticket) -> Iterator[str]:
    for name, value in ticket.items():
        if name in _OPTIONS:
            yield from (_OPTIONS[name], str(value))
        elif name in ("post_only", "reduce_only"):
            yield f"--{name.replace('_', '-')}"
        elif name in ("stop_loss", "take_profit"):
            yield from (f"--{name.replace('_', '-')}", value["price"])
        elif name == "orders":
            for term, amount in value.items():
                yield from ("--set", f"orders.{term}={amount}")


class Api:
    """`POST /api/v1/trading/orders` over real HTTP."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def order(self, ticket: Ticket) -> str:
        [name] = self._post({"tickets": [ticket]})
        return name

    def order_both(self, first: Ticket, second: Ticket) -> list[str]:
        return self._post({"tickets": [first, second], "link": "oco"})

    def _post(self, body: dict[str, Any]) -> list[str]:
        answer = self.client.ask(
            "POST", "/v1/trading/orders", json=body, params={"wait": 20}, headers={"Idempotency-Key": secrets.token_hex(4)},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        told = answer.json()["tickets"]
        assert {one["status"] for one in told} == {"accepted"}, told
        return [str(one["ticket_id"]) for one in told]


@contextmanager
def panel_of(live: Live) -> Iterator[Panel]:
    """The page Orders & positions, with the perpetual picked."""
    service.forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "desk", lambda: live.desk)
        panel = Panel(_opened("orders", or_underlying="BTC", or_expiry="perpetual"))
        assert PERP in read(panel.at), read(panel.at)
        yield panel
    service.forget()


def dashboard_of(run_id: str) -> str:
    """The words of the dashboard, looking at a run; inside of `panel_of`."""
    return read(_opened("dashboard", run_watched=run_id))


def _opened(page: str, **state: str) -> AppTest:
    at = AppTest.from_file(ENTRY, default_timeout=60)
    at.switch_page(f"pages/{page}.py")
    for name, value in state.items():
        at.session_state[name] = value
    at.run()
    assert not at.exception, at.exception
    return at


@contextmanager
def api_of(live: Live) -> Iterator[Api]:
    with serving(live.desk) as client:
        yield Api(client)
