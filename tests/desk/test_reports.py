"""One run told: report, timeline, marks, series, log."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.journal import samples_of_records as s
from trader.config.preset import Preset
from trader.desk import Desk, NotPossible
from trader.desk.log_tail import read_tail
from trader.desk.timeline import markers, timeline
from trader.domain.order import Side
from trader.engine import records as r
from trader.engine.record_kinds import sentence
from trader.journal import Journal, Sample
from trader.runner.log_file import DETAILED_LOG, SUMMARY_LOG


@pytest.mark.parametrize("record", s.one_of_each("a"), ids=lambda record: type(record).__name__)
def test_every_record_is_told_in_one_line(record: r.AnyRecord) -> None:
    text = sentence(record)
    assert text and "\n" not in text and "Decimal" not in text
    (event,) = timeline([record])
    assert event.at == (record.market or record.wall) and event.text == text


def test_marks_are_one_per_order_and_per_rise_of_the_stop() -> None:
    bought = s.fill_recorded("a", "f3", "o-2")
    bought = replace(bought, fill=replace(bought.fill, side=Side.BUY, price=Decimal("100")))
    peak = {"run_id": "a", "wall": s.WALL, "market": s.MARKET}
    found = markers(
        [
            s.run_created("a"),
            s.fill_recorded("a", "f1", "o-1", quantity=4),
            s.fill_recorded("a", "f2", "o-1", quantity=6),
            r.Trailed(**peak, peak_pnl=Decimal(1), peak_pct=Decimal(10), level_pct=None),
            r.Trailed(**peak, peak_pnl=Decimal(4), peak_pct=Decimal(41), level_pct=Decimal(0)),
            r.Trailed(**peak, peak_pnl=Decimal(5), peak_pct=Decimal(45), level_pct=Decimal(0)),
            r.ExitDecided(**peak, reason="breakeven", detail="0.0 %"),
            bought,
        ]
    )
    assert [(mark.kind, mark.text) for mark in found] == [
        ("entry", f"Sold 10 {s.CALL} at 391"),
        ("decision", "profit peaked at 41 %: stop at 0 %"),
        ("decision", "exit: breakeven stop (0.0 %)"),
        ("exit", f"Bought back 10 {s.CALL} at 100"),
    ]


def test_report_has_everything_of_a_run(desk: Desk, journal: Journal) -> None:
    journal.append(s.one_of_each("a"), lease=None)
    report = desk.report("a")
    assert report.summary.run_id == "a" and report.view.flat == "true"
    assert report.config == Preset.model_validate({"strategy": {"quantity": 10}})
    assert len(report.timeline) == len(s.one_of_each("a"))
    assert [leg.symbol for leg in report.legs] == [s.CALL]
    assert [fill.fill.commission for fill in report.fills] == [Decimal("0.0417")]
    assert [mark.kind for mark in report.markers] == ["entry", "decision", "decision"]
    with pytest.raises(NotPossible, match="no run nope"):
        desk.report("nope")


def test_history_lists_finished_runs_newest_first(desk: Desk, journal: Journal) -> None:
    for name in ("a", "b", "c"):
        journal.append([s.run_created(name)], lease=None)
    for name in ("a", "b"):
        journal.append([s.run_finished(name, "1")], lease=None)
    assert [run.run_id for run in desk.history()] == ["b", "a"]
    assert [run.run_id for run in desk.history(1, 1)] == ["a"]


def sample(i: int, pnl: str | None, level: str | None = None) -> Sample:
    return Sample(
        run_id="a",
        wall=s.WALL + timedelta(seconds=i),
        market=s.MARKET + timedelta(minutes=i),
        pnl=None if pnl is None else Decimal(pnl),
        pnl_pct=None,
        spot=Decimal(35_000),
        level_pct=None if level is None else Decimal(level),
        max_loss_usd=Decimal(-4),
        max_profit_usd=Decimal("3.2"),
    )


def test_series_grows_by_what_is_new_and_turns_levels_into_money(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)  # max profit 80 % of premium, so 3.2 USD is a premium of 4
    journal.sample([sample(0, None), sample(1, "0.5")])
    assert desk.pnl_chart("a")[0].pnl == [None, 0.5]
    journal.sample([sample(2, "1.7", "0"), sample(3, "2.1", "25")])
    series = desk.pnl_chart("a")[0]
    assert series.pnl == [None, 0.5, 1.7, 2.1]
    assert series.level_usd == [None, None, 0.0, 1.0]
    assert series.market[-1] == s.MARKET + timedelta(minutes=3)
    assert series.max_loss_usd == [-4.0] * 4
    assert len({len(column) for column in (series.wall, series.market, series.pnl, series.spot, series.pnl_pct)}) == 1


def test_series_of_a_long_run_stays_small_and_keeps_its_extremes(desk: Desk, journal: Journal) -> None:
    journal.append([s.run_created("a")], lease=None)
    for start in range(0, 12_000, 3_000):
        journal.sample(
            [sample(i, "99" if i == 1234 else "-99" if i == 7777 else "1") for i in range(start, start + 3_000)]
        )
        thin = desk.pnl_chart("a", 500)[0].pnl
        assert len(thin) <= 500
    assert max(v for v in thin if v is not None) == 99 and min(v for v in thin if v is not None) == -99
    assert desk.pnl_chart("a", 100_000)[0].wall[0] == s.WALL


def test_series_and_marks_of_a_run_there_is_not_are_empty(desk: Desk) -> None:
    series, marks = desk.pnl_chart("nope")
    assert series.pnl == [] and marks == ()


# ---------------------------------------------------------------- log

LINE = "2026-11-21T12:08:{:02d}.632Z INFO    [mesdm] line {}"


def log_of(home: Path, text: str) -> None:
    (home / "logs").mkdir(parents=True)
    (home / "logs" / SUMMARY_LOG).write_text(text)


def test_log_tail_is_the_last_lines_oldest_first(tmp_path: Path) -> None:
    log_of(tmp_path, "".join(LINE.format(i, i) + "\n" for i in range(50)))
    lines = read_tail(tmp_path, 3)
    assert [line.text for line in lines] == ["[mesdm] line 47", "[mesdm] line 48", "[mesdm] line 49"]
    assert lines[0].at == datetime(2026, 11, 21, 12, 8, 47, 632000, tzinfo=UTC) and lines[0].level == "info"


def test_log_tail_leaves_out_what_is_no_line_and_survives_none(tmp_path: Path) -> None:
    assert read_tail(tmp_path, 5) == []
    log_of(tmp_path, "torn\n" + LINE.format(1, 1) + "\n\nTraceback: x\n2026-99-99T00:00:00Z INFO no\n\xff\n")
    assert [line.text for line in read_tail(tmp_path, 5)] == ["[mesdm] line 1"]
    assert read_tail(tmp_path, 0) == []


def test_log_tail_of_a_huge_log_reads_its_end_only(tmp_path: Path) -> None:
    log_of(tmp_path, "x" * 3_000_000 + "\n" + "".join(LINE.format(i % 60, i) + "\n" for i in range(10_000)))
    lines = read_tail(tmp_path, 10_000)
    assert [line.text for line in lines] == [f"[mesdm] line {number}" for number in range(10_000)]


def test_log_name_is_the_one_the_runner_writes() -> None:
    assert (DETAILED_LOG, SUMMARY_LOG) == ("delta_trader_detailed.log", "delta_trader_summary.log")
