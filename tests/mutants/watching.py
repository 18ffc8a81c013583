"""Defects of the exit rules, seen by simulated sessions: not evaluated, on the wrong prices, with the wrong numbers."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import TIERS, held, holding
from tests.mutants.tools import Patch, everywhere
from trader.engine import commands, exits, valuation
from trader.engine import holding as hold_rules
from trader.engine.effects import AckCommand
from trader.engine.exits import Trail, trailing_level
from trader.engine.records import Phase
from trader.engine.state import Run, seconds_since
from trader.engine.valuation import Valuation


def one_leg_left_out(patch: Patch) -> None:
    stale: set[str] = set()
    reals = valuation.value, valuation.flaw_of, valuation.evidence_of

    def flaw_of(run: Run, market: Any, now: Any) -> str:
        opened = [leg.symbol for leg in run.legs if run.open_quantity(leg.key) > 0]
        stale.clear()
        stale.update(symbol for symbol in opened if valuation.staleness(market, now, symbol))
        return reals[1](run, market, now) if len(stale) == len(opened) else ""

    def value(run: Run, market: Any, guarded: Any = ()) -> Valuation | None:
        return reals[0](replace(run, legs=tuple(leg for leg in run.legs if leg.symbol not in stale)), market, guarded)

    def evidence_of(run: Run, market: Any) -> Any:
        quotes = [market.quotes.get(leg.symbol) for leg in run.legs if leg.symbol not in stale]
        return tuple(stamp for quote in quotes if quote is not None for stamp in (quote.ts_mark, quote.ts_quote))

    for real, new in zip(reals, (value, flaw_of, evidence_of), strict=True):
        everywhere(patch, real, new)


def stall_only_warns(patch: Patch) -> None:
    everywhere(patch, valuation.flaw_of, lambda *_: "")
    everywhere(patch, hold_rules.ask_quotes, lambda *_: None)


def hours_for_seconds(patch: Patch) -> None:
    """The pause of one second between two looks at a position is slept as an hour."""
    looked: dict[str, datetime] = {}
    real = hold_rules.hold

    def hold(turn: Any, run_id: str) -> None:
        if seconds_since(looked.get(run_id), turn.wall) >= 1 * 3600:
            looked[run_id] = turn.wall
            real(turn, run_id)

    everywhere(patch, real, hold)


def percent_guessed_from_size(patch: Patch) -> None:
    real = exits.triggered

    def triggered(rules: Any, level: Any, pct: Any, *basis: Any) -> dict[str, str]:
        def percent(value: Any) -> Any:
            return value * 100 if value <= 1 else value

        guessed = {name: percent(getattr(rules, name)) for name in ("max_loss_pct", "max_profit_pct")}
        return real(rules.model_copy(update=guessed), level, pct, *basis)

    everywhere(patch, real, triggered)


def breakeven_is_falsy(patch: Patch) -> None:
    real = exits.triggered
    everywhere(patch, real, lambda rules, level, pct, *basis: real(rules, level or None, pct, *basis))


def stop_suppressed_while_settling(patch: Patch) -> None:
    real = hold_rules._evaluate

    def evaluate(turn: Any, run: Run, *seen: Any) -> None:
        if seconds_since(run.phase_since, turn.wall) > 120:
            real(turn, run, *seen)

    everywhere(patch, real, evaluate)


def stop_loosened_by_each_adjustment(patch: Patch) -> None:
    def ratchet(rules: Any, trail: Trail | None, pct: Any, *_: Any) -> Trail | None:
        level = trailing_level(rules, pct)
        now = Trail(pct, level if level is not None or trail is None else trail.level and trail.level - 1)
        return None if trail == now else now

    everywhere(patch, exits.ratchet, ratchet)


def monitoring_ends_by_itself(patch: Patch) -> None:
    longest = 12.0
    real_hold, real_stop = hold_rules.hold, commands.on_stop

    def over(turn: Any, run: Run) -> bool:
        return run.phase is Phase.HOLDING and seconds_since(run.phase_since, turn.wall) > longest

    def hold(turn: Any, run_id: str) -> None:
        if not over(turn, turn.run(run_id)):
            real_hold(turn, run_id)

    def on_stop(turn: Any, event: Any) -> None:
        if any(over(turn, run) for run in turn.state.unresolved):
            turn.do(AckCommand(command_id=event.command_id, status="accepted", detail="nothing is being monitored"))
        else:
            real_stop(turn, event)

    everywhere(patch, real_hold, hold)
    everywhere(patch, real_stop, on_stop)


_RISE = ((14, 0.75),)
_RISE_AND_FALL = ((14, 0.75), (40, 1.0 / 0.75))

_AT_ZERO = {**TIERS, "breakeven_cushion": "none"}

MUTANTS = [
    Mutant(
        name="M23",
        defect="A leg without a price is silently left out of P&L",
        patched="`value`, `flaw_of` and `evidence_of` look at the priced legs only",
        patch=one_leg_left_out,
        check=sessions("CT10", lambda: [held(s, iv_moves=_RISE, rates={"Q3": 0.15}) for s in range(20)]),
    ),
    Mutant(
        name="M24",
        defect="A stalled stream only warns; the last mark is used for ever",
        patched="`flaw_of` never finds a flaw, `ask_quotes` asks nobody",
        patch=stall_only_warns,
        check=sessions("CT10 LV3", lambda: [held(s, rates={"N10": 0.1}) for s in range(20)]),
    ),
    Mutant(
        name="M40",
        defect="Hours used as seconds in the loop's sleep",
        patched="`hold` looks once an hour",
        patch=hours_for_seconds,
        check=sessions("CT7", holding(exits={"max_profit_pct": "10"}, iv_moves=_RISE)),
    ),
    Mutant(
        name="M41",
        defect="Percent or fraction guessed from magnitude",
        patched="`triggered` takes limits up to 1 for fractions",
        patch=percent_guessed_from_size,
        check=sessions("CT7", holding(exits={"max_profit_pct": "0.9"}, iv_moves=_RISE)),
    ),
    Mutant(
        name="M42",
        defect="A breakeven stop at 0 is ignored because 0 is falsy",
        patched="`triggered` hears `level or None`",
        patch=breakeven_is_falsy,
        check=sessions("CT7", holding(exits=_AT_ZERO, iv_moves=((14, 0.75), (40, 1.0 / 0.75)))),
    ),
    Mutant(
        name="M43",
        defect="The stop is suppressed while “settling”",
        patched="`_evaluate` does nothing in the first two minutes",
        patch=stop_suppressed_while_settling,
        check=sessions("CT7", holding(exits={"max_profit_pct": "10"}, iv_moves=_RISE)),
    ),
    Mutant(
        name="M43b",
        defect="The stop is loosened at each adjustment",
        patched="`ratchet` follows the profit down as well as up",
        patch=stop_loosened_by_each_adjustment,
        check=sessions("CT9 BE1", holding(exits=_AT_ZERO, iv_moves=_RISE_AND_FALL)),
    ),
    Mutant(
        name="M44",
        defect="Monitoring ends after a maximum run time, position open, Stop disabled",
        patched="`hold` and `on_stop` do nothing after twelve seconds of holding",
        patch=monitoring_ends_by_itself,
        check=sessions("CT2 CT7", holding(exits={"max_profit_pct": "10"}, iv_moves=((30, 0.75),))),
    ),
]
