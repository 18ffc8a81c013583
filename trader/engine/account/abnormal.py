"""The breaker of entries: while a market is not normal, or the exchange does not answer, no entry begins.

It trips by itself, says so once, and lets entries out again after a calm of `calm_secs`. Cancels, exits and Stop never ask it.
An entry of several legs that is under way is completed: half of a strangle is more dangerous than the whole.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from trader.config.account_limits import AccountLimits
from trader.domain.outcome import Ok, Outcome, Rejected, Unknown
from trader.domain.quote import Quote
from trader.domain.remedy import Remedy
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.account.sight import Calls, Sight, Span, Trip
from trader.engine.beside import is_begun
from trader.engine.records import LegTerms, Phase
from trader.engine.state import HUNDRED, QUOTE_AGE, SILENCE_SECS, Run, State, age_slack
from trader.engine.turn import Turn

_STRETCHES = 12  # of the window of a jump
_UNSEEN = Sight()
_BEGINNING = (Phase.WAITING, Phase.ENTERING)
_LEAST_TICKS = 20  # a spread is judged against at least so many: a worthless option is always quoted wide


def tripped(state: State, underlying: str) -> tuple[Trip, ...]:
    """What is not normal for entries on an underlying just now."""
    sight = state.sights.get(underlying)
    return state.calls.trips + (() if sight is None else sight.trips)


def bars(state: State, run: Run) -> Trip | None:
    """What keeps the entries of a run from leaving; None when nothing does."""
    found = tripped(state, run.underlying)
    if not found or (len(run.legs) > 1 and is_begun(run)):
        return None
    return found[0]


def bars_words(state: State, run: Run) -> str:
    """The same in words; empty when nothing does."""
    trip = bars(state, run)
    return "" if trip is None else trip.words


def all_words(state: State) -> str:
    """Everything that is not normal, for people; empty while everything is."""
    trips = [*state.calls.trips, *(trip for sight in state.sights.values() for trip in sight.trips)]
    return f"entries pause: {'; '.join(trip.words for trip in trips)}" if trips else ""


# ------------------------------------------------------------ the market


def watch_markets(turn: Turn, event: ev.AnyEvent) -> None:
    """Look at every market that a run is on, after an event that brings prices or time. While no run is entering, prices are
    noted as they come, and what they mean is asked with the clock."""
    now, runs = turn.now.market, turn.state.unresolved
    if now is None or not isinstance(event, ev.MarketMoved | ev.ClockTicked | ev.ChainRead):
        return
    told, before = _told(turn.state, event), turn.state.sights
    is_asked = not isinstance(event, ev.MarketMoved) or any(run.phase in _BEGINNING for run in runs)
    if not is_asked and not told:
        return
    legs: dict[str, list[LegTerms]] = {}
    for run in runs:
        legs.setdefault(run.underlying, []).extend(run.legs)
    sights = {}
    for name, here in legs.items():
        sight = _noted(before.get(name, _UNSEEN), told.get(name), now, turn.state.account.limits.index_jump_secs)
        sights[name] = _look(turn, name, here, sight, now) if is_asked else sight
    if len(sights) != len(before) or any(before.get(name) is not sight for name, sight in sights.items()):
        turn.set(sights=sights)


def _told(state: State, event: ev.AnyEvent) -> dict[str, Decimal]:
    """The index prices that an event brought; those that are none were left out when the market was booked."""
    told: Iterable[tuple[str, Decimal | None]] = ()
    if isinstance(event, ev.MarketMoved):
        told = event.spots
    elif isinstance(event, ev.ChainRead) and (run := state.runs.get(event.run_id)) is not None:
        told = ((run.underlying, event.spot),)
    return {name: spot for name, spot in told if spot is not None and state.market.spots.get(name) == spot}


def _noted(sight: Sight, spot: Decimal | None, now: datetime, secs: int) -> Sight:
    """With an index price that was told; the same sight where that changes nothing."""
    spans = sight.spans if spot is None else _with(sight.spans, spot, now, secs)
    return sight if spans is sight.spans else replace(sight, spans=spans)


def _look(turn: Turn, underlying: str, legs: Sequence[LegTerms], sight: Sight, now: datetime) -> Sight:
    """What is so now; the same sight where nothing has changed."""
    market, limits = turn.state.market, turn.state.account.limits
    here = [(leg, quote) for leg in legs if now < leg.expiry and (quote := market.quotes.get(leg.symbol)) is not None]
    prices = (market.spots.get(underlying), *(quote.mark for _, quote in here))
    if prices != sight.prices or sight.moved is None:
        sight = replace(sight, prices=prices, moved=now)
    found = dict(_found(turn, underlying, here, sight, now))
    if not found and not sight.trips:
        return sight
    return replace(sight, trips=_kept(turn, underlying, sight.trips, found, now, limits))


def _with(spans: tuple[Span, ...], spot: Decimal, now: datetime, secs: int) -> tuple[Span, ...]:
    """The window with one more price: of each stretch the extremes are enough. A stretch stays until its last price has left the
    window; so its first ones count for a little longer."""
    window = timedelta(seconds=secs)
    stretch = window / _STRETCHES
    if spans and now - spans[-1].began < stretch:
        last = spans[-1]
        if last.low <= spot <= last.high:
            return spans
        spans = (*spans[:-1], Span(last.began, min(last.low, spot), max(last.high, spot)))
    else:
        spans = (*spans, Span(now, spot, spot))
    if now - spans[0].began > window + stretch:
        spans = tuple(span for span in spans if now - span.began <= window + stretch)
    return spans


def _found(
    turn: Turn, underlying: str, here: Sequence[tuple[LegTerms, Quote]], sight: Sight, now: datetime
) -> Iterator[tuple[str, str]]:
    """What is not normal at this instant: code and words."""
    limits, spot = turn.state.account.limits, sight.prices[0]
    if limits.index_jump_pct and spot is not None and sight.spans:
        low, high = min([span.low for span in sight.spans]), max([span.high for span in sight.spans])
        bound = limits.index_jump_pct / HUNDRED
        if spot - low >= bound * low or high - spot >= bound * high:
            moved = max(spot / low - 1, 1 - spot / high) * HUNDRED
            yield (
                "INDEX_JUMP",
                (
                    f"the index of {underlying} has moved {moved:.2f} % within {limits.index_jump_secs} s "
                    f"(index_jump_pct {limits.index_jump_pct})"
                ),
            )
    newest, oldest = turn.state.market.newest, QUOTE_AGE + age_slack(turn.now)
    crossed: list[str] = []
    quoted = wide = 0
    for leg, quote in here:
        bid, ask, mark = quote.bid, quote.ask, quote.mark
        if not bid or not ask or quote.ts_quote is None or newest is None or newest - quote.ts_quote > oldest:
            continue
        if bid > ask:
            crossed.append(leg.symbol)
        if mark:
            quoted += 1
            least = max(mark, _LEAST_TICKS * leg.tick_size)
            wide += (ask - bid) * HUNDRED >= limits.wide_spread_pct * least
    if crossed and 0 < limits.crossed_contracts <= len(crossed):
        yield (
            "BOOK_CROSSED",
            (f"the bid lies above the ask in {', '.join(crossed[:3])} (crossed_contracts {limits.crossed_contracts})"),
        )
    if limits.wide_spread_pct and 2 * wide > quoted:
        yield (
            "SPREADS_WIDE",
            (
                f"{wide} of {quoted} watched contracts of {underlying} are quoted as far apart as "
                f"{limits.wide_spread_pct} % of their mark (wide_spread_pct)"
            ),
        )
    still = 0.0 if sight.moved is None else (now - sight.moved).total_seconds()
    # An accelerated market speaks as often as any, by this machine's clock.
    if limits.frozen_secs and still >= limits.frozen_secs + SILENCE_SECS * (turn.now.rate - 1):
        yield (
            "FEED_FROZEN",
            (
                f"neither the index of {underlying} nor a mark has changed for {still:.0f} s (frozen_secs {limits.frozen_secs})"
            ),
        )


# ------------------------------------------------------------ the way to the exchange


def watch_calls(turn: Turn, event: ev.AnyEvent) -> None:
    """Count requests that were not answered; any answer sets the count back to 0."""
    ended, calls, limits = _ended(event), turn.state.calls, turn.state.account.limits
    if ended is None and not calls.trips:
        return
    count = calls.unanswered if ended is None else 0 if ended else calls.unanswered + 1
    found: dict[str, str] = {}
    if ended is False and limits.api_failures and count >= limits.api_failures:
        found["API_FAILING"] = (
            f"the exchange has not answered {count} requests in a row (api_failures {limits.api_failures})"
        )
    trips = _kept(turn, "", calls.trips, found, turn.wall, limits)
    if count != calls.unanswered or trips != calls.trips:
        turn.set(calls=Calls(unanswered=count, trips=trips))


def _ended(event: ev.AnyEvent) -> bool | None:
    """Whether the exchange has answered a request; None where the event tells nothing of that. A 429 is none of both."""
    match event:
        case ev.SubmitAnswered(outcome=outcome) | ev.CancelAnswered(outcome=outcome):
            return _has_answered(outcome)
        case ev.LeverageAnswered(ended=ended):
            return True if ended is None else _has_answered(ended)
        case ev.AccountRead():
            failed = bool(event.error) and event.positions is None
        case ev.ChainRead() | ev.WalletRead() | ev.MarginRead():
            failed = bool(event.error)
        case _:
            return None
    return None if failed and event.retry_after_secs is not None else not failed


def _has_answered(outcome: Outcome) -> bool | None:
    match outcome:
        case Unknown():
            return False
        case Rejected(remedy=Remedy.RESEND):
            return None  # it was never let out
        case Ok() | Rejected():
            return True


# ------------------------------------------------------------ both


def _kept(
    turn: Turn, name: str, before: tuple[Trip, ...], found: dict[str, str], now: datetime, limits: AccountLimits
) -> tuple[Trip, ...]:
    """What bars entries now: what is found, and what was found less than a calm ago. Beginning and end are said."""
    if not before and not found:
        return ()
    calm = timedelta(seconds=limits.calm_secs)
    kept = [trip for trip in before if trip.code not in found and now - trip.last < calm]
    trips = (*(Trip(code=code, words=words, last=now) for code, words in found.items()), *kept)
    known, stays = {trip.code for trip in before}, {trip.code for trip in trips}
    on = f" on {name}" if name else ""
    for trip in trips:
        if trip.code not in known:
            text = f"Entries{on} pause: {trip.words}. Exits and Stop go on."
            turn.write(rec.AlertRaised, "", level="warning", code=f"abnormal:{trip.code}", text=text)
    if known and not stays:
        text = f"Entries{on} are let out again: nothing was abnormal for {limits.calm_secs} s."
        turn.write(rec.AlertRaised, "", level="info", code="normal_again", text=text)
    return trips
