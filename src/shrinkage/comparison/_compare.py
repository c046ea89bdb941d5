"""`compare`: from features and target to a comparison of all the ways to keep weights small."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from shrinkage._errors import JobError, RequestError, called, shown
from shrinkage._random import hashed_seed
from shrinkage.comparison._kept import KeptRows
from shrinkage.comparison._methods import Setting, methods_named
from shrinkage.comparison._nested import Runs, run_methods
from shrinkage.comparison._pairs import measured_pairs
from shrinkage.comparison._splits import Splitting, check_classes, check_groups, drawn_rows, targets
from shrinkage.comparison.page._shown_comparison import Comparison
from shrinkage.networks import loss_named
from shrinkage.path import Progress, checked_lambdas
from shrinkage.tables import Preprocessor, Problem, Table, as_pandas, check_table, split_target

__all__ = ["DEFAULT_LAMBDAS", "MOST_ROWS", "compare", "compare_table"]

DEFAULT_LAMBDAS = 8
MOST_ROWS = 2000


def compare(
    X: Any,
    y: Any,
    *,
    task: str = "auto",
    methods: Sequence[str] | None = None,
    lambdas: ArrayLike | str | int = "auto",
    folds: int = 5,
    repeats: int = 2,
    inner_folds: int = 3,
    groups: ArrayLike | None = None,
    hidden_layer_sizes: Sequence[int] = (8,),
    activation: str = "tanh",
    epochs: int = 60,
    batch_size: int = 32,
    learning_rate: float = 0.1,
    adam_learning_rate: float = 5e-3,
    rows: int | None = MOST_ROWS,
    random_state: int = 0,
    n_jobs: int | str | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare no regularization, L2, the forms of weight decay, L1, early stopping and a swarm on one table.

    Every method minimizes the mean loss of the same network, from the same weights and batches. Each chooses its own λ
    (in `J = (1/n) Σ lossᵢ + (λ/2) Σ w²`, or the fraction per step that equals it for plain SGD) on the same inner folds
    of each outer training set, is refitted, and is tested on rows that neither the choice nor the scaling has seen.

    Args:
        X: (n, D) numbers, or a pandas or polars frame, which may also have categories, dates and missing values.
        y: (n,) classes or values, or (n, k) values.
        task: `classification`, `regression` or `auto`.
        methods: keys such as `l2`, `adam_decoupled`, `swarm_l2` (`no regularization` is always among them); None for all.
        lambdas: the λs, their number, or `auto`: 0 and 7 values from 1e-4 to 1. 0 is added; if the best λ is on the edge,
            the grid is extended.
        folds: number of outer folds, ≥ 2.
        repeats: number of times that the outer folds are drawn, ≥ 1.
        inner_folds: number of folds of each outer training set that choose λ, ≥ 2.
        groups: (n,) group of each row, such as its patient; rows of a group stay together in outer and inner folds.
        hidden_layer_sizes: units of each hidden layer; () for a linear model.
        activation: `tanh`, `relu`, `logistic` or `identity`.
        epochs: passes over the training rows, ≥ 1 (for a swarm, 5 iterations each).
        batch_size: rows per step, ≥ 1.
        learning_rate: η of plain SGD, constant.
        adam_learning_rate: η of Adam, constant.
        rows: use at most this many rows, drawn at random; every class keeps as many as the splits need. None for all.
        random_state: seed of splits, initial weights and batches.
        n_jobs: number of processes, as in joblib; `auto` starts them only if the work is large enough.
        progress: called with (done, total).

    Returns:
        A `Comparison`: print it, or call `.to_frame()`, `.to_dict()` or `.to_html(path)`.

    Raises:
        RequestError: the data or an option is wrong; lists all problems found.
        JobError: training diverged with every method.

    Differs from: `MLPClassifierCV`, which chooses λ for one rule, with a validation error from the rows that chose it.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> c = compare(X, y, methods=["l2", "decay_original"], lambdas=[0, 0.01], folds=2, repeats=1, epochs=5)
    >>> c.pairs[0].equal
    True
    """
    table, names = _table_of(X, y)
    return compare_table(
        table,
        names,
        task=task,
        methods=methods,
        lambdas=lambdas,
        setting=Setting(
            hidden_layer_sizes=tuple(int(units) for units in np.atleast_1d(hidden_layer_sizes)),
            activation=activation,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            adam_learning_rate=adam_learning_rate,
        ),
        splitting=Splitting(
            folds=folds,
            repeats=repeats,
            inner_folds=inner_folds,
            seed=random_state,
            group=None if groups is None else str(getattr(groups, "name", None) or "groups"),
        ),
        groups=None if groups is None else _group_numbers(groups, len(table.frame)),
        rows=rows,
        n_jobs=n_jobs,
        progress=progress,
    )


