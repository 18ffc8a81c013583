"""What finished runs have made, and where it came from."""

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec
from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from trader.analytics.attribution import Attribution
from trader.analytics.choosing import GROUPS, Kinds, Outcome, RunFilter
from trader.analytics.performance import EquityDay
from trader.analytics.performance import Performance as Figures
from trader.analytics.result import RunResult
from trader.api.routing import ADesk, Routes, answer, require
from trader.config.numbers import Number
from trader.desk import Day, DayRow
from trader.desk.analytics.figures import Group

routes = Routes("results")
Names = Annotated[
    list[Annotated[str, Field(max_length=100)]] | None,
    Query(max_length=100, description="Only these; may be repeated."),
]


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """`figures` of all finished runs that match, `groups` the same of each part, `equity` each calendar day of the range, oldest first,
    beginning with `capital`; docs/analytics.md defines each figure. `missing`: so many runs more have ended and are being read. `today` and
    `days` are of the whole account: the present day, and the newest days first with what the exchange's wallet says. USD."""

    account: str
    capital: Decimal | None
    figures: Figures
    groups: tuple[Group, ...]
    equity: tuple[EquityDay, ...]
    missing: int
    today: Day | None
    days: tuple[DayRow, ...]


class RunAttribution(msgspec.Struct, frozen=True, kw_only=True):
    """`parts` add up to the P&L; `residual_share` is what they leave over, as a share of what moved, and `why` what that comes from where
    it is more than 5 %. `result` has the run's own figures."""

    result: RunResult
    parts: Attribution
    residual_share: float | None
    why: str | None


@routes.add("GET", "/v1/trading/performance", "read", Performance)
def get_performance(
    desk: ADesk,
    since: Annotated[date | None, Query(description="From this Indian day on.")] = None,
    until: Annotated[date | None, Query(description="To this Indian day, it included.")] = None,
    preset: Names = None,
    underlying: Names = None,
    structure: Names = None,
    reason: Names = None,
    configuration: Names = None,
    outcome: Annotated[Outcome | None, Query(description="Only runs that won, or lost.")] = None,
    kinds: Annotated[Kinds, Query(description="Runs of structures, single orders, or both.")] = "runs",
    by: Annotated[
        str | None, Query(description="What parts the runs.", json_schema_extra={"enum": [*GROUPS]}, max_length=40)
    ] = None,
    capital: Annotated[
        Number | None, Query(gt=0, le=10**12, description="USD at the beginning: what returns, and so ratios, are of.")
    ] = None,
    days: Annotated[int, Query(ge=1, le=400, description="Of how many days `days` tells.")] = 30,
) -> Response:
    """Figures of finished runs over any range, filter and grouping; and what each Indian day has made."""
    wanted = RunFilter(
        since=since,
        until=until,
        presets=tuple(preset or ()),
        underlyings=tuple(underlying or ()),
        structures=tuple(structure or ()),
        reasons=tuple(reason or ()),
        configurations=tuple(configuration or ()),
        outcome=outcome,
        kinds=kinds,
    )
    found = desk.analytics.figures(wanted, by=by, capital=capital)
    return answer(
        {
            "account": found.account,
            "capital": found.capital,
            "figures": found.figures,
            "groups": found.groups,
            "equity": found.days,
            "missing": found.missing,
            "today": desk.status().day,
            "days": desk.days(days),
        }
    )


@routes.add("GET", "/v1/runs/{run_id}/attribution", "read", RunAttribution)
def get_run_attribution(
    desk: ADesk,
    run_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="A finished run's or ticket's id.")],
) -> Response:
    """Where the P&L of a finished run came from: delta, gamma, theta, vega, spread, slippage, fees, and what is left."""
    found = desk.analytics.told(run_id)
    require(found, f"run {run_id} that has ended and traded")
    assert found is not None
    parts = found.parts
    return answer(RunAttribution(result=found.result, parts=parts, residual_share=parts.residual_share, why=parts.why))
