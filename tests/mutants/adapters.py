"""Defects between the program and the wire, seen over real HTTP against a server that answers from a script."""

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from tests.exchange.scripted_http import Answer, Handler, Request, ScriptedHTTP, refused, success
from tests.mutants.mutant import Mutant, named
from tests.mutants.tools import Patch, everywhere
from trader.config import environments
from trader.domain.errors import ConfigError, ExchangeError, OutcomeUnknown
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.domain.outcome import Ok, Outcome, Rejected, Unknown
from trader.exchange.common.budget import Priority, RateBudget
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.transport import Transport
from trader.exchange.delta.api.order_requests import build_place, request_of
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.http import endpoints
from trader.exchange.delta.http.rest import RestClient

KEY, SECRET = "kEyCaNaRy4567", "sEcReTcAnArY/89+x=="

ENTRY = OrderIntent(
    client_order_id="sd0000-11111-CE01-001-abcdefgh",
    run_id="r",
    leg="C",
    purpose=Purpose.ENTRY,
    attempt=1,
    symbol="C-BTC-78000-040926",
    product_id=150576,
    side=Side.SELL,
    quantity=10,
    order_type=OrderType.LIMIT,
    limit_price=None,
)
ENTRY = replace(ENTRY, order_type=OrderType.MARKET)
EXIT = replace(ENTRY, purpose=Purpose.EXIT, side=Side.BUY, reduce_only=True)


def order_row(intent: OrderIntent, **changes: Any) -> dict[str, Any]:
    row = {
        "id": 700123456,
        "product_id": intent.product_id,
        "product_symbol": intent.symbol,
        "client_order_id": intent.client_order_id,
        "side": intent.side.value,
        "size": intent.quantity,
        "unfilled_size": 0,
        "state": "closed",
    }
    return {**row, **changes}


@contextmanager
def asking(handler: Handler) -> Iterator[tuple[DeltaGateway, ScriptedHTTP]]:
    server = ScriptedHTTP(handler)
    gateway = DeltaGateway(server.url, Credentials(KEY, SECRET))
    try:
        with closing(gateway):
            yield gateway, server
    finally:
        server.close()


# ---------------------------------------------------------------- checks


def a_lost_answer_leaves_one_request_with_its_id() -> None:
    """The exchange has the order, its answer is lost: one request arrived, named, and its fate is unknown."""
    with asking(lambda _: Answer(act="close")) as (gateway, server):
        outcome = gateway.submit(ENTRY)
    sent = [request.json().get("client_order_id") for request in server.requests]
    assert sent == [ENTRY.client_order_id], f"requests that arrived, by their id: {sent}"
    assert isinstance(outcome, Unknown), f"a lost answer became {outcome}"


def a_list_is_read_to_its_end() -> None:
    """The 51 fills that come on two pages."""

    def row(number: int) -> dict[str, Any]:
        told = {"id": str(number), "order_id": "7", "product_id": ENTRY.product_id, "product_symbol": ENTRY.symbol}
        return {**told, "side": "buy", "size": 1, "price": "5", "commission": "0", "created_at": "2026-03-03T05:00:00Z"}

    def answer(request: Request) -> Answer:
        if "after" in request.query:
            return success([row(50)], after=None, before=None)
        return success([row(number) for number in range(50)], after="next", before=None)

    with asking(answer) as (gateway, _):
        fills = gateway.fills(None, [ENTRY.product_id])
    assert len(fills) == 51, f"{len(fills)} of 51 fills were read"


def the_three_addresses_are_one_deployment() -> None:
    """Every mixture of two deployments is refused, whether both are production or not."""
    kept = [d for d in environments.DEPLOYMENTS if d.ws_public is not None]
    for env in environments.Environment:
        for one in environments.DEPLOYMENTS:
            for other in environments.DEPLOYMENTS:
                urls = (one.rest, other.ws_public or other.ws_private, other.ws_private)
                passes = one is other and one.environment is env
                try:
                    environments.check_urls(env.value, *urls)
                except ConfigError:
                    assert not passes, f"{one.name} was refused as {env}"
                else:
                    assert passes, f"prices from {other.name}, orders to {one.name}, as {env}"
    assert len(kept) >= 2


