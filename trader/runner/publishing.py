"""What the runner tells the faces: one live row about twice a second, and a point of the P&L series every few seconds."""

from datetime import datetime

from trader.domain.clock import Now
from trader.engine.records import Phase
from trader.engine.view import LiveSnapshot, Ops, RunView
from trader.exchange.delta.budget import DEFAULT_QUOTA
from trader.exchange.gateway import Gateway
from trader.journal.lease import Lease
from trader.journal.store import Journal
from trader.journal.views import Sample
from trader.runner.feed import Feed

_SAMPLE_WALL_SECS = 2.0
_RATE_WINDOW_SECS = 2.0


class Publisher:
    """Builds and writes the live snapshot and the chart's samples. Used by the runner's thread only."""

    def __init__(self, journal: Journal, gateway: Gateway, feed: Feed, lease: Lease, env: str, host: str) -> None:
        self._journal = journal
        self._gateway = gateway
        self._feed = feed
        self._lease = lease
        self._env = env
        self._host = host
        self._sampled_at: datetime | None = None
        self._counted: tuple[datetime, int] | None = None
        self._per_second = 0.0
        self._sampled_phase: dict[str, Phase] = {}

    def build(self, now: Now, views: tuple[RunView, ...], reconciled_at: datetime | None) -> LiveSnapshot:
        """The picture of this moment."""
        heard = self._feed.heard
        return LiveSnapshot(
            holder=self._lease.holder,
            host=self._host,
            epoch=self._lease.epoch,
            env=self._env,
            account=self._lease.account,
            wall=now.wall,
            market=now.market,
            ops=Ops(
                public_socket=self._feed.states["public"],
                private_socket=self._feed.states["private"],
                price_age_s=(now.wall - heard).total_seconds() if heard is not None else None,
                last_reconciled_at=reconciled_at,
                quota_left_pct=self._gateway.quota_left() / DEFAULT_QUOTA * 100,
                clock_skew_s=self._gateway.clock_offset_secs,
                messages_per_s=self._rate(now.wall),
            ),
            runs=views,
        )

    def publish(self, snapshot: LiveSnapshot) -> None:
        """Write the live row, and samples when due."""
        self._journal.publish(snapshot)
        due = self._sampled_at is None or (snapshot.wall - self._sampled_at).total_seconds() >= _SAMPLE_WALL_SECS
        rows = [_sample(view, snapshot.wall) for view in snapshot.runs if self._wants_sample(view, due)]
        if rows:
            self._journal.sample(rows)
        if due:
            self._sampled_at = snapshot.wall

    def _wants_sample(self, view: RunView, due: bool) -> bool:
        """Regular points while there is P&L, and one more at every change of phase."""
        changed = self._sampled_phase.get(view.run_id) is not view.phase
        self._sampled_phase[view.run_id] = view.phase
        return view.pnl is not None and (changed or (due and view.phase is not Phase.DONE))

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
    )
