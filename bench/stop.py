"""Stop & Exit: from asking for it to the run recorded as finished, which takes the exchange's own word for flat.

The whole desk over the real wire: venue, runner and this asking process are three. The clock starts before the command row
is written and stops when a reader of the journal no longer finds the run unresolved.
"""

import time

from bench.measuring import Figures, main, median
from bench.world import World


def measure(runs: int) -> Figures:
    """Seconds from Stop to flat of some runs in a row, and from Start to holding."""
    stops, starts = [], []
    with World() as world:
        world.run_probed()
        for _ in range(runs):
            begin = time.monotonic()
            run_id = world.hold()
            starts.append(time.monotonic() - begin)
            begin = time.monotonic()
            world.desk.stop(run_id, issued_by="cli")
            world.await_flat()
            stops.append(time.monotonic() - begin)
            run = world.desk.status(run_id).run
            assert run is not None and run.flat == "true", run
    return {
        "runs": runs,
        "stop_to_flat_median_secs": round(median(stops), 3),
        "stop_to_flat_max_secs": round(max(stops), 3),
        "start_to_holding_median_secs": round(median(starts), 3),
    }


if __name__ == "__main__":
    main("stop", __doc__, measure, runs=5)
