"""Outer and inner splits of a table: what is fitted, chosen or trained never meets the rows it is tested on.

N rows, J outer splits. The inner folds cut the training rows of one outer split; columns are typed, gaps filled and
numbers scaled by the training rows of each fold alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import (
    KFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)

from shrinkage._errors import RequestError, called, shown
from shrinkage._random import hashed_seed
from shrinkage.path import ALL_ROWS, Fold, fitted_scale, standard_inputs
from shrinkage.tables import Preprocessor, Problem

__all__ = ["Split", "Splitting", "check_classes", "check_groups", "drawn_rows", "splits", "targets"]

Rows = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Splitting:
    """The outer and inner folds."""

    folds: int = 5
    """Outer folds, ≥ 2: each row is tested once a repeat."""
    repeats: int = 2
    """Number of times that the outer folds are drawn, ≥ 1."""
    inner_folds: int = 3
    """Folds of the outer training rows by which λ and epoch are chosen, ≥ 2."""
    seed: int = 0
    group: str | None = None
    """What the groups of rows are called that stay together in outer and inner folds; None without groups."""

    def __post_init__(self) -> None:
        for name, number, least in (
            ("folds", self.folds, 2),
            ("inner_folds", self.inner_folds, 2),
            ("repeats", self.repeats, 1),
        ):
            if number < least:
                raise RequestError(f"{called(name)}: must be >= {least}, got {number}.")

    @property
    def count(self) -> int:
        return self.folds * self.repeats

    @property
    def in_groups(self) -> str:
        """In words what the folds are cut in; empty for rows."""
        return "" if self.group is None else f" in whole groups by {shown(self.group)}"

    @property
    def test_share(self) -> float:
        """n_test/n_train."""
        return 1 / (self.folds - 1)


@dataclass(frozen=True, kw_only=True)
class Split:
    """One outer split, ready for the path."""

    number: int
    train: Rows
    test: Rows
    all_rows: Fold
    """Trains on all of `train`; its matrix has the test rows too, transformed by what `train` shows."""
    folds: list[Fold]
    """The inner folds, cut from `train`."""
    seed: int
    """Seed of initial weights and batches, the same for every method."""


def least_of_a_class(splitting: Splitting) -> int:
    """Rows of a class without which some test, validation or training set would not see it."""
    return max(splitting.folds, splitting.inner_folds + -(-splitting.inner_folds // (splitting.folds - 1)))


def drawn_rows(problem: Problem, most: int | None, splitting: Splitting) -> Rows | None:
    """At most so many rows, drawn at random; None for all.

    Classes keep their shares, and a rare one the rows that the splits need: `check_classes` has seen that it has them.

    Raises:
        RequestError: so few rows can't hold as many of every class.
    """
    n = len(problem.target)
    if most is None or n <= most:
        return None
    rng = np.random.default_rng(hashed_seed(splitting.seed, "rows"))
    if problem.task == "regression":
        return np.sort(rng.choice(n, most, replace=False))
    names, places, counts = np.unique(problem.target, return_inverse=True, return_counts=True)
    least = least_of_a_class(splitting)
    if most < least * len(names):
        raise RequestError(
            f"{called('rows')}: must be >= {least * len(names)} for {len(names)} classes of at least "
            f"{least} rows each, got "
            f"{most}; class {shown(names[counts.argmin()])} would not keep enough for {splitting.folds} outer and "
            f"{splitting.inner_folds} inner folds."
        )
    kept = _rows_per_class(counts, most, least)
    drawn = [rng.choice(np.flatnonzero(places == k), kept[k], replace=False) for k in range(len(names))]
    return np.sort(np.concatenate(drawn))


def _rows_per_class(counts: Rows, most: int, least: int) -> Rows:
    """(K,) rows of each class, `most` in all: its share, and not under `least`."""
    shares = most * counts / counts.sum()
    kept = np.maximum(np.floor(shares).astype(np.int64), least)
    behind = np.argsort(kept - shares, kind="stable")
    kept[behind[: max(most - kept.sum(), 0)]] += 1
    while kept.sum() > most:
        kept[kept.argmax()] -= 1
    return kept


def check_classes(problem: Problem, splitting: Splitting) -> None:
    """Raise when a class has too few rows for every inner training set to see it."""
    n = len(problem.target)
    least = least_of_a_class(splitting)
    if problem.task == "regression":
        if n < 4 * splitting.folds:
            raise RequestError(
                f"{splitting.folds} outer and {splitting.inner_folds} inner folds need at least {4 * splitting.folds} "
                f"rows, got {n}. Lower {called('folds')} to use fewer."
            )
        return
    names, counts = np.unique(problem.target, return_counts=True)
    if counts.min() < least:
        rare = names[counts.argmin()]
        raise RequestError(
            f"Class {shown(rare)} has {counts.min()} of the {n:,} rows; {splitting.folds} outer and "
            f"{splitting.inner_folds} inner folds need at least {least} rows of every class. Lower "
            f"{called('folds')} or {called('inner_folds')}, or merge the class with another."
        )


def targets(problem: Problem) -> tuple[NDArray[np.float64], str]:
    """(N, C) targets as the networks learn them, and the name of the loss they ask for."""
    if problem.task == "regression":
        return np.asarray(problem.target, np.float64).reshape(len(problem.target), -1), "squared_error"
    classes = np.unique(problem.target)
    if len(classes) == 2:
        return (problem.target == classes[1])[:, None].astype(np.float64), "logistic"
    return (problem.target[:, None] == classes).astype(np.float64), "softmax"


def check_groups(problem: Problem, splitting: Splitting, groups: Rows) -> None:
    """Raise when folds of whole groups leave a part without rows, or training rows without one of the classes."""
    fewer = f"Lower {called('folds')} or {called('inner_folds')}, or compare without {called('groups')}"
    counted = f"{called('groups')}: {splitting.folds} outer and {splitting.inner_folds} inner folds"
    count = len(np.unique(groups))
    if count < splitting.folds:
        raise RequestError(f"{counted} need at least {splitting.folds} groups, got {count}. {fewer}.")
    for number, (train, _) in enumerate(_outer(problem, splitting, groups)):
        if (trained := len(np.unique(groups[train]))) < splitting.inner_folds:
            raise RequestError(
                f"{counted} need more than the {count} groups of these rows: outer split {number} trains on {trained}. "
                f"{fewer}."
            )
    for cut in _cuts(problem, splitting, groups):
        parts = [cut.train, cut.test, *(part for fold in cut.inner for part in fold)]
        if any(not len(part) for part in parts):
            raise RequestError(
                f"{counted}: outer split {cut.number} has a fold without rows, because the groups are too large. {fewer}."
            )
        if problem.task == "regression":
            continue
        for part in (cut.train, *(cut.train[inside] for inside, _ in cut.inner)):
            if len(unseen := np.setdiff1d(problem.target, problem.target[part])):
                held = len(np.unique(groups[problem.target == unseen[0]]))
                raise RequestError(
                    f"{counted}: class {shown(unseen[0])} is in {held} of {count} groups, too few for every training "
                    f"set to have it (outer split {cut.number}). {fewer}."
                )


def splits(
    problem: Problem, splitting: Splitting, groups: Rows | None = None, wanted: Container[int] | None = None
) -> Iterator[Split]:
    """The J outer splits, or those of the wanted numbers, one at a time: encoded folds are not all kept at once."""
    Y, loss = targets(problem)
    for cut in _cuts(problem, splitting, groups):
        if wanted is not None and cut.number not in wanted:
            continue
        yield Split(
            number=cut.number,
            train=cut.train,
            test=cut.test,
            all_rows=_fold(ALL_ROWS, problem, Y, loss, cut.train, None),
            folds=[
                _fold(place, problem, Y, loss, cut.train[inside], cut.train[outside])
                for place, (inside, outside) in enumerate(cut.inner)
            ],
            seed=cut.seed % 2**31,
        )


@dataclass(frozen=True)
class _Cut:
    """The rows of an outer split."""

    number: int
    seed: int
    train: Rows
    test: Rows
    inner: list[tuple[Rows, Rows]]
    """(training, validation) places in `train` of each inner fold."""


def _cuts(problem: Problem, splitting: Splitting, groups: Rows | None) -> Iterator[_Cut]:
    for number, (train, test) in enumerate(_outer(problem, splitting, groups)):
        seed = hashed_seed(splitting.seed, "split", number)
        inner = _places_of_folds(
            problem, train, splitting.inner_folds, seed % 2**32, None if groups is None else groups[train]
        )
        yield _Cut(number, seed, train, test, list(inner))


def _outer(problem: Problem, splitting: Splitting, groups: Rows | None) -> Iterator[tuple[Rows, Rows]]:
    n = len(problem.target)
    if groups is not None:
        for repeat in range(splitting.repeats):
            seed = hashed_seed(splitting.seed, "groups", repeat) % 2**32
            yield from _places_of_folds(problem, np.arange(n), splitting.folds, seed, groups)
        return
    kind: Any = RepeatedStratifiedKFold if problem.task == "classification" else RepeatedKFold
    outer = kind(n_splits=splitting.folds, n_repeats=splitting.repeats, random_state=splitting.seed)
    yield from outer.split(np.empty((n, 0)), problem.target)


def _places_of_folds(
    problem: Problem, rows: Rows, folds: int, seed: int, groups: Rows | None
) -> Iterator[tuple[Rows, Rows]]:
    """(training, validation) places in `rows` of each fold; whole groups, where there are any."""
    classes = problem.task == "classification"
    target = problem.target[rows]
    if groups is not None:
        # With one class for all rows it balances their number, which GroupKFold does only in one order.
        target = target if classes else np.zeros(len(rows), dtype=np.int64)
        kind: Any = StratifiedGroupKFold
    else:
        kind = StratifiedKFold if classes else KFold
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # groups decide, and are checked
        yield from kind(folds, shuffle=True, random_state=seed).split(
            np.empty((len(rows), 0)), target, groups
        )


def _fold(
    number: int, problem: Problem, Y: NDArray[Any], loss: str, train: Rows, validation: Rows | None
) -> Fold:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its notes were given when all rows were checked
        X = Preprocessor().fit(problem.features.iloc[train]).transform(problem.features)
    return Fold(
        number=number,
        Y=Y,
        weight=None,
        train=train,
        validation=validation,
        inputs=standard_inputs(X, fitted_scale(X, train, None)),
        y_scale=fitted_scale(Y, train, None) if loss == "squared_error" else None,
    )
