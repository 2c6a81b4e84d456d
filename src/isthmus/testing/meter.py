"""What the code that runs on this thread costs: counted, so that a busy machine changes nothing.

A list of prices, estimated for the machine of the budget (the rows `while-…` of `make bench` look
at the clock). Python pays for each line, for the length of what a function returns, and for the few
library calls that take long by themselves; compiled code
says what it did itself (`core/effort.pxd`). Counts with `sys.settrace`: not beside a debugger.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any, Self

from isthmus.base import values
from isthmus.core import effort
from isthmus.identity import nkeys

LINE_NS = 100
BYTES_PER_NS = 2  # of what is returned as bytes or text: encoded, or copied
ITEM_NS = 20  # of what is returned as a list, tuple, set or dictionary
CALL_NS: dict[CodeType, int] = {
    nkeys.verify.__code__: 120_000,
    nkeys.KeyPair.sign.__code__: 60_000,
    nkeys.KeyPair.__init__.__code__: 40_000,
    values.to_json.__code__: 2_000,
}


class Meter:
    """`meter()` is what was counted so far, in nanoseconds; it counts inside `with meter`."""

    def __init__(self) -> None:
        self._python_ns = 0
        self._before: Any = None

    def __call__(self) -> int:
        return self._python_ns + effort.so_far_ns()

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _called(self, frame: FrameType, _event: str, _arg: object) -> Any:
        self._python_ns += LINE_NS + CALL_NS.get(frame.f_code, 0)
        return self._inside

    def _inside(self, _frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            self._python_ns += LINE_NS
        elif event == "return":
            if isinstance(arg, bytes | bytearray | str):
                self._python_ns += len(arg) // BYTES_PER_NS
            elif isinstance(arg, list | tuple | set | frozenset | dict):
                self._python_ns += len(arg) * ITEM_NS
        return self._inside
