"""Lines of a log and of what was put aside of it, newest first, read in blocks from the end: a large log costs no more memory than
a small one, and no more time than what is asked of it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

MOST_ASIDE = 20  # files that were put aside; the runner keeps fewer
LONGEST = 64 * 1024  # of a longer line, its beginning
_BLOCK = 1024 * 1024


class Place(msgspec.Struct, frozen=True):
    """Where a line begins: in which file, whatever its name is by now, and at which byte."""

    file: int
    offset: int

    def __str__(self) -> str:
        return f"{self.file}-{self.offset}"


def read_place(text: str) -> Place | None:
    """Inverse of `str`; None when it is no place."""
    parts = text.split("-")
    if len(parts) != 2 or not all(part.isascii() and part.isdecimal() and len(part) <= 20 for part in parts):
        return None
    return Place(int(parts[0]), int(parts[1]))


class LogFile(msgspec.Struct, frozen=True):
    file: BinaryIO
    number: int  # of its inode
    size: int

    def begins(self) -> bytes:
        return self.read(0, 64)

    def read(self, position: int, size: int) -> bytes:
        self.file.seek(position)
        return self.file.read(size)


@contextmanager
def open_files(home: Path, name: str) -> Iterator[Sequence[LogFile]]:
    """The newest first. A file that is put aside meanwhile is opened under its next name too, and left out there."""
    with ExitStack() as stack:
        found: dict[int, LogFile] = {}
        for number in range(MOST_ASIDE + 1):
            path = home / "logs" / (f"{name}.{number}" if number else name)
            with suppress(OSError):
                if not path.is_file():  # a pipe in its place would keep the reader waiting
                    continue
                file = stack.enter_context(path.open("rb", buffering=0))
                told = os.fstat(file.fileno())
                found.setdefault(told.st_ino, LogFile(file, told.st_ino, told.st_size))
        yield tuple(found.values())


def lines_back(files: Sequence[LogFile], before: Place | None = None) -> Iterator[tuple[Place, bytes]]:
    """Each line with its place, the newest first; `before` a place: those before it, none where that file is gone. What stands at
    the end of the newest file without a line's end is being written, and is left out."""
    numbers = [one.number for one in files]
    if before is not None:
        if before.file not in numbers:
            return
        files = files[numbers.index(before.file) :]
    for index, one in enumerate(files):
        end = min(one.size, before.offset) if before is not None and index == 0 else one.size
        yield from _lines_of(one, end, newest=one.number == numbers[0])


def _lines_of(one: LogFile, end: int, *, newest: bool) -> Iterator[tuple[Place, bytes]]:
    rest, position, is_last = b"", end, True
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        block = one.read(position, size) + rest
        lines = block.split(b"\n")
        begin = position + len(block) + 1
        for number in range(len(lines) - 1, 0, -1):
            line = lines[number]
            begin -= len(line) + 1
            if not is_last or (line and not newest):
                yield Place(one.number, begin), line[:LONGEST]
            is_last = False
        rest = lines[0][:LONGEST]
    if end > 0 and not (is_last and newest):
        yield Place(one.number, 0), rest
