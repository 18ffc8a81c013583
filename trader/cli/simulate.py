"""The fault campaign: many seeded sessions of the real engine against the local exchange's core on a virtual clock."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines, table

if TYPE_CHECKING:
    from trader.simulation.campaign import Campaign
    from trader.simulation.oracle import Violation

_SHOWN = 10
_PHASES = ("waiting", "entering", "one leg", "holding", "exiting", "recovering")


def simulate(
    sessions: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many sessions.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first session; the others follow.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Processes to use.")] = 1,
    scenario: Annotated[Path | None, typer.Option(metavar="FILE", help="Replay this scenario instead.")] = None,
    shrink: Annotated[bool, typer.Option(help="Write minimal scenarios of what was found below TRADER_HOME.")] = True,
    as_json: options.JsonFlag = False,
) -> None:
    """Simulate sessions with seeded faults; exit code 1 when any promise is broken."""
    logging.getLogger("trader").setLevel(logging.CRITICAL + 1)  # simulated trouble is not the operator's
    if scenario is not None:
        _replay(scenario, as_json)
        return
    from trader.simulation.campaign import run_campaign

    done = run_campaign(sessions, seed, jobs)
    if as_json:
        emit_json(_document(done))
    else:
        emit_lines(_lines(done))
    if done.violations:
        if shrink:
            _write_scenarios(done)
        raise typer.Exit(1)


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
        "faults": {name: sum(cells.values()) for name, cells in done.faults.items()},
        "faults_by_phase": done.faults,
        "violations": len(done.violations),
        "findings": done.violations,
        "limits": done.limits,
        "sessions_per_s": round(done.sessions_per_s, 1),
        "virtual_hours": round(done.virtual_hours, 1),
        "trace_hash": done.trace_hash,
        "worst_seed": done.worst_seed,
    }


def _lines(done: "Campaign") -> list[str]:
    rows = [
        [name, *(str(cells.get(phase, 0)) for phase in _PHASES), str(sum(cells.values()))]
        for name, cells in done.faults.items()
    ]
    total = sum(sum(cells.values()) for cells in done.faults.values())
    return [
        *table(["fault", *_PHASES, "all"], rows),
        "",
        f"{done.sessions:,} sessions from seed {done.seed}, {total:,} faults, {done.virtual_hours:,.0f} virtual hours, "
        f"{done.steps:,} engine steps",
        f"{done.sessions_per_s:,.1f} sessions/s, trace hash {done.trace_hash}",
        *(f"known limit: {what}: {count}" for what, count in done.limits.items()),
        *_found(done.violations),
    ]


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
            typer.echo(f"{invariant}: {path} ({len(smallest.faults)} faults)", err=True)


def add_to(app: typer.Typer) -> None:
    app.command()(simulate)
