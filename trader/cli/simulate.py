"""The fault campaign: many seeded sessions of the real engine against the local exchange's core on a virtual clock."""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from trader.cli import numbers, options
from trader.cli.output import emit_json, emit_lines, table

if TYPE_CHECKING:
    from trader.simulation.campaign import Campaign
    from trader.simulation.evidence import Violation
    from trader.simulation.killing import KillCampaign

_SHOWN = 10
_PROGRESS_SECS = 5.0
_INTERRUPTED = 130


def simulate(
    sessions: Annotated[
        int | None,
        numbers.whole(
            1,
            10_000_000,
            "How many sessions (1000). With --kills double: how many double deaths; with --kills all: how many seeds of each directed session (1).",
        ),
    ] = None,
    seed: Annotated[
        int,
        numbers.whole(0, 2**62, "Seed of the first session; the others follow."),
    ] = 1,
    jobs: Annotated[int, numbers.whole(1, 256, "Processes to use.")] = 1,
    kills: Annotated[
        Literal["all", "double"] | None,
        typer.Option(help="Die at every point of the directed sessions once, or twice: again while recovering."),
    ] = None,
    scenario: Annotated[Path | None, typer.Option(metavar="FILE", help="Replay this scenario instead.")] = None,
    shrink: Annotated[bool, typer.Option(help="Write minimal scenarios of what was found below TRADER_HOME.")] = True,
    as_json: options.JsonFlag = False,
) -> None:
    """Simulate sessions with seeded faults; exit code 1 when any promise is broken."""
    logging.getLogger("trader").setLevel(logging.CRITICAL + 1)  # simulated trouble is not the operator's
    if scenario is not None:
        _replay(scenario, as_json)
    elif kills is not None:
        _kill(kills, sessions or (1 if kills == "all" else 1000), seed, jobs, as_json)
    else:
        _campaign(sessions or 1000, seed, jobs, shrink, as_json)


def _campaign(sessions: int, seed: int, jobs: int, shrink: bool, as_json: bool) -> None:
    from trader.simulation.campaign import run_campaign

    done = run_campaign(sessions, seed, jobs, _progress(f"of {sessions:,} sessions"), _tell_found)
    if as_json:
        emit_json(_document(done))
    else:
        emit_lines(_lines(done))
    if done.violations:
        if shrink:
            _write_scenarios(done)
        raise typer.Exit(1)
    if done.sessions < sessions:
        raise typer.Exit(_INTERRUPTED)


def _kill(which: str, count: int, seed: int, jobs: int, as_json: bool) -> None:
    from trader.simulation.killing import run_kills

    done = run_kills(double=which == "double", count=count, seed=seed, jobs=jobs, progress=_progress("deaths"))
    if as_json:
        emit_json(_kill_document(done))
    else:
        emit_lines(_kill_lines(done))
    if done.findings:
        raise typer.Exit(1)
    if done.interrupted:
        raise typer.Exit(_INTERRUPTED)


