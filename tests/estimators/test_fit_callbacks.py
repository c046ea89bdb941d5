"""scikit-learn's callbacks follow a fit."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import RequestError

callback = pytest.importorskip("sklearn.callback")

SMALL: Any = {"hidden_layer_sizes": (4,), "cv": 2, "max_epochs": 2, "inputs": "standard", "random_state": 0}
X = np.random.default_rng(0).standard_normal((40, 3))
Y = X[:, 0] > 0


class Kept:
    """A callback that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, int]] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.told.append(("setup", context.task_name, 0))

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.told.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        self.told.append(("end", context.task_name, context.task_id))

    def teardown(self, estimator: Any, context: Any) -> None:
        self.told.append(("teardown", context.task_name, 0))


@pytest.mark.parametrize("inputs", ["standard", ["standard", "linear"]])
@pytest.mark.parametrize("kind", [MLPClassifierCV, MLPRegressorCV])
def test_a_fit_is_told_of_once_and_its_parts_in_order(kind: type, inputs: Any):
    kept = Kept()
    kind(**(SMALL | {"inputs": inputs})).set_callbacks(kept).fit(X, Y)
    assert kept.told[:2] == [("setup", "fit", 0), ("begin", "fit", 0)]
    assert kept.told[-2:] == [("end", "fit", 0), ("teardown", "fit", 0)]
    ended = [number for what, name, number in kept.told if (what, name) == ("end", "part of the path")]
    assert ended == list(range(len(ended)))
    assert len(ended) == 100


def test_callbacks_change_no_number():
    plain = MLPClassifierCV(**SMALL).fit(X, Y)
    told = MLPClassifierCV(**SMALL).set_callbacks(Kept()).fit(X, Y)
    assert np.array_equal(plain.predict_proba(X), told.predict_proba(X))


def test_the_progress_bar_is_shown():
    with redirect_stdout(io.StringIO()) as shown:
        MLPClassifierCV(**SMALL).set_callbacks(callback.ProgressBar()).fit(X, Y)
    assert "MLPClassifierCV - fit" in shown.getvalue()
    assert "100%" in shown.getvalue()


def test_the_progress_bar_of_a_grid_search_shows_the_fits_in_it():
    search = GridSearchCV(MLPClassifierCV(**SMALL), {"activation": ["relu", "tanh"]}, cv=2)
    with redirect_stdout(io.StringIO()) as shown:
        search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X, Y)
    assert "MLPClassifierCV - fit" in shown.getvalue()


def test_a_fit_that_is_refused_tears_its_callbacks_down():
    kept = Kept()
    with pytest.raises(RequestError, match="solver"):
        MLPClassifierCV(**SMALL, solver="none").set_callbacks(kept).fit(X, Y)
    assert kept.told[-1] == ("teardown", "fit", 0)


def test_a_warm_start_is_told_of():
    kept = Kept()
    model = MLPClassifierCV(**SMALL, warm_start=True).fit(X, Y)
    model.set_callbacks(kept).fit(X, Y)
    assert kept.told == [(what, "fit", 0) for what in ("setup", "begin", "end", "teardown")]
