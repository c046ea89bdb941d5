"""Running blocks: those kept are read, the others trained, here or through joblib, and kept as they finish."""

from __future__ import annotations

import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend
from numpy.typing import NDArray

from shrinkage._errors import JobError
from shrinkage.path._blocks import Block, trained
from shrinkage.path._fold import Fold
from shrinkage.path._parcels import Parcel, Sender, packed, unpacked
from shrinkage.path._store import BlockStore
from shrinkage.training import NetworkOptions, one_thread_flushed

__all__ = ["Progress", "run_blocks", "worthwhile_jobs"]

Progress = Callable[[float, float], object]
"""Called with (done, total), in networks × epochs."""
Arrays = dict[str, NDArray[Any]]
_Task = tuple[Block, Mapping[int, Fold], NetworkOptions, int]

POLL_SECONDS = 0.2
STOPPED = "The run that this block belongs to has been stopped."
SECONDS_TO_STOP = 30.0
"""How long a run that ends early waits for the epochs that its threads have begun."""
WORKER_START_SECONDS = 8.0
"""Work that a second process must save before it is worth starting one: it imports torch first."""
THREAD_START_SECONDS = 0.05


def run_blocks(
    blocks: Sequence[Block],
    folds: Mapping[int, Fold],
    options: NetworkOptions,
    *,
    seed: int,
    n_jobs: int | None = None,
    store: BlockStore | None = None,
    progress: Progress | None = None,
    sender: Sender | None = None,
) -> list[Arrays]:
    """The arrays of each block, in order.

    Args:
        blocks: what to train.
        folds: by number.
        options: the network and its training.
        seed: of the run.
        n_jobs: processes, as joblib means it; None is 1 unless a `joblib.parallel_config` says otherwise.
        store: where finished blocks are kept and looked for.
        progress: told how much is done, kept blocks included.
        sender: of the run that these blocks belong to: what it has sent isn't sent again.
    """
    work = np.array([block.size * block.epochs_of(options) for block in blocks], dtype=float)
    results: dict[int, Arrays] = {}
    if store is not None:
        results = {i: kept for i, block in enumerate(blocks) if (kept := store.load(block)) is not None}
    missing = [i for i in range(len(blocks)) if i not in results]
    with _Epochs(len(blocks)) as epochs:
        for i in results:
            epochs.finish(i, blocks[i].epochs_of(options))

        def told() -> None:
            if progress is not None:
                shares = epochs.done / np.array([block.epochs_of(options) for block in blocks])
                progress(float((shares * work).sum()), float(work.sum()))

        tasks = {
            i: (blocks[i], {number: folds[number] for number, _ in blocks[i].members}, options, seed)
            for i in missing
        }
        for i, arrays in _finished(tasks, epochs, told, n_jobs, sender or Sender()):
            if store is not None:
                store.save(blocks[i], arrays)
            results[i] = arrays
            epochs.finish(i, blocks[i].epochs_of(options))
        told()
    return [results[i] for i in range(len(blocks))]


def worthwhile_jobs(blocks: Sequence[Block], folds: Mapping[int, Fold], options: NetworkOptions) -> int:
    """−1 when the work is long enough to start processes for, else 1: a rough estimate."""
    if options.device != "cpu":
        return 1  # one process has the whole device
    seconds = 0.0
    for block in blocks:
        fold = folds[block.members[0][0]]
        epoch = options.seconds_an_epoch(options.layout(fold.X, fold.Y), len(fold.train), block.size)
        seconds += block.epochs_of(options) * epoch
    worth = THREAD_START_SECONDS if options.in_threads else WORKER_START_SECONDS
    return -1 if seconds > worth and len(blocks) > 1 else 1


