"""CT2, CT5, CT8 and I10 of exits: is a Stop heard, is the exit time kept, and is every open leg's exit tried again and again?"""

from trader.domain.order import OrderIntent, Purpose, Side
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.slicing import pause_secs

STOP_SECS = 1.3  # rows are polled every tick; a second of grace is the supervisor's rhythm
NEXT_TRY_SECS = 8.0
_ORDER_SECS = 63.0  # an order is answered once it has gone out or is refused; what it needs to know is waited for
_FIRST_EXIT_SECS = 6.5  # two for a cancel's answer, the rest for refusals before it
_TIME_EXIT_SECS = 3.5
_AFTER_BOOT_SECS = 5.5
_COVER_SECS = 30.0  # after a boot what covers waits so long for a read that tells what it covers
_SHARED_SECS = 12.0  # what another run holds too so long for one that tells what is closed, or a closing order's fate: ten, and the rhythm
_LISTS = ("positions", "open_orders", "fills", "history")
_READ = ("positions", "open_orders", "fills", "order_history")


class LeavingRules:
    """How soon a run is on its way out, and that it stays so."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._whole: dict[str, float] = {}  # run → when the newest read was begun that alone told all of its contracts

    def account_heard(self, event: ev.AccountRead, began: float) -> None:
        """The present runner is about to hear of the account. What one read lacks no other one tells: between them it may have changed."""
        if event.error or None in (event.positions, event.open_orders, event.fills):
            return
        for run_id in event.runs:
            run = self._evidence.notes.runs.get(run_id)
            odd = (
                event.odd_of(name, leg.symbol, leg.product_id) for name in _LISTS for leg in (run.legs if run else ())
            )
            if not any(odd) and not any(f"-{run_id[:5]}-" in name for name in event.failed):
                self._whole[run_id] = began

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        if run is not None and isinstance(record, rec.OrderIntended) and record.cause != "recovery":
            self._check_exit_collar(run, record.intent)

    def _check_exit_collar(self, run: RunNote, intent: OrderIntent) -> None:
        """I10 for exits: within the preset's collar of a mark, doubled for each attempt beyond its limit attempts."""
        price = intent.limit_price
        if price is None or intent.purpose in (Purpose.ENTRY, Purpose.CLOSE) or self._evidence.is_late():
            return
        preset, leg = run.preset, run.leg(intent.leg)
        made = len(run.leg_orders(intent.leg, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN))
        wider = 2 ** min(max(made - preset.orders.retries, 0), 6)
        told, newest = self._evidence.heard.marks.get(intent.symbol, ()), self._evidence.heard.newest.get(intent.symbol)
        if newest is None or newest.mark is None or newest.ts_mark is None:
            return  # without a fresh mark an exit goes all the same, and the exchange's band rules
        if (self._evidence.world.agenda.now - newest.ts_mark).total_seconds() > 4.5:
            return
        width = preset.risk.price_collar_pct / 100 * wider
        marks = [mark for at, mark in told if self._evidence.secs - at <= 20]
        if not any(abs(price - mark) <= max(mark * width, 5 * leg.tick_size * wider) for mark in marks):
            self._evidence.report(
                "I10", f"{intent.client_order_id}: price {price} outside the exits' collar of {marks}"
            )

    def every_second(self, healthy: float) -> None:
        if healthy > STOP_SECS:
            for row in self._evidence.world.journal.pending():
                waited = self._evidence.secs - row.issued
                if (min(waited, healthy) > _ORDER_SECS) if row.kind == "order" else waited > STOP_SECS:
                    self._evidence.report("CT2", f"{row.kind} of {row.issued:.1f} is not answered", row.command_id)
        for run in self._evidence.notes.unresolved():
            self._check_stop(run)
            self._check_time(run, healthy)
            self._check_exit_tried(run, healthy)

    def _check_stop(self, run: RunNote) -> None:
        for row in self._evidence.world.journal.commands.values():
            named = row.body.get("run_id")
            if named is not None and named != run.run_id:
                continue
            if row.kind == "stop" and row.answered is not None and row.answered > run.created and run.stop_secs is None:
                self._evidence.report("CT2", f"Stop was answered {row.detail!r}, the run has none")

    def _check_time(self, run: RunNote, healthy: float) -> None:
        if run.exit_at is None or run.phase is Phase.EXITING:
            return
        late = (self._evidence.world.agenda.now - run.exit_at).total_seconds()
        known = self._evidence.heard.knows_time(self._evidence.secs - _AFTER_BOOT_SECS)
        if late > _TIME_EXIT_SECS and healthy > _AFTER_BOOT_SECS and known:
            self._evidence.report("CT8", f"{run.phase} {late:.1f} s after the exit time")

    def _check_exit_tried(self, run: RunNote, healthy: float) -> None:
        """CT5: every open leg's exit is tried, soon and again, whatever happens to the other."""
        if run.phase is not Phase.EXITING or run.exit_secs is None:
            return
        account, now = self._evidence.world.venue.account, self._evidence.world.agenda.now
        for leg in run.legs:
            net, held = run.net(leg.key), account.position_size(leg.symbol)
            if net == 0 or net * held <= 0 or now >= leg.expiry:
                continue
            if run.positions.get(leg.symbol) == 0:
                continue  # the last read found nothing to close (I7); what a person has opened since is not known yet
            exits = run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
            if any(o.open or o.reported > o.filled for o in exits) or leg.key in run.kept:
                continue  # what is held to its settlement has a rule of its own (CT14)
            protecting = any(o.open for o in run.leg_orders(leg.key, Purpose.CLOSE))
            if protecting and self._evidence.secs - max(run.exit_secs, self._evidence.takeovers[-1]) <= _SHARED_SECS:
                continue  # its own protection is being taken back first, and its fate read after a takeover
            shorts = [
                one for one in run.legs if leg.side is Side.BUY and one.side is Side.SELL and one.kind is leg.kind
            ]
            covered = [o for short in shorts for o in run.leg_orders(short.key)]
            if any(run.net(short.key) for short in shorts) or any(o.open or o.reported > o.filled for o in covered):
                continue  # it covers what has to be closed before it
            if self._is_unread(run, _COVER_SECS if shorts else _SHARED_SECS if self._is_shared(run, leg) else 0.0):
                continue
            last = max((o.ended for o in (*exits, *covered)), default=run.exit_secs)
            last = max(last, run.exit_secs)
            limit = pause_secs(run) + (NEXT_TRY_SECS if exits else _FIRST_EXIT_SECS)
            if min(self._evidence.secs - last, healthy) > limit:
                self._evidence.report(
                    "CT5", f"{leg.symbol}: {held} open, no exit tried for {self._evidence.secs - last:.1f} s"
                )

    def _is_shared(self, run: RunNote, leg: LegTerms) -> bool:
        """Whether another run has contracts of it, or orders that may make them."""
        others = [one for one in self._evidence.notes.unresolved() if one is not run]
        working = (o.intent.symbol for one in others for o in one.orders.values() if o.open or o.reported > o.filled)
        held = (theirs.symbol for one in others for theirs in one.legs if one.net(theirs.key))
        return leg.symbol in (*held, *working)

    def _is_unread(self, run: RunNote, secs: float) -> bool:
        """Whether a runner that has taken over has not read the account for this run yet, and still waits for it."""
        shell = self._evidence.world.current
        if shell is None or shell.epoch < 2 or self._evidence.secs - shell.booted_at > secs:
            return False
        contracts = {leg.symbol: leg.product_id for leg in run.legs}
        told = (shell.gateway.told_whole(verb, contracts) for verb in _READ)
        read = min(shell.account_heard.get(run.run_id, 0.0), self._whole.get(run.run_id, 0.0), *told)
        return read <= shell.booted_at
