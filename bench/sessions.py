"""Simulated sessions per second of one core: engine, local exchange and oracle on virtual time, as `trader simulate` runs them.

`all` draws everything there is: structures, algorithms, several runs, commands. `strangles` are the same seeds as short
strangles worked by a chase; for a commit that draws nothing else both are one. Seconds are of the processor.
"""

import gc
import logging
import time
from functools import partial
from inspect import signature

from bench.against import compare
from bench.measuring import Figures, main, median
from trader.simulation.plan import draw
from trader.simulation.session import run_plan

_draw_strangle = partial(draw, strangle=True) if "strangle" in signature(draw).parameters else draw


def measure(sessions: int, rounds: int) -> Figures:
    """Each kind over the same seeds, in alternating rounds, without garbage collection as in a campaign."""
    logging.disable()
    plans = {
        "all": [draw(seed) for seed in range(1, sessions + 1)],
        "strangles": [_draw_strangle(seed) for seed in range(1, sessions + 1)],
    }
    rates: dict[str, list[float]] = {name: [] for name in plans}
    for _ in range(rounds):
        for name, drawn in plans.items():
            gc.collect()
            gc.disable()
            begin = time.process_time()
            for plan in drawn:
                run_plan(plan)
            rates[name].append(sessions / (time.process_time() - begin))
            gc.enable()
    logging.disable(logging.NOTSET)
    return {f"{name}_per_core_sec": round(median(measured), 1) for name, measured in rates.items()}


if __name__ == "__main__":
    main("sessions", __doc__, measure, compare, sessions=100, rounds=3)
