"""Decoders of the wire's structs, each made once and by one thread at a time.

While a decoder is made its structs are only half described, and annotations are resolved in Python code that lets other threads
run: one that decodes into such a struct meanwhile takes the whole process down (a null pointer in msgspec, seen as signal 11 of a
runner that had just started). Every thread gets its decoders here.
"""

import functools
import threading
from typing import Any

import msgspec

_making = threading.Lock()


@functools.cache
def _made(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


def decoder_of(kind: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of a type; numbers may come as text."""
    with _making:
        return _made(kind)


def convert(row: Any, kind: Any) -> Any:
    """A document already read, as a value of a type.

    Raises:
        msgspec.ValidationError: It has another shape.
    """
    decoder_of(kind)  # describes the type, once
    return msgspec.convert(row, kind, strict=False)