class _Epochs:
    """Epochs done of each block, in a file that the worker processes write to and this one reads."""

    def __init__(self, n_blocks: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="shrinkage-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name) / "epochs"
        self.done = np.memmap(self.path, np.int64, "w+", shape=(n_blocks,))

    def __enter__(self) -> _Epochs:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def finish(self, i: int, epochs: int) -> None:
        self.done[i] = epochs


class _Tick:
    """Counts one epoch of a block; travels to the process that trains it."""

    def __init__(self, path: Path, i: int, stopped: threading.Event | None = None) -> None:
        self.path = path
        self.i = i
        self._stopped = stopped
        self._done: np.memmap[Any, np.dtype[np.int64]] | None = None

    def __call__(self) -> None:
        if self._stopped is not None and self._stopped.is_set():
            raise JobError(STOPPED)
        if self._done is None:
            if not self.path.exists():  # a worker on another machine: its blocks are counted when they return
                return
            self._done = np.memmap(self.path, np.int64, "r+")
        self._done[self.i] += 1


def _finished(
    tasks: Mapping[int, _Task],
    epochs: _Epochs,
    told: Callable[[], object],
    n_jobs: int | None,
    sender: Sender,
) -> Iterator[tuple[int, Arrays]]:
    """(place, arrays) of the tasks as they finish."""
    jobs: Any = n_jobs  # joblib takes None, its annotations don't
    if effective_n_jobs(jobs) == 1 or len(tasks) < 2:
        for i, task in tasks.items():
            tick = _Tick(epochs.path, i)

            def after_epoch(tick: _Tick = tick) -> None:
                tick()
                told()

            yield i, trained(*task, after_epoch)
        return
    one: Any = 1  # joblib's annotations know only "auto"
    hint: Any = "threads" if all(options.in_threads for _, _, options, _ in tasks.values()) else None
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=one, prefer=hint)
    backend, _ = get_active_backend(prefer=hint)  # the user's own, where there is one
    here, threads = getattr(backend, "uses_threads", False), _Threads()
    results: Any = parallel(
        delayed(threads.trained)(i, task, _Tick(epochs.path, i, threads.stopped))
        if here
        else _sent(i, task, _Tick(epochs.path, i), sender)
        for i, task in tasks.items()
    )
    try:
        with _polling(told):
            for result in results:  # noqa: UP028 (`yield from` would close them before the threads are told)
                yield result
    finally:
        threads.stop()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* tasks .*", module="joblib")  # that they are left
            results.close()


class _Threads:
    """Blocks at work in threads of this process. joblib ends processes, but leaves threads to their work.

    A thread that is still within torch when Python ends takes the whole process down with an abort.
    """

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._changed = threading.Condition()
        self._at_work = 0

    def trained(self, i: int, task: _Task, tick: _Tick) -> tuple[int, Arrays]:
        with self._changed:
            self._at_work += 1
        try:
            if self.stopped.is_set():
                raise JobError(STOPPED)
            # Before anything of torch's runs in a new thread: it takes the number of threads that it finds then.
            with one_thread_flushed() if task[2].in_threads else nullcontext():
                return i, trained(*task, tick)
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def stop(self) -> None:
        """Tell them to stop, which they do at the end of an epoch, and wait for that."""
        self.stopped.set()
        with self._changed:
            self._changed.wait_for(lambda: not self._at_work, timeout=SECONDS_TO_STOP)


def _sent(i: int, task: _Task, tick: _Tick, sender: Sender) -> Any:
    """The task as a call in another process, the arrays of its folds being arguments of their own."""
    block, folds, options, seed = task
    parcels, arrays = packed(folds)
    return delayed(_trained_there)(i, block, parcels, options, seed, tick, *map(sender, arrays))


def _trained_there(
    i: int,
    block: Block,
    parcels: Mapping[int, Parcel],
    options: NetworkOptions,
    seed: int,
    tick: _Tick,
    *arrays: NDArray[Any],
) -> tuple[int, Arrays]:
    return i, trained(block, unpacked(parcels, arrays), options, seed, tick)


@contextmanager
def _polling(told: Callable[[], object]) -> Iterator[None]:
    stop = threading.Event()

    def poll() -> None:
        while not stop.wait(POLL_SECONDS):
            told()

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
