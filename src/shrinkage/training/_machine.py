"""How the machine is set while nets are trained: one thread, denormals flushed; put back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread_flushed"]


@contextmanager
def one_thread_flushed() -> Iterator[None]:
    """Within it, torch uses one thread and reads and writes denormal numbers as 0.

    A strong λ drives weights and moments through the denormals, which a processor handles many times slower. One
    thread, because the work is cut so that each process has a core of its own, and because sums then don't depend
    on the number of cores.
    """
    threads, flushed = torch.get_num_threads(), _denormals_are_flushed()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)
        torch.set_num_threads(threads)


def _denormals_are_flushed() -> bool:
    # torch has a setter and no getter.
    return bool(torch.tensor(1e-310, dtype=torch.float64).mul(1.0) == 0)
