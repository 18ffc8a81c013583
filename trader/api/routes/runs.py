"""Runs: start, watch, stop; and what became of a command."""

from typing import Annotated, Any, Literal, Self

import msgspec
from anyio import to_thread
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from trader.api.gate import as_json
from trader.api.problems import not_found
from trader.api.routing import ADesk, Cursor, Key, Limit, Receipt, Routes, Wait, answer, answered, require, told
from trader.config.precedence import changed, resolve
from trader.config.preset import PRESET_NAME, Preset
from trader.desk import Desk, Marker, PnlSeries, RunSummary
from trader.desk.reports.documents import RunDocument, run_report_document
from trader.desk.status_json import run_document, status_document

routes = Routes("runs")
RunId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The run's id.", examples=["r7f3a1c"])]
Underlying = Annotated[str | None, Query(pattern=r"^[A-Z0-9]{1,20}$", description="Only those on it, e.g. BTC.")]


class StartRequest(BaseModel):
    """What to start: a preset by name (else the saved configuration) with some fields changed, or a whole configuration."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"preset": "development", "overrides": {"strategy.quantity": 20}, "now": True}],
        },
    )

    preset: Annotated[str, Field(pattern=PRESET_NAME.pattern)] | None = None
    overrides: dict[Annotated[str, Field(max_length=100)], Any] = Field({}, max_length=200)
    config: Preset | None = None
    now: bool = Field(False, strict=True, description="Enter at once instead of at the entry time.")
    confirm: str | None = Field(None, max_length=200, description="Production only: the phrase that arms this one run.")
    beside: str | None = Field(
        None, max_length=2000, description="Confirms what stands on the account that no run here accounts for."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.config is not None and (self.preset is not None or self.overrides):
            raise ValueError("config stands for itself: leave preset and overrides out")
        return self

    def chosen(self, desk: Desk) -> Preset:
        """The configuration, as the command line would put it together.

        Raises:
            ConfigError: Each field at fault.
        """
        if self.config is not None:
            return self.config
        base = resolve(desk.settings, preset=self.preset).preset
        overrides = [f"{path}={as_json(value)}" for path, value in self.overrides.items()]
        return changed(base, overrides, name=base.name) if overrides else base


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `next` is the cursor of the following page, null on the last."""

    runs: tuple[RunSummary, ...]
    next: str | None


class RunNow(msgspec.Struct, frozen=True, kw_only=True):
    """`run` is the live picture where there is one: the same figures as `runs` of the status."""

    summary: RunSummary
    run: dict[str, Any]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """P&L over time, thinned, and what happened on it."""

    series: PnlSeries
    markers: tuple[Marker, ...]


@routes.add("GET", "/v1/status", "read", dict[str, Any])
def status(desk: ADesk) -> Response:
    """The account now: the same document as `python -m trader status --json`."""
    return answer(status_document(desk.status()))


@routes.add("POST", "/v1/runs", "trade", Receipt, status=201)
async def start_run(desk: ADesk, body: StartRequest, key: Key, wait: Wait = 5) -> Response:
    """Start a run. 201 with the run's id once the runner has accepted it, 202 where it has not answered yet."""

    def ask() -> Any:
        return desk.start(
            body.chosen(desk), now=body.now, issued_by="api", confirm=body.confirm, beside=body.beside, key=key
        )

    receipt = await answered(desk, await to_thread.run_sync(ask), wait)
    place = {} if receipt.run_id is None else {"Location": f"/api/v1/runs/{receipt.run_id}"}
    return answer(receipt, 202 if receipt.status == "new" else 201, place)


@routes.add("GET", "/v1/runs", "read", RunPage)
def list_runs(
    desk: ADesk,
    state: Annotated[Literal["open", "finished", "all"], Query(description="Which runs.")] = "all",
    underlying: Underlying = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Runs of this account, newest first."""
    finished = None if state == "all" else state == "finished"
    found = desk.run_list(finished=finished, underlying=underlying, before=cursor or None, limit=limit + 1)
    more = found[limit - 1].run_id if len(found) > limit else None
    return answer(RunPage(runs=tuple(found[:limit]), next=more))


@routes.add("POST", "/v1/runs/stop-all", "stop", Receipt, status=202)
async def stop_all_runs(desk: ADesk, key: Key, wait: Wait = 2) -> Response:
    """Stop & Exit every open run. Recorded in every state; whether all is flat the runs say."""
    receipt = await to_thread.run_sync(lambda: desk.stop(issued_by="api", key=key))
    return answer(await answered(desk, receipt, wait), 202)


@routes.add("GET", "/v1/runs/{run_id}", "read", RunNow)
def get_run(desk: ADesk, run_id: RunId) -> Response:
    """One run now, open or finished."""
    found = desk.run_summary(run_id)
    require(found, f"run {run_id}")
    return answer({"summary": found, "run": run_document(desk.status(run_id).run)})


@routes.add("POST", "/v1/runs/{run_id}/stop", "stop", Receipt, status=202)
async def stop_run(desk: ADesk, run_id: RunId, key: Key, wait: Wait = 2) -> Response:
    """Stop & Exit one run. Recorded in every state; `flat` of the run says when the exchange has confirmed it."""

    def ask() -> Any:
        require(desk.run_summary(run_id), f"run {run_id}")
        return desk.stop(run_id, issued_by="api", key=key)

    return answer(await answered(desk, await to_thread.run_sync(ask), wait), 202)


@routes.add("GET", "/v1/runs/{run_id}/report", "read", RunDocument)
def get_run_report(desk: ADesk, run_id: RunId) -> Response:
    """What a run made and why: verdict, legs, attribution, orders with what the gate compared, fills, timeline, configuration and where
    it differs from its preset."""
    require(desk.run_summary(run_id), f"run {run_id}")
    return answer(run_report_document(desk.report(run_id)))


@routes.add("GET", "/v1/runs/{run_id}/series", "read", Series)
def get_run_series(
    desk: ADesk, run_id: RunId, points: Annotated[int, Query(ge=10, le=5000, description="At most so many.")] = 500
) -> Response:
    """A run's P&L over time with its extremes kept, and its fills and decisions."""
    require(desk.run_summary(run_id), f"run {run_id}")
    series, markers = desk.pnl_chart(run_id, points)
    return answer(Series(series=series, markers=markers))


@routes.add("GET", "/v1/commands/{command_id}", "read", Receipt)
def get_command(
    desk: ADesk, command_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9]{1,64}$", description="From a receipt.")]
) -> Response:
    """What became of a command; 409 with the runner's sentence where it was refused."""
    row = desk.command(command_id)
    if row is None:
        raise not_found(f"command {command_id}")
    return answer(told(row))
