"""Is a loopback port free? Asked before a server is started, so that the answer is a sentence and not a stack trace."""

import os
import socket

from trader.domain.errors import ConfigError

LOOPBACK = "127.0.0.1"


def require_free_port(port: int, *, remedy: str) -> None:
    """Return when `port` can be bound on loopback; 0 always can.

    Raises:
        ConfigError: Another program listens there; the sentence ends in `remedy`.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # a port in TIME_WAIT is free; on Windows the option would hide a listener
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise ConfigError(f"Port {port} on {LOOPBACK} cannot be used ({error.strerror}); {remedy}.") from None
