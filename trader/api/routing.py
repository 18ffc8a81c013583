"""How a route is declared: with the scope it needs and what it answers, or not at all.

Answers are encoded by msgspec straight from the desk's values, and the document of the API takes their shapes from the same
values; so neither is written a second time. Money is text in them, instants are ISO-8601 in UTC.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal, TypeVar

import anyio
import msgspec
from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import Response

from trader.api.gate import with_body
from trader.api.problems import Problem, not_found
from trader.config.tokens import Scope, Token
from trader.desk import CommandReceipt, CommandRow, Desk

Handler = TypeVar("Handler", bound=Callable[..., Any])

_FIRST_SECS, _MOST_SECS = 0.005, 0.05


class ScopedRoute(APIRoute):
    """Asks for the scope, and refuses parameters it does not know, before the body is looked at."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        assert self.openapi_extra is not None
        scope: Scope | None = self.openapi_extra["x-scope"]
        known = frozenset(field.alias for field in self.dependant.query_params)

        async def guarded(request: Request) -> Response:
            token: Token | None = getattr(request.state, "token", None)
            if scope is not None and (token is None or not token.may(scope)):
                told = "no token" if token is None else f"scope {token.scope}"
                raise Problem(403, "scope", f"This needs a token of scope {scope}; this one has {told}.")
            for name in request.query_params:
                if name not in known:
                    words = f"{name[:60]} is not a parameter here"
                    raise Problem(422, "invalid", f"{words}.", [(name[:60], words)])
            return await handle(await with_body(request))

        return guarded


class Routes(APIRouter):
    """Routes of one subject."""

    def __init__(self, tag: str) -> None:
        super().__init__(route_class=ScopedRoute, tags=[tag])
        self.answers: dict[
            str, tuple[Any, tuple[str, ...]]
        ] = {}  # name of a handler → type and media types of what it answers

    def add(
        self,
        method: Literal["GET", "POST", "PATCH", "DELETE"],
        path: str,
        scope: Scope | None,
        answers: Any,
        *,
        status: int = 200,
        media: str = "application/json",
        also: str | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare a route: who may use it (None: anybody), and the type of what it answers. `also`: another media type in
        which it tells the same as text."""

        def declared(handler: Handler) -> Handler:
            self.add_api_route(
                path,
                handler,
                methods=[method],
                status_code=status,
                response_class=Response,
                response_model=None,
                operation_id=handler.__name__,
                openapi_extra={"x-scope": scope},
            )
            self.answers[handler.__name__] = (answers, (media,) if also is None else (media, also))
            return handler

        return declared


def answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(document, enc_hook=_plain), status, headers, media_type="application/json")


def _plain(value: Any) -> Any:
    """Configurations are pydantic's."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise NotImplementedError(type(value).__name__)


async def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


async def _who(request: Request) -> str:
    """For the record: the token's name."""
    return str(request.state.token.name)


async def _key(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=100,
            pattern=r"^[\x21-\x7e]+$",
            description="The same key again is the same command; with another request it is refused.",
        ),
    ] = None,
) -> str:
    """Keys are the token's own: two programs may choose the same."""
    return "" if key is None else f"{request.state.token.token_id}:{key}"


ADesk = Annotated[Desk, Depends(_desk)]
Who = Annotated[str, Depends(_who)]
Key = Annotated[str, Depends(_key)]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=200, pattern=r"^[\x21-\x7e]*$", description="`next` of the page before: what comes after it."),
]
Wait = Annotated[
    float,
    Query(ge=0, le=30, description="Seconds to wait for the runner's answer; after that it is told as it stands."),
]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded command, and what the runner has answered so far (`status` new: nothing yet)."""

    command_id: str
    status: Literal["new", "accepted", "done"]
    detail: str
    run_id: str | None = None


async def answered(desk: Desk, receipt: CommandReceipt, secs: float) -> Receipt:
    """What the runner says, or that it has not said anything yet.

    Raises:
        Problem: It refused.
    """
    return told(await settled(desk, receipt, secs))


async def settled(desk: Desk, receipt: CommandReceipt, secs: float) -> CommandRow:
    """The command once the runner has answered it, or as it stands after so long. Waits without keeping a thread."""
    deadline = anyio.current_time() + secs
    pause = _FIRST_SECS  # a runner that is rung answers within milliseconds, or is busy or away
    while True:
        left = deadline - anyio.current_time()
        await anyio.sleep(max(min(pause, left), 0))
        row = await to_thread.run_sync(desk.await_command, receipt.command_id, 0.0)
        if row.status != "new" or left <= pause:
            return row
        pause = min(pause * 1.5, _MOST_SECS)


def told(row: CommandRow) -> Receipt:
    """A command as it stands.

    Raises:
        Problem: It was refused.
    """
    if row.status == "refused":
        raise Problem(409, "refused", f"The runner refused: {row.detail}")
    run_id = row.detail.removeprefix("run ") if row.kind == "start" and row.status != "new" else None
    return Receipt(command_id=row.command_id, status=row.status, detail=row.detail, run_id=run_id)


def require(found: Any, what: str) -> None:
    """Raises:
    Problem: There is nothing of that name.
    """
    if found is None:
        raise not_found(what)
