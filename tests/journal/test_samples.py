"""What a run's samples keep of its legs, and that a journal of before keeps what it had."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from tests.journal import samples_of_records as s
from trader.desk.recorded import recorded_table
from trader.journal import Journal, Sample
from trader.journal import tables as t
from trader.journal.views import LegSample

D = Decimal
LEG = LegSample(
    key="C", open=10, mark=D("205.5"), bid=D(200), ask=None, iv=0.5, delta=-0.00125, gamma=-1e-07, theta=0.5, vega=-0.1
)


def sample(**changes: object) -> Sample:
    fields = {"run_id": "a", "wall": s.WALL, "market": s.MARKET, "pnl": D("1.5"), "spot": D(36_000), "legs": (LEG,)}
    return Sample(**{**fields, **changes})  # type: ignore[arg-type]


def test_prices_and_greeks_of_the_legs_are_kept_and_a_chart_does_not_read_them(url: str) -> None:
    journal = Journal.open(url)
    journal.sample([sample(), sample(legs=())])
    assert [one.legs for one in journal.leg_samples("a")] == [(LEG,), ()]
    assert [one.legs for _, one in journal.samples("a")] == [(), ()]
    journal.close()


def test_of_a_long_series_so_many_are_read_that_its_extremes_are_among_them(url: str) -> None:
    journal = Journal.open(url)
    later = timedelta(seconds=2)
    journal.sample(
        [
            sample(wall=s.WALL + n * later, pnl=D(-n if n == 777 else n * 7 % 11), run_id="ab"[n % 2])
            for n in range(2_000)
        ]
    )
    found = journal.leg_samples("b", 50)
    assert len(found) <= 50 and all(one.legs == (LEG,) for one in found)
    assert min(one.pnl for one in found if one.pnl is not None) == -777
    walls = [one.wall for one in journal.leg_samples("b")]
    assert [one.wall for one in found] == sorted(one.wall for one in found)
    assert (found[0].wall, found[-1].wall) == (walls[0], walls[-1])
    assert journal.leg_samples("b", 1_000) == journal.leg_samples("b")
    journal.close()


def test_a_journal_of_the_first_version_is_taken_over_with_its_samples(url: str) -> None:
    path = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else None
    if path is not None:
        path.parent.mkdir(mode=0o700)
        path.touch(mode=0o600)
    engine = sa.create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(t.__file__).parent / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA application_id={t.APPLICATION_ID}")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            sa.text("INSERT INTO samples (run_id, wall_us, pnl) VALUES ('a', :at, '1.5')"),
            {"at": 1_780_000_000_000_000},
        )
    engine.dispose()
    journal = Journal.open(url)
    journal.sample([sample()])
    assert [(one.pnl, one.legs) for one in journal.leg_samples("a")] == [(D("1.5"), ()), (D("1.5"), (LEG,))]
    with pytest.raises(sa.exc.DatabaseError, match="append-only"), journal._engine.begin() as connection:
        connection.execute(sa.text("UPDATE samples SET legs = ''"))
    journal.close()


def test_a_recorded_series_is_a_table_with_a_column_for_each_number_of_a_leg() -> None:
    head, rows = recorded_table([sample(), sample(legs=(), pnl=None)])
    assert head[:4] == ["wall_utc", "market_utc", "spot", "pnl"] and head[-1] == "C_vega"
    first = dict(zip(head, rows[0], strict=True))
    assert (first["spot"], first["C_mark"], first["C_ask"], first["C_open"]) == ("36000", "205.5", "", "10")
    assert first["market_utc"] == "2021-06-21T04:00:00.000+00:00"
    assert dict(zip(head, rows[1], strict=True))["C_mark"] == ""
