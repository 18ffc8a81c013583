"""Text from outside never becomes markup, and pages stay thin: both read from the source."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.panel.fake_desk import HOSTILE, FakeDesk
from trader.panel import live
from trader.panel.markup import tag
from trader.report import html

ROOT = Path(__file__).parent.parent.parent
SOURCES = [
    *sorted((ROOT / "pages").glob("*.py")),
    # The one module that makes HTML; what it does not make itself it escapes (see its own tests).
    *(path for path in sorted((ROOT / "trader" / "panel").glob("*.py")) if path.name != "markup.py"),
    ROOT / "streamlit_app.py",
]

# The one module that may draw HTML: what it draws is escaped by `tag`, which the tests at the end are about.
RAW = ROOT / "trader" / "panel" / "markup.py"

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


@pytest.mark.parametrize("path", [path for path in SOURCES if path != RAW], ids=lambda path: path.name)
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
    html = () if path == RAW else ("unsafe_allow_html", "st.html")
    for banned in (*html, "components.v1", "time.sleep", "import pickle", "st.iframe"):
        assert banned not in text, f"{path.name} uses {banned}"


@pytest.mark.parametrize("path", [path for path in SOURCES if path != RAW], ids=lambda path: path.name)
def test_text_becomes_html_through_tag_alone(path: Path) -> None:
    """`Html(...)` would pass a text on unescaped; script and style are constants or files of ours."""
    made = [call for call in calls(path) if name_of(call.func) == "Html"]
    assert not made, f"{path.name}:{made[0].lineno} makes Html of its own"
    for call in calls(path):
        if name_of(call.func) in {"script", "stylesheet", "stylesheet_here"} and path.name != "editor.py":
            assert re.fullmatch(r"(\w+\.)?_?[A-Z]+", ast.unparse(call.args[0])), f"{path.name}:{call.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_pages_keep_no_engine_and_reach_no_exchange(path: Path) -> None:
    imported = {
        alias for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) and node.module
        for alias in [node.module]
    }  # fmt: skip
    allowed = {"trader.engine.records", "trader.engine.view", "trader.runner.host"}
    lower = ("trader.engine", "trader.exchange", "trader.journal", "trader.venue", "trader.runner", "requests")
    assert not [name for name in imported if name.startswith(lower) and name not in allowed]


class Seen(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.said = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.said += data


NASTY = (
    HOSTILE,
    "</td></table><script>alert(1)</script>",
    "a\n\n# b\r\n\r\n- c",
    "\u202eevil\u2066",
    "&lt;b&gt;",
    "\"'><b>",
    ":material/home:",
)


@pytest.mark.parametrize("text", NASTY)
def test_hostile_text_in_a_tag_is_shown_letter_by_letter(text: str) -> None:
    made = tag("td", text, title=text, data_label=text)
    seen = Seen(made)
    assert seen.tags == ["td"] and seen.attributes == ["title", "data-label"]
    assert seen.said == html._UNSEEN.sub(" ", text)
    assert "\n" not in made and "\r" not in made, "a blank line would end the HTML and begin Markdown"
    assert ":material" not in made, "Streamlit turns that into an icon before it reads the HTML"


@pytest.mark.parametrize("scenario", ["entering", "holding", "exiting", "dead"])
def test_hostile_names_never_become_markup_on_the_live_board(scenario: str) -> None:
    desk = FakeDesk(scenario)
    desk.hostile = True
    status = desk.status()
    assert status.run is not None
    nasty = replace(
        status.run, preset=HOSTILE, run_id=HOSTILE, underlying=HOSTILE[:20], words=HOSTILE, steps=(HOSTILE,)
    )
    seen = Seen(live.figures(replace(status, run=nasty)))
    assert not {"img", "a", "script", "iframe", "style"} & set(seen.tags)
    assert not [name for name in seen.attributes if name.startswith("on") or name in {"href", "src", "style"}]
    assert HOSTILE[:20] in seen.said


def test_overlong_text_is_cut_and_says_so() -> None:
    assert len(Seen(tag("p", "x" * 5000)).said) == 600 and Seen(tag("p", "x" * 5000)).said.endswith("…")
