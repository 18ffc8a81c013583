"""Line coverage while the suite runs, printed at its end by package: of the core in `make test`, of everything in
`make coverage`.

SlipCover marks a line when it first runs and takes the mark out of the code again, so what runs often costs nothing; what is
left is the marking of each module when it is imported, by each worker. Lines that run in processes of their own (panel, runner,
venue, commands) are not counted.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import slipcover

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / "trader"
CORE = ("config", "desk", "domain", "engine", "journal", "pricing")


class LineCoverage:
    """A plugin of pytest. Made before anything of the program is imported. Workers send what they saw to the controller."""

    def __init__(self, what: str) -> None:
        assert not any(name.startswith("trader.") for name in sys.modules), "imported before it could be measured"
        self._folders = [PROGRAM] if what == "all" else [PROGRAM / name for name in CORE]
        self._marked = slipcover.Slipcover()
        self._reached: dict[str, set[int]] = {}
        self._lines: dict[str, set[int]] = {}
        slipcover.ImportManager(self._marked, slipcover.FileMatcher(sources=self._folders)).__enter__()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        told = {str(Path(name).resolve()): lines for name, lines in self._marked.get_coverage()["files"].items()}
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output["lines"] = told
        else:
            self._add(told)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._add(getattr(node, "workeroutput", {}).get("lines", {}))

    def _add(self, told: dict[str, Any]) -> None:
        for name, lines in told.items():
            self._reached.setdefault(name, set()).update(lines["executed_lines"])
            self._lines.setdefault(name, set()).update(lines["executed_lines"], lines["missing_lines"])

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        total: Counter[str] = Counter()
        reached: Counter[str] = Counter()
        for path in (path for folder in self._folders for path in folder.rglob("*.py")):
            name = str(path)
            lines = self._lines.get(name)
            if lines is None:  # nothing imported it
                lines = set(slipcover.Slipcover.lines_from_code(compile(path.read_bytes(), name, "exec")))
            package = "/".join(path.relative_to(ROOT).parent.parts[:2])
            total[package] += len(lines)
            reached[package] += len(self._reached.get(name, ()))
        terminalreporter.section("lines reached by the tests")
        rows = [*sorted(total), "together"]
        total["together"], reached["together"] = total.total(), reached.total()
        for row in rows:
            missing = total[row] - reached[row]
            terminalreporter.write_line(
                f"{row:20} {100 * reached[row] / max(total[row], 1):5.1f} %  {missing:6,} not reached"
            )
