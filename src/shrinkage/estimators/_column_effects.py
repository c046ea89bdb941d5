"""Which columns a fitted estimator uses, on rows that its folds' networks had not seen, and how."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError
from shrinkage.estimators._unseen_rows import UnseenRows
from shrinkage.estimators.members._fold_models import both_classes
from shrinkage.evaluation import (
    Dependence,
    Effects,
    OutOfFold,
    column_dependence,
    fold_importance,
    losses_of_values,
    mean_importance,
)
from shrinkage.networks import loss_named
from shrinkage.path import Scale
from shrinkage.tables import Preprocessor, as_pandas

__all__ = ["column_effects"]

Floats = NDArray[np.float64]
MOST_ROWS = 500
"""Of each fold for importance, and of the table for dependence."""
MOST_DEPENDENCES = 4
ROWS_AT_ONCE = 10_000
"""That are encoded together."""
MANY_COLUMNS = 50
"""Beyond which columns are shuffled twice instead of five times."""


def column_effects(model: UnseenRows, X: Any) -> Effects:
    """Importance of every column and partial dependence of the strongest.

    Args:
        model: fitted, its folds kept.
        X: the rows that it was fitted on.
    """
    frame: Any = X if isinstance(X, np.ndarray) else as_pandas(X)
    if len(frame) != model.unseen_.n_rows:
        raise RequestError(
            f"X: must be the {model.unseen_.n_rows:,} rows that were given to fit, got {len(frame):,}."
        )
    columns = np.arange(frame.shape[1])
    if model.preprocessor_ is not None:
        used = {column.name for column in model.preprocessor_.columns if column.used}
        columns = np.array([j for j, name in enumerate(frame.columns) if name in used])
    names = [f"x{j}" if isinstance(frame, np.ndarray) else str(frame.columns[j]) for j in columns]
    repeats = 5 if len(columns) <= MANY_COLUMNS else 2
    by_fold = [
        _of_fold(model, frame, columns, number, repeats) for number in range(len(model.fold_models_.networks))
    ]
    importance = mean_importance(names, by_fold)
    dependences = (
        found
        for place in importance.order[: 2 * MOST_DEPENDENCES]
        if importance.mean[place] > 0
        and (found := _dependence(model, frame, int(columns[place]), names[place]))
    )
    return Effects(importance=importance, dependences=tuple(islice(dependences, MOST_DEPENDENCES)))


def _of_fold(model: UnseenRows, frame: Any, columns: NDArray[np.intp], number: int, repeats: int) -> Floats:
    models, unseen = model.fold_models_, model.unseen_
    rows = np.unique(unseen.row[unseen.fold == number])
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(number).choice(rows, MOST_ROWS, replace=False))
    own: Any = frame[rows] if isinstance(frame, np.ndarray) else frame.iloc[rows].reset_index(drop=True)
    encoder, networks = models.encoders[number], models.networks[number]
    inputs = np.asarray(own if encoder is None else encoder.transform(own))
    groups = [np.array([j]) for j in columns] if encoder is None else _groups(encoder, own, columns, inputs)
    loss = _loss_of(unseen, rows, networks.parts[0].y_scale)
    return fold_importance(inputs, groups, networks.mean_prediction, loss, repeats=repeats, seed=number)


def _groups(
    encoder: Preprocessor, frame: pd.DataFrame, columns: NDArray[np.intp], inputs: NDArray[Any]
) -> list[NDArray[np.intp]]:
    """The inputs that change when the cells of a column change places."""
    groups, n = [], len(frame)
    at_once = max(1, ROWS_AT_ONCE // n)
    for some in (columns[first : first + at_once] for first in range(0, len(columns), at_once)):
        turned = frame.iloc[np.tile(np.arange(n), len(some))].reset_index(drop=True)
        for place, j in enumerate(some):
            cells = turned.iloc[:, j].copy()
            cells.iloc[place * n : (place + 1) * n] = frame.iloc[::-1, j].to_numpy()
            turned.isetitem(j, cells)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            encoded = encoder.transform(turned).reshape(len(some), n, -1)
        groups += [np.flatnonzero((own != inputs).any(axis=0)) for own in encoded]
    return groups


def _loss_of(unseen: OutOfFold, rows: NDArray[np.intp], y_scale: Scale | None) -> Callable[[Floats], float]:
    """The loss of predictions for some rows: nats, or that of standardized values."""
    first = np.full(unseen.n_rows, -1)
    first[unseen.row[::-1]] = np.arange(len(unseen.row))[::-1]
    Y = unseen.Y[first[rows]]
    if not unseen.of_classes:
        return lambda predicted: float(losses_of_values(unseen.loss, predicted, Y, y_scale).mean())
    one_hot = both_classes(Y)

    def cross_entropy(predicted: Floats) -> float:
        own = (both_classes(predicted) * one_hot).sum(axis=1)
        return float(-np.log(np.maximum(own, 1e-300)).mean())

    return cross_entropy


def _predict(model: Any) -> Callable[[Any], NDArray[Any]]:
    """Values, or probabilities, of two classes the second's alone."""
    if loss_named(model.unseen_.loss).of_labels:
        return model.predict_proba
    if not model.unseen_.of_classes:
        return model.predict
    return lambda X: p[:, 1] if (p := model.predict_proba(X)).shape[1] == 2 else p


def _dependence(model: Any, frame: Any, column: int, name: str) -> Dependence | None:
    """None for a column whose kind has no scale to walk along: dates."""
    if isinstance(frame, np.ndarray):
        return column_dependence(_predict(model), _some(frame.astype(np.float64)), column, name)
    values = frame.iloc[:, column]
    kinds = {} if model.preprocessor_ is None else {c.name: c.kind for c in model.preprocessor_.columns}
    if kinds.get(name) == "date":
        return None
    known = frame[values.notna().to_numpy()]
    number = kinds.get(name, "number") == "number" and pd.api.types.is_numeric_dtype(values.dtype)
    if not number and kinds.get(name) == "number":
        return None  # numbers written as text: the grid would be of words
    some = _some(known).reset_index(drop=True)
    some.isetitem(column, some.iloc[:, column].astype(np.float64 if number else object))
    if some.iloc[:, column].nunique() < 2:
        return None
    return column_dependence(_predict(model), some, column, name)


def _some(rows: Any) -> Any:
    """At most so many rows, drawn at random."""
    if len(rows) <= MOST_ROWS:
        return rows
    places = np.sort(np.random.default_rng(0).choice(len(rows), MOST_ROWS, replace=False))
    return rows[places] if isinstance(rows, np.ndarray) else rows.iloc[places]