def a_cancel_names_one_order() -> None:
    """A cancel asks for one order of one product and touches nothing else of the account."""
    cancelled = order_row(EXIT, state="cancelled", unfilled_size=10)
    with asking(lambda _: success(cancelled)) as (gateway, server):
        gateway.cancel(product_id=EXIT.product_id, client_order_id=EXIT.client_order_id)
    asked = [(request.method, request.path, request.json()) for request in server.requests]
    body = {"product_id": EXIT.product_id, "client_order_id": EXIT.client_order_id}
    assert asked == [("DELETE", "/v2/orders", body)], f"asked: {asked}"


def an_exit_after_a_429_leaves_at_once() -> None:
    """The exchange says 429 without saying for how long; the exit is tried again, and nobody sleeps."""
    answers = iter([Answer(status=429, body={}), success(order_row(EXIT))])
    slept: list[float] = []
    with asking(lambda _: next(answers)) as (gateway, server), pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", slept.append)
        first, second = gateway.submit(EXIT), gateway.submit(EXIT)
    assert slept == [], f"slept {slept} s in the exit path"
    assert isinstance(first, Rejected) and isinstance(second, Ok), f"{first}, then {second}"
    assert len(server.requests) == 2


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def nothing_secret_is_logged() -> None:
    """Every logger at its most talkative, requests that succeed, fail, get nonsense; no key, secret or signature is told."""
    odd = [Answer(raw=b"<html>"), Answer(status=500, body={}), Answer(act="reset")]
    script, signatures = iter([success(order_row(ENTRY)), refused("insufficient_margin"), *odd]), []

    def answer(request: Request) -> Answer:
        signatures.append(request.headers.get("signature", ""))
        return next(script)

    kept, loggers = _Kept(), [logging.getLogger(name) for name in ("", "trader", "urllib3")]
    levels, disabled = [logger.level for logger in loggers], logging.root.manager.disable
    try:
        logging.disable(logging.NOTSET)
        for logger in loggers:
            logger.addHandler(kept)
            logger.setLevel(logging.DEBUG)
        with asking(answer) as (gateway, _):
            for _ in range(5):
                kept.lines.append(repr(gateway.submit(ENTRY)))
            kept.lines.append(repr(gateway.rest.__dict__))
    finally:
        logging.disable(disabled)
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(kept)
            logger.setLevel(level)
    text = "\n".join(kept.lines)
    told = [secret for secret in (KEY, SECRET, *signatures) if secret and secret in text]
    assert len(signatures) == 5
    assert told == [], f"{len(told)} secrets in what was logged"


# ---------------------------------------------------------------- defects


def http_layer_repeats_the_post(patch: Patch) -> None:
    real = Transport.send

    def send(self: Transport, *arguments: Any) -> Any:
        try:
            return real(self, *arguments)
        except OutcomeUnknown:
            return real(self, *arguments)

    patch.setattr(Transport, "send", send)


def retry_without_an_id(patch: Patch) -> None:
    real = DeltaGateway.submit

    def submit(self: DeltaGateway, intent: OrderIntent, **options: Any) -> Outcome:
        outcome = real(self, intent, **options)
        if not isinstance(outcome, Unknown):
            return outcome
        body = build_place(request_of(intent))
        del body["client_order_id"]
        try:
            self.rest.change(dict[str, Any], endpoints.PLACE_ORDER, body, priority=Priority.MARKET)
        except ExchangeError as error:
            return Rejected("failed", str(error))
        return outcome

    patch.setattr(DeltaGateway, "submit", submit)


