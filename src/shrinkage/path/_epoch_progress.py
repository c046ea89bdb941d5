"""Epochs done of each block, reported as they are done: from threads, and from processes through a file."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Epochs", "Tick", "polling"]

POLL_SECONDS = 0.2


class Epochs:
    """Epochs done of each block, in a file that the worker processes write to and this one reads."""

    def __init__(self, n_blocks: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="shrinkage-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name) / "epochs"
        self.done = np.memmap(self.path, np.int64, "w+", shape=(n_blocks,))

    def __enter__(self) -> Epochs:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def finish(self, i: int, epochs: int) -> None:
        self.done[i] = epochs

    def add(self, i: int, epochs: int) -> None:
        self.done[i] += epochs


class Tick:
    """Counts the epochs of block i; travels to the process that trains it."""

    def __init__(self, path: Path, i: int) -> None:
        self.path = path
        self.i = i
        self._done: np.memmap[Any, np.dtype[np.int64]] | None = None

    def __call__(self, epochs: int) -> None:
        if self._done is None:
            if not self.path.exists():  # a worker on another machine: its blocks are counted when they return
                return
            self._done = np.memmap(self.path, np.int64, "r+")
        self._done[self.i] += epochs


@contextmanager
def polling(report: Callable[[], object]) -> Iterator[None]:
    """Within it, `report` is called now and then, from a thread of its own."""
    stop = threading.Event()

    def poll() -> None:
        while not stop.wait(POLL_SECONDS):
            report()

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
