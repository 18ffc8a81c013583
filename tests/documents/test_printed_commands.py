"""Every command in README and docs exists with the options it is printed with, and is run by a test or says why not."""

import re
import shlex

import pytest

from tests.documents.blocks import PAGES, ROOT, bare, blocks, commands, inline_commands
from tests.documents.reader import is_run
from tests.documents.tables import ALSO, ELSEWHERE, LONG, NOT_RUN, OURS
from trader.cli.app import app, commands_of

SHELLS = ("", "sh", "powershell")
SHOWN = ("mermaid", "json", "ini", "caddyfile")  # languages that nobody runs
PRINTED = [(page, command) for page in PAGES for block in blocks(page) for command in commands(block)]
INLINE = sorted({(page.name, command) for page in PAGES for command in inline_commands(page)})
# Everything behind `python -m trader`: also in the comment of another command ("or: ..."), and in what the program says.
TEXTS = [page.read_text(encoding="utf-8").replace("\\\n", " ") for page in PAGES]
SAID = [path.read_text(encoding="utf-8") for folder in ("trader", "pages") for path in (ROOT / folder).rglob("*.py")]
TRADER = sorted(
    {
        match[1].split("  #")[0].strip(" ).:;,")
        for text in TEXTS
        for match in re.finditer(r"python -m trader ([^`\n#>|]*)", text)
    }
    | {match[1] for text in SAID for match in re.finditer(r"`python -m trader ([^`{\n]+)`", text)} - {""}
)


@pytest.mark.parametrize("line", TRADER)
def test_every_command_of_the_program_can_be_parsed(line: str) -> None:
    words = [word for word in shlex.split(line.split(", or ")[0], comments=True) if word not in ("itself", "instead")]
    command, names = commands_of(app), 0
    while words and words[0] in getattr(command, "commands", {}):
        command, names = command.commands[words.pop(0)], names + 1  # type: ignore[attr-defined]
    assert names, f"{line!r} names no command"
    if words:  # with nothing behind it, the command as such is meant
        command.make_context(command.name, words, resilient_parsing=False).close()


def test_a_block_that_is_added_is_run_or_says_why_not() -> None:
    languages = {block.language for page in PAGES for block in blocks(page)}
    assert languages <= {*SHELLS, *SHOWN, "python"}, "a language that neither is run nor is only shown"


@pytest.mark.parametrize(("page", "command"), INLINE)
def test_a_command_in_running_text_is_one_that_is_run(page: str, command: str) -> None:
    run = [re.sub(r"^(\w+=\S* )*", "", bare(each)) for _, each in PRINTED if is_run(each)]
    run += [each for extra in ALSO.values() for each in extra]
    known = bare(command) in {*NOT_RUN, *LONG} or re.match(OURS, command)
    assert known or any(f"{each} ".startswith(f"{command} ") for each in run), "run it (ALSO), or say why not (NOT_RUN)"


def test_the_tables_name_what_is_printed() -> None:
    printed = {bare(command) for _, command in PRINTED} | {command for _, command in INLINE}
    assert set(NOT_RUN) | LONG <= printed
    assert {command for extra in ALSO.values() for command in extra if "ack" not in command} <= printed
    assert not set(NOT_RUN) & LONG
    headings = {(block.page, block.heading, block.language) for page in PAGES for block in blocks(page)}
    assert set(ELSEWHERE) <= headings


@pytest.mark.parametrize("named", ELSEWHERE.values())
def test_the_test_that_runs_a_block_elsewhere_exists(named: str) -> None:
    file, _, test = named.partition("::")
    assert re.search(rf"^def {test}\(", (ROOT / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    "command", sorted({bare(command) for _, command in [*PRINTED, *INLINE] if re.match(OURS, command)})
)
def test_the_projects_own_commands_exist_with_their_options(command: str) -> None:
    words = [word for word in shlex.split(command) if "=" not in word]
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in words[1:]), command
    elif words[0] == "pytest":
        assert (ROOT / words[1]).exists()
    else:
        source = _module(words[2].replace(".<name>", ""))
        for option in re.findall(r"--[a-z0-9-]+", command):
            size = rf"^    main\(.*\b{option.removeprefix('--')}="  # a size of a benchmark's measure
            assert f'"{option}"' in source or re.search(size, source, re.MULTILINE), f"{words[2]} has no {option}"


def _module(name: str) -> str:
    path = ROOT.joinpath(*name.split("."))
    found = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    return found.read_text(encoding="utf-8")
