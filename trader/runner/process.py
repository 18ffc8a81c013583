"""Questions about processes of this machine."""

import os


def is_running(pid: int) -> bool:
    """Whether a process with this id exists. Where there is no harmless way to ask (Windows), it is taken to."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
