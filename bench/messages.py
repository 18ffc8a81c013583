"""Messages per second through the runner's real path, against bare libraries on the same flood.

The runner is the product's own process holding a real strangle: socket → parse → conflate → step with exit rules, journal and
publishing as ever. Bare is `websocket-client` with `skip_utf8_validation`, a `recv()` loop and msgspec decoding into structs
of only the needed fields, in a process of its own. The rounds alternate, so a busy machine slows both alike.
"""

import time
from typing import Any

from bench.measuring import Figures, main, median
from bench.world import Child, World

_SETTLE_SECS = 0.5


def bare(pipe: Any, url: str, secs: float) -> None:
    """The process of the bare libraries; answers messages per second."""
    import msgspec
    import websocket

    from trader.exchange.delta.wire import core as wire

    client = websocket.create_connection(url, skip_utf8_validation=True)
    decode = msgspec.json.Decoder(wire.PublicMessage, strict=False).decode
    begin = time.perf_counter()
    while time.perf_counter() - begin < _SETTLE_SECS:
        decode(client.recv())
    count, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < secs:
        for _ in range(100):
            decode(client.recv())
        count += 100
    client.shutdown()
    pipe.send(count / elapsed)


def measure(secs: float, rounds: int) -> Figures:
    """Both rates in alternating rounds of `secs` each, and how often the engine was stepped."""
    ours, theirs, steps = [], [], []
    with World(flooded=True) as world:
        assert world.flood is not None
        runner = world.run_probed()
        world.hold()
        for _ in range(rounds):
            world.flood.ask(("rate", "/", None))
            time.sleep(_SETTLE_SECS)
            before = runner.ask("figures")
            time.sleep(secs)
            after = runner.ask("figures")
            world.flood.ask(("rate", "/", 20.0))
            elapsed = after["at"] - before["at"]
            ours.append((after["messages"] - before["messages"]) / elapsed)
            steps.append((after["market_steps"] - before["market_steps"]) / elapsed)
            time.sleep(_SETTLE_SECS)
            child = Child(bare, f"{world.ws_public}/bare", secs)
            theirs.append(child.ask())
            child.end()
    return {
        "runner_msgs_per_sec": round(median(ours)),
        "bare_msgs_per_sec": round(median(theirs)),
        "ratio": round(median([o / b for o, b in zip(ours, theirs, strict=True)]), 2),
        "engine_steps_per_sec": round(median(steps)),
    }


if __name__ == "__main__":
    main("messages", __doc__, measure, secs=2.0, rounds=3)
