"""The main job on prepared folds: train the path, extend its grid, choose, refit on all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.networks import LOSSES, Layout
from shrinkage.path._blocks import Block, cut, layout_of
from shrinkage.path._choose import Select, Stop, choose
from shrinkage.path._fold import ALL_ROWS, Fold
from shrinkage.path._grid import extension
from shrinkage.path._result import Choice, PathResult
from shrinkage.path._run import Progress, run_blocks, worthwhile_jobs
from shrinkage.path._store import BlockStore
from shrinkage.training import TrainingOptions

__all__ = ["FittedPath", "PathRequest", "fit_path"]

_CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric")
_FINALS = ("final_train_loss", "final_train_metric", "max_weight", "weight_norm", "final_penalty")


@dataclass(frozen=True, kw_only=True)
class PathRequest:
    """What path to train and how to choose from it."""

    lambdas: NDArray[np.float64]
    """(L,) ascending."""
    restarts: int
    """Networks of different initial weights and batches for each (λ, fold), ≥ 1."""
    select: Select
    stop: Stop
    options: TrainingOptions
    seed: int
    keep_path: bool = False
    """Refit and keep the network of every λ, not of the chosen one alone."""
    n_jobs: int | str | None = None
    """As joblib means it; `auto` starts processes only for work that is worth it."""
    max_extensions: int = 3
    """How often the grid may be extended while the best λ lies on its edge."""


@dataclass(frozen=True, kw_only=True)
class FittedPath:
    """The path's curves, the choice, and the networks refitted on all rows."""

    result: PathResult
    choice: Choice
    layout: Layout
    refit_lambdas: NDArray[np.float64]
    """(M,) the λs that were refitted: all, or the chosen one."""
    networks: NDArray[Any]
    """(M, D) their parameters; of the restarts, the one with the smallest objective."""
    refit_loss: NDArray[np.float64]
    """(M,) training loss of these networks over all rows."""
    refit_penalty: NDArray[np.float64]
    """(M,) their penalty, NaN for a rule without an objective."""

    @property
    def chosen(self) -> int:
        """Place of the chosen λ in `refit_lambdas`."""
        return int(np.flatnonzero(self.refit_lambdas == self.choice.lam)[0])


def fit_path(
    request: PathRequest,
    folds: Sequence[Fold],
    all_rows: Fold,
    *,
    store: BlockStore | None = None,
    progress: Progress | None = None,
) -> FittedPath:
    """Train λs × folds × restarts, choose λ and epoch, refit on all rows.

    Args:
        request: the path and the choice.
        folds: numbered from 0 in order.
        all_rows: the fold of number −1 whose training rows are all rows.
        store: where finished blocks are kept and looked for.
        progress: told (done, total) in networks × epochs; the total grows when the grid is extended.
    """
    runner = _Runner(request, folds, all_rows, store, progress)
    lambdas, result = request.lambdas, None
    extended, at_edge = 0, False
    while True:
        result = runner.curves(lambdas)
        choice = choose(result, request.select, request.stop)
        added = extension(lambdas, choice.index)
        at_edge = len(added) > 0
        if not at_edge or extended == request.max_extensions:
            break
        lambdas, extended = np.sort(np.concatenate([lambdas, added])), extended + 1
    choice = choose(result, request.select, request.stop, extended=extended, at_edge=at_edge)
    places = np.arange(len(lambdas)) if request.keep_path else np.array([choice.index])
    return runner.refitted(result, choice, places)


class _Runner:
    """Runs the blocks of a request and puts their arrays in place."""

    def __init__(
        self,
        request: PathRequest,
        folds: Sequence[Fold],
        all_rows: Fold,
        store: BlockStore | None,
        progress: Progress | None,
    ) -> None:
        self.request, self.folds, self.all_rows = request, folds, all_rows
        self.store, self.progress = store, progress
        self._done: dict[tuple[float, int, int], dict[str, NDArray[Any]]] = {}
        self._worked = 0.0

    def curves(self, lambdas: NDArray[np.float64]) -> PathResult:
        """Train what is missing of λs × folds × restarts and gather the curves of all."""
        request, loss = self.request, LOSSES[self.request.options.loss]
        new = [lam for lam in lambdas if (lam, 0, 0) not in self._done]
        refits = len(lambdas) if request.keep_path else 1
        self._run(cut(new, self.folds, request.restarts, request.options), refits)

        def gathered(name: str) -> NDArray[np.float64]:
            return np.array(
                [
                    [
                        [self._done[lam, fold.number, r][name] for r in range(request.restarts)]
                        for fold in self.folds
                    ]
                    for lam in lambdas
                ]
            )

        return PathResult(
            lambdas=lambdas,
            loss_name=loss.name,
            metric_name=loss.metric_name,
            **{name: gathered(name) for name in (*_CURVES, *_FINALS)},
        )

    def refitted(self, result: PathResult, choice: Choice, places: NDArray[np.intp]) -> FittedPath:
        """Train the λs at `places` on all rows, each for its epochs, and take the best restart of each."""
        request, lambdas = self.request, result.lambdas[places]
        blocks = cut(
            list(lambdas), [self.all_rows], request.restarts, request.options, list(choice.epochs[places])
        )
        self._run(blocks, 0)
        best = []
        for lam in lambdas:
            tries = [self._done[lam, ALL_ROWS, r] for r in range(request.restarts)]
            objective = [t["final_train_loss"] + np.nan_to_num(t["final_penalty"]) for t in tries]
            best.append(tries[int(np.argmin(np.nan_to_num(objective, nan=np.inf)))])
        return FittedPath(
            result=result,
            choice=choice,
            layout=layout_of(request.options, self.all_rows),
            refit_lambdas=lambdas,
            networks=np.array([net["networks"] for net in best]),
            refit_loss=np.array([net["final_train_loss"] for net in best]),
            refit_penalty=np.array([net["final_penalty"] for net in best]),
        )

    def _run(self, blocks: Sequence[Block], refits: int) -> None:
        request = self.request
        folds = {fold.number: fold for fold in (*self.folds, self.all_rows)}
        ahead = refits * request.restarts * request.options.max_epochs
        jobs = request.n_jobs
        if jobs == "auto":
            jobs = worthwhile_jobs(blocks, folds, request.options)
        assert not isinstance(jobs, str)

        def told(done: float, total: float) -> None:
            if self.progress is not None:
                self.progress(self._worked + done, self._worked + total + ahead)

        results = run_blocks(
            blocks, folds, request.options, seed=request.seed, n_jobs=jobs, store=self.store, progress=told
        )
        self._worked += sum(block.size * block.epochs_of(request.options) for block in blocks)
        for block, arrays in zip(blocks, results, strict=True):
            for g, (fold, restart) in enumerate(block.members):
                for i, lam in enumerate(block.lambdas):
                    self._done[lam, fold, restart] = {name: array[g, i] for name, array in arrays.items()}