def compare_table(
    table: Table,
    target: Sequence[str],
    *,
    task: str = "auto",
    methods: Sequence[str] | None = None,
    lambdas: ArrayLike | str | int = "auto",
    setting: Setting | None = None,
    splitting: Splitting | None = None,
    groups: NDArray[np.int64] | None = None,
    rows: int | None = MOST_ROWS,
    n_jobs: int | str | None = None,
    blocks: Path | None = None,
    identity: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """`compare` on a table that was read, as the command line has it; the arguments are those of `compare`.

    `groups` numbers the group of each row. `blocks` is a folder in which each method's finished splits are kept, and
    looked for; `identity` is what they depend on besides the data and the recipe, such as versions. Those of another
    request are refused.
    """
    start = time.monotonic()
    setting, splitting = setting or Setting(), splitting or Splitting()
    chosen = methods_named(None if methods is None else tuple(methods))
    grid = _grid(lambdas)
    problem, groups, notes = _checked_problem(table, target, task, rows, splitting, groups)
    for method in chosen:
        method.recipe(setting, targets(problem)[1])  # report a wrong setting before training anything
    n_features, warned = _looked_at(problem)
    kept = None if blocks is None else KeptRows(blocks, identity or {}, problem, grid, splitting, groups)
    runs = run_methods(
        problem, chosen, grid, setting, splitting, groups=groups, n_jobs=n_jobs, kept=kept, progress=progress
    )
    if all(each.diverged for each in runs):
        raise JobError(
            "Training diverged with every method. Lower the learning rates, or look for extreme values in the data."
        )
    l2 = next((found for found in runs if found.method.key == "l2"), runs[0])
    lam = float(np.nan_to_num(l2.median("lam")))
    seed = hashed_seed(splitting.seed, "pairs") % 2**31
    pairs, pairs_lambda, pairs_epochs, yardstick = measured_pairs(problem, setting, lam, seed)
    loss = loss_named(targets(problem)[1])
    return Comparison(
        source=table.name,
        task=problem.task,
        target_names=problem.target_names,
        n_rows=len(problem.target),
        n_features=n_features,
        loss_name=loss.name,
        metric_name=loss.metric_name,
        lambdas=grid,
        setting=setting,
        splitting=splitting,
        runs=tuple(runs),
        pairs=pairs,
        pairs_lambda=pairs_lambda,
        pairs_epochs=pairs_epochs,
        pairs_yardstick=yardstick,
        notes=(*notes, *warned, *_notes_on_divergence(runs), *_at_edge(runs)),
        seconds=time.monotonic() - start,
    )


def _checked_problem(
    table: Table,
    target: Sequence[str],
    task: str,
    rows: int | None,
    splitting: Splitting,
    groups: NDArray[np.int64] | None,
) -> tuple[Problem, NDArray[np.int64] | None, list[str]]:
    """The rows to compare on, their groups, and what was noticed of them."""
    if len(target) > 1 and task == "classification":
        raise RequestError(
            f"{called('task', task)}: compare classifies one target column, got {len(target)}: "
            f"{', '.join(map(shown, target))}. Name one, or leave {called('task')} out."
        )
    task = "regression" if len(target) > 1 and task == "auto" else task
    notes = [*table.notes, *check_table(table, target, task=task, folds=splitting.folds)]
    problem = split_target(table, list(target), task)
    _check_rows(rows, splitting)
    check_classes(problem, splitting)
    drawn = drawn_rows(problem, rows, splitting)
    if drawn is not None:
        problem, more = _limit_rows(problem, drawn)
        notes += more
        groups = None if groups is None else groups[drawn]
    if groups is not None:
        check_groups(problem, splitting, groups)
        notes.append(
            f"The rows of each {shown(splitting.group)} stay together in outer and inner folds: "
            f"{len(np.unique(groups)):,} groups."
        )
    return problem, groups, notes


def _grid(lambdas: ArrayLike | str | int) -> np.ndarray:
    if isinstance(lambdas, str) and lambdas == "auto":
        lambdas = DEFAULT_LAMBDAS
    if isinstance(lambdas, int | np.integer) and lambdas > 2:
        return np.concatenate([[0.0], np.logspace(-4, 0, int(lambdas) - 1)])
    return np.union1d([0.0], checked_lambdas(lambdas))


def _check_rows(rows: int | None, splitting: Splitting) -> None:
    if rows is not None and rows < 4 * splitting.folds:
        raise RequestError(
            f"{called('rows')}: must be >= {4 * splitting.folds} for {splitting.folds} folds, got {shown(rows)}."
        )


def _limit_rows(problem: Problem, drawn: NDArray[np.int64]) -> tuple[Problem, list[str]]:
    """The problem on the rows that were drawn, and a note."""
    n = len(problem.target)
    limited = replace(
        problem, features=problem.features.iloc[drawn].reset_index(drop=True), target=problem.target[drawn]
    )
    note = (
        f"{len(drawn):,} of {n:,} rows were drawn at random to save time; the option rows sets their number."
    )
    return limited, [note, *_notes_on_small_classes(problem, limited)]


def _notes_on_small_classes(problem: Problem, limited: Problem) -> list[str]:
    """A note a class that kept clearly more than its share, or its splits could not be made."""
    if problem.task == "regression":
        return []
    names, before = np.unique(problem.target, return_counts=True)
    kept = np.unique(limited.target, return_counts=True)[1]
    shares = before * len(limited.target) / len(problem.target)
    return [
        (
            f"Class {shown(name)} kept {some} rows, although its share would be {share:.1f}: the splits need "
            "that many."
        )
        for name, some, share in zip(names, kept, shares, strict=True)
        if some > share + 1
    ]


def _looked_at(problem: Problem) -> tuple[int, list[str]]:
    """The number of inputs, and what the encoder of all rows warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        n_features = Preprocessor().fit(problem.features).transform(problem.features.head(1)).shape[1]
    return n_features, [str(each.message) for each in caught if issubclass(each.category, UserWarning)]


def _notes_on_divergence(runs: Sequence[Runs]) -> list[str]:
    return [
        f"{each.method.name}: training diverged on {each.diverged} of {len(each.lam)} splits, so it has no means"
        f"{_of_the_rest(each)}. Lower the learning rate."
        for each in runs
        if each.diverged
    ]


def _at_edge(runs: Sequence[Runs]) -> list[str]:
    return [
        f"{each.method.name}: on {int(np.nansum(each.at_edge))} of {len(each.lam)} splits the chosen λ is "
        "the largest of the extended grid, so a larger one might be better. Try larger λs."
        for each in runs
        if np.nansum(each.at_edge)
    ]


def _of_the_rest(runs: Runs) -> str:
    rest = len(runs.lam) - runs.diverged
    return f"; its λ is the median of the other {rest}" if rest and runs.method.chooses_lambda else ""


def _table_of(X: Any, y: Any) -> tuple[Table, list[str]]:
    """X and y as a table with target columns of names that X does not have."""
    frame = as_pandas(X) if hasattr(X, "columns") else pd.DataFrame(_matrix(X))
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    values = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    if values.ndim not in (1, 2) or len(values) != len(frame):
        raise RequestError(
            f"compare(X, y): X and y must have the same number of rows, got {len(frame)} and "
            f"{shown(values.shape)}."
        )
    columns = [values] if values.ndim == 1 else list(values.T)
    own = getattr(y, "columns", None) if values.ndim == 2 else [getattr(y, "name", None) or "y"]
    wanted = [str(name) for name in (own if own is not None else [f"y{i}" for i in range(len(columns))])]
    names = [name if name not in frame.columns else f"{name} (target)" for name in wanted]
    frame = pd.concat([frame, pd.DataFrame(dict(zip(names, columns, strict=True)))], axis=1)
    digest = hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()
    return Table(frame=frame, source="X, y", sha256=digest), names


def _group_numbers(groups: ArrayLike, n: int) -> NDArray[np.int64]:
    """(n,) number of each row's group."""
    own = groups.to_numpy() if hasattr(groups, "to_numpy") else np.asarray(groups)  # pyright: ignore
    if own.shape != (n,):
        raise RequestError(
            f"{called('groups')}: must be one group per row, {n:,} in all, got shape {own.shape}."
        )
    codes = pd.factorize(own)[0].astype(np.int64)
    if gaps := int((codes < 0).sum()):
        raise RequestError(f"{called('groups')}: the group is missing in {gaps:,} of {n:,} rows.")
    return codes


def _matrix(X: Any) -> np.ndarray:
    matrix = np.asarray(X)
    if matrix.ndim != 2:
        raise RequestError(
            f"compare(X, y): X must have two axes, rows and columns, got shape {matrix.shape}."
        )
    return matrix
