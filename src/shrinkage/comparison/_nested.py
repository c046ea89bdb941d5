"""Nested cross-validation of each method: inner folds choose λ, unseen outer rows measure the error."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray

from shrinkage._errors import JobError
from shrinkage.comparison._kept import KeptRows, Row
from shrinkage.comparison._methods import Method, Setting
from shrinkage.comparison._scores import score_networks
from shrinkage.comparison._splits import Split, Splitting, splits, targets
from shrinkage.networks import gauss_newton_diagonal, loss_named
from shrinkage.path import STANDARD, FittedPath, PathRequest, Progress, extension, fit_path
from shrinkage.rules import determined
from shrinkage.tables import Problem
from shrinkage.training import Recipe

__all__ = ["Runs", "run_methods"]

Floats = NDArray[np.float64]

WORKER_START_SECONDS = 10.0
"""Time that a second process must save to be worth starting, since it imports torch first."""
SECONDS_A_STEP = 4e-4
FLOPS_A_SECOND = 1e10
MAX_EXTENSIONS = 2


@dataclass(frozen=True, kw_only=True)
class Runs:
    """One method on J outer splits with L λs; NaN for splits on which it diverged."""

    method: Method
    lam: Floats
    """(J,) the chosen λ."""
    epoch: Floats
    """(J,) epochs of the tested network."""
    train_loss: Floats
    """(J,) loss on the outer training rows after refitting on them, without the penalty."""
    train_metric: Floats
    validation_loss: Floats
    """(J,) validation loss of the chosen λ and epoch over the inner folds."""
    validation_metric: Floats
    test_loss: Floats
    """(J,) loss of the refitted network on the outer test rows."""
    test_metric: Floats
    unpenalized_test_loss: Floats
    """(J,) test loss of the same training at λ = 0 on the same rows: the effect of the trainer alone."""
    max_weight: Floats
    """(J,) largest |w| of the refitted network, without biases."""
    weight_norm: Floats
    """(J,) √Σw²."""
    gamma: Floats
    """(J,) effective parameters Σ h/(h + λ) of the refitted network; NaN if the method's λ does not weight w²."""
    n_weights: Floats
    """(J,) number of weights, without biases: the maximum of γ."""
    seconds: Floats
    """(J,) for the path, the choice and the refit."""
    at_edge: Floats
    """(J,) 1 if the chosen λ is the largest of the extended grid and the rule allows a larger one, else 0."""
    lambdas: Floats
    """(L,) the λs of the path, ascending: those given, and the extensions of any split."""
    path: Floats
    """(L, J) validation loss of these λs over the inner folds, after the last epoch; NaN if a split did not train the λ:
    its grid was not extended that far, or the fraction per step would have been above 1."""

    @property
    def path_splits(self) -> NDArray[np.int64]:
        """(L,) number of splits that trained a λ without diverging."""
        return np.isfinite(self.path).sum(axis=1)

    @property
    def validation_path(self) -> Floats:
        """(L,) mean validation loss over the splits that trained a λ; NaN if none did."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(self.path), self.path, 0.0).sum(axis=1) / self.path_splits

    @property
    def diverged(self) -> int:
        """Number of splits on which no network could be scored or refitted."""
        return int((~np.isfinite(self.test_loss)).sum())

    def median(self, figure: str) -> float:
        """Return the median of a field over the splits that did not diverge; NaN if all did."""
        values = getattr(self, figure)[np.isfinite(self.test_loss)]
        return float(np.median(values)) if values.size else math.nan


def run_methods(
    problem: Problem,
    methods: Sequence[Method],
    lambdas: Floats,
    setting: Setting,
    splitting: Splitting,
    *,
    groups: NDArray[np.int64] | None = None,
    n_jobs: int | str | None = None,
    kept: KeptRows | None = None,
    progress: Progress | None = None,
) -> list[Runs]:
    """Run every method on every outer split, with the same splits, seeds and inner folds for all.

    Args:
        problem: features and target.
        methods: the methods to compare.
        lambdas: (L,) ascending, 0 among them.
        setting: the network and its training.
        splitting: the outer and inner folds.
        groups: (N,) number of each row's group, or None.
        n_jobs: number of processes, as in joblib; `auto` starts them only if the work is large enough.
        kept: where finished rows are stored and looked up.
        progress: called with (done, total) in estimated seconds.
    """
    _, loss = targets(problem)
    costs = [_seconds(method, problem, lambdas, setting, splitting, loss) for method in methods]
    recipes = [method.recipe(setting, loss) for method in methods]
    tally = _Tally(progress, costs, splitting.count)
    longest_first = sorted(range(len(methods)), key=lambda i: -costs[i])
    places = list(itertools.product(range(splitting.count), longest_first))
    found: dict[tuple[int, int], Row] = {}
    if kept is not None:
        rows = {(number, i): kept.load(methods[i].key, recipes[i], number) for number, i in places}
        found = {place: row for place, row in rows.items() if row is not None}
        tally.finish(*(i for _, i in found))
    missing = [place for place in places if place not in found]
    if n_jobs == "auto":
        seconds = sum(costs[i] for _, i in missing)
        n_jobs = -1 if seconds > 2 * WORKER_START_SECONDS and setting.device == "cpu" else 1
    numbers = {number for number, _ in missing}
    made = splits(problem, splitting, groups, numbers)
    for number, i, row in _train_missing(made, methods, recipes, lambdas, missing, n_jobs, tally):
        found[number, i] = row
        if kept is not None:
            kept.save(methods[i].key, recipes[i], number, row)
        tally.finish(i)
    return [
        _gather(method, [found[number, i] for number in range(splitting.count)])
        for i, method in enumerate(methods)
    ]


class _Tally:
    """Adds up what is done, in estimated seconds."""

    def __init__(self, progress: Progress | None, costs: Sequence[float], splits: int) -> None:
        self.progress, self.costs, self.total = progress, costs, sum(costs) * splits
        self.done = 0.0

    def part(self, i: int) -> Progress | None:
        """For the path of method i: its own progress as a part of the whole."""
        if self.progress is None:
            return None
        return lambda done, total: self._tell(self.done + self.costs[i] * min(done / max(total, 1.0), 1.0))

    def finish(self, *methods: int) -> None:
        self.done += sum(self.costs[i] for i in methods)
        self._tell(self.done)

    def _tell(self, done: float) -> None:
        if self.progress is not None:
            self.progress(done, self.total)


def _train_missing(
    made: Iterator[Split],
    methods: Sequence[Method],
    recipes: Sequence[Recipe],
    lambdas: Floats,
    missing: Sequence[tuple[int, int]],
    n_jobs: int | str | None,
    tally: _Tally,
) -> Iterator[tuple[int, int, Row]]:
    """(split, method, figures) of the missing places, in their order of splits, as they are finished."""

    def tasks() -> Iterator[tuple[Split, int]]:
        for split in made:
            for number, i in missing:
                if number == split.number:
                    yield split, i

    jobs: Any = n_jobs  # joblib takes None, its annotations don't
    if effective_n_jobs(jobs) == 1:
        for split, i in tasks():
            yield split.number, i, _row(methods[i], recipes[i], lambdas, split, tally.part(i))
        return
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="2*n_jobs")
    results: Any = parallel(
        delayed(_numbered_row)(i, methods[i].key, recipes[i], lambdas, split) for split, i in tasks()
    )
    yield from results


def _numbered_row(i: int, key: str, recipe: Recipe, lambdas: Floats, split: Split) -> tuple[int, int, Row]:
    from shrinkage.comparison._methods import METHODS  # a method contains functions, which can't be pickled

    return split.number, i, _row(METHODS[key], recipe, lambdas, split, None)


def _row(method: Method, recipe: Recipe, lambdas: Floats, split: Split, progress: Progress | None) -> Row:
    """One method on one outer split."""
    start = time.perf_counter()
    admitted = (
        np.array([lam for lam in lambdas if recipe.admits(lam)]) if method.chooses_lambda else np.zeros(1)
    )
    request = PathRequest(
        lambdas=admitted,
        restarts=1,
        select="min",
        stop=method.stop,
        recipe=recipe,
        seed=split.seed,
        keep_path=True,
        max_extensions=MAX_EXTENSIONS if method.chooses_lambda else 0,
    )
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # the weights of a diverged net
            fitted = fit_path(request, split.folds, split.all_rows, progress=progress)
    except JobError:
        return {"lambdas": lambdas, "path": np.full(len(lambdas), np.nan)}
    seconds = time.perf_counter() - start
    choice, result = fitted.choice, fitted.result
    nets = fitted.networks[[fitted.chosen, int(np.flatnonzero(fitted.refit_lambdas == 0)[0])]]
    (train_loss, _), (train_metric, _) = score_networks(
        recipe, fitted.layout, nets, split.all_rows, split.train
    )
    test_loss, test_metric = score_networks(recipe, fitted.layout, nets, split.all_rows, split.test)
    weights = nets[0, fitted.layout.decayed_columns()].astype(np.float64)
    validation = (
        result.validation_at(curve, choice.epochs)[choice.index].mean()
        for curve in (result.validation_loss, result.validation_metric)
    )
    return {
        "lam": choice.lam,
        "epoch": choice.epoch,
        "train_loss": train_loss,
        "train_metric": train_metric,
        **dict(zip(("validation_loss", "validation_metric"), validation, strict=True)),
        "test_loss": test_loss[0],
        "test_metric": test_metric[0],
        "unpenalized_test_loss": test_loss[1],
        "max_weight": np.abs(weights).max(),
        "weight_norm": np.sqrt(np.square(weights).sum()),
        "gamma": _gamma(method, recipe, fitted, split),
        "n_weights": len(weights),
        "seconds": seconds,
        "at_edge": any(recipe.admits(lam) for lam in extension(result.lambdas, choice.index)),
        "lambdas": result.lambdas,
        "path": result.validation_mean,
    }


def _gamma(method: Method, recipe: Recipe, fitted: FittedPath, split: Split) -> float:
    if not method.has_gamma:
        return math.nan
    row = torch.from_numpy(fitted.networks[fitted.chosen].astype(np.float64))
    X = torch.from_numpy(split.all_rows.inputs[STANDARD].standardize(split.train))
    curvature = gauss_newton_diagonal(recipe.kind, fitted.layout, row, X, loss_named(recipe.loss))
    return float(determined(curvature[fitted.layout.decayed_columns()], fitted.choice.lam).sum())


def _gather(method: Method, rows: Sequence[Row]) -> Runs:
    """(J,) rows as columns, and the paths of all splits under the λs that any of them took."""
    names = [name for name in Runs.__dataclass_fields__ if name not in ("method", "lambdas", "path")]
    columns: dict[str, Any] = {
        name: np.array([row.get(name, np.nan) for row in rows], dtype=np.float64) for name in names
    }
    lambdas = np.unique(np.concatenate([row["lambdas"] for row in rows]))
    path = np.full((len(lambdas), len(rows)), np.nan)
    for j, row in enumerate(rows):
        path[np.searchsorted(lambdas, row["lambdas"]), j] = row["path"]
    return Runs(method=method, lambdas=lambdas, path=path, **columns)


def _seconds(
    method: Method, problem: Problem, lambdas: Floats, setting: Setting, splitting: Splitting, loss: str
) -> float:
    """A rough estimate for one split."""
    n = len(problem.target) * (1 - 1 / splitting.folds)
    outputs_ = targets(problem)[0].shape[1]
    recipe = method.recipe(setting, loss)
    layout = recipe.layout(problem.features.shape[1], outputs_)
    steps, flops = recipe.work_an_epoch(layout, int(n))
    paths = len(lambdas) if method.chooses_lambda else 1
    nets = paths * (splitting.inner_folds + 1)
    return setting.epochs * (2 * steps * SECONDS_A_STEP + nets * flops / FLOPS_A_SECOND)
