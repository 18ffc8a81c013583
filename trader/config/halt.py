"""The HALT file: while it lies in TRADER_HOME no entry is sent and no run is started, whatever the journal says.

It is the fence of last resort: `python -m trader flatten` writes it when the journal cannot be used, and only a person
lifts it (`python -m trader resume`). Exits and cancels do not look at it.
"""

from pathlib import Path

from trader.config.files import private_folder, write_text
from trader.domain.errors import ConfigError

HALT_NAME = "HALT"


def halt_path(home: Path) -> Path:
    """Where the file lies, when it does."""
    return home / HALT_NAME


def is_halted(home: Path) -> bool:
    """Whether entries are forbidden. A file that cannot be looked at forbids them too."""
    try:
        halt_path(home).lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def halt_words(home: Path) -> str:
    """One sentence for a refusal; empty when nothing is halted."""
    if not is_halted(home):
        return ""
    return f"Trading is halted ({halt_path(home)}); lift it with `python -m trader resume`"


def halt(home: Path, reason: str) -> None:
    """Forbid entries from now on; a halt that is there already stays as it is.

    Raises:
        ConfigError: The file cannot be written.
    """
    if is_halted(home):
        return
    private_folder(home, "The folder of runtime files")
    write_text(halt_path(home), reason + "\n", "The HALT file")


def lift_halt(home: Path) -> bool:
    """Allow entries again; False when nothing was halted.

    Raises:
        ConfigError: The file cannot be removed.
    """
    try:
        halt_path(home).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigError(f"The HALT file {halt_path(home)} cannot be removed ({error.strerror})") from error
    return True
