"""The signals that ask a process to end: from the keyboard, from a supervisor, from the terminal that was closed."""

import signal
from collections.abc import Callable, Iterator


def ending_signals() -> Iterator[signal.Signals]:
    """Those that this process ends on. A closed terminal's is left out where it was ignored at the start (nohup), and where
    there is none (Windows)."""
    yield signal.SIGTERM
    yield signal.SIGINT
    yield from closed_terminal()


def closed_terminal() -> Iterator[signal.Signals]:
    """SIGHUP, unless it is ignored or unknown here."""
    number = getattr(signal, "SIGHUP", None)
    if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
        yield number


def on_end(ask: Callable[[str], None]) -> None:
    """Call `ask` with the signal's name, in the main thread, for each one that comes."""
    for number in ending_signals():
        signal.signal(number, lambda number, _frame: ask(signal.Signals(number).name))