def _progress(what: str) -> Callable[[int, int], None]:
    """A line on stderr now and then."""
    started = told = time.monotonic()

    def tell(done: int, violations: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= _PROGRESS_SECS:
            told = now
            typer.echo(f"{done:,} {what}, {violations} violations, {done / (now - started):,.1f}/s", err=True)

    return tell


def _tell_found(violation: "Violation") -> None:
    """A campaign lasts; what it finds need not wait for its end."""
    typer.echo(f"seed {violation.seed}: {violation.invariant} at {violation.secs} s: {violation.text}", err=True)


def _replay(path: Path, as_json: bool) -> None:
    from trader.simulation import scenario

    result = scenario.replay(scenario.load(path))
    if as_json:
        emit_json(
            {"violations": len(result.violations), "findings": result.violations, "trace_hash": result.trace_hash}
        )
    else:
        faults = ", ".join(f"{name}#{nth}" for name, nth in result.happened) or "none"
        emit_lines(
            [
                f"{path.name}: {result.secs:.0f} virtual seconds, ended {result.ended}, faults: {faults}",
                *_found(result.violations),
            ]
        )
    if result.violations:
        raise typer.Exit(1)


def _document(done: "Campaign") -> dict[str, Any]:
    return {
        "sessions": done.sessions,
        "seed": done.seed,
        "faults": _total(done.faults),
        "faults_by_phase": done.faults,
        "commands_by_phase": done.commands,
        "violations": len(done.violations),
        "findings": done.violations,
        "limits": done.limits,
        "sessions_per_s": round(done.sessions_per_s, 1),
        "virtual_hours": round(done.virtual_hours, 1),
        "trace_hash": done.trace_hash,
        "worst_seed": done.worst_seed,
    }


def _kill_document(done: "KillCampaign") -> dict[str, Any]:
    worst = Counter(finding.case.seed for finding in done.findings).most_common(1)
    return {
        "sessions": done.cases,
        "seed": done.seed,
        "faults": _total(done.faults),
        "faults_by_phase": done.faults,
        "points": done.points,
        "violations": len(done.findings),
        "findings": done.findings,
        "sessions_per_s": round(done.cases_per_s, 1),
        "trace_hash": done.trace_hash,
        "worst_seed": worst[0][0] if worst else None,
    }


def _total(faults: dict[str, dict[str, int]]) -> int:
    return sum(sum(cells.values()) for cells in faults.values())


def _phase_table(what: str, counts: dict[str, dict[str, int]], several: dict[str, int] | None = None) -> list[str]:
    from trader.simulation.catalogue import PHASES

    more = [] if several is None else ["several"]
    rows = [
        [
            name,
            *(str(cells.get(phase, 0)) for phase in PHASES),
            *([] if several is None else [str(several.get(name, 0))]),
            str(sum(cells.values())),
        ]
        for name, cells in counts.items()
    ]
    return table([what, *PHASES, *more, "all"], rows)


def _lines(done: "Campaign") -> list[str]:
    return [
        *_phase_table("fault", done.faults, done.several),
        "",
        *_phase_table("command", done.commands, done.several),
        "",
        f"{done.sessions:,} sessions from seed {done.seed}, {_total(done.faults):,} faults, "
        f"{done.virtual_hours:,.0f} virtual hours, {done.steps:,} engine steps",
        f"{done.sessions_per_s:,.1f} sessions/s, trace hash {done.trace_hash}",
        *(f"known limit: {what}: {count}" for what, count in done.limits.items()),
        *_found(done.violations),
    ]


def _kill_lines(done: "KillCampaign") -> list[str]:
    lines = [
        *table(["point", "visits"], [[name, str(count)] for name, count in done.points.items()]),
        "",
        *_phase_table("fault", done.faults),
        "",
        f"{done.cases:,} sessions that died, of {done.sessions} directed ones from seed {done.seed}, "
        f"{sum(done.points.values()):,} deaths at {len(done.points)} named points",
        f"{done.cases_per_s:,.1f} sessions/s, trace hash {done.trace_hash}",
        f"{len(done.findings)} violations",
    ]
    for finding in done.findings[:_SHOWN]:
        case, violation = finding.case, finding.violation
        where = json.dumps(dict(zip(case.points, case.kills, strict=False)))
        lines.append(
            f"{case.session}, seed {case.seed}, died at {where}: "
            f"{violation.invariant} at {violation.secs} s: {violation.text}"
        )
        lines += [f"    {line}" for line in violation.tail]
    return lines


def _found(violations: "list[Violation]") -> list[str]:
    if not violations:
        return ["0 violations"]
    lines = [f"{len(violations)} violations"]
    for violation in violations[:_SHOWN]:
        lines.append(f"seed {violation.seed}  {violation.invariant} at {violation.secs} s: {violation.text}")
        lines += [f"    {line}" for line in violation.tail]
    return lines


def _write_scenarios(done: "Campaign") -> None:
    from trader.simulation.scenario import save
    from trader.simulation.shrink import shrink

    folder = options.read_settings().home / "scenarios"
    first = {v.invariant: v.seed for v in reversed(done.violations)}
    for invariant, seed in sorted(first.items())[:_SHOWN]:
        smallest = shrink(seed, invariant)
        if smallest is not None:
            path = save(smallest, folder)
            typer.echo(f"{invariant}: seed {seed}, {path} ({len(smallest.faults)} faults)", err=True)


def add_to(app: typer.Typer) -> None:
    app.command()(simulate)
