"""Running blocks: those kept are read, the others trained, here or through joblib, and kept as they finish."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend
from numpy.typing import NDArray

from shrinkage.path._epoch_progress import Epochs, Tick, polling
from shrinkage.path._fold import Fold
from shrinkage.path.blocks._block_store import BlockStore
from shrinkage.path.blocks._blocks import Block, train_block
from shrinkage.path.blocks._parcels import Parcel, Sender, pack, unpack
from shrinkage.path.blocks._threads import Check, in_threads
from shrinkage.training import Recipe, one_thread_flushed

__all__ = ["Progress", "run_blocks", "worthwhile_jobs"]

Progress = Callable[[float, float], object]
"""Called with (done, total), in networks × epochs."""
Arrays = dict[str, NDArray[Any]]
_Task = tuple[Block, Mapping[int, Fold], Recipe, int]

WORKER_START_SECONDS = 8.0
"""Work that a second process must save before it is worth starting one: it imports torch first."""
THREAD_START_SECONDS = 0.05


def run_blocks(
    blocks: Sequence[Block],
    folds: Mapping[int, Fold],
    recipe: Recipe,
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
        recipe: the network and its training.
        seed: of the run.
        n_jobs: processes, or threads of the compiled engine, as joblib means it; None is 1 unless a
            `joblib.parallel_config` says otherwise.
        store: where finished blocks are kept and looked for.
        progress: called with how much is done, kept blocks included.
        sender: of the run that these blocks belong to: what it has sent isn't sent again.
    """
    work = np.array([block.size * block.epochs_of(recipe) for block in blocks], dtype=float)
    results: dict[int, Arrays] = {}
    if store is not None:
        results = {i: kept for i, block in enumerate(blocks) if (kept := store.load(block)) is not None}
    missing = [i for i in range(len(blocks)) if i not in results]
    with Epochs(len(blocks)) as epochs:
        for i in results:
            epochs.finish(i, blocks[i].epochs_of(recipe))

        def report() -> None:
            if progress is not None:
                shares = epochs.done / np.array([block.epochs_of(recipe) for block in blocks])
                progress(float((shares * work).sum()), float(work.sum()))

        tasks = {
            i: (blocks[i], {number: folds[number] for number, _ in blocks[i].members}, recipe, seed)
            for i in missing
        }
        for i, arrays in _finished_tasks(tasks, epochs, report, n_jobs, sender or Sender()):
            if store is not None:
                store.save(blocks[i], arrays)
            results[i] = arrays
            epochs.finish(i, blocks[i].epochs_of(recipe))
        report()
    return [results[i] for i in range(len(blocks))]


def worthwhile_jobs(blocks: Sequence[Block], folds: Mapping[int, Fold], recipe: Recipe) -> int:
    """−1 when the work is long enough to start processes for, else 1: a rough estimate."""
    if recipe.device != "cpu":
        return 1  # one process has the whole device
    seconds = 0.0
    for block in blocks:
        fold = folds[block.members[0][0]]
        layout = fold.layout(recipe.kind, block.form)
        epoch = recipe.seconds_an_epoch(layout, len(fold.train), block.size)
        seconds += block.epochs_of(recipe) * epoch
    worth = THREAD_START_SECONDS if recipe.in_threads else WORKER_START_SECONDS
    return -1 if seconds > worth and len(blocks) > 1 else 1


def _finished_tasks(
    tasks: Mapping[int, _Task],
    epochs: Epochs,
    report: Callable[[], object],
    n_jobs: int | None,
    sender: Sender,
) -> Iterator[tuple[int, Arrays]]:
    """(place, arrays) of the tasks as they finish."""
    jobs: Any = n_jobs  # joblib takes None, its annotations don't
    at_once = effective_n_jobs(jobs)
    if at_once == 1 or len(tasks) < 2:
        for i, task in tasks.items():

            def after_epochs(count: int, i: int = i) -> None:
                epochs.add(i, count)
                report()

            yield i, train_block(*task, after_epochs)
        return
    hint: Any = "threads" if all(recipe.in_threads for _, _, recipe, _ in tasks.values()) else None
    backend, _ = get_active_backend(prefer=hint)  # the user's own, where there is one
    with polling(report):
        if getattr(backend, "uses_threads", False):
            yield from in_threads([_here(i, task, epochs) for i, task in tasks.items()], at_once)
        else:
            yield from _elsewhere(tasks, epochs, jobs, sender)


def _here(i: int, task: _Task, epochs: Epochs) -> Callable[[Check], tuple[int, Arrays]]:
    """The task as a call for a thread of this process."""

    def call(check: Check) -> tuple[int, Arrays]:
        def after_epochs(count: int) -> None:
            check()
            epochs.add(i, count)

        check()
        # Before anything of torch's runs in a new thread: it takes the number of threads that it finds then.
        with one_thread_flushed() if task[2].in_threads else nullcontext():
            return i, train_block(*task, after_epochs)

    return call


def _elsewhere(
    tasks: Mapping[int, _Task], epochs: Epochs, jobs: Any, sender: Sender
) -> Iterator[tuple[int, Arrays]]:
    """In other processes, here or on a cluster, by joblib."""
    one: Any = 1  # joblib's annotations know only "auto"
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=one)
    results: Any = parallel(_remote_call(i, task, Tick(epochs.path, i), sender) for i, task in tasks.items())
    try:
        yield from results
    finally:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* tasks .*", module="joblib")  # that they are left
            results.close()


def _remote_call(i: int, task: _Task, tick: Tick, sender: Sender) -> Any:
    """The task as a call in another process, the arrays of its folds being arguments of their own."""
    block, folds, recipe, seed = task
    parcels, arrays = pack(folds)
    return delayed(_train_remotely)(i, block, parcels, recipe, seed, tick, *map(sender, arrays))


def _train_remotely(
    i: int,
    block: Block,
    parcels: Mapping[int, Parcel],
    recipe: Recipe,
    seed: int,
    tick: Tick,
    *arrays: NDArray[Any],
) -> tuple[int, Arrays]:
    return i, train_block(block, unpack(parcels, arrays), recipe, seed, tick)
