"""How the machine is set while nets are trained, and put back afterwards.

One thread, because the work is cut so that each process has a core of its own, and because sums then don't depend on the
number of cores. Denormals flushed, because a strong λ drives weights and moments through them, and a processor handles
them many times slower. And whether products of float32 matrices may be rounded (`_products` says why they may).

Threads and rounding are settings of the whole process. Blocks that train in threads of one process share them when
they want the same, and wait for each other when not: a block's numbers never depend on its company. A fit within a fit,
in a callback, has its own setting while it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["EXACT", "ROUNDING", "one_thread_flushed", "rounding_permission"]

_mkldnn: Any = torch.backends.mkldnn  # a module class missing from the annotations

EXACT, ROUNDING = "ieee", "bf16"


@contextmanager
def one_thread_flushed(permission: str = EXACT) -> Iterator[None]:
    """Within it, torch uses one thread, denormal numbers count as 0, and products are `EXACT` or permitted `ROUNDING`."""
    with rounding_permission(
        permission, one_thread=True
    ):  # first, because a new thread's first operation fixes its number of threads
        flushed = _denormals_are_flushed()  # a setting of each thread
        torch.set_flush_denormal(True)
        try:
            yield
        finally:
            torch.set_flush_denormal(flushed)


@contextmanager
def rounding_permission(permission: str, *, one_thread: bool = False) -> Iterator[None]:
    """Within it, products of the CPU may round, or may not, whatever the user has allowed elsewhere."""
    wanted = (permission, one_thread)
    outer = _process.take(wanted)
    try:
        yield
    finally:
        _process.give_back(outer)


_Wish = tuple[str, bool]


class _Process:
    """The settings of the process, shared by the threads that want the same."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._depths: dict[int, int] = {}
        self._wish: _Wish | None = None
        self._users_own = ("", 0)

    def take(self, wanted: _Wish) -> _Wish | None:
        """Wait for the settings; returns those of the fit around this one, if any."""
        me = threading.get_ident()
        with self._changed:
            nested = me in self._depths
            if not nested:
                self._changed.wait_for(lambda: self._wish in (None, wanted))
            outer = self._wish
            if outer is None:
                self._users_own = (_mkldnn.matmul.fp32_precision, torch.get_num_threads())
            if outer is None or (nested and len(self._depths) == 1):
                self._set(wanted)
            self._depths[me] = self._depths.get(me, 0) + 1
            return outer if nested else None

    def give_back(self, outer: _Wish | None) -> None:
        me = threading.get_ident()
        with self._changed:
            self._depths[me] -= 1
            if not self._depths[me]:
                del self._depths[me]
            if not self._depths:
                _mkldnn.matmul.fp32_precision, threads = self._users_own
                torch.set_num_threads(threads)
                self._wish = None
                self._changed.notify_all()
            elif outer is not None and len(self._depths) == 1:
                self._set(outer)

    def _set(self, wish: _Wish) -> None:
        _mkldnn.matmul.fp32_precision = wish[0]
        torch.set_num_threads(1 if wish[1] else self._users_own[1])
        self._wish = wish


_process = _Process()


def _denormals_are_flushed() -> bool:
    # torch has a setter and no getter.
    return bool(torch.tensor(1e-310, dtype=torch.float64).mul(1.0) == 0)
