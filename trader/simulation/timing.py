"""HD1–HD4: days and expiries, by a calendar of the oracle's own. HD1 the expiry that is traded is the one the preset's word means. HD2
the exit instant told is the one its rule says. HD3 no run leaves by its clock before it. HD4 nothing is entered at it or after.
"""

from datetime import date, datetime, time, timedelta, timezone

from trader.config.preset import Schedule
from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote

_INDIA = timezone(timedelta(hours=5, minutes=30))
_FRIDAY = 4
_CLOCK_SECS = 1.5  # what the runner knows of the exchange's time is off by up to this
_ROUNDED_SECS = 1.0


class TimeRules:
    """Judges what is fixed and what is decided by it, at the commit."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        match record:
            case rec.ScheduleFixed() if run is not None:
                told = run.preset.schedule.exit_rule != "before_expiry"
                meant = _out(run.preset.schedule, record.entry_at, None) if told else None
                self._check_exit(run, record.exit_at, meant)
            case rec.LegsChosen() if run is not None and run.entry_at is not None and not self._evidence.is_late():
                self._check_expiry(run, record)
                schedule, expiry = run.preset.schedule, record.legs[0].expiry
                latest = expiry - timedelta(minutes=schedule.exit_before_expiry_mins)
                self._check_exit(run, record.exit_at, min(_out(schedule, run.entry_at, expiry), latest))
            case rec.ExitDecided(reason="time") if run is not None:
                early = 0.0 if run.exit_at is None else self._since(run.exit_at)
                if run.exit_at is None or early < -_CLOCK_SECS:
                    self._evidence.report(
                        "HD3", f"run {run.run_id} leaves by its clock {-early:.1f} s before {run.exit_at}"
                    )
            case rec.OrderIntended(intent=intent) if run is not None and run.exit_at is not None:
                late = self._since(run.exit_at)
                if intent.purpose is Purpose.ENTRY and record.cause != "recovery" and late > _CLOCK_SECS:
                    self._evidence.report("HD4", f"{intent.client_order_id} enters {late:.1f} s after the exit instant")
            case _:
                pass

    def _since(self, instant: datetime) -> float:
        return (self._evidence.world.agenda.now - instant).total_seconds()

    def _check_exit(self, run: RunNote, told: datetime | None, meant: datetime | None) -> None:
        is_told = told is not None and meant is not None and abs((told - meant).total_seconds()) <= _ROUNDED_SECS
        if not is_told and told is not meant:
            self._evidence.report("HD2", f"run {run.run_id} is to be out at {told}, {meant} is meant")

    def _check_expiry(self, run: RunNote, record: rec.LegsChosen) -> None:
        """By what the exchange lists: a chain that leaves contracts out leaves out some of each expiry."""
        world, word = self._evidence.world, run.preset.strategy.expiry
        listed = {one.expiry for one in world.venue.core.products.live.values() if one.expiry is not None}
        least = world.agenda.now + timedelta(hours=float(run.preset.strategy.min_hours_to_expiry), seconds=-_CLOCK_SECS)
        today = _day(world.agenda.now)
        fitting = sorted(expiry for expiry in listed if expiry >= least and _is_meant(word, _day(expiry), today))
        chosen = {leg.expiry for leg in record.legs}
        if chosen != set(fitting[:1]):
            self._evidence.report("HD1", f"{word} on {today}: {sorted(chosen)} are traded, {fitting[:1]} is meant")


def _day(instant: datetime) -> date:
    return instant.astimezone(_INDIA).date()


def _is_meant(word: str, day: date, today: date) -> bool:
    match word:
        case "nearest":
            return True
        case "today" | "next_day":
            return day == today + timedelta(days=word == "next_day")
        case "weekly":
            return day > today and day.weekday() == _FRIDAY
        case "monthly":
            return day > today and day.weekday() == _FRIDAY and (day + timedelta(days=7)).month != day.month
        case _:
            return day == date.fromisoformat(word)


def _out(schedule: Schedule, entry_at: datetime, expiry: datetime | None) -> datetime:
    """The instant at which a run that enters then is to be out."""
    day, clock = _day(entry_at), time.fromisoformat(schedule.exit_time_ist)
    match schedule.exit_rule:
        case "daily":
            same = datetime.combine(day, clock, _INDIA)
            return same if same > entry_at else same + timedelta(days=1)
        case "days":
            return datetime.combine(day + timedelta(days=schedule.exit_after_days), clock, _INDIA)
        case "date":
            return datetime.combine(date.fromisoformat(schedule.exit_date), clock, _INDIA)
        case "before_expiry":
            assert expiry is not None
            return expiry - timedelta(hours=float(schedule.exit_hours_before_expiry))
