"""A new journal made in a process of its own."""

import subprocess
import sys
from pathlib import Path

from trader.journal import Journal
from trader.journal.prepare import prepare


def test_prepare_makes_a_journal_that_opens_without_the_migrations_machinery(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    prepare(url)
    code = (
        "import sys; from trader.journal import Journal; "
        f"Journal.open({url!r}, create=False).close(); print('alembic' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "False"


def test_prepare_leaves_a_journal_that_is_there_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    journal = Journal.open(url)
    name = journal.installation()
    prepare(url)
    assert journal.installation() == name
    journal.close()


def test_prepare_says_nothing_of_a_place_where_no_journal_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    prepare(f"sqlite:///{tmp_path / 'file' / 'journal.db'}")
    assert (tmp_path / "file").read_text() == "in the way"
