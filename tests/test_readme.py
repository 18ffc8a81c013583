"""The README tells the truth: its commands parse, its variables exist, its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from trader.cli.app import app
from trader.config.settings import VARIABLES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"python -m trader\b(?P<rest>[^`\n]*)")


def commands() -> list[str]:
    text = README.replace("\\\n", " ")
    return sorted({match["rest"].split("  #")[0].strip() for match in COMMAND.finditer(text)} - {""})


@pytest.mark.parametrize("line", commands())
def test_every_command_and_option_of_the_readme_exists(line: str) -> None:
    words = shlex.split(line.replace("$TRADER_DATA", "data"))
    command = typer.main.get_command(app)
    known = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if not word.startswith("-") and word in getattr(command, "commands", {}):
            command = command.commands[word]  # type: ignore[attr-defined]
            known |= {option for parameter in command.params for option in parameter.opts}
    assert command.name != app.info.name, f"{line!r} names no command"
    assert [word for word in words if word.startswith("--") and word not in known] == []


def test_the_table_of_variables_is_complete() -> None:
    shown = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)) - {"TRADER__SECTION__FIELD"}
    assert shown == set(VARIABLES)


def test_relative_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
