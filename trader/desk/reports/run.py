"""One run in full, as every face tells it: made of its records and samples, once, here."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from trader.config.differing import changed_fields
from trader.config.preset import Preset
from trader.desk import runs, timeline
from trader.desk.analytics.results import Told, told_of
from trader.desk.books.orders import newest_lines
from trader.desk.books.statistics import MOST_ORDERS
from trader.desk.books.trades import all_trades
from trader.desk.reports.verdict import verdict
from trader.desk.runs import RunBook
from trader.desk.values import Marker, PnlSeries, RunReport
from trader.engine import records as rec
from trader.engine.record_kinds import sentence
from trader.journal import Journal, Sample
from trader.journal.listings import Wanted


class Sampled(NamedTuple):
    """What a run's samples tell beside its records: see `RunReport`."""

    told: Told | None
    ivs: dict[str, list[float | None]]
    iv_out: dict[str, float]


def read_samples(journal: Journal, records: Sequence[rec.AnyRecord], series: PnlSeries) -> Sampled:
    """Of a run with all its records.

    Raises:
        JournalError: The journal cannot be read.
    """
    samples = journal.leg_samples(records[0].run_id)
    return Sampled(told_of(records, samples), _volatilities(samples, series), _last_volatilities(samples))


def build_report(
    journal: Journal,
    book: RunBook,
    run_id: str,
    *,
    stored: Preset | None,
    series: PnlSeries,
    markers: tuple[Marker, ...],
    sampled: Callable[[Sequence[rec.AnyRecord], PnlSeries], Sampled],
) -> RunReport | None:
    """None when there is no such run.

    Args:
        stored: The preset that the run names, as it stands now; None where there is none of that name.
        sampled: `read_samples`; of one run it takes a second, and is worth being remembered.

    Raises:
        JournalError: The journal cannot be read.
    """
    summary, preset = journal.run(run_id), book.preset(run_id)
    view = book.view(run_id, datetime.now(UTC))
    if summary is None or preset is None or view is None:
        return None
    records = book.records(run_id)
    told, ivs, iv_out = sampled(records, series)
    first = next((one for one in records if isinstance(one, rec.OrderIntended) and one.cause != "recovery"), None)
    return RunReport(
        summary=summary,
        config=preset,
        view=view,
        legs=view.legs,
        orders=tuple(runs.order_view(row) for row in journal.orders(run_id)),
        fills=tuple(journal.fills(run_id)),
        timeline=timeline.timeline(records),
        series=series,
        markers=markers,
        verdict=verdict(summary, view, told, series),
        reason=next((sentence(one) for one in reversed(records) if isinstance(one, rec.ExitDecided)), ""),
        told=told,
        trades=all_trades(journal, summary.account, run_id=run_id),
        lines=tuple(reversed(newest_lines(journal, summary.account, Wanted(run_id=run_id), MOST_ORDERS))),
        compared_with=_compared_with(summary.preset, stored),
        changed=() if stored is None else changed_fields(stored, preset),
        entry_checks={} if first is None else dict(first.passed),
        ivs=ivs,
        iv_out=iv_out,
    )


def _compared_with(name: str, stored: Preset | None) -> str:
    if not name:
        return "A single order; it has no preset."
    return f"Preset {name} as it stands now." if stored is not None else f"There is no preset {name} any more."


def _volatilities(samples: Sequence[Sample], series: PnlSeries) -> dict[str, list[float | None]]:
    """By leg, at the instants of the series."""
    seen = {sample.wall: {leg.key: leg.iv for leg in sample.legs} for sample in samples}
    keys = dict.fromkeys(key for legs in seen.values() for key in legs)
    return {key: [seen.get(wall, {}).get(key) for wall in series.wall] for key in keys}


def _last_volatilities(samples: Sequence[Sample]) -> dict[str, float]:
    """By leg, of the last sample in which something of it was open."""
    return {leg.key: leg.iv for sample in samples for leg in sample.legs if leg.open and leg.iv is not None}
