"""The rows of each fold: as scikit-learn splits them, rows of a group together."""

from __future__ import annotations

import warnings
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, check_cv

from shrinkage._errors import RequestError, called, shown

__all__ = ["splits_of", "time_folds"]

Split = tuple[NDArray[np.int64], NDArray[np.int64]]


def splits_of(
    cv: Any, y: NDArray[Any], groups: Any, seen: NDArray[np.int64], *, classifier: bool
) -> list[Split]:
    """(training rows, validation rows) of each fold, without the rows outside `seen`.

    Args:
        cv: as scikit-learn means it; with groups a number, or None for 5, is `StratifiedGroupKFold` of classes and
            `GroupKFold` of values.
        y: (N,) or (N, k) targets.
        groups: (N,) the group of each row, or None.
        seen: rows of positive weight.
        classifier: whether y are classes.

    Raises:
        RequestError: rows of a group are in both parts of a fold, or there are fewer groups than folds.
        ValueError: a fold has no training or no validation rows.
    """
    own = None if groups is None else _check_groups(groups, y)
    splitter: Any = check_cv(cv, y, classifier=classifier)
    if own is not None and (cv is None or isinstance(cv, Integral)):
        splitter = (StratifiedGroupKFold if classifier else GroupKFold)(5 if cv is None else int(cv))
    if own is not None and isinstance(splitter, GroupKFold | StratifiedGroupKFold):
        _check_enough(own, splitter.get_n_splits())
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "The groups parameter is ignored"
        )  # whether it matters is checked below
        parted = list(splitter.split(np.empty((len(y), 0)), y, own))
    splits = []
    for number, parts in enumerate(parted):
        train, validation = (_rows(part, seen) for part in parts)
        if not len(train) or not len(validation):
            raise ValueError(
                f"{called('cv')}: fold {number} has {len(train)} training and {len(validation)} validation rows "
                "of positive weight; both need at least one."
            )
        if own is not None:
            _check_apart(own, train, validation, number)
        splits.append((train, validation))
    return splits


def time_folds(ranks: NDArray[np.int64], folds: int, groups: NDArray[np.int64] | None = None) -> list[Split]:
    """Folds for rows in the order of time: each trains on all parts before the one that it validates on.

    Args:
        ranks: (n,) place of each row's moment among the different ones, ascending. Rows of one moment stay together.
        folds: F; the rows are cut into F + 1 parts of about one size.
        groups: (n,) the group of each row; a fold does not train on earlier rows of the groups that it validates on.
            None for no groups.

    Raises:
        RequestError: there are fewer than F + 1 different moments, or a fold is left without training rows.

    Example:
        >>> [(train.tolist(), validation.tolist()) for train, validation in time_folds(np.array([0, 1, 1, 2]), 2)]
        [([0], [1, 2]), ([0, 1, 2], [3])]
    """
    starts = np.flatnonzero(np.diff(ranks, prepend=-1))
    if len(starts) <= folds:
        raise RequestError(
            f"{called('time')}: {folds} folds in time order need at least {folds + 1} different times, got "
            f"{len(starts)}. Use fewer folds ({called('cv')})."
        )
    places = [0]
    for k in range(1, folds + 1):
        nearest = int(np.abs(starts - k * len(ranks) / (folds + 1)).argmin())
        places.append(min(max(nearest, places[-1] + 1), len(starts) - (folds - k) - 1))
    cuts = [*starts[places[1:]].tolist(), len(ranks)]
    parts = [(np.arange(first), np.arange(first, last)) for first, last in pairwise(cuts)]
    return parts if groups is None else [_other_groups(train, later, groups) for train, later in parts]


def _other_groups(
    train: NDArray[np.int64], validation: NDArray[np.int64], groups: NDArray[np.int64]
) -> Split:
    """A fold without the training rows of the groups that it validates on."""
    left = train[~np.isin(groups[train], groups[validation])]
    if not len(left):
        raise RequestError(
            f"{called('group')}: each of the {len(train):,} rows before a validation part of {len(validation):,} rows "
            f"belongs to a group in that part, so nothing is left to train on. Leave out {called('group')} if you will "
            f"predict later rows of the same groups; otherwise leave out {called('time')}."
        )
    return left, validation


def _rows(part: Any, seen: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = np.asarray(part)
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    return rows[np.isin(rows, seen)]


def _check_groups(groups: Any, y: NDArray[Any]) -> NDArray[Any]:
    own = np.asarray(groups)
    if own.shape != (len(y),):
        raise RequestError(
            f"{called('groups')}: must be one group per row, {len(y):,} in all, got shape {own.shape}."
        )
    if gaps := int(pd.isna(own).sum()):
        raise RequestError(f"{called('groups')}: the group is missing in {gaps:,} of {len(own):,} rows.")
    return own


def _check_enough(groups: NDArray[Any], folds: int) -> None:
    different = len(set(groups.tolist()))
    if different < folds:
        raise RequestError(
            f"{called('groups')}: {folds} folds need at least {folds} groups, got {different}. Use fewer folds "
            f"({called('cv')})."
        )


def _check_apart(
    groups: NDArray[Any], train: NDArray[np.int64], validation: NDArray[np.int64], number: int
) -> None:
    both = set(groups[train].tolist()) & set(groups[validation].tolist())
    if both:
        which = "group" if len(both) == 1 else f"{len(both):,} groups, such as"
        raise RequestError(
            f"{called('cv')}: fold {number} has rows of {which} {shown(min(both, key=str))} in both of its parts. Give a "
            "number of folds, or a splitter that keeps groups together, such as GroupKFold."
        )
