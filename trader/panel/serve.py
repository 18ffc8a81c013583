"""Serves the panel until it is stopped: what `python -m trader up` becomes. Takes Streamlit's own command line.

Beside `streamlit run` it differs in one thing: Ctrl+C is the ordinary way to end it, so it ends with a sentence and exit
code 0 instead of "Aborted!" and an error of make.
"""

import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

from click.exceptions import Abort
from streamlit.web.cli import main as streamlit

from trader.machine.signals import closed_terminal
from trader.panel import no_delay

logger = logging.getLogger("trader.panel.serve")


def serve(arguments: Sequence[str]) -> int:
    """Run until Ctrl+C; the exit code. SIGTERM, and a closed terminal, end the process by SIGTERM after the host was stopped."""
    for number in closed_terminal():
        signal.signal(number, _end_as_asked)
    no_delay.install()
    with suppress(Abort, KeyboardInterrupt):  # or it returns: that depends on how far its server has come
        streamlit(["run", *arguments], prog_name="streamlit", standalone_mode=False)
    print("Stopped. A run still open is taken up again at the next start.")  # noqa: T201
    return 0


def _end_as_asked(number: int, _frame: FrameType | None) -> None:
    """The web server knows SIGTERM only."""
    logger.info("panel_stopping signal=%s", signal.Signals(number).name)
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:]))
