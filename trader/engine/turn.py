"""One step under way: the state so far and the effects collected. Only `step` makes one, and it never leaves `step`."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from trader.domain.clock import Now
from trader.domain.exit_reason import ExitReason
from trader.engine import records as rec
from trader.engine.effects import Effect
from trader.engine.fold import evolve
from trader.engine.records import Phase
from trader.engine.state import Run, State, Watch

LONGEST_SLOW_SECS = 300.0  # the exchange's window; no reset lies further away


class Turn:
    """Mutable bookkeeping inside one pure step: every record written is folded at once, so later rules see it."""

    __slots__ = ("effects", "now", "state", "wall")

    def __init__(self, state: State, now: Now) -> None:
        self.state = state
        self.now = now
        self.wall = now.wall
        self.effects: list[Effect] = []

    def run(self, run_id: str) -> Run:
        return self.state.runs[run_id]

    def watch(self, run_id: str) -> Watch:
        return self.state.watches[run_id]

    def set_watch(self, run_id: str, **changes: Any) -> None:
        """Change the volatile watch of a run."""
        watches = self.state.watches
        self.state = replace(self.state, watches={**watches, run_id: replace(watches[run_id], **changes)})

    def set(self, **changes: Any) -> None:
        """Change what belongs to no run and is not recorded."""
        self.state = replace(self.state, **changes)

    def write(self, kind: type[rec.Record], run_id: str, *, cause: str = "rule", **fields: Any) -> None:
        """Record a fact or decision and fold it."""
        record = kind(run_id=run_id, wall=self.now.wall, market=self.now.market, cause=cause, **fields)
        self.state = evolve(self.state, record)  # type: ignore[arg-type]
        self.effects.append(record)  # type: ignore[arg-type]

    def do(self, effect: Effect) -> None:
        self.effects.append(effect)

    def slow_down(self, secs: float | None) -> None:
        """The exchange asked us to send less: until then only exits, cancels and their reads. Absurd times are clamped."""
        if secs is None:
            return
        until = self.now.wall + timedelta(seconds=min(max(secs, 0.0), LONGEST_SLOW_SECS))
        if self.state.slow_until is None or until > self.state.slow_until:
            self.state = replace(self.state, slow_until=until)

    def phase(self, run_id: str, phase: Phase, reason: str = "") -> None:
        self.write(rec.PhaseChanged, run_id, phase=phase, reason=reason)

    def alert(self, run_id: str, level: str, code: str, text: str, *, once: bool = True) -> None:
        """Raise an alert; with `once`, the same code is raised a single time per run until it is re-armed."""
        watch = self.watch(run_id)
        if once and code in watch.alerted:
            return
        self.set_watch(run_id, alerted=watch.alerted | {code})
        self.write(rec.AlertRaised, run_id, level=level, code=code, text=text)

    def alert_again(self, run_id: str, level: str, code: str, text: str, *, every_secs: float) -> None:
        """Raise an alert, and again every so often for as long as this is called."""
        watch = self.watch(run_id)
        last = watch.alerted_at.get(code)
        if last is not None and (self.now.wall - last).total_seconds() < every_secs:
            return
        self.set_watch(run_id, alerted_at={**watch.alerted_at, code: self.now.wall})
        self.write(rec.AlertRaised, run_id, level=level, code=code, text=text)

    def rearm(self, run_id: str, code: str) -> None:
        """Let an alert of this code be raised again."""
        watch = self.watch(run_id)
        if code in watch.alerted_at:
            self.set_watch(run_id, alerted_at={key: at for key, at in watch.alerted_at.items() if key != code})
        if code in watch.alerted:
            self.set_watch(run_id, alerted=watch.alerted - {code})

    def decide_exit(self, run_id: str, reason: ExitReason, detail: str, **fields: Any) -> None:
        """Commit to closing: the reason is recorded once, the phase becomes EXITING."""
        self.write(rec.ExitDecided, run_id, reason=reason, detail=detail, **fields)
        self.phase(run_id, Phase.EXITING, reason)
        self.set_watch(run_id, account_wanted=True)
