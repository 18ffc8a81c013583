"""Engine steps per second on a held strangle: pure `step`, no thread, no journal.

`one_leg` changes one contract per event as single messages do; `both_legs` makes every event a complete new evaluation of the
exit rules, `many_fills` the same on legs that were sold in a hundred parts each. Seconds are of the processor, and of several
rounds the quickest counts: whatever else runs on the machine only ever makes a round slower.
"""

import time
from datetime import timedelta
from decimal import Decimal

from bench import held
from bench.against import compare
from bench.measuring import Figures, main
from trader.domain.clock import Now
from trader.engine.events import AnyEvent, MarketMoved
from trader.engine.records import Phase
from trader.engine.step import step


def _events(count: int, both: bool) -> list[AnyEvent]:
    """Market events a millisecond apart."""
    made: list[AnyEvent] = []
    for number in range(count):
        at = held.BEGIN + timedelta(milliseconds=number + 1)
        legs = held.LEGS if both or number == 0 else (held.LEGS[number % 2],)
        quotes = tuple(held.quote(leg, at, number) for leg in legs)
        made.append(MarketMoved(at=Now(at, at), quotes=quotes, spots=(("BTC", Decimal(77_000)),), newest=at))
    return made


def _rate(events: list[AnyEvent], fills: int = 2) -> float:
    state = held.state(fills)
    begin = time.process_time()
    for event in events:
        state, _ = step(state, event)
    elapsed = time.process_time() - begin
    assert state.runs[held.RUN].phase is Phase.HOLDING, "the run must still be held"
    return len(events) / elapsed


def measure(steps: int, rounds: int) -> Figures:
    """Steps per second of each kind, the best of alternating rounds; `fills_ratio`: with many fills against with two."""
    one, both = _events(steps, both=False), _events(steps, both=True)
    kinds = {"one_leg": (one, 2), "both_legs": (both, 2), "many_fills": (both, 200)}
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, (events, fills) in kinds.items():
            rates[name].append(_rate(events, fills))
    best = {name: max(measured) for name, measured in rates.items()}
    figures: Figures = {f"{name}_steps_per_sec": round(rate) for name, rate in best.items()}
    return {**figures, "fills_ratio": round(best["many_fills"] / best["both_legs"], 2)}


if __name__ == "__main__":
    main("engine", __doc__, measure, compare, steps=4000, rounds=5)
