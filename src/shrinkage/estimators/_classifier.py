"""The classifier of the path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from shrinkage._errors import RequestError, shown
from shrinkage.estimators._parameter_docs import with_parameter_docs
from shrinkage.estimators._path_estimator import MLPCV
from shrinkage.estimators._targets import Targets
from shrinkage.estimators.given._class_weights import checked_class_weight
from shrinkage.estimators.given._continued import one_hot
from shrinkage.estimators.given._labels import check_goes_with_labels, labels_like, labels_of
from shrinkage.estimators.given._typed_targets import check_typed_classes
from shrinkage.estimators.members._fold_models import both_classes
from shrinkage.networks import loss_named

__all__ = ["MLPClassifierCV"]


@with_parameter_docs
class MLPClassifierCV(ClassifierMixin, MLPCV):
    """A multilayer perceptron classifier whose λ is chosen by cross-validation.

    Trains every λ of a path in every fold and restart, as stacks of networks, and refits the chosen λ on all rows.
    The objective is

        J = (1/n) Σ lossᵢ + (λ/2) Σ w²,    lossᵢ = −log p(yᵢ | xᵢ) in nats,

    over standardized inputs (with means and scales of the training rows only), with biases exempt. Other rules replace
    the penalty. Two classes use one logistic output, more classes a softmax.

    A matrix y (n, L) of 0 and 1 gives each row any number of L labels (scikit-learn's "multilabel-indicator"). Each has
    a logistic output of its own, and lossᵢ is the mean of their log losses over the labels.
    {parameters}
    Attributes:
        classes_: (C,) the classes; of labels their numbers, 0 … L − 1.
    {attributes}
    Differs from: `sklearn.neural_network.MLPClassifier(alpha)`, whose λ is alpha divided by the mini-batch size, and
    which adds up the losses of L labels: λ = alpha/(L·batch).

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifierCV((8,), lambdas=[0, 1e-3, 1e-2], max_epochs=30, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).tolist()
    [0, 0]
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (64,),
        *,
        class_weight: Mapping[Any, float] | str | None = None,
        **shared: Any,
    ) -> None:
        super().__init__(hidden_layer_sizes, **shared)
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train the networks of `fit` for one more epoch on these rows, with the same λ and scales.

        The first call is a `fit`. The optimizer restarts in every call, at a constant learning rate. Results from the
        folds, `out_of_fold_`, `calibration_` and intervals, stay as `fit` left them.

        Args:
            X: rows as given to `fit`.
            y: (n,) their classes, or (n, L) labels.
            classes: all classes; the first call, which chooses λ on folds, needs rows of each.
            sample_weight: (n,) weights ≥ 0.
        """
        if not hasattr(self, "blend_"):
            missed = np.empty(0) if classes is None or labels_of(y) is not None else np.setdiff1d(classes, y)
            if len(missed):
                raise RequestError(
                    "partial_fit(classes=…): the first call chooses λ on folds and needs rows of every class, got none "
                    f"of {shown(missed[0])}."
                )
            return self.fit(X, y, sample_weight)
        return self._continue(X, y, sample_weight, 1)

    def predict(self, X: Any, lam: float | None = None) -> NDArray[Any]:
        """Predict the most probable class of each row of X, (n,); of labels which ones, (n, L) of 0 and 1.

        Args:
            X: as given to `fit`.
            lam: predict with the network of another λ of `lambdas_` (needs `keep_path=True`).
        """
        probabilities = self.predict_proba(X, lam)
        if self._has_labels:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any, lam: float | None = None) -> NDArray[np.float64]:
        """Predict the probability of each class in `classes_`, (n, C), or of each label, (n, L); see `predict`."""
        check_is_fitted(self)
        return both_classes(self._predict_blend(X, lam))

    def predict_log_proba(self, X: Any, lam: float | None = None) -> NDArray[np.float64]:
        """Predict the logarithm of each class probability, (n, C)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X, lam))

    def predict_interval(self, X: Any, alpha: float = 0.1) -> NDArray[np.bool_]:
        """Predict a set of classes for each row, (n, C) bool, that contains the true class for about 1 − α of new rows.

        Uses the networks of the folds and cross-validation+: for rows from the same distribution as those of `fit`, the
        share is at least 1 − 2α, whatever the network. The predicted class is always in the set. Refused for labels.

        Args:
            X: as given to `fit`.
            alpha: the share of rows whose class may be missing, between 0 and 1.

        Reference: Romano, Sesia and Candès, Classification with valid and adaptive coverage, NeurIPS 2020, §2.3.
        """
        models = self._fold_models()
        return models.class_sets(self._rows_of(X), alpha, self.predict_proba(X).argmax(axis=1))

    @property
    def _has_labels(self) -> bool:
        """Whether a row has any number of labels, and not one class."""
        return loss_named(self.networks_.loss).of_labels

    def _encode_targets(self, y: NDArray[Any]) -> NDArray[np.float64]:
        if self._has_labels:
            return labels_like(y, len(self.classes_))
        return one_hot(column_or_1d(y), self.classes_)

    def _as_predicted(self, predicted: NDArray[np.float64]) -> NDArray[np.float64]:
        return both_classes(predicted)

    def _checked_y(self, X: Any, y: Any) -> NDArray[Any]:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        if (labels := labels_of(y)) is not None:
            return labels
        check_typed_classes(y)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return y

    def _targets(self, y: NDArray[Any], seen: NDArray[np.int64]) -> Targets:
        if y.ndim == 2:
            check_goes_with_labels(self.class_weight, self.calibrate)
            self.classes_ = np.arange(y.shape[1])
            return Targets(y.astype(np.float64), "multilabel")
        self.classes_ = np.unique(y[seen])
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__}: y must have at least 2 classes, got 1 class: {self.classes_.tolist()[0]!r}."
            )
        weights = checked_class_weight(self.class_weight, self.classes_)
        if len(self.classes_) == 2:
            return Targets((y == self.classes_[1])[:, None].astype(np.float64), "logistic", weights)
        return Targets((y[:, None] == self.classes_).astype(np.float64), "softmax", weights)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
