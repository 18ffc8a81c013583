"""What the runner tells the faces: one live row about twice a second, and a point of the P&L series every few seconds.

Built and written in a thread of its own: a picture takes milliseconds, most of them the disk's, and no decision waits for it.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from trader.config.preset import Preset
from trader.domain.clock import Now
from trader.domain.errors import JournalError
from trader.engine.account.abnormal import all_words
from trader.engine.account.limits import totals
from trader.engine.account.margin import last_told
from trader.engine.gate import slowed
from trader.engine.records import Phase
from trader.engine.state import State
from trader.engine.tickets.viewing import build_ticket
from trader.engine.view import LiveSnapshot, Ops, RunView
from trader.engine.viewing import build_view, trading_state
from trader.exchange.common.budget import DEFAULT_QUOTA
from trader.exchange.ports import Upkeep
from trader.journal.lease import Lease
from trader.journal.store import Journal
from trader.journal.views import LegSample, Sample
from trader.machine.threads import LastingThread
from trader.runner import killpoints
from trader.runner.feed import Feed
from trader.runner.market_clock import wall_now
from trader.runner.run_log import log_statistics

logger = logging.getLogger(__name__)

PUBLISH_SECS = 0.5  # how often a picture is published, if nothing is recorded

# Hours since a run was made, and seconds between its samples until then: a day of it is 3 MB, a week 6 MB.
_SAMPLE_EVERY = ((8, 2.0), (72, 15.0), (10**6, 60.0))
_RATE_WINDOW_SECS = 2.0
_CLOSE_SECS = 5.0
_STATISTICS_MINUTES = Preset().system.status_report_mins  # while no run says otherwise
_LEFT_OUT_SHOWN = 20


class Publisher:
    """Builds and writes the live snapshot and the chart's samples of the states it is handed, the newest first."""

    def __init__(
        self,
        journal: Journal,
        gateway: Upkeep,
        feed: Feed,
        lease: Lease,
        env: str,
        host: str,
        halted: Callable[[], str] = lambda: "",
        wall: Callable[[], datetime] = wall_now,
    ) -> None:
        """`wall` is the machine's clock: what other processes compare with theirs is stamped with it."""
        self._journal = journal
        self._gateway = gateway
        self._feed = feed
        self._lease = lease
        self._env = env
        self._host = host
        self._halted = halted
        self._wall = wall
        self._counted: tuple[datetime, int] | None = None
        self._per_second = 0.0
        self._told: datetime | None = None  # when the statistics were logged last
        self._sampled: dict[str, tuple[Phase, datetime | None]] = {}  # by run: the phase last seen, the last sample
        self._handed = threading.Condition()
        self._next: tuple[State, Now, Mapping[str, datetime]] | None = None
        self._closing = threading.Event()
        self._fault: Exception | None = None
        self._thread = LastingThread("publisher", self._work, self._closing)

    # ------------------------------------------------------------ in the runner's thread

    def start(self) -> None:
        self._thread.start()

    def publish(self, state: State, now: Now, down: Mapping[str, datetime]) -> None:
        """Hand over a moment to be published; one that still waits is overtaken. `down`: since when which stream is.

        Raises:
            Exception: What an earlier one failed with, once (JournalError where the journal refused it).
        """
        with self._handed:
            fault, self._fault = self._fault, None
            self._next = (state, now, down)
            self._handed.notify()
        if fault is not None:
            raise fault

    def close(self) -> None:
        """Write what was handed over last, then end."""
        with self._handed:
            self._closing.set()
            self._handed.notify()
        self._thread.join(_CLOSE_SECS)

    # ------------------------------------------------------------ in the publisher's thread

    def _work(self) -> None:
        while True:
            with self._handed:
                self._handed.wait_for(lambda: self._next is not None or self._closing.is_set())
                handed, self._next = self._next, None
            if handed is None:
                return
            try:
                snapshot = self._build(*handed)
                self._write(snapshot)
                self._tell_statistics(handed[0], snapshot)
            except Exception as error:
                # The thread must live; the runner's thread hears of it with the next moment and counts it.
                if not isinstance(error, JournalError):
                    logger.exception("publishing_failed")
                with self._handed:
                    self._fault = error

    def _build(self, state: State, now: Now, down: Mapping[str, datetime]) -> LiveSnapshot:
        """The picture of a moment."""
        wall = self._wall()
        level, why = trading_state(state, self._halted())
        # Of runs that ended before this runner began only beginning and end are known: those are the journal's to tell.
        known = [run for run in state.runs.values() if run.finished is None or run.exit_reason is not None]
        tickets = (run for run in state.runs.values() if run.ticket is not None and (run.legs or run.finished is None))
        figures = self._gateway.statistics()
        views = tuple(
            _with_dead_man(build_view(state, run, now), asked=self._gateway.has_dead_man)
            for run in known
            if run.ticket is None
        )
        reads = [w.account_read for w in state.watches.values() if w.account_read is not None]
        heard, odd = self._feed.heard, self._gateway.odd_rows.figures
        return LiveSnapshot(
            holder=self._lease.holder,
            host=self._host,
            epoch=self._lease.epoch,
            env=self._env,
            account=self._lease.account,
            wall=wall,
            market=now.market,
            ops=Ops(
                public_socket=self._feed.states["public"],
                private_socket=self._feed.states["private"],
                price_age_s=(wall - heard).total_seconds() if heard is not None else None,
                last_reconciled_at=max(reads, default=None),
                quota_left_pct=self._gateway.quota_left() / DEFAULT_QUOTA * 100,
                clock_skew_s=self._gateway.clock_offset_secs,
                messages_per_s=self._rate(wall),
                public_down_since=down.get("public"),
                private_down_since=down.get("private"),
                journal_fault=state.journal_fault,
                slowed=slowed(state, now),
                abnormal=all_words(state),
                trading_state=level,
                trading_reason=why,
                client=figures,
                left_out=odd.now[:_LEFT_OUT_SHOWN],
                left_out_times=odd.times,
                market_rate=now.rate,
            ),
            runs=views,
            tickets=tuple(build_ticket(state, run, now) for run in tickets),
            totals=totals(state, now),
            margin=state.margin or last_told(state),
        )

    def _write(self, snapshot: LiveSnapshot) -> None:
        """The live row, and samples when due."""
        if killpoints.ARMED:
            killpoints.reach("publish.before")
        self._journal.publish(snapshot)
        if killpoints.ARMED:
            killpoints.reach("publish.after")
        rows = [_sample(view, snapshot.wall) for view in snapshot.runs if self._wants_sample(view, snapshot.wall)]
        if rows:
            self._journal.sample(rows)

    def _tell_statistics(self, state: State, snapshot: LiveSnapshot) -> None:
        """Once per status interval, the shortest that an unfinished run has."""
        minutes = (run.preset.system.status_report_mins for run in state.runs.values() if run.finished is None)
        every = timedelta(minutes=min(minutes, default=_STATISTICS_MINUTES))
        if self._told is None:
            self._told = snapshot.wall
        elif snapshot.wall - self._told >= every and snapshot.ops.client is not None:
            self._told = snapshot.wall
            log_statistics(snapshot.ops.client)

    def _wants_sample(self, view: RunView, wall: datetime) -> bool:
        """Regular points while there is P&L, and one more at every change of phase."""
        phase, at = self._sampled.get(view.run_id, (None, None))
        every = next(secs for hours, secs in _SAMPLE_EVERY if wall - view.created_at < timedelta(hours=hours))
        due = at is None or (wall - at).total_seconds() >= every
        wanted = view.pnl is not None and (phase is not view.phase or (due and view.phase is not Phase.DONE))
        self._sampled[view.run_id] = (view.phase, wall if wanted else at)
        return wanted

    def _rate(self, wall: datetime) -> float:
        count = self._feed.messages
        if self._counted is None:
            self._counted = (wall, count)
            return 0.0
        since, before = self._counted
        elapsed = (wall - since).total_seconds()
        if elapsed >= _RATE_WINDOW_SECS:
            self._per_second = (count - before) / elapsed
            self._counted = (wall, count)
        return self._per_second


def _with_dead_man(view: RunView, *, asked: bool) -> RunView:
    """A client that has never acknowledged a dead-man switch has none on; of one that has, that is not known."""
    if view.safety is None:
        return view
    return replace(view, safety=replace(view.safety, dead_man=None if asked else False))


def _sample(view: RunView, wall: datetime) -> Sample:
    return Sample(
        run_id=view.run_id,
        wall=wall,
        market=view.market_at,
        pnl=view.pnl,
        pnl_pct=view.pnl_pct,
        spot=view.spot,
        level_pct=view.trailing_level,
        max_loss_usd=view.max_loss_usd,
        max_profit_usd=view.max_profit_usd,
        legs=tuple(
            LegSample(
                key=leg.key,
                open=leg.open_quantity,
                mark=leg.mark,
                bid=leg.bid,
                ask=leg.ask,
                iv=leg.iv,
                delta=leg.position_delta,
                gamma=leg.position_gamma,
                theta=leg.position_theta,
                vega=leg.position_vega,
            )
            for leg in view.legs
        ),
    )
