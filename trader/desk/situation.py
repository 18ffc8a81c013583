"""What happened lately and what is being done about it, in plain words, from what the journal holds. Pure.

Every face shows these sentences as they are, so that the panel, the command line and other programs tell the same.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from trader.desk.values import Happening, RunnerHealth
from trader.domain.expiry import IST
from trader.domain.wording import clause
from trader.engine import records as r
from trader.engine.record_kinds import Weight, kind_of, sentence
from trader.engine.view import Ops, RunView
from trader.journal import AlertRow
from trader.journal.alerts import LOUD

SHOWN = 12
_NAMED = 4
# Alerts that another sentence tells better: the engine's, beside what the runner itself recorded of the same thing.
_TOLD_ELSEWHERE = frozenset({"recovered"})


def happened(
    alerts: Iterable[AlertRow], records: Iterable[r.AnyRecord], decided: Iterable[r.AnyRecord], limit: int = SHOWN
) -> tuple[Happening, ...]:
    """Alerts, the shown run's decisions and those of the account as a whole, newest first. What was said again and again is
    one line with how often."""
    lines = [_from_alert(alert) for alert in alerts if alert.code not in _TOLD_ELSEWHERE]
    lines += [
        Happening(
            at=one.wall,
            market=one.market,
            level=kind_of(one).severity(one),
            code=kind_of(one).name,
            text=_capital(sentence(one)),
            run_id=one.run_id,
        )
        for one in [*(record for record in records if kind_of(record).weight is Weight.DECISION), *decided]
    ]
    lines.sort(key=lambda line: line.at, reverse=True)
    return _merged(lines)[:limit]


def alert_groups(alerts: Iterable[AlertRow]) -> tuple[Happening, ...]:
    """Alerts, newest first as they come; what was said again and again is one line with the numbers of all."""
    return _merged(_from_alert(alert) for alert in alerts)


def alert_counts(alerts: Iterable[AlertRow]) -> dict[str, int]:
    """How many there are of each level, the gravest first; levels without any are left out."""
    counts = Counter(alert.level for alert in alerts)
    return {level: counts[level] for level in (*LOUD, "info") if counts[level]}


def _merged(lines: Iterable[Happening]) -> tuple[Happening, ...]:
    merged: dict[tuple[str, str, str], Happening] = {}
    for line in lines:
        key = (line.level, line.code, line.text)
        merged[key] = _again(merged[key], line) if key in merged else line
    return tuple(merged.values())


def situation(
    runner: RunnerHealth,
    silence: str,
    run: RunView | None,
    ops: Ops | None,
    trading: tuple[str, str],
    open_alerts: Sequence[AlertRow],
) -> tuple[str, ...]:
    """What is so now, most important first.

    Args:
        silence: Why the runner is silent, as far as can be told from here; empty while it is alive.
        trading: The account's level and its reason.
    """
    lines: list[str] = []
    watching = run is not None and run.phase is not r.Phase.DONE
    if not runner.alive:
        lines.append(silence or "No runner is alive.")
        if watching:
            lines.append("Nothing is being watched; Stop & Exit is recorded and carried out as soon as a runner is up.")
    level, reason = trading
    if level != r.Level.ACTIVE:
        lines.append(
            f"Trading is {level}{f': {clause(reason)}' if reason else ''}. {_LEVEL_MEANS.get(level, '')}".rstrip()
        )
    if runner.alive and ops is not None:
        if ops.journal_fault:
            lines.append(f"Records wait in memory because the journal cannot be written: {ops.journal_fault}")
        if ops.abnormal:
            lines.append(f"{ops.abnormal[:1].upper()}{ops.abnormal[1:]}. Exits and Stop go on.")
        lines += _streams(ops, watching)
        lines += left_out_lines(ops)
    if runner.alive and watching and run is not None:
        lines.append(f"{run.underlying}: {run.words}.")
    critical = [alert for alert in open_alerts if alert.level == "error"]
    if critical:
        count = f"{len(critical)} critical alert{'s wait' if len(critical) > 1 else ' waits'}"
        lines.append(f"{count} for acknowledgement and {'are' if len(critical) > 1 else 'is'} repeated until then.")
    return tuple(lines)


_LEVEL_MEANS = {
    "PAUSED": "No run begins to sell; what is held is watched as ever.",
    "REDUCING": "Exits only.",
    "HALTED": "No entry and no start until a person resumes; exits and Stop go on.",
}


def _streams(ops: Ops, watching: bool) -> list[str]:
    lines: list[str] = []
    if ops.private_down_since is not None and watching:
        lines.append(
            f"Private stream down since {_clock(ops.private_down_since)}; orders, fills and positions are read over REST "
            "every few seconds instead."
        )
    if ops.public_down_since is not None and watching:
        lines.append(f"Market stream down since {_clock(ops.public_down_since)}; prices are read over REST instead.")
    return lines


def left_out_lines(ops: Ops) -> list[str]:
    """Rows of the exchange's lists that could not be used lately, the first few by name."""
    if not ops.left_out:
        return []
    count = len(ops.left_out)
    more = f"; and {count - _NAMED} more" if count > _NAMED else ""
    rows = "1 row of the exchange's lists makes" if count == 1 else f"{count} rows of the exchange's lists make"
    return [f"{rows} no sense and {'is' if count == 1 else 'are'} left out: {'; '.join(ops.left_out[:_NAMED])}{more}."]


def _from_alert(alert: AlertRow) -> Happening:
    return Happening(
        at=alert.wall,
        market=alert.market,
        level=alert.level,
        code=alert.code,
        text=alert.text,
        run_id=alert.run_id,
        alert=alert.seq,
        alerts=(alert.seq,),
        acked_by=alert.acked_by,
        acked_at=alert.acked_at,
    )


def _again(newest: Happening, line: Happening) -> Happening:
    both = newest.acked_at is not None and line.acked_at is not None
    return replace(
        newest,
        times=newest.times + 1,
        run_id=newest.run_id if newest.run_id == line.run_id else "",
        alerts=newest.alerts + line.alerts,
        acked_by=newest.acked_by if both else "",
        acked_at=newest.acked_at if both else None,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _clock(at: datetime) -> str:
    return f"{at.astimezone(IST):%H:%M:%S} IST"
