"""`scoring=`: any scorer of scikit-learn, on what the networks of a fold predict for the rows that it held out.

A scorer takes an estimator, rows and targets. The estimator that it is given here holds the predictions for these rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from shrinkage._errors import RequestError, called, shown
from shrinkage.estimators.members._fold_models import both_classes
from shrinkage.path import Fold

__all__ = ["HeldOutScores", "held_out_scores"]

Floats = NDArray[np.float64]


class PredictedValues(RegressorMixin, BaseEstimator):
    """A regressor of known rows.

    Args:
        predicted: (n, k) its predictions.
        flat: give them as (n,).
    """

    def __init__(self, predicted: Floats, flat: bool) -> None:
        self.predicted, self.flat = predicted, flat

    def predict(self, X: Any) -> Floats:
        """(n,) or (n, k) the predictions, whatever X is."""
        _check_rows(X, self.predicted)
        return self.predicted[:, 0] if self.flat else self.predicted


class PredictedClasses(ClassifierMixin, BaseEstimator):
    """A classifier of known rows.

    Args:
        probabilities: (n, C) its predictions.
        classes: (C,) the classes.
    """

    def __init__(self, probabilities: Floats, classes: NDArray[Any]) -> None:
        self.probabilities, self.classes = probabilities, classes
        self.classes_ = classes

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) the likeliest class, whatever X is."""
        return self.classes[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: Any) -> Floats:
        """(n, C) the probabilities, whatever X is."""
        _check_rows(X, self.probabilities)
        return self.probabilities


class PredictedLabels(ClassifierMixin, BaseEstimator):
    """A classifier of known rows that have several labels each.

    Args:
        probabilities: (n, L) its predictions.
    """

    def __init__(self, probabilities: Floats) -> None:
        self.probabilities = probabilities
        # An array of the labels' numbers, as the estimator has it, would be two classes for scorers where L = 2.
        self.classes_ = [np.array([0, 1])] * probabilities.shape[1]

    def predict(self, X: Any) -> NDArray[Any]:
        """(n, L) of 0 and 1, whatever X is."""
        return (self.predict_proba(X) > 0.5).astype(np.int64)

    def predict_proba(self, X: Any) -> Floats:
        """(n, L) the probabilities, whatever X is."""
        _check_rows(X, self.probabilities)
        return self.probabilities


@dataclass(frozen=True)
class HeldOutScores:
    """The score of a fold's predictions; greater is better."""

    name: str
    """What the scores are called."""
    scorer: Callable[..., float]
    X: Any
    y: NDArray[Any]
    weight: Floats | None
    """(N,) of the rows as `fit` was given them, for scorers that take them: classes have no weights in a score."""
    classes: NDArray[Any] | None

    def __call__(self, fold: Fold, predicted: Floats) -> float:
        """The score on the rows that a fold held out.

        Args:
            fold: which.
            predicted: (n, C) probabilities, or values in the targets' units, of its validation rows.
        """
        rows = fold.validation
        assert rows is not None
        if not np.isfinite(predicted).all():
            return float("nan")  # a network that diverged
        estimator = self._estimator(predicted)
        weights = {}
        if self.weight is not None and _takes_weights(self.scorer):
            weights = {"sample_weight": self.weight[rows]}
        try:
            return float(self.scorer(estimator, _safe_indexing(self.X, rows), self.y[rows], **weights))
        except Exception as error:
            raise RequestError(
                f"{called('scoring')}: {self.name} failed on the rows that fold {fold.number} held out: "
                f"{type(error).__name__}: {error}"
            ) from error

    def of_all(self, folds: list[Fold], predicted: Floats) -> float:
        """The mean over the folds of predictions (N, C) of all rows that some fold held out."""
        held = [(fold, fold.validation) for fold in folds if fold.validation is not None]
        return float(np.mean([self(fold, predicted[rows]) for fold, rows in held]))

    def _estimator(self, predicted: Floats) -> Any:
        if self.classes is None:
            return PredictedValues(predicted, self.y.ndim == predicted.shape[1] == 1)
        if self.y.ndim == 2:
            return PredictedLabels(predicted)
        return PredictedClasses(both_classes(predicted), self.classes)


def held_out_scores(estimator: Any, X: Any, y: NDArray[Any], weight: Floats | None) -> HeldOutScores | None:
    """The scores that `estimator.scoring` asks for; None where it asks for none.

    Raises:
        RequestError: it is no scorer, or the estimator judges otherwise.
    """
    scoring = estimator.scoring
    if scoring is None:
        return None
    if not isinstance(scoring, str) and not callable(scoring):
        raise RequestError(
            f"{called('scoring')}: must be the name of one of scikit-learn's scorers, such as 'roc_auc', "
            f"or a function of (estimator, X, y) that returns one number, got {shown(scoring)}."
        )
    if estimator.stop == "best":
        raise RequestError(
            f"{called('scoring')}: scores networks after their last epoch. Leave {called('stop', 'last')}."
        )
    if estimator.error != "loss":
        raise RequestError(f"{called('scoring')}: and error=… both define how λ is chosen. Give one of them.")
    try:
        scorer: Any = check_scoring(estimator, scoring=scoring)
    except ValueError as error:
        raise RequestError(
            f"{called('scoring')}: {error} sklearn.metrics.get_scorer_names() lists the names."
        ) from error
    name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score")
    classes = estimator.classes_ if is_classifier(estimator) else None
    return HeldOutScores(name, scorer, X, y, weight, classes)


def _takes_weights(scorer: Any) -> bool:
    """Whether a scorer, or the metric that scikit-learn made it of, has an argument for the weights of rows."""
    try:
        return "sample_weight" in inspect.signature(getattr(scorer, "_score_func", scorer)).parameters
    except (TypeError, ValueError):
        return False


def _check_rows(X: Any, predicted: Floats) -> None:
    rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if rows != len(predicted):
        raise ValueError(
            f"a scorer may predict only the {len(predicted)} rows that it is given, not {rows} others."
        )