def first_page_only(patch: Patch) -> None:
    def read_pages(
        self: RestClient, row: Any, endpoint: Any, *, query: Any = (), page_size: int, **options: Any
    ) -> Any:
        paging = [*query, ("page_size", str(page_size))]
        return list(self.read(list[row], endpoint, query=paging, **options).result)

    patch.setattr(RestClient, "read_pages", read_pages)


def deployments_of_one_kind_are_one(patch: Patch) -> None:
    def name(host: str) -> str:
        return environments.environment_of(f"https://{host}").value

    everywhere(patch, environments._deployment_name, name)


def cancel_takes_everything(patch: Patch) -> None:
    def cancel(self: DeltaGateway, **_: Any) -> Outcome:
        self.rest.change(dict[str, Any], endpoints.CANCEL_ALL, {}, priority=Priority.EXIT)
        return Unknown("all were cancelled")

    patch.setattr(DeltaGateway, "cancel", cancel)


def a_429_is_slept_off(patch: Patch) -> None:
    real = RateBudget.observe_429

    def observe_429(self: RateBudget, reset_header: str | None) -> float:
        wait = real(self, reset_header)
        time.sleep(60 if reset_header is None else wait)
        return wait

    patch.setattr(RateBudget, "observe_429", observe_429)


def headers_are_logged(patch: Patch) -> None:
    real = Transport.send

    def send(self: Transport, method: str, url: str, headers: dict[str, str], body: str, deadline: float) -> Any:
        logging.getLogger("trader.exchange.common.transport").debug("request %s %s headers=%s", method, url, headers)
        return real(self, method, url, headers, body, deadline)

    patch.setattr(Transport, "send", send)


def credentials_print_themselves(patch: Patch) -> None:
    patch.setattr(Credentials, "__repr__", lambda self: f"Credentials{self.reveal()}")


MUTANTS = [
    Mutant(
        name="M06",
        defect="The HTTP layer repeats the POST on its own",
        patched="`Transport.send` sends again when no answer came",
        patch=http_layer_repeats_the_post,
        check=named("I3", a_lost_answer_leaves_one_request_with_its_id),
    ),
    Mutant(
        name="M07",
        defect="A retry without any client order id, the result then reported as failed",
        patched="`DeltaGateway.submit` posts an unknown order again without its id, then says REJECTED",
        patch=retry_without_an_id,
        check=named("I3 I5", a_lost_answer_leaves_one_request_with_its_id),
    ),
    Mutant(
        name="M19",
        defect="Fills are read from the first page only",
        patched="`RestClient.read_pages` reads one page",
        patch=first_page_only,
        check=named("BK1", a_list_is_read_to_its_end),
    ),
    Mutant(
        name="M54",
        defect="Prices from one deployment, orders to another",
        patched="`check_urls` takes deployments of the same kind for one",
        patch=deployments_of_one_kind_are_one,
        check=named("I14", the_three_addresses_are_one_deployment),
    ),
    Mutant(
        name="M55",
        defect="Each leg cancels all orders of the account, the other leg's and the user's included",
        patched="`DeltaGateway.cancel` asks to cancel everything",
        patch=cancel_takes_everything,
        check=named("I13", a_cancel_names_one_order),
    ),
    Mutant(
        name="M60",
        defect="A 429 is slept off for a default minute inside the exit path",
        patched="`RateBudget.observe_429` sleeps",
        patch=a_429_is_slept_off,
        check=named("CT6", an_exit_after_a_429_leaves_at_once),
    ),
    Mutant(
        name="M66",
        defect="Authentication headers in the log",
        patched="`Transport.send` logs the headers at DEBUG",
        patch=headers_are_logged,
        check=named("S1", nothing_secret_is_logged),
    ),
    Mutant(
        name="M66b",
        defect="A secret that prints itself",
        patched="`Credentials.__repr__` shows key and secret",
        patch=credentials_print_themselves,
        check=named("S1 S2", nothing_secret_is_logged),
    ),
]
