"""What a record has to tell a person, in words a phone shows: a title of a few words, a text of a line or two."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from trader.domain.basis import CREDIT
from trader.domain.exit_reason import EXIT_REASONS
from trader.domain.severity import Severity
from trader.domain.wording import plain
from trader.engine import records as rec
from trader.engine.records import AnyRecord, Phase
from trader.journal.views import RunSummary

_OF_LEVEL: Mapping[str, Severity] = {"error": "critical", "warning": "warning"}


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be told. `key` says what it is about: of the same it is told once. `run_id`: whose it is, empty where it is the
    account's; `alerts`: numbers of the alerts it tells of."""

    key: str
    severity: Severity
    title: str
    body: str = ""
    run_id: str = ""
    alerts: tuple[int, ...] = ()


def news_of(seq: int, record: AnyRecord, summary: Callable[[str], RunSummary | None]) -> News | None:
    """What a record tells; None for most.

    Args:
        seq: The record's number.
        summary: A run in a line, as it stands by now.
    """
    match record:
        case rec.AlertRaised(level=level) if level in _OF_LEVEL:
            return _alert(seq, record, summary)
        case rec.PhaseChanged(phase=Phase.HOLDING):
            return _entered(record, summary(record.run_id))
        case rec.RunFinished():
            return _ended(record, summary(record.run_id))
        case rec.LevelChanged():
            by = f" by {record.issued_by}" if record.issued_by else ""
            return News(
                key=f"level:{seq}", severity="warning", title=f"Account {record.level.value}{by}", body=record.reason
            )
    return None


def _alert(seq: int, record: rec.AlertRaised, summary: Callable[[str], RunSummary | None]) -> News:
    run = summary(record.run_id) if record.run_id else None
    title = record.code.replace("_", " ").split(":")[0].capitalize()
    return News(
        key=f"alert:{seq}",
        severity=_OF_LEVEL[record.level],
        title=title if run is None else f"{_name(run)}: {title}",
        body=record.text,
        run_id=record.run_id,
        alerts=(seq,),
    )


def _entered(record: rec.PhaseChanged, run: RunSummary | None) -> News | None:
    if run is None:
        return None
    brought = "" if run.premium is None else f" for {_usd(run.premium)}"
    return News(
        key=f"entered:{record.run_id}",
        severity="notice",
        title=f"{_name(run)}: open{brought}",
        body=", ".join(run.legs),
    )


def _ended(record: rec.RunFinished, run: RunSummary | None) -> News | None:
    if run is None or not run.fill_count:
        return None
    of = f" ({plain(run.pnl_pct.quantize(Decimal('0.1')))} % of the {_basis(run)})" if run.pnl_pct is not None else ""
    known = EXIT_REASONS.get(record.exit_reason)  # type: ignore[call-overload]
    return News(
        key=f"ended:{record.run_id}",
        severity="notice",
        title=f"{_name(run)}: closed, {_usd(record.realized_pnl, signed=True)}",
        body=f"{known.label if known else record.exit_reason}{of}; fees {_usd(record.fees)}; {', '.join(run.legs)}",
    )


def _name(run: RunSummary) -> str:
    return f"{run.preset or 'order'} {run.underlying}" + ("" if run.env == "production" else f" [{run.env}]")


def _basis(run: RunSummary) -> str:
    return run.basis_name or CREDIT


def _usd(amount: Decimal, *, signed: bool = False) -> str:
    """Cents; what is smaller than a dollar with four digits."""
    digits = "0.01" if abs(amount) >= 1 or not amount else "0.0001"
    sign = "-" if amount < 0 else "+" if signed and amount > 0 else ""
    return f"{sign}${abs(amount).quantize(Decimal(digits)):,f}"
