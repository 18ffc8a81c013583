"""The fenced blocks of a Markdown page and the commands in them, exactly as they are printed."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`(?P<code>[^`\n]+)`(?!`)")
# What begins a command when it stands in running text; `make`'s and pytest's words are checked as well as ours.
_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:\S*python\S* -m (?:trader|tests|bench)\b|make \w|pytest )")


@dataclass(frozen=True)
class Block:
    page: str
    heading: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.heading}: {bare(self.text.splitlines()[0])[:50]}"


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, in order, each with the heading it stands under."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        outside = _FENCE.sub("", text[: match.start()])
        headings = re.findall(r"^#+ (.+)$", outside, re.MULTILINE)
        found.append(Block(page.name, headings[-1] if headings else "", match["language"], match["text"]))
    return found


def commands(block: Block) -> list[str]:
    """The commands of a block: a line each, continued lines joined as the shell joins them, comments left in place."""
    if block.language not in ("", "sh", "powershell"):
        return []
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def inline_commands(page: Path) -> list[str]:
    """Commands that stand in running text, in a table or in the comment behind another command."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [match["code"] for match in _INLINE.finditer(text) if _COMMAND.match(match["code"])]


def bare(command: str) -> str:
    """Without the comment behind it."""
    return re.sub(r"\s+#.*$", "", command).strip()
