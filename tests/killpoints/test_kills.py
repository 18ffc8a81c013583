"""Fifteen deaths of the real runner: whatever it was doing, nothing is lost, doubled or left open."""

from pathlib import Path

import pytest

from tests.killpoints.campaign import IN_RECOVERY, first_passes, run_cases, spread
from tests.killpoints.rig import list_points, venue

DEATHS = 15


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_fifteen_deaths_lose_nothing(tmp_path: Path) -> None:
    with venue(seed=11) as exchange:
        points = first_passes(list_points(exchange, tmp_path), 2)
    assert len(points) > 30
    single = spread(points, 11)
    double = list(zip(spread(points, 2), IN_RECOVERY[1::2], strict=True))
    cases = [*[(point,) for point in single], *double]
    results = run_cases(cases, tmp_path, managing_secs=20.0, faces_every=4)
    # Some points are passed only when the book makes an order rest: what was not reached is made up for by others.
    spare = [point for point in points if point not in single]
    while sum(result.kills for result in results) < DEATHS and spare:
        folder = tmp_path / f"more-{len(spare)}"
        folder.mkdir()
        results += run_cases([(spare.pop(0),)], folder, managing_secs=20.0, faces_every=4)
    assert {r.points: r.violations for r in results if r.violations} == {}
    assert sum(result.kills for result in results) >= DEATHS
