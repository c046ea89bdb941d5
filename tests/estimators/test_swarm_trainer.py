"""`trainer="swarm"`: the estimators through particle swarms, with any error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from shrinkage._errors import RequestError
from shrinkage.estimators import MLPClassifierCV, MLPRegressorCV
from shrinkage.training import ParticleSwarms, Swarm

LAMBDAS = [1e-3, 1e-2, 1.0]


def quick(**changes: Any) -> dict[str, Any]:
    given = {"activation": "tanh", "trainer": "swarm", "max_epochs": 40, "cv": 3, "random_state": 0}
    return given | {"dtype": "float64"} | changes


def brier(predicted: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (predicted - targets).square().sum(-1).mean(-1)


def another_brier(predicted: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (predicted - targets).square().sum(-1).mean(-1) * 2


@pytest.mark.parametrize("error", ["loss", "accuracy", brier])
def test_classifier_minimizes_the_error_it_is_given(error):
    X, y = load_iris(return_X_y=True)
    model: Any = clone(MLPClassifierCV((4,), lambdas=LAMBDAS, error=error, calibrate=False, **quick()))
    model.fit(X, y)
    assert model.score(X, y) > 0.93
    assert model.lambda_ < 1
    names = {"loss": "cross-entropy", "accuracy": "share of wrong rows", brier: "brier"}
    assert model.path_.loss_name == names[error]
    predicted = model.predict_proba(X)
    losses = {
        "loss": -np.log(predicted[np.arange(len(y)), y]).mean(),
        "accuracy": 1 - model.score(X, y),
        brier: np.square(predicted - np.eye(3)[y]).sum(1).mean(),
    }
    assert model.loss_ == pytest.approx(losses[error], abs=1e-6)


def test_two_classes_and_a_swarm_of_ones_own():
    X, y = load_breast_cancer(return_X_y=True)
    model = MLPClassifierCV((2,), lambdas=LAMBDAS, swarm=Swarm(particles=10, max_velocity=0.2), **quick())
    assert model.fit(X, y).score(X, y) > 0.93


def test_regressor():
    X, y = load_diabetes(return_X_y=True)
    model = MLPRegressorCV((2,), lambdas=[1e-2, 1e-1], swarm="ring", **quick()).fit(X, y)
    assert model.score(X, y) > 0.4
    assert isinstance(model.recipe_.trainer, ParticleSwarms)


def test_seed_decides():
    X, y = load_iris(return_X_y=True)
    one, two, other = (
        MLPClassifierCV((3,), lambdas=LAMBDAS, **quick(max_epochs=5, random_state=seed)).fit(X, y)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one.networks_.rows, two.networks_.rows)
    assert not np.array_equal(one.networks_.rows, other.networks_.rows)


def test_kept_blocks_know_the_function():
    settings = MLPClassifierCV((3,), error=brier, **quick())
    X, y = load_iris(return_X_y=True)
    described = settings.set_params(max_epochs=1, lambdas=[0.1]).fit(X, y).recipe_.described()
    again = settings.fit(X, y).recipe_.described()
    other = settings.set_params(error=another_brier).fit(X, y).recipe_.described()
    assert described == again
    assert " at 0x" not in str(described)
    assert described["error"] != other["error"]


@pytest.mark.parametrize(
    "bad, says",
    [
        ({"trainer": "bees"}, "trainer=…: must be one of backprop, swarm, got 'bees'"),
        ({"trainer": "backprop", "error": "accuracy"}, "back-propagation needs the gradient"),
        ({"trainer": "backprop", "error": brier}, "Leave error='loss', or use trainer='swarm'"),
        ({"swarm": "flock"}, "variant=…: must be one of inertia, constriction, ring, spso2011"),
        ({"rule": "l2_sp"}, "each particle of a swarm starts elsewhere"),
    ],
)
def test_refuses_with_a_sentence(bad, says):
    with pytest.raises(RequestError, match=says):
        MLPClassifierCV(**quick(**bad)).fit(*load_iris(return_X_y=True))
