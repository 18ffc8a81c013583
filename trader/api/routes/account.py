"""The account: alerts, what it may do, its limits, how orders are carried out."""

from typing import Annotated, Any, Literal, Self

import msgspec
from anyio import to_thread
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from trader.api.problems import Problem
from trader.api.routing import ADesk, Cursor, Key, Limit, Receipt, Routes, Wait, Who, answer, answered
from trader.desk import AlertRow, Desk
from trader.desk.books.statistics import LONGEST_HOURS, DeskStatistics
from trader.desk.status_json import status_document

routes = Routes("account")
_ALL_ALERTS = 1000


class AlertPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first; `seq` names an alert. `next` is the cursor of the following page, null on the last."""

    alerts: tuple[AlertRow, ...]
    next: str | None


class AckRequest(BaseModel):
    """Alerts by number, or all there are."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"all": True}, {"alerts": [17, 21]}]})

    alerts: list[Annotated[int, Field(ge=1, lt=2**63, strict=True)]] = Field([], max_length=1000)
    all: bool = Field(False, strict=True)

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if bool(self.alerts) is self.all:
            raise ValueError("say alerts, a list of numbers, or all: true")
        return self


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """`acknowledged`: how many had not been acknowledged before."""

    command_id: str
    acknowledged: int


class LevelNow(msgspec.Struct, frozen=True, kw_only=True):
    level: Literal["ACTIVE", "PAUSED", "REDUCING", "HALTED"]
    reason: str


class ReasonRequest(BaseModel):
    """Why, in your own words; shown with the level."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "news at 18:00"}]})

    reason: str = Field("", max_length=200)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`limits` are those last set; `used` what a living runner counts of each, null where that is not known."""

    limits: dict[str, Any]
    used: dict[str, Any] | None


@routes.add("GET", "/v1/alerts", "read", AlertPage)
def list_alerts(
    desk: ADesk,
    open: Annotated[bool, Query(description="Only those nobody has acknowledged.")] = True,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Warnings and errors."""
    if cursor and not (cursor.isdecimal() and len(cursor) < 19):
        raise Problem(422, "invalid", "cursor is none of this list.", [("cursor", "cursor is none of this list")])
    found = desk.alerts(_ALL_ALERTS, open_only=open)
    after = [one for one in found if not cursor or one.seq < int(cursor)]
    return answer(
        AlertPage(alerts=tuple(after[:limit]), next=str(after[limit - 1].seq) if len(after) > limit else None)
    )


@routes.add("POST", "/v1/alerts/ack", "stop", Acknowledged)
def acknowledge_alerts(desk: ADesk, body: AckRequest, who: Who) -> Response:
    """Acknowledge alerts: who and when is recorded, and they are not repeated any more."""
    receipt, fresh = desk.acknowledge(None if body.all else body.alerts, issued_by="api", who=who)
    return answer(Acknowledged(command_id=receipt.command_id, acknowledged=fresh))


@routes.add("GET", "/v1/level", "read", LevelNow)
def get_level(desk: ADesk) -> Response:
    """What the account may do now, and why."""
    level, reason = desk.status().trading
    return answer({"level": level, "reason": reason})


async def _order(
    desk: Desk,
    order: Literal["pause", "reduce", "kill", "resume"],
    body: ReasonRequest,
    who: str,
    key: str,
    wait: float,
) -> Response:
    def ask() -> Any:
        return desk.order_level(order, issued_by="api", who=who, reason=body.reason, key=key)

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("POST", "/v1/level/resume", "trade", Receipt, status=202)
async def resume(desk: ADesk, who: Who, key: Key, body: ReasonRequest = ReasonRequest(), wait: Wait = 2) -> Response:
    """Allow entries again, from any level; lifts the HALT file."""
    return await _order(desk, "resume", body, who, key, wait)


@routes.add("POST", "/v1/level/{order}", "stop", Receipt, status=202)
async def lower_level(
    desk: ADesk,
    order: Annotated[Literal["pause", "reduce", "kill"], Path(description="What to order.")],
    who: Who,
    key: Key,
    body: ReasonRequest = ReasonRequest(),
    wait: Wait = 2,
) -> Response:
    """pause: no run begins to sell. reduce: exits only. kill: cancel and close everything, then no entry until resume."""
    return await _order(desk, order, body, who, key, wait)


@routes.add("GET", "/v1/limits", "read", Limits)
def get_limits(desk: ADesk) -> Response:
    """What all runs of the account may hold, order and lose together."""
    return answer({"limits": desk.limits().document(), "used": status_document(desk.status())["limits"]})


@routes.add("GET", "/v1/trading/statistics", "read", DeskStatistics)
def get_statistics(
    desk: ADesk, hours: Annotated[int, Query(ge=1, le=LONGEST_HOURS, description="Orders of so many hours.")] = 24
) -> Response:
    """What the runner's connection to the exchange has counted since it began (`client`, null while there was none), and how
    the orders of the last hours were carried out."""
    return answer(desk.statistics(hours))
