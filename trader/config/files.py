"""Small files that are read whole and written whole: refused when odd, never half written."""

import codecs
import contextlib
import os
import stat
from pathlib import Path

from trader.domain.errors import ConfigError

LARGEST_BYTES = 1_000_000


def read_text(path: Path, what: str) -> str | None:
    """The text of a small file, None when there is none. A byte order mark, as some editors put it, is left out.

    Raises:
        ConfigError: A symbolic link, no plain file, empty, larger than 1 MB, unreadable, or not UTF-8.
    """
    if path.is_symlink():
        raise ConfigError(f"{what} {path} is a symbolic link; it must be the file itself")
    content = read_small(path, what)
    if content is None:
        return None
    text = decode_text(content, f"{what} {path}")
    if not text.strip():
        raise ConfigError(f"{what} {path} is empty")
    return text


def read_small(path: Path, what: str) -> bytes | None:
    """The bytes of a small plain file, None when there is none. Never waits: a pipe would keep its reader for ever.

    Raises:
        ConfigError: No plain file, larger than 1 MB, or unreadable.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return None
    except ValueError:
        raise ConfigError(f"{what} {str(path)!r} cannot be read: a path holds no NUL") from None
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read ({error.strerror})") from error
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise ConfigError(f"{what} {path} cannot be read: it is not a file")
        if info.st_size > LARGEST_BYTES:
            raise ConfigError(f"{what} {path} has {info.st_size} bytes; at most {LARGEST_BYTES} are read")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read ({error.strerror})") from error
    finally:
        os.close(handle)
    if len(content) > LARGEST_BYTES:  # files below /proc have no size, and others may grow
        raise ConfigError(f"{what} {path} is larger than {LARGEST_BYTES} bytes, the most that is read")
    return content


def require_readable(path: Path) -> None:
    """Refuse an input that is neither a file nor a folder, before a library opens it: a pipe would keep its reader waiting.

    Raises:
        ConfigError: It is not there, cannot be looked at, or is a pipe, a device or a socket.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ConfigError(f"{path} is neither a file nor a folder")


def decode_text(content: bytes, where: str) -> str:
    """UTF-8 text with or without a byte order mark.

    Raises:
        ConfigError: Another encoding; it says what to do.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) or b"\0" in content[:200]:
        raise ConfigError(
            f"{where} cannot be read: it is not UTF-8 but UTF-16, or no text at all; save it again as UTF-8"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{where} cannot be read: it is not UTF-8 text (byte {error.start}); save it again as UTF-8"
        ) from None


def write_text(path: Path, text: str, what: str, *, mode: int = 0o600) -> None:
    """Write a file in one step: a reader sees the old text or the new one, after a crash too.

    Raises:
        ConfigError: The place is a symbolic link or cannot be written; the old file stays.
    """
    if path.is_symlink():
        raise ConfigError(f"{what} {path} is a symbolic link; it must be the file itself")
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(3).hex()}")
    try:
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be written ({error.strerror})") from error


def write_new(path: Path, text: str, what: str) -> None:
    """Write a file that its owner alone can read, whole or not at all, unless there is one.

    Raises:
        FileExistsError: There is one.
        ConfigError: It cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(3).hex()}")
    if path.exists() or path.is_symlink():
        raise FileExistsError(str(path))
    write_text(fresh, text, what)
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be written ({error.strerror})") from error
    finally:
        fresh.unlink(missing_ok=True)


def private_folder(path: Path, what: str) -> None:
    """Make a folder that only its owner may enter, unless it is there.

    Raises:
        ConfigError: It cannot be made, or something else has its name.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be made ({error.strerror})") from error
    if not path.is_dir():
        raise ConfigError(f"{what} {path} is not a folder")


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder outlast a power cut."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
