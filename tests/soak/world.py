"""The processes of a soak: venue, market flood, listener, and the real runner with a stop watch inside."""

import os
import subprocess
import sys
from datetime import datetime
from functools import cached_property

from bench.world import ROOT, Child, World, _end_process
from tests.soak import flood, listener
from trader.config.preset import Preset
from trader.exchange.delta.gateway import DeltaGateway

LISTENED = 500  # contracts whose best quotes the listener follows: about a thousand frames a second


def preset(underlying: str, exit_time_ist: str = "23:00") -> Preset:
    """A run that only Stop or the clock ends."""
    return Preset.model_validate(
        {
            "strategy": {"underlying": underlying, "quantity": 10, "expiry": "nearest", "max_spread_pct": 80},
            "schedule": {"exit_time_ist": exit_time_ist, "boot_buffer_secs": 0},
            "exits": {
                "max_loss_pct": 1000,
                "max_profit_pct": 100,
                "trailing_enabled": False,
                "liquidation_guard_pct": 0,
            },
            "orders": {"timeout_secs": 1, "exit_timeout_secs": 1, "slippage_pct": 5},
            "risk": {"max_runs_per_day": 50, "daily_loss_limit_usd": 10_000_000, "liquidation": "warn"},
        }
    )


class SoakWorld(World):
    """`bench.world.World` with a market that follows the venue's, a listener, and a runner whose decisions are timed."""

    def __init__(self) -> None:
        super().__init__(flooded=True, flood_serve=flood.serve, venue={"initial_balance": "1000000"})

    def listen(self) -> Child:
        """The second client, once it hears the market."""
        symbols = [quote.symbol for name in ("BTC", "ETH") for quote in self.client.tickers(name) if quote.greeks]
        step = max(1, len(symbols) // LISTENED)
        child = Child(listener.serve, self.venue, symbols[::step][:LISTENED])
        self._ends.append(child.end)
        child.ask()
        return child

    def run_watched(self) -> "subprocess.Popen[bytes]":
        """`python -m trader run` with the stop watch; its decisions go to the file `decisions`."""
        self.decisions = self.home / "decisions.bin"
        command = [sys.executable, "-m", "tests.soak.watched", str(self.decisions)]
        environ = {**os.environ, **self.environ}
        nowhere = subprocess.DEVNULL  # it keeps its own log
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=nowhere, stderr=nowhere)
        self._ends.append(lambda: _end_process(process))
        self.await_runner()
        return process

    def market_time(self) -> datetime:
        """The venue's market time now."""
        return max(quote.ts_mark for quote in self.client.tickers("BTC") if quote.ts_mark is not None)

    @cached_property
    def client(self) -> DeltaGateway:
        """One client of the venue for everything the soak itself reads."""
        made = self.gateway()
        self._ends.append(made.close)
        return made
