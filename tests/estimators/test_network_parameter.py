"""`network=` of the estimators: a module in place of the perceptron."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import KFold
from torch import nn

import shrinkage as sh
from shrinkage import RequestError
from shrinkage.rules import Timescale

QUICK: dict[str, Any] = {
    "lambdas": [0, 1e-2],
    "cv": 2,
    "max_epochs": 3,
    "max_extensions": 0,
    "random_state": 0,
    "inputs": "standard",
    "search": "grid",
}


def glorot(inputs: int, outputs: int) -> nn.Module:
    """Drawn as the package's own tanh perceptron with 6 units is."""
    layers = []
    for shape in ((inputs, 6), (6, outputs)):
        layer = nn.utils.skip_init(nn.Linear, *shape)
        assert isinstance(layer, nn.Linear)
        limit = (6 / sum(shape)) ** 0.5
        draw = torch.rand(shape[0] * shape[1], dtype=torch.float64).mul_(2 * limit).sub_(limit)
        layer.weight.data = draw.view(shape).T.float().clone()
        layer.bias.data.zero_()
        layers.append(layer)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1])


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("task", ["three classes", "two classes", "values"])
def test_module_in_place_of_the_perceptron_predicts_the_same(task: str, solver: str) -> None:
    X, y = load_diabetes(return_X_y=True) if task == "values" else load_iris(return_X_y=True)
    if task == "two classes":
        X, y = X[:100], y[:100]
    make = sh.MLPRegressorCV if task == "values" else sh.MLPClassifierCV
    settings: dict[str, Any] = QUICK | {"solver": solver, "batch_size": 32, "learning_rate_init": 1e-2}
    own = make((6,), activation="tanh", **settings).fit(X, y)
    theirs = make(network=glorot, **settings).fit(X, y)
    np.testing.assert_allclose(theirs.path_.validation_loss, own.path_.validation_loss, rtol=2e-3)
    predict = "predict" if task == "values" else "predict_proba"
    np.testing.assert_allclose(getattr(theirs, predict)(X), getattr(own, predict)(X), rtol=5e-3, atol=2e-3)
    module = theirs.module()
    assert isinstance(module, nn.Sequential)
    assert not module.training
    copied = clone(theirs)
    assert isinstance(copied, make)
    assert copied.network is glorot


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no function": ({"network": nn.Linear(4, 3)}, "must be a function of"),
    "number": ({"network": 3}, "must be a function of"),
    "swarm": ({"network": glorot, "trainer": "swarm"}, "trained by back-propagation"),
    "outputs": ({"network": lambda inputs, outputs: nn.Linear(inputs, outputs + 1)}, "got"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_network_is_said(name: str) -> None:
    settings, words = BAD[name]
    with pytest.raises(RequestError, match=words):
        sh.MLPClassifierCV(**(QUICK | settings)).fit(*load_iris(return_X_y=True))


def test_what_only_a_perceptron_has_is_refused_in_a_sentence() -> None:
    model = sh.MLPClassifierCV(network=glorot, **QUICK).fit(*load_iris(return_X_y=True))
    with pytest.raises(RequestError, match="built by network"):
        _ = model.coefs_
    with pytest.raises(RequestError, match="only networks built by network=…"):
        sh.MLPClassifierCV((3,), **QUICK).fit(*load_iris(return_X_y=True)).module()


def columns_of(module: nn.Module) -> int:
    return next(part for part in module.modules() if isinstance(part, nn.Linear)).in_features


def test_each_fold_has_a_network_for_its_own_columns() -> None:
    g = np.random.default_rng(0)
    X = pd.DataFrame({"x": g.normal(size=60), "c": np.where(np.arange(60) % 2, "a", "b")})
    X.loc[[3, 4], "c"] = "rare"  # both in the first fold's validation rows: its training rows lack the level
    y = (X["x"] + g.normal(size=60) > 0).astype(int).to_numpy()
    settings: dict[str, Any] = QUICK | {"cv": KFold(2)}
    model = sh.MLPClassifierCV(network=glorot, **settings).fit(X, y)
    widths = [blend.parts[0].n_inputs for blend in model.fold_models_.networks]
    assert widths[0] < widths[1] == model.networks_.n_inputs
    assert columns_of(model.networks_.module()) == widths[1]
    assert columns_of(model.fold_models_.networks[0].parts[0].module(0)) == widths[0]
    assert np.isfinite(model.out_of_fold_).all()


def test_a_controller_is_refused_for_modules() -> None:
    model = sh.MLPClassifierCV(network=glorot, **QUICK).fit(*load_iris(return_X_y=True))
    with pytest.raises(RequestError, match="a module keeps its λ while it trains"):
        replace(model.recipe_, controller=Timescale())
