"""Threads that decode structs of one kind for the first time at the same moment."""

import subprocess
import sys
import textwrap

_SCRIPT = textwrap.dedent(
    """
    import sys, threading, types
    from trader.exchange.common.decoding import convert, decoder_of

    SOURCE = '''
    from typing import Generic, TypeVar
    import msgspec
    T = TypeVar("T")
    class Deep(msgspec.Struct):
        a: "int | str | None" = None
        b: "int | str | None" = None
    class Row(msgspec.Struct):
        x: "int | str | None" = None
        y: "Deep | None" = None
        z: "list[Deep] | None" = None
    class Envelope(msgspec.Struct, Generic[T]):
        success: "bool"
        result: "T | None" = None
    '''
    ROW = b'{"x": 1, "y": {"a": 1, "b": 2}, "z": [{"a": 1}]}'
    sys.setswitchinterval(1e-6)

    def decode(module, number, start):
        start.wait()
        if number % 3 == 0:
            decoder_of(module.Envelope[list[module.Row]]).decode(b'{"success": true, "result": [' + ROW + b']}')
        elif number % 3 == 1:
            decoder_of(list[module.Row]).decode(b"[" + ROW + b"]")
        else:
            convert({"x": 1, "z": [{"a": 1}]}, module.Row)

    for number in range(400):
        module = types.ModuleType(f"rows_{number}")
        sys.modules[module.__name__] = module
        exec(SOURCE, module.__dict__)
        start = threading.Barrier(6)
        threads = [threading.Thread(target=decode, args=(module, n, start)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    """
)


def test_threads_that_meet_a_struct_for_the_first_time_together_killed_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-500:]}"
