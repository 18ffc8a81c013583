"""Which of a run's alerts the dashboard shows."""

from datetime import UTC, datetime, timedelta

from trader.journal import AlertRow
from trader.panel.live import loud_alerts

BEGAN = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


def alert(minute: int, text: str, *, level: str = "warning", run_id: str = "a") -> AlertRow:
    return AlertRow(seq=minute, run_id=run_id, wall=BEGAN + timedelta(minutes=minute), level=level, code="c", text=text)


def test_the_same_words_are_shown_once_with_their_newest_time() -> None:
    shown = loud_alerts([alert(3, "restarted"), alert(2, "slow"), alert(1, "restarted")], "a")
    assert [(one.text, one.seq, times) for one, times in shown] == [("restarted", 3, 2), ("slow", 2, 1)]


def test_mere_information_and_other_runs_are_left_out() -> None:
    assert loud_alerts([alert(1, "x", level="info"), alert(2, "y", run_id="b")], "a") == []
