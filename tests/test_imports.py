"""The floors of the house: imports point down only, the core stays pure, and the runner stays light.

Walks the source, so a violation is found without running it; only the memory rule imports, in a process of its own.
"""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the ground up. A package may import from floors below it, and from itself; never sideways, unless SIDEWAYS says so.
FLOORS: dict[str, int] = {
    "trader.domain": 0,
    "trader.pricing": 0,
    "trader.config": 0,
    "trader.machine": 0,
    "trader.engine": 1,
    "trader.analytics": 2,
    "trader.exchange": 2,
    "trader.venue": 2,
    "trader.journal": 2,
    "trader.notify": 3,
    "trader.runner": 3,
    "trader.desk": 4,
    "trader.simulation": 4,
    "trader.report": 5,
    "trader.watch": 5,
    "trader.cli": 6,
    "trader.panel": 6,
    "trader.api": 6,
    "trader.__main__": 6,
    "pages": 6,
    "streamlit_app": 6,
}
SIDEWAYS = {
    ("trader.pricing", "trader.domain"),
    ("trader.config", "trader.domain"),
    ("trader.config", "trader.machine"),
    ("trader.machine", "trader.domain"),
    ("trader.venue", "trader.exchange"),  # venue/feed hears another exchange through the client's public stream
    ("trader.simulation", "trader.desk"),  # judges the numbers that people are shown
    ("trader.__main__", "trader.cli"),
    ("pages", "trader.panel"),
    ("trader.panel", "pages"),
    ("trader.panel", "trader.api"),  # mounted on the panel's port
    ("trader.cli", "trader.api"),  # or alone
    ("streamlit_app", "trader.panel"),
}
ANYONE_MAY = {"trader"}  # the version

# Faces talk to the desk. Besides, they know the values, the shapes of a view, and how to host a process.
FACES = {"trader.cli", "trader.panel", "trader.api", "trader.__main__", "pages", "streamlit_app"}
FACES_MAY = (
    "trader.desk",
    "trader.config",
    "trader.domain",
    "trader.machine",
    "trader.pricing",
    "trader.engine.view",
    "trader.engine.records",
    "trader.runner.host",
    "trader.watch",
    "trader.report",
    "trader.analytics",
    "trader.simulation",
    "trader.runner.flatten",
    "trader.venue.launch",
    "trader.venue.market.importer",
    "trader.venue.feed.public_feed",
    "trader.venue.feed.recorder",
    *FACES,
)

PURE = ("trader/domain", "trader/pricing", "trader/engine", "trader/analytics")
IMPURE_MODULES = frozenset(
    "aiohttp asyncio concurrent ctypes curses dotenv fcntl ftplib glob http httpx io logging mmap multiprocessing os "
    "pandas pathlib pickle psycopg pyarrow queue random requests sched secrets select selectors shelve shutil signal "
    "smtplib socket socketserver sqlalchemy sqlite3 ssl streamlit subprocess sys tempfile threading time urllib urllib3 "
    "uuid uvicorn websocket websockets".split()
)
CLOCK_CALLS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
IMPURE_BUILTINS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}

