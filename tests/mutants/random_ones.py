"""Random small defects in the engine's functions: a measure of what sessions and engine tests see, beyond the known ones.

Each is one change of one expression (a comparison, a sign, a condition, a number), tried in a forked child: sessions first, then
the engine's own tests. What neither sees is printed with its place, to be explained or to become a check.
"""

import ast
import importlib
import inspect
import os
import pkgutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import FrameType, ModuleType
from typing import Any

import msgspec
import pytest

from tests.mutants.plans import held, peak_then_back, stopped_at
from tests.mutants.tools import everywhere
from trader import engine
from trader.simulation.plan import draw
from trader.simulation.scenario import load, replay
from trader.simulation.session import SessionResult, run_plan

_SHOWING_ONLY = (
    "trader.engine.view",
    "trader.engine.viewing",
    "trader.engine.ladder",
    "trader.engine.corridor",
    "trader.engine.leg_view",
    "trader.engine.outlook",
    "trader.engine.safety",
    "trader.engine.shown",
    "trader.engine.spot_curve",
)  # words and pictures, not decisions
_SCENARIOS = Path(__file__).parents[1] / "simulation" / "scenarios"
_LONGEST_SECS = 120  # of a child; a defect that makes it longer is noticed by anybody
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
SURVIVED, BY_SESSIONS, BY_TESTS, TOO_LONG, UNTOLD = 40, 41, 42, 43, 44
_TESTS = ("tests/engine", "-x", "-q", "-p", "no:cacheprovider", "-o", "timeout=0", "-W", "ignore")
_FATES = {
    pytest.ExitCode.OK: SURVIVED,
    pytest.ExitCode.TESTS_FAILED: BY_TESTS,
}  # whatever else it says, it has judged nothing


class Change(msgspec.Struct, frozen=True):
    """One change: the n-th changeable expression of a function."""

    module: str
    function: str
    number: int
    words: str


class _Changer(ast.NodeTransformer):
    """Visits what can be changed, in order; changes the one of a number, or none."""

    def __init__(self, chosen: int | None = None) -> None:
        self.seen: list[str] = []
        self._chosen = chosen

    def _here(self, node: ast.AST, words: str) -> bool:
        self.seen.append(f"line {getattr(node, 'lineno', 0)}: {words}")
        return len(self.seen) - 1 == self._chosen

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        new = _SWAPS.get(type(node.ops[0]))
        if new is not None and self._here(
            node, f"{type(node.ops[0]).__name__} → {new.__name__} in {ast.unparse(node)}"
        ):
            node.ops[0] = new()  # type: ignore[assignment]
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        if self._here(node, f"and ↔ or in {ast.unparse(node)}"):
            node.op = _SWAPS[type(node.op)]()  # type: ignore[assignment]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Add | ast.Sub) and self._here(node, f"+ ↔ - in {ast.unparse(node)}"):
            node.op = _SWAPS[type(node.op)]()  # type: ignore[assignment]
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and self._here(node, f"not dropped in {ast.unparse(node)}"):
            return node.operand
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if self._here(node, f"if turned round: {ast.unparse(node.test)}"):
            node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool):
            if self._here(node, f"{node.value} → {not node.value}"):
                return ast.Constant(value=not node.value)
        elif isinstance(node.value, int | float) and self._here(node, f"{node.value} → {node.value + 1}"):
            return ast.Constant(value=node.value + 1)
        return node


def _functions() -> Iterator[tuple[ModuleType, str, ast.FunctionDef]]:
    """The engine's functions and methods with their syntax."""
    for info in pkgutil.iter_modules(engine.__path__, "trader.engine."):
        if info.name in _SHOWING_ONLY:
            continue
        module = importlib.import_module(info.name)
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.FunctionDef):
                yield module, node.name, node
            elif isinstance(node, ast.ClassDef):
                methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
                yield from ((module, f"{node.name}.{m.name}", m) for m in methods if not m.name.startswith("__"))


def changes() -> list[Change]:
    """Every change there is."""
    found = []
    for module, name, node in _functions():
        changer = _Changer()
        for statement in node.body:
            changer.visit(statement)
        found += [Change(module.__name__, name, number, words) for number, words in enumerate(changer.seen)]
    return found


def apply(patch: pytest.MonkeyPatch, change: Change) -> None:
    """Put the changed function where the real one stands."""
    node = next(n for m, name, n in _functions() if (m.__name__, name) == (change.module, change.function))
    changer = _Changer(change.number)
    node.body = [changer.visit(statement) for statement in node.body]
    is_property = any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list)
    node.decorator_list = []
    module, made = importlib.import_module(change.module), dict[str, Any]()
    tree = ast.fix_missing_locations(ast.Module(body=[node], type_ignores=[]))
    exec(compile(tree, module.__file__ or "<changed>", "exec"), vars(module), made)
    owner, _, method = change.function.rpartition(".")
    if owner:
        patch.setattr(getattr(module, owner), method, property(made[method]) if is_property else made[method])
    else:
        everywhere(patch, getattr(module, change.function), made[change.function])


def _sessions(seeds: int) -> Iterator[SessionResult]:
    """A few plain ones, the stored scenarios, then drawn ones."""
    for plan in (held(0, exit_time="10:31"), *peak_then_back(outage=(36.0, 5.0))()[:1], *stopped_at(3.0, 12.0)()):
        yield run_plan(plan)
    for path in sorted(_SCENARIOS.glob("*.json")):
        yield replay(load(path))
    for seed in range(1, seeds + 1):
        yield run_plan(draw(seed))


def fate_of(change: Change, seeds: int) -> str:
    """What became of a change, in a child of its own: who saw it, empty when nobody did.

    Raises:
        RuntimeError: The child could not judge it.
    """
    child = os.fork()
    if child == 0:
        code = UNTOLD
        try:
            code = _in_the_child(change, seeds)
        finally:
            os._exit(code)  # whatever happened: the parent's work is not the child's
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    words = {SURVIVED: "", BY_SESSIONS: "sessions", BY_TESTS: "engine tests", TOO_LONG: "it does not end"}
    if code not in words:
        raise RuntimeError(f"nobody could judge {change}: the child ended with {code}")
    return words[code]


def _in_the_child(change: Change, seeds: int) -> int:
    def late(_number: int, _frame: FrameType | None) -> None:
        os._exit(TOO_LONG)

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, _LONGEST_SECS)
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - the child's own, to its end
    with pytest.MonkeyPatch.context() as patch:
        apply(patch, change)
        try:
            if any(result.violations for result in _sessions(seeds)):
                return BY_SESSIONS
        except Exception:  # noqa: BLE001 - a world that falls over is a defect seen
            return BY_SESSIONS
        os.dup2(sys.stdout.fileno(), 1)
        os.dup2(sys.stdout.fileno(), 2)
        with tempfile.TemporaryDirectory() as folder:
            seen = pytest.main([*_TESTS, f"--basetemp={folder}/base"])
    return _FATES.get(seen, UNTOLD)


def chosen(count: int, seed: int) -> list[Change]:
    """So many changes, drawn from all."""
    every = changes()
    return Random(seed).sample(every, min(count, len(every)))
