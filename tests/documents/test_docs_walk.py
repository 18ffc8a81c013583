"""The commands and examples of docs/*.md, page by page, as they are printed; what is left out stands in tables.py."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT, blocks, commands
from tests.documents.reader import Reader, is_run
from tests.documents.tables import ALSO, ELSEWHERE, LONG_PAGES
from tests.documents.terminals import checkout

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")]

# What a page takes for granted: a runner with its local exchange, or the line that a local exchange printed.
BEFORE = {
    "api.md": "python -m trader run",
    "client.md": "python -m trader venue > venue.json",
    "recordings.md": "python -m trader run",
    "reports.md": "python -m trader run",
    "runbook.md": "python -m trader run",
    "tickets.md": "python -m trader run",
}


def run_here(page: Path) -> list[str]:
    """Something of the page is for this test."""
    return [
        block.text
        for block in blocks(page)
        if block.language in ("", "sh", "python") and (block.page, block.heading, block.language) not in ELSEWHERE
        if block.language == "python" or any(is_run(command) for command in commands(block))
    ]


PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if run_here(page)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with checkout(tmp_path_factory.mktemp("a checkout")) as terminals:
        yield Reader(terminals)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name, marks=pytest.mark.t1 if page.name in LONG_PAGES else ()) for page in PAGES],
)
def test_page_runs_as_printed(page: Path, reader: Reader) -> None:
    before = BEFORE.get(page.name)
    running = [str(host.process.args[-1]) for host in reader.terminals.hosts]
    if before is not None and before not in running:
        reader.do(before)
    chosen = run_here(page)
    for block in blocks(page):
        if block.text in chosen:
            reader.read(block)
    for command in ALSO.get(page.name, ()):
        reader.do(command.replace("FILE_OR_FOLDER", newest_recording(reader)).replace("FILE", f"copy-{time.time_ns()}"))


def newest_recording(reader: Reader) -> str:
    """What `python -m trader record` made, once it was ended with Ctrl+C."""
    reader.leave(re.compile("trader record"))
    found = sorted((reader.terminals.folder / "var" / "recordings").glob("*"))
    return str(found[-1].relative_to(reader.terminals.folder)) if found else ""
