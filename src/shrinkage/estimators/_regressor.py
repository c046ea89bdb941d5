"""The regressor of the path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from shrinkage._errors import RequestError
from shrinkage.estimators._parameter_docs import with_parameter_docs
from shrinkage.estimators._path_estimator import MLPCV
from shrinkage.estimators._targets import Targets, check_counts, loss_key, outputs_learned, text_target
from shrinkage.estimators.given._typed_targets import check_typed_values
from shrinkage.networks import loss_named

__all__ = ["MLPRegressorCV"]


@with_parameter_docs
class MLPRegressorCV(RegressorMixin, MLPCV):
    """A multilayer perceptron regressor for one or several targets, whose λ is chosen by cross-validation.

    Trains every λ of a path in every fold and restart, as stacks of networks, and refits the chosen λ on all rows.
    The objective is

        J = (1/n) Σ lossᵢ + (λ/2) Σ w²,    lossᵢ = (1/k) Σⱼ (ŷᵢⱼ − yᵢⱼ)² over k targets,

    over standardized inputs and targets (with means and scales of the training rows only), with biases exempt. Other
    rules replace the penalty, and `loss` replaces the square of r = ŷᵢⱼ − yᵢⱼ.
    {parameters}
    Attributes:
    {attributes}
    Differs from: `sklearn.neural_network.MLPRegressor(alpha)`, whose error has a ½ and whose alpha is divided by the
    mini-batch size: λ = (2/k)·alpha/batch. `sklearn.linear_model.Ridge(alpha)`: λ = 2·alpha/(k·n) for a linear network.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressorCV((8,), lambdas=[0, 1e-2, 1e-1], max_epochs=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2,)
    >>> several = model.set_params(loss="quantile", quantile=[0.1, 0.5, 0.9])
    >>> several.fit(X, y).predict(X[:2]).shape
    (2, 3)
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (64,),
        *,
        loss: str = "squared_error",
        quantile: float | Sequence[float] = 0.5,
        **shared: Any,
    ) -> None:
        super().__init__(hidden_layer_sizes, **shared)
        self.loss = loss
        self.quantile = quantile

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the networks of `fit` for one more epoch on these rows, with the same λ and scales.

        The first call is a `fit`. The optimizer restarts in every call, at a constant learning rate. Results from the
        folds, `out_of_fold_` and intervals, stay as `fit` left them.

        Args:
            X: rows as given to `fit`.
            y: (n,) or (n, k) their values.
            sample_weight: (n,) weights ≥ 0.
        """
        if not hasattr(self, "blend_"):
            return self.fit(X, y, sample_weight)
        return self._continue(X, y, sample_weight, 1)

    def predict(self, X: Any, lam: float | None = None) -> NDArray[np.float64]:
        """Predict values, (n,) or (n, k), in the units of y: means, medians or quantiles, depending on the loss.

        A list of Q quantiles gives (n, Q), ascending in every row.

        Args:
            X: as given to `fit`.
            lam: predict with the network of another λ of `lambdas_` (needs `keep_path=True`).
        """
        return self._as_predicted(self._predict_blend(X, lam))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R² of the predictions; of several quantiles the mean of their D².

        D² = 1 − the mean pinball loss over that of the empirical quantile of y, as scikit-learn's `d2_pinball_score`.

        Args:
            X: as given to `fit`.
            y: (n,) or (n, k) the true values.
            sample_weight: (n,) weights ≥ 0.
        """
        check_is_fitted(self)
        levels = loss_named(self.networks_.loss).levels
        if not levels:
            return float(super().score(X, y, sample_weight))
        predicted, y = self.predict(X), np.asarray(y, np.float64).reshape(len(y))
        shares = [
            d2_pinball_score(y, predicted[:, j], sample_weight=sample_weight, alpha=level)
            for j, level in enumerate(levels)
        ]
        return float(np.mean(shares))

    def predict_interval(self, X: Any, alpha: float = 0.1) -> NDArray[np.float64]:
        """Predict intervals, (n, 2) or (n, k, 2), that contain the true value for about 1 − α of new rows.

        Uses the networks of the folds and cross-validation+: for rows from the same distribution as those of `fit`, the
        share is at least 1 − 2α, whatever the network. An end is infinite if there are too few rows for so small an α.
        The interval is symmetric around the prediction, even if that is a quantile; for counts it ends at 0. Several
        quantiles have no such interval: they are one themselves.

        Args:
            X: as given to `fit`.
            alpha: the share of rows that may lie outside, between 0 and 1.

        Reference: Barber, Candès, Ramdas and Tibshirani, Predictive inference with the jackknife+, Annals of Statistics
        2021, §3.
        """
        ends = self._fold_models().intervals(self._rows_of(X), alpha)
        return ends[:, 0] if self._is_flat else ends

    def _as_predicted(self, predicted: NDArray[np.float64]) -> NDArray[np.float64]:
        return predicted[:, 0] if self._is_flat else predicted

    def _encode_targets(self, y: NDArray[Any]) -> NDArray[np.float64]:
        return outputs_learned(y.reshape(len(y), -1), self.networks_.loss)

    def _checked_y(self, X: Any, y: Any) -> NDArray[Any]:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        check_typed_values(y)
        numeric: Any = np.float64
        try:
            return check_array(y, ensure_2d=False, dtype=numeric, input_name="y")
        except ValueError as error:
            if "could not convert string" not in str(error):
                raise
            raise RequestError(text_target(y)) from None

    def _targets(self, y: NDArray[Any], seen: NDArray[np.int64]) -> Targets:
        key = loss_key(self.loss, self.quantile)
        Y = outputs_learned(y.reshape(len(y), -1), key)
        self._is_flat = y.ndim == 1 and not (self.loss == "quantile" and np.ndim(self.quantile))
        if key == "poisson":
            check_counts(Y, seen)
        return Targets(Y, key)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
