"""The runner's two hosts with a stop watch inside: what runs is the product, `step` and Streamlit's script run are timed.

Each is the target of a process; a pipe asks for figures while it runs.
"""

import contextlib
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Probe:
    """Figures of this process. `decisions` are (newest exchange stamp of the step, wall when it returned), µs; `reruns`
    are (fragment, "" for the whole page; secs; secs of its thread's CPU)."""

    def __init__(self) -> None:
        self.runner: Any = None
        self.steps = 0
        self.market_steps = 0
        self.decisions: list[tuple[int, int]] | None = None
        self.reruns: list[tuple[str, float, float]] = []

    def figures(self) -> dict[str, Any]:
        return {
            "messages": self.runner._feed.messages if self.runner is not None else 0,
            "steps": self.steps,
            "market_steps": self.market_steps,
            "at": time.monotonic(),
        }

    def answer(self, pipe: Any) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                match pipe.recv():
                    case "figures":
                        pipe.send(self.figures())
                    case "record":
                        self.decisions = []
                        pipe.send(True)
                    case "decisions":
                        told, self.decisions = self.decisions, None
                        pipe.send(told)
                    case "reruns":
                        told_reruns, self.reruns = self.reruns, []
                        pipe.send(told_reruns)


def _watch_runner(probe: Probe) -> None:
    from trader.engine.events import MarketMoved
    from trader.runner import host, runner

    try:
        from trader.runner import kernel as stepping
    except ImportError:  # a commit that is measured beside this one may be older: its runner stepped by itself
        stepping = runner  # type: ignore[assignment]
    inner = stepping.step

    def timed(state: Any, event: Any) -> Any:
        result = inner(state, event)
        probe.steps += 1
        if type(event) is MarketMoved:
            probe.market_steps += 1
            if probe.decisions is not None:
                probe.decisions.append(((event.newest - _EPOCH) // _MICROSECOND, time.time_ns() // 1000))
        return result

    class Watched(runner.Runner):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            probe.runner = self

    stepping.step = timed
    host.Runner = Watched  # type: ignore[misc]


def _watch_reruns(probe: Probe) -> None:
    """Streamlit's own entry to a script run: everything between a browser's request and its last message."""
    from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

    inner = ScriptRunner._run_script

    def timed(self: Any, rerun_data: Any) -> None:
        fragment = " ".join(rerun_data.fragment_id_queue)
        cpu, wall = time.thread_time(), time.perf_counter()
        try:
            inner(self, rerun_data)
        finally:
            probe.reruns.append((fragment, time.perf_counter() - wall, time.thread_time() - cpu))

    ScriptRunner._run_script = timed  # type: ignore[method-assign]


def _begin(environ: dict[str, str]) -> None:
    """Our environment; what the host prints (it keeps its own log) must not mix with the figures."""
    os.environ.update(environ)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def process_host(pipe: Any, environ: dict[str, str]) -> None:
    """`python -m trader run` with the probe."""
    _begin(environ)
    probe = Probe()
    _watch_runner(probe)
    threading.Thread(target=probe.answer, args=(pipe,), daemon=True).start()
    from trader.config.settings import load_settings
    from trader.runner.host import run_process

    run_process(load_settings())


def panel_host(pipe: Any, environ: dict[str, str], port: int) -> None:
    """`python streamlit_app.py` with the probe: panel and runner in one process."""
    _begin(environ)
    probe = Probe()
    _watch_runner(probe)
    threading.Thread(target=probe.answer, args=(pipe,), daemon=True).start()
    import streamlit_app

    _watch_reruns(probe)
    streamlit_app.app.run(config={"server.port": port})
