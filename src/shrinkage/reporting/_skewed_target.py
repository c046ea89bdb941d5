"""Would the logarithm of a skewed positive target be predicted better? One more fit, at the chosen λ, answers it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import skew
from sklearn.base import clone

from shrinkage._errors import called
from shrinkage.estimators import MLPCV, Runtime
from shrinkage.pages import clean, number

__all__ = ["note_on_skew"]

Floats = NDArray[np.float64]
SKEWED = 1.0
"""Skewness from which it is asked; of an exponential distribution it is 2."""
CLEAR = 2.0
"""Standard errors over rows by which the logarithm has to be better."""


def note_on_skew(model: MLPCV, X: Any, y: Any, sample_weight: Any = None, name: str = "") -> str:
    """Sentences with the errors on unseen rows of the model and of one of log y; empty where that one is no better.

    Networks of log y are trained on the same folds, at the chosen λ alone. Their predictions of the mean are multiplied
    by the mean of exp(residual).

    Args:
        model: fitted, with its predictions of unseen rows kept.
        X: the rows that it was fitted on.
        y: their targets.
        sample_weight: their weights, or None.
        name: of the target; empty for the one that the model knows.

    Reference: Duan, Smearing estimate, JASA 1983.
    """
    target = np.asarray(y, np.float64) if model.recipe_.loss == "squared_error" else np.empty(0)
    if target.ndim != 1 or not len(target):
        return ""
    known = np.isfinite(model.out_of_fold_)
    skewness = float(skew(target))
    if target.min() <= 0 or not skewness > SKEWED or abs(float(skew(np.log(target)))) > skewness / 2:
        return ""
    other: Any = clone(model)
    other.set_params(
        lambdas=[model.lambda_], cv=model.fold_rows_, max_extensions=0, keep_path=False, scoring=None
    )
    other._fit(X, np.log(target), sample_weight, Runtime(as_table=model.preprocessor_ is not None))
    truth, logs = target[known], other.out_of_fold_[known]
    s = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight, np.float64)[known]
    smeared = np.exp(logs) * np.average(truth / np.exp(logs), weights=s)
    own = model.out_of_fold_[known]
    absolute = (np.abs(truth - own), np.abs(truth - np.exp(logs)))
    squares = ((truth - own) ** 2, (truth - smeared) ** 2)
    if not (_clearly_less(*absolute, s) or _clearly_less(*squares, s)):
        return ""
    mae, log_mae = (float(np.average(each, weights=s)) for each in absolute)
    rmse, log_rmse = (float(np.sqrt(np.average(each, weights=s))) for each in squares)
    name = clean(name or model.target_names_[0], 40)
    return (
        f"The {'target' if name == 'target' else f'target “{name}”'} is positive and skewed (skewness "
        f"{number(skewness, 2)}). With its logarithm instead, the mean absolute error on unseen rows is "
        f"{number(log_mae)} instead of {number(mae)}, and the RMSE {number(log_rmse)} instead of {number(rmse)}. "
        f"{_advice(log_mae <= mae, log_rmse <= rmse)}"
    )


def _advice(less_absolute: bool, less_squared: bool) -> str:
    """What to do, by which of the two errors the logarithm lowers."""
    if less_absolute and less_squared:
        return "Both are lower: fit the logarithm."
    if less_absolute:
        return (
            "Typical errors are smaller, large ones larger: fit the logarithm, or try "
            f"{called('loss', 'absolute_error')}, only if a few large errors matter little."
        )
    return (
        "Large errors are smaller, typical ones larger: fit the logarithm only if large errors matter most."
    )


def _clearly_less(own: Floats, other: Floats, s: Floats) -> bool:
    """Whether the mean of the other errors is smaller by more than chance explains."""
    gains = own - other
    gain = float(np.average(gains, weights=s))
    return gain > CLEAR * float(np.sqrt(np.square(s * (gains - gain)).sum()) / s.sum())
