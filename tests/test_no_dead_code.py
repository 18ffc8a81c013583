"""Nothing in `trader/` is there for its tests alone: every function and class of a module is used by the program.

By name: used in its own module, imported by another, or read as an attribute of an imported module. What is registered by
a decorator is used by whoever runs the registry. Methods are not looked at.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = [*(ROOT / "trader").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "streamlit_app.py"]
MARKS_ONLY = ("lru_cache", "contextmanager", "dataclass")  # decorators that register nothing

# Used from outside the program.
ELSEWHERE = {
    "trader.venue.core.lifecycle.table",  # the documentation is compared with it
    "trader.venue.faults.helper.VenueProcess",  # for the tests of other programs
}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def used_by(tree: ast.Module) -> Iterator[str]:
    """Full names that a file imports, or reads from a module it imports."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield f"{modules[node.value.id]}.{node.attr}"


def said(tree: ast.AST) -> Counter[str]:
    """Names and texts of a piece of code: a text may name a function too."""
    named = (getattr(node, "id", getattr(node, "value", None)) for node in ast.walk(tree))
    return Counter(name for name in named if isinstance(name, str))


def alone(tree: ast.Module) -> Iterator[str]:
    """Functions and classes that their own module does not use either."""
    everywhere = said(tree)
    for defined in tree.body:
        if not isinstance(defined, ast.FunctionDef | ast.ClassDef):
            continue
        if any(not any(mark in ast.unparse(d) for mark in MARKS_ONLY) for d in defined.decorator_list):
            continue
        if everywhere[defined.name] == 0 or everywhere[defined.name] == said(defined)[defined.name]:
            yield defined.name


def test_every_function_and_class_is_used_by_the_program() -> None:
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
    used = {name for tree in trees.values() for name in used_by(tree)}
    found = {
        f"{module_of(path)}.{name}"
        for path, tree in trees.items()
        if "migrations" not in path.parts
        for name in alone(tree)
        if f"{module_of(path)}.{name}" not in used
    }
    assert sorted(found - ELSEWHERE) == []
