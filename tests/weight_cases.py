"""The law of row weights: a row of weight two is that row twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.testing import assert_allclose

ROWS = 60


def check_a_weight_of_two(model: Callable[..., Any], X: np.ndarray, y: np.ndarray) -> None:
    """Losses of the path and of a constant guess, with every other row twice and with weights of two.

    Args:
        model: makes an estimator with the given parameters.
        X, y: `ROWS` rows.
    """
    weight = 1.0 + np.arange(ROWS) % 2
    twice = np.repeat(np.arange(ROWS), weight.astype(int))
    folds = [(np.arange(40), np.arange(40, ROWS))]
    of_rows = [tuple(np.flatnonzero(np.isin(twice, part)) for part in fold) for fold in folds]
    given: dict[str, Any] = {"dtype": "float64", "batch_size": 200, "learning_rate_init": 0.01}
    one = model(**given, cv=folds).fit(X, y, sample_weight=weight)
    other = model(**given, cv=of_rows).fit(X[twice], y[twice])
    assert_allclose(one.path_.validation_loss, other.path_.validation_loss, rtol=1e-7)
    assert one.constant_losses_ is not None
    assert_allclose(one.constant_losses_, other.constant_losses_, rtol=1e-9)
