"""One runner per account, whatever happens to the modules of the process that hosts it."""

import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import importlib, sys
from types import SimpleNamespace

def host_of(module):
    from trader.config.settings import load_settings
    from trader.journal.store import Journal
    host = module.Host(load_settings(environ={"TRADER_HOME": sys.argv[1], "TRADER_ENV": "paper"}), "thread")
    host._journal = Journal.open(f"sqlite:///{sys.argv[1]}/journal.db")
    host._connection = SimpleNamespace(account="paper")
    return host

def take(host):
    return host._take_lease(host._journal.lease_row("paper"))

import trader.runner.host as module
first = take(host_of(module))
for name in [name for name in sys.modules if name.startswith("trader.runner")]:
    del sys.modules[name]
again = importlib.import_module("trader.runner.host")
second = take(host_of(again))
print(again is not module, first.epoch, second)
"""


def test_modules_imported_again_find_the_account_held(tmp_path: Path) -> None:
    """An edited source or a cleared cache rebuilds every module and every object of theirs, but not the lease."""
    tmp_path.chmod(0o700)
    done = subprocess.run([sys.executable, "-c", _SCRIPT, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "1", "None"], done.stderr[-2000:]
