"""Strangles held through days of recorded chains, taken apart from nothing but what was recorded; the same on made-up chains."""

from datetime import timedelta
from pathlib import Path

import pytest

from bench import attribution as days
from bench import chains
from tests.venue_market.deribit_rows import DAY, rows, write

LATER = [DAY + timedelta(days=number, hours=8) for number in range(1, 6)]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> list[days.Line]:
    """Three days of chains six hours apart; volatility and index rise all the time."""
    place = write(
        tmp_path_factory.mktemp("chains") / "BTC_made_up.parquet",
        rows([DAY + timedelta(hours=6 * number) for number in range(13)], LATER),
    )
    return days.taken_apart(days.strangles(list(chains.boards(place, "deribit-chain", "BTC")), (0.1, 0.25), {}))


def test_a_made_up_day_is_explained_with_samples_six_hours_apart(held: list[days.Line]) -> None:
    assert len({one.held.day for one in held}) == 3 and len(held) >= 10
    for one in held:
        found = one.found
        assert found.longest_gap == timedelta(hours=6) and found.unseen == 0
        assert found.theta > 0 and found.spread < 0 and found.fees < 0 and found.exchange == 0
        parts = found.delta + found.gamma + found.theta + found.vega + float(found.spread + found.fees)
        assert parts + found.residual == pytest.approx(float(found.pnl))
        assert days.share(found) < 0.05 and found.why is None, days.row(one)


def test_the_table_counts_days_strangles_and_those_that_leave_more(held: list[days.Line]) -> None:
    cells = days.summary("made up", held).split()
    assert cells[:4] == ["made", "up", "3", str(len(held))] and cells[7] == "0"
    assert days.row(held[0]).startswith("2026-03-10 0.10 ")


def test_one_held_to_its_settlement_has_the_rest_of_its_move_as_the_exchanges(tmp_path: Path) -> None:
    instants = [DAY + timedelta(minutes=30 * number) for number in range(16)]
    place = write(tmp_path / "BTC_settled.parquet", rows(instants, [DAY + timedelta(hours=8)]))
    boards = list(chains.boards(place, "deribit-chain", "BTC"))
    assert boards[-1].market is not None
    boards.append(chains.board("BTC", boards[-1].market + timedelta(minutes=30), []))
    expiry = boards[-1].market
    (one,) = days.strangles(boards, (0.25,), {expiry: 74_000.0})  # type: ignore[dict-item]
    assert one.settled and one.legs[0].traded[-1].price == max(0, 74_000 - int(one.legs[0].key.split("-")[2]))
    found = days.attribute(one.legs)
    assert found.exchange != 0 and days.share(found) < 0.01


def test_the_command_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("TRADER_DATA", raising=False)
    monkeypatch.setattr("sys.argv", ["bench.attribution"])
    assert days.main() == 2 and "set TRADER_DATA" in capsys.readouterr().err


def test_of_a_recorded_month_little_is_left_and_what_is_more_says_why(shared_data: Path) -> None:
    """January 2026, chains about six hours apart: the index is not what Deribit marks on, which is all that is left."""
    found = days.taken_apart(days.six_hours(shared_data, "BTC", months="2026-01"))
    shares = sorted(days.share(one.found) for one in found)
    assert len({one.held.day for one in found}) >= 20
    assert shares[len(shares) // 2] <= 0.02, "median"
    assert shares[len(shares) // 2] < sorted(days.share(one.ends) for one in found)[len(found) // 2] / 2
    assert sum(one > 0.05 for one in shares) <= len(shares) / 20
    for one in found:
        assert (one.found.why is None) == (days.share(one.found) <= 0.05)
        if one.found.why:
            assert "that do not follow from spot and volatility" in one.found.why, days.row(one)


@pytest.mark.t1
def test_on_the_forward_that_marks_are_made_of_no_day_leaves_more(shared_data: Path) -> None:
    on_forward = days.taken_apart(days.six_hours(shared_data, "BTC", months="2026-01", on_forward=True))
    assert max(days.share(one.found) for one in on_forward) < 0.05


def test_a_recorded_week_of_half_hours_is_explained_to_its_settlements(shared_data: Path) -> None:
    found = days.taken_apart(days.half_hours(shared_data))
    assert len({one.held.day for one in found}) == 7 and any(one.held.settled for one in found)
    assert max(days.share(one.found) for one in found) < 0.001
