"""Calls in threads of this process that can be asked to stop, and are waited for.

A thread that is still within torch when Python ends takes the whole process down with an abort, and joblib, when it is
interrupted, leaves its threads to their work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from typing import TypeVar

from shrinkage._errors import JobError

__all__ = ["Check", "in_threads"]

T = TypeVar("T")

STOPPED = "The run that this block belongs to has been stopped."
SECONDS_TO_STOP = 30.0
"""How long a run that ends early waits for what its threads have begun."""

Check = Callable[[], None]
"""Raises once the threads are to stop."""


def in_threads(calls: Sequence[Callable[[Check], T]], threads: int) -> Generator[T, None, None]:
    """What the calls return, as they finish, of so many at a time.

    Each is given a function to call now and then, which raises `JobError` when the results are no longer wanted: one
    call failed, the run was interrupted, or the iterator was closed.
    """
    stopped = threading.Event()

    def check() -> None:
        if stopped.is_set():
            raise JobError(STOPPED)

    pool = ThreadPoolExecutor(threads, thread_name_prefix="shrinkage")
    futures: list[Future[T]] = []
    try:
        futures += (pool.submit(call, check) for call in calls)
        for future in as_completed(futures):
            yield future.result()
    finally:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
        # Those that were cancelled before they began would be waited for in vain: only the pool's threads, which end
        # now, could say that they are done.
        wait([future for future in futures if not future.cancelled()], timeout=SECONDS_TO_STOP)
