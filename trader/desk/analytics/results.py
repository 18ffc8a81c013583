"""The results of an account's finished runs: made from the records once, kept in the journal, read by thousands in a moment."""

import logging
import threading
import time
from collections.abc import Sequence

import msgspec

from trader.analytics.attribution import Attribution, attribute
from trader.analytics.building import Glance, LegSeen, build_result, leg_paths, read_run
from trader.analytics.result import RunResult
from trader.domain.errors import JournalError
from trader.engine.records import AnyRecord
from trader.journal import Journal, Sample
from trader.journal.kept_results import KeptResult

VERSION = 3  # of what a result says: raise it with every change, and all are made again
_AT_ONCE = 50  # kept in one transaction
_LOOK_SECS = 0.25  # what a reader waits for of results that are not made yet
_SAMPLES_MOST = 4_000  # of a run: a day has 18,000, and so they stay closer than the attribution wants them
_log = logging.getLogger(__name__)


class Told(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A finished run, and where its P&L came from."""

    result: RunResult
    parts: Attribution


class Results(msgspec.Struct, frozen=True):
    """Runs in the order they ended, without those that never traded (`untraded`, by id). `missing`: so many more have ended and are being
    looked at."""

    runs: tuple[Told, ...] = ()
    missing: int = 0
    untraded: tuple[str, ...] = ()


class ResultBook:
    """Thread-safe. Of a journal that keeps none yet they are made in the order the runs ended, on a thread of their own that leaves
    half of the processor to the others; who asks meanwhile is told what there is."""

    def __init__(self, journal: Journal, account: str) -> None:
        self._journal = journal
        self._account = account
        self._lock = threading.Lock()  # of reading the journal; the worker's alone while there is one
        self._runs: list[Told] = []
        self._untraded: list[str] = []
        self._to = 0  # number of the last end that was looked at
        self._newest = -1
        self._missing = 0
        self._told = Results()
        self._worker: threading.Thread | None = None

    def results(self) -> Results:
        """All there are by now; the same value again as long as nothing has come.

        Raises:
            JournalError: The journal cannot be read.
        """
        with self._lock:
            if self._worker is None or not self._worker.is_alive():
                newest = self._journal.newest().record
                if newest != self._newest or self._missing:
                    self._missing = self._go_on(time.monotonic() + _LOOK_SECS)
                    self._newest = newest
                if self._missing:
                    self._worker = threading.Thread(target=self._finish, name="results", daemon=True)
                    self._worker.start()
            known = (len(self._runs), self._missing, len(self._untraded))
            if known != (len(self._told.runs), self._told.missing, len(self._told.untraded)):
                self._told = Results(tuple(self._runs), self._missing, tuple(self._untraded))
            return self._told

    def _finish(self) -> None:
        """Until nothing is missing."""
        try:
            while self._missing:
                self._missing = self._go_on(None)
        except JournalError as error:
            _log.warning("The results of finished runs could not be read: %s", error)

    def _go_on(self, until: float | None) -> int:
        """Take in what is kept and make more until an instant, or else some more, slowly; how many are missing then."""
        for row in self._journal.results(self._account, VERSION, self._to):
            self._take(row)
        while True:
            ended, missing = self._journal.ended_after(self._account, self._to, _AT_ONCE)
            if not ended or (until is not None and time.monotonic() >= until):
                return missing
            rows = []
            for seq, run_id in ended:
                begun = time.monotonic()
                rows.append(KeptResult(seq, run_id, _encoded(tell(self._journal, run_id))))
                if until is None:
                    time.sleep(time.monotonic() - begun)
                elif time.monotonic() >= until:
                    break
            try:
                self._journal.keep_results(self._account, rows, VERSION)
            except JournalError as error:  # a disk that is full: told all the same, and made again by the next process
                _log.warning("The results of finished runs could not be kept: %s", error)
            for row in rows:
                self._take(row)
            if until is None:
                return missing - len(rows)

    def _take(self, row: KeptResult) -> None:
        if row.body:
            self._runs.append(_decoder.decode(row.body))
        else:
            self._untraded.append(row.run_id)
        self._to = row.seq


def tell(journal: Journal, run_id: str) -> Told | None:
    """One finished run from its records and samples; None for one that is not finished or has not traded.

    Raises:
        JournalError: The journal cannot be read.
    """
    return told_of([record for _, record in journal.records(run_id)], journal.leg_samples(run_id, _SAMPLES_MOST))


def told_of(records: Sequence[AnyRecord], samples: Sequence[Sample]) -> Told | None:
    """The same of what was read already."""
    past = read_run(records)
    if past is None:
        return None
    glances = [_glance(one) for one in samples]
    return Told(result=build_result(past, glances), parts=attribute(leg_paths(past, glances)))


def _glance(sample: Sample) -> Glance:
    return Glance(
        at=sample.market or sample.wall,
        spot=sample.spot,
        pnl_pct=sample.pnl_pct,
        legs={
            leg.key: LegSeen(open=leg.open, mark=leg.mark, iv=leg.iv, delta=leg.delta, theta=leg.theta, vega=leg.vega)
            for leg in sample.legs
        },
    )


_decoder = msgspec.json.Decoder(Told)


def _encoded(told: Told | None) -> str:
    return "" if told is None else msgspec.json.encode(told).decode()
