"""Text from outside never becomes markup, and pages stay thin: both read from the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = [
    *sorted((ROOT / "pages").glob("*.py")),
    *sorted((ROOT / "trader" / "panel").glob("*.py")),
    ROOT / "streamlit_app.py",
]

# Calls of Streamlit that read Markdown in their first argument, and keywords that read it anywhere.
MARKDOWN = {
    "markdown",
    "caption",
    "title",
    "header",
    "subheader",
    "badge",
    "error",
    "warning",
    "info",
    "success",
    "toast",
}
KEYWORDS = {"help"}
CLEANERS = {"safe", "red", "utc_hint", "ist_full", "ist_time", "ist_day_time", "_help", "tagged", "strong"}


def calls(path: Path) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def harmless(node: ast.expr) -> bool:
    """A literal, a cleaned text, one of two harmless ones, or words of ours held in a named constant or item."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Call):
        return name_of(node.func) in CLEANERS
    if isinstance(node, ast.IfExp):
        return harmless(node.body) and harmless(node.orelse)
    return isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in {
        "env.label",
        "env.help",
        "phase",
        "help",
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_markdown_gets_literals_or_cleaned_text_only(path: Path) -> None:
    wrong = []
    for call in calls(path):
        if (
            name_of(call.func) in MARKDOWN
            and isinstance(call.func, ast.Attribute)
            and call.args
            and not harmless(call.args[0])
        ):
            wrong.append(f"{path.name}:{call.lineno} {ast.unparse(call.args[0])}")
        wrong += [
            f"{path.name}:{call.lineno} help={ast.unparse(keyword.value)}"
            for keyword in call.keywords
            if keyword.arg in KEYWORDS and isinstance(call.func, ast.Attribute) and not harmless(keyword.value)
        ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_raw_html_no_sleep_no_pickle(path: Path) -> None:
    text = path.read_text()
    for banned in ("unsafe_allow_html", "st.html", "components.v1", "time.sleep", "import pickle", "st.iframe"):
        assert banned not in text, f"{path.name} uses {banned}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_pages_keep_no_engine_and_reach_no_exchange(path: Path) -> None:
    imported = {
        alias for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) and node.module
        for alias in [node.module]
    }  # fmt: skip
    allowed = {"trader.engine.records", "trader.engine.view", "trader.runner.host"}
    lower = ("trader.engine", "trader.exchange", "trader.journal", "trader.venue", "trader.runner", "requests")
    assert not [name for name in imported if name.startswith(lower) and name not in allowed]
