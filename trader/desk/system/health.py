"""How each part of the machinery is: well or not, in words, since when, and what went wrong with it last. Pure: a look in, rows out."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from trader.desk.values import Status
from trader.journal import AlertRow, Lease
from trader.journal.outbox import OutboxRow
from trader.journal.watchers import Watcher

DISK_LEAST_BYTES = 200_000_000
_FREE_LEAST_BYTES = 200_000_000
_QUOTA_LEAST_PCT = 15.0
_SKEW_MOST_SECS = 3.0
_OWN_TIME_SECS = 100.0  # a replayed or accelerated market keeps its own time, which is no fault
_RECONCILED_WITHIN = timedelta(seconds=90)
_PRICE_OLD_SECS = 30.0
_RUNNER = ("runner_killed", "runner_replaced", "runner_unwell", "fenced", "thread_died")
_CLOCK = ("clock_set", "clock_behind")
_BOOKS = ("account_unreadable", "account_partly_unreadable", "foreign_activity", "wallet_differs", "taken_over")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """One part. `ok` None: not known, or not needed now. `since`: when it came to be so; `fault`: what was wrong last, and when."""

    name: str
    ok: bool | None
    words: str
    since: datetime | None = None
    fault: str = ""
    fault_at: datetime | None = None


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes; None is not known here. `runner` is None where it lives in this process, too."""

    here: int | None = None
    runner: int | None = None
    free: int | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen at one instant. `alerts` are of every level, newest first; `verified`: when the journal was verified last, whether
    it was whole, and what was found; `own_pid`: this process."""

    status: Status
    lease: Lease | None
    alerts: Sequence[AlertRow]
    watcher: Watcher | None
    channels: int
    waiting: int
    undelivered: Sequence[OutboxRow]  # of the last day, newest first
    delivered_at: datetime | None
    journal_bytes: int | None
    journal_fault: str
    verified: tuple[datetime, bool, str] | None
    disk_free: int | None
    memory: Memory
    version: str
    began: datetime
    own_pid: int
    runner_here: bool  # whether the lease's process is seen on this machine
    standby_runs: bool | None = None  # whether the process that told of standing by is there


def rows(look: Look) -> Iterator[Health]:
    """Every part, the runner first."""
    yield _runner(look)
    yield _standby(look)
    yield from _streams(look)
    yield from _knowledge(look)
    yield _journal(look)
    yield from _machine(look)
    yield _watchdog(look)
    yield _messages(look)
    program = f"Strangle Desk {look.version}; this panel is process {look.own_pid}"
    yield Health(name="Program", ok=True, words=program, since=look.began)


def _runner(look: Look) -> Health:
    runner, lease = look.status.runner, look.lease
    fault = _newest(look.alerts, _RUNNER)
    if lease is None:
        words = "none has worked on this account yet; start the panel or `python -m trader run`"
        return Health(name="Runner", ok=False, words=words)
    where = "on this machine" if look.runner_here else "(not of this machine, or gone)"
    home = {"thread": "in a panel", "process": "a process of its own"}.get(lease.host, lease.host)
    words = f"{home}, process {lease.pid} {where}, epoch {lease.epoch}"
    if runner.alive:
        return _faulty(Health(name="Runner", ok=True, words=f"alive: {words}", since=lease.taken_at), fault)
    age = runner.heartbeat_age_s
    heard = None if age is None else look.status.wall - timedelta(seconds=age)
    silence = look.status.situation[0] if look.status.situation else f"silent: {words}"
    return _faulty(Health(name="Runner", ok=False, words=silence, since=heard), fault)


def _standby(look: Look) -> Health:
    lease = look.lease
    told = next((one for one in look.alerts if one.code == "standing_by"), None)
    if told is not None and lease is not None and told.wall >= lease.taken_at and look.standby_runs is not False:
        return Health(name="Standby", ok=True, words=told.text, since=told.wall)
    words = "none has told of itself; a second panel, or RUNNER=process, would take over within seconds"
    return Health(name="Standby", ok=None, words=words)


def _streams(look: Look) -> Iterator[Health]:
    ops = look.status.ops if look.status.runner.alive else None
    for name, stream in (("Market stream", "public"), ("Account stream", "private")):
        fault = _newest(look.alerts, (f"{stream}_stream", f"{stream}_callback_failed"))
        if ops is None:
            yield _faulty(Health(name=name, ok=None, words="not known while no runner is alive"), fault)
            continue
        state = ops.public_socket if stream == "public" else ops.private_socket
        down = ops.public_down_since if stream == "public" else ops.private_down_since
        back = _newest(look.alerts, (f"{stream}_stream_back",))
        since = down or (back.wall if back is not None else None)
        yield _faulty(Health(name=name, ok=state == "up", words=state, since=since), fault)


def _knowledge(look: Look) -> Iterator[Health]:
    """What the runner knows of prices, books, clock and how much it may still ask."""
    status = look.status
    ops = status.ops if status.runner.alive else None
    if ops is None:
        for name in ("Prices", "Books", "Clock", "Request budget"):
            yield Health(name=name, ok=None, words="not known while no runner is alive")
        return
    age, needed = ops.price_age_s, bool(status.runs or status.tickets)
    fresh = None if age is None else age / max(ops.market_rate, 1.0) <= _PRICE_OLD_SECS
    words = "none has been seen" if age is None else f"the newest is {age:.1f} s old"
    yield Health(name="Prices", ok=fresh if needed else None, words=words if needed else f"not needed now; {words}")
    read = ops.last_reconciled_at
    compared = None if read is None else status.wall - read <= _RECONCILED_WITHIN
    words = "not compared with the exchange yet" if read is None else "compared with the exchange's"
    books = Health(name="Books", ok=compared if needed else None, words=words, since=read)
    yield _faulty(books, _newest(look.alerts, _BOOKS))
    yield _faulty(_clock(ops.clock_skew_s), _newest(look.alerts, _CLOCK))
    left = ops.quota_left_pct
    share = "not known" if left is None else f"{left:.0f} % of five minutes' weight is left"
    enough = None if left is None else left >= _QUOTA_LEAST_PCT and not ops.slowed
    yield Health(name="Request budget", ok=enough, words=f"{ops.slowed}; {share}" if ops.slowed else share)


def _clock(skew: float | None) -> Health:
    if skew is None:
        return Health(name="Clock", ok=None, words="not known")
    if abs(skew) >= _OWN_TIME_SECS:
        return Health(name="Clock", ok=True, words="the market keeps its own time (replayed or accelerated)")
    words = f"the exchange's is {skew:+.2f} s off this machine's".replace("-", "\u2212")
    return Health(name="Clock", ok=abs(skew) < _SKEW_MOST_SECS, words=words)


def _journal(look: Look) -> Health:
    size = "" if look.journal_bytes is None else f", {_megabytes(look.journal_bytes)}"
    state = "cannot be written: " + look.journal_fault if look.journal_fault else "writable"
    checked, at, whole = "never verified", None, True
    if look.verified is not None:
        at, whole, words = look.verified
        checked = "whole when it was verified last" if whole else f"NOT WHOLE when it was verified last: {words}"
    row = Health(name="Journal", ok=whole and not look.journal_fault, words=f"{state}{size}; {checked}", since=at)
    return _faulty(row, _newest(look.alerts, ("journal_unwritable",)))


def _machine(look: Look) -> Iterator[Health]:
    free = look.disk_free
    words = "not known here" if free is None else f"{_megabytes(free)} are free where the journal and the logs are"
    yield Health(name="Disk", ok=None if free is None else free >= DISK_LEAST_BYTES, words=words)
    memory = look.memory
    parts = [
        f"{name} {_megabytes(size)}"
        for name, size in (("this process", memory.here), ("the runner", memory.runner), ("free", memory.free))
        if size is not None
    ]
    enough = None if memory.free is None else memory.free >= _FREE_LEAST_BYTES
    yield Health(name="Memory", ok=enough, words=", ".join(parts) or "not known here")


def _watchdog(look: Look) -> Health:
    seen, now = look.watcher, look.status.wall
    if seen is not None and seen.is_heard(now):
        words = f"process {seen.pid} on {seen.machine} watches beside the runner"
        return Health(name="Watchdog", ok=True, words=words, since=seen.since)
    if not look.channels:
        return Health(name="Watchdog", ok=None, words="not needed: TRADER_NOTIFY_URLS names no channel")
    words = "none is heard, so no message goes out; the panel starts one, or `python -m trader watch`"
    return Health(name="Watchdog", ok=False, words=words, since=None if seen is None else seen.seen_at)


def _messages(look: Look) -> Health:
    lost = look.undelivered
    said = [f"{look.waiting} waiting" if look.waiting else "", f"{len(lost)} undelivered in a day" if lost else ""]
    words = ", ".join(one for one in said if one) or ("nothing waits" if look.channels else "no channel is set up")
    row = Health(name="Messages", ok=not lost if look.channels or lost else None, words=words, since=look.delivered_at)
    return row if not lost else msgspec.structs.replace(row, fault=_lost(lost[0]), fault_at=lost[0].changed_at)


def _lost(row: OutboxRow) -> str:
    return f"{row.title} on {row.channel}: {row.why or row.state}"


def _newest(alerts: Sequence[AlertRow], codes: Collection[str]) -> AlertRow | None:
    """The newest alert of one of these codes; what stands behind a colon in a code says which of several."""
    return next((one for one in alerts if one.code.partition(":")[0] in codes), None)


def _faulty(row: Health, alert: AlertRow | None) -> Health:
    return row if alert is None else msgspec.structs.replace(row, fault=alert.text, fault_at=alert.wall)


def _megabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


class Since:
    """Since when each part has been as it is, where it does not say so itself: from what this process has seen. One thread at a time."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[bool | None, datetime]] = {}
        self._faults: dict[str, tuple[str, datetime]] = {}

    def completed(self, row: Health, now: datetime) -> Health:
        """The row with what it did not say."""
        before = self._seen.get(row.name)
        if before is None or before[0] is not row.ok:
            self._seen[row.name] = before = (row.ok, now)
        if row.ok is False:
            self._faults[row.name] = (row.words, now)
        fault, at = (row.fault, row.fault_at) if row.fault else self._faults.get(row.name, ("", None))
        return msgspec.structs.replace(row, since=row.since or before[1], fault=fault, fault_at=at)
