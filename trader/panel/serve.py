"""Serves the panel until it is stopped: what `python -m trader up` becomes. Takes Streamlit's own command line.

Beside `streamlit run` it differs in one thing: Ctrl+C is the ordinary way to end it, so it ends with a sentence and exit
code 0 instead of "Aborted!" and an error of make.
"""

import sys
from collections.abc import Sequence

from click.exceptions import Abort
from streamlit.web.cli import main as streamlit


def serve(arguments: Sequence[str]) -> int:
    """Run until Ctrl+C; the exit code. SIGTERM ends the process by the signal, after the host was stopped."""
    try:
        streamlit(["run", *arguments], prog_name="streamlit", standalone_mode=False)
    except (Abort, KeyboardInterrupt):
        print("Stopped. A run still open is taken up again at the next start.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:]))