HEAVY = ("pandas", "numpy", "scipy", "numba", "pyarrow", "plotly", "streamlit", "matplotlib", "IPython")


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "__pycache__" not in path.parts]


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@functools.cache
def imported(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything a file imports; `from a import b` gives a.b, which may be a name in a."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = [*base, node.module] if node.module else base
            yield from ((node.lineno, ".".join([*prefix, alias.name])) for alias in node.names)


def package_of(name: str) -> str:
    """The floor's package a dotted name belongs to."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "trader" else parts[0]


def ours(name: str) -> bool:
    return name.split(".")[0] in {"trader", "pages", "streamlit_app"}


def all_sources() -> list[Path]:
    entry = ROOT / "streamlit_app.py"
    return [*sources("trader", "pages"), *([entry] if entry.exists() else [])]


def test_every_package_stands_on_a_floor() -> None:
    homeless = {package_of(module_name(path)) for path in all_sources()} - FLOORS.keys() - ANYONE_MAY
    assert not homeless, f"say in FLOORS where these stand: {sorted(homeless)}"


def test_imports_point_down_only() -> None:
    wrong = []
    for path in all_sources():
        home = package_of(module_name(path))
        for line, name in imported(path):
            target = package_of(name)
            if not ours(name) or target not in FLOORS or target == home or (home, target) in SIDEWAYS:
                continue
            if home not in FLOORS or FLOORS[target] >= FLOORS[home]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_faces_talk_to_the_desk_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in all_sources()
        if package_of(module_name(path)) in FACES
        for line, name in imported(path)
        if ours(name) and name != "trader.__version__" and not name.startswith(FACES_MAY)
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_exchange_package_knows_which_exchange_it_is() -> None:
    """Everyone else speaks to the ports. The venue hears a real exchange as that exchange speaks, and the simulation
    prices and refuses its requests as that one's client does."""
    shared = ("trader.exchange.common", "trader.exchange.ports", "trader.exchange.factory")
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in all_sources()
        if package_of(module_name(path)) not in {"trader.exchange", "trader.venue", "trader.simulation"}
        for line, name in imported(path)
        if name.startswith("trader.exchange") and not name.startswith(shared)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_exchanges_share_knows_none_of_them() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources("trader/exchange/common")
        for line, name in imported(path)
        if name.startswith(("trader.exchange.delta", "trader.exchange.ccxt", "trader.exchange.factory"))
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_star_imports() -> None:
    assert [str(path) for path in all_sources() for _, name in imported(path) if name.endswith(".*")] == []


@pytest.mark.parametrize("path", sources(*PURE), ids=module_name)
def test_pure_code_reads_no_clock_randomness_file_or_socket(path: Path) -> None:
    tree = tree_of(path)
    wrong = [f"{line}: imports {name}" for line, name in imported(path) if name.split(".")[0] in IMPURE_MODULES]
    wrong += [f"{node.lineno}: {words}" for node in ast.walk(tree) if (words := impure(node))]
    assert not wrong, "\n".join(wrong)


def impure(node: ast.AST) -> str:
    """What is impure about one node, in words; empty when nothing is."""
    if isinstance(node, ast.Global):
        return "keeps state in a global"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if (node.value.id, node.attr) in CLOCK_CALLS:
            return f"reads the clock: {node.value.id}.{node.attr}"
        if (node.value.id, node.attr) in {("np", "random"), ("numpy", "random")}:
            return "numpy's randomness"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_BUILTINS:
        return f"calls {node.func.id}()"
    if isinstance(node, ast.For | ast.comprehension) and is_set(node.iter):
        return "walks a set, whose order changes from process to process"
    return ""


def is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in {"set", "frozenset"}
    return isinstance(node, ast.Set | ast.SetComp)


@pytest.mark.parametrize("path", sources("trader/engine", "trader/domain"), ids=module_name)
def test_the_engine_keeps_no_mutable_module_state(path: Path) -> None:
    """Tables in CAPITALS are constants; any other list, dict or set at module level would be state outside `State`."""
    wrong = []
    for node in tree_of(path).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        mutable = isinstance(getattr(node, "value", None), ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp)
        wrong += [t.id for t in targets if mutable and isinstance(t, ast.Name) and not t.id.isupper()]
    assert not [name for name in wrong if name != "__all__"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("datetime.now(UTC)", "reads the clock"),
        ("open('x')", "calls open()"),
        ("for x in {1, 2}: pass", "walks a set"),
        ("[x for x in set(y)]", "walks a set"),
        ("np.random.rand()", "randomness"),
        ("sum(x for x in sorted(set(y)))", ""),
    ],
)
def test_the_purity_rules_can_fail(code: str, words: str) -> None:
    found = [impure(node) for node in ast.walk(ast.parse(code))]
    assert any(words in text for text in found) if words else not any(found)


@pytest.mark.parametrize(
    "module", ["trader.engine.step", "trader.journal", "trader.exchange.delta.gateway", "trader.runner.host"]
)
def test_the_runner_path_stays_light(module: str) -> None:
    """The runner process must stay below its memory budget: nothing it imports may bring these in."""
    code = f"import sys, {module}; print(*(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
