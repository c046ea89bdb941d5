"""`preset=`: values of several parameters under one name, for those that were left at their defaults."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from torch import nn

import shrinkage as sh
from cli_cases import shrinkage
from shrinkage import RequestError
from shrinkage.estimators import PRESETS
from shrinkage.estimators.given._presets import of_preset

QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (4,),
    "lambdas": [1e-3, 1e-2],
    "max_extensions": 0,
    "max_epochs": 4,
    "random_state": 0,
}
KINDS = [(sh.MLPClassifierCV, load_iris), (sh.MLPRegressorCV, load_diabetes)]
SET = [(name, parameter) for name, values in PRESETS.items() for parameter in values]
OTHERWISE: dict[str, Any] = {"inputs": "standard", "cv": 4, "predict_by": "restarts"}
"""A value of each parameter that is not its default."""


def given(kind: Any, **parameters: Any) -> dict[str, Any]:
    return kind(**parameters).get_params(deep=False)


def fitted(kind: Any, load: Any, **parameters: Any) -> tuple[Any, Any]:
    X, y = load(return_X_y=True)
    return kind(**QUICK, **parameters).fit(X[::2], y[::2]), X


@pytest.mark.parametrize("kind, load", KINDS)
def test_the_default_sets_nothing(kind: Any, load: Any) -> None:
    assert PRESETS["default"] == {}
    assert of_preset(given(kind), kind) == {}
    assert inspect.signature(kind).parameters["preset"].default == "default"


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind, load", KINDS)
def test_a_preset_is_the_fit_with_its_values(kind: Any, load: Any, preset: str) -> None:
    by_name, X = fitted(kind, load, preset=preset)
    by_value, _ = fitted(kind, load, **PRESETS[preset])
    assert by_name.preset_ == PRESETS[preset]
    assert_array_equal(by_name.predict(X), by_value.predict(X))
    assert_array_equal(by_name.out_of_fold_, by_value.out_of_fold_)
    assert by_name.path_.validation_loss.shape == by_value.path_.validation_loss.shape


@pytest.mark.parametrize("preset, parameter", SET)
@pytest.mark.parametrize("kind, load", KINDS)
def test_any_other_value_wins(kind: Any, load: Any, preset: str, parameter: str) -> None:
    parameters = {"preset": preset, parameter: OTHERWISE[parameter]}
    rest = {name: value for name, value in PRESETS[preset].items() if name != parameter}
    assert of_preset(given(kind, **parameters), kind) == rest


@pytest.mark.parametrize("preset", PRESETS)
def test_parameters_stay_as_they_were_given(preset: str) -> None:
    model, _ = fitted(sh.MLPClassifierCV, load_iris, preset=preset)
    own = sh.MLPClassifierCV(**QUICK, preset=preset).get_params()
    assert model.get_params() == own
    copied: Any = clone(model)
    assert copied.get_params() == own


def test_folds_that_are_given_as_rows_win() -> None:
    X, y = load_iris(return_X_y=True)
    rows = np.arange(150)
    folds = [(rows[rows % 2 == k], rows[rows % 2 != k]) for k in (0, 1)]
    model = sh.MLPClassifierCV(**QUICK, preset="fast", cv=folds).fit(X, y)
    assert model.path_.n_folds == 2


def test_a_network_of_ones_own_keeps_its_inputs() -> None:
    def make(inputs: int, outputs: int) -> nn.Module:
        return nn.Linear(inputs, outputs)

    X, y = load_iris(return_X_y=True)
    settings = {name: value for name, value in QUICK.items() if name != "hidden_layer_sizes"}
    model = sh.MLPClassifierCV(**settings, preset="fast", network=make).fit(X, y)
    assert "inputs" not in model.preset_
    assert model.forms_.names == ("standard",)


@pytest.mark.parametrize("wrong", ["quick", None, ["fast"]])
def test_another_name_is_refused(wrong: Any) -> None:
    with pytest.raises(RequestError, match="preset=…: must be one of fast, default, best"):
        sh.MLPRegressorCV(preset=wrong).fit(*load_diabetes(return_X_y=True))


def test_the_command_takes_a_preset(tmp_path: Path) -> None:
    iris: Any = load_iris(as_frame=True)
    iris.data.assign(kind=iris.target).to_csv(tmp_path / "t.csv", index=False)
    common = ("--target", "kind", "--epochs", 3, "--lambdas", "0.001,0.01", "-q")
    done = shrinkage("fit", tmp_path / "t.csv", *common, "--preset", "fast", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["preset"] == {name: value for name, value in PRESETS["fast"].items() if name != "cv"}
    assert run["folds"].startswith("3, ")
    refused = shrinkage("fit", tmp_path / "t.csv", *common, "--preset", "quick", "-o", tmp_path / "no")
    assert refused.returncode == 2
    assert "--preset: must be one of fast, default, best" in refused.stderr
