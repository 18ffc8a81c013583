"""A day report as plain text, for a terminal and a message."""

from collections.abc import Iterator

from trader.desk.reports.day_values import DayReport, DayRun
from trader.domain.exit_reason import exit_label
from trader.domain.expiry import IST
from trader.domain.wording import usd_words

_MARKS = {"agrees": "ok  ", "differs": "DIFF", "unread": "?   "}
_NAMED = 10


def day_title(report: DayReport) -> str:
    """``Mon 30 Nov 2026, paper: +3.10 USD``."""
    so_far = "" if report.is_over else " so far"
    env = "" if report.env == "production" else f" [{report.env}]"
    return f"{report.day:%a %d %b %Y}{env}: {usd_words(report.made, signed=True)}{so_far}"


def day_lines(report: DayReport) -> Iterator[str]:
    """Verdict, runs and single orders, then what was held against the exchange."""
    yield report.verdict
    yield f"Fees {usd_words(report.fees)}, cash before fees {usd_words(report.cash, signed=True)}, {len(report.trades)} executions."
    if report.opening is not None:
        yield f"Balance {usd_words(report.opening)} → {usd_words(report.closing)}."
    for run in report.runs:
        yield run_line(run)
    for one in report.audits:
        yield f"{_MARKS[one.verdict]} {one.name}: {one.sentence}"
        for difference in one.differences:
            yield f"       {difference_line(difference.sentence, difference.code)}"
        for note in one.notes:
            yield f"       {note}"


def difference_line(sentence: str, code: str) -> str:
    return f"{code}: {sentence}."


def run_line(run: DayRun) -> str:
    what = "order" if run.is_ticket else "run"
    ended = "open"
    if run.ended_at is not None:
        ended = f"{exit_label(run.exit_reason or 'unknown')} at {run.ended_at.astimezone(IST):%H:%M}"
    return f"{what} {run.run_id} {run.name}: {usd_words(run.made, signed=True)}, fees {usd_words(run.fees)}, {ended}"


def day_message(report: DayReport) -> str:
    """The same for a phone or a mail: at most so many runs and differences, and where the rest is."""
    lines = [report.verdict]
    if report.opening is not None:
        lines.append(
            f"Balance {usd_words(report.opening)} → {usd_words(report.closing)}, fees {usd_words(report.fees)}."
        )
    lines += [run_line(run) for run in report.runs[:_NAMED]]
    lines += [f"and {len(report.runs) - _NAMED} more"] if len(report.runs) > _NAMED else []
    lines += [f"{_MARKS[one.verdict].strip()} {one.name}: {one.sentence}" for one in report.audits]
    differing = [one for audit in report.audits for one in audit.differences]
    lines += [difference_line(one.sentence, one.code) for one in differing[:_NAMED]]
    lines += [f"and {len(differing) - _NAMED} more"] if len(differing) > _NAMED else []
    return "\n".join([*lines, f"In full: python -m trader report day {report.day}"])
