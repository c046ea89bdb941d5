"""`embedding=`: which networks `inputs="auto"` tries, and that a periodic one does all that a plain one does."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.estimator_checks import estimator_checks_generator

import shrinkage as sh
from shrinkage._errors import RequestError
from shrinkage.estimators import Runtime, load_model, save_model
from shrinkage.estimators.members._members import MEMBERS, members_for, members_of, numbers_of
from shrinkage.estimators.saved._model_words import checksum_of
from shrinkage.reporting._elsewhere import strengths_elsewhere

QUICK: dict[str, Any] = {
    "lambdas": [1e-3, 1e-2],
    "max_epochs": 6,
    "cv": 3,
    "random_state": 0,
    "max_extensions": 0,
}


def frame(n=120):
    g = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "size": np.exp(2 * g.normal(size=n)),
            "kind": g.choice(["a", "b", "c"], n, p=[0.6, 0.38, 0.02]),
            "gap": np.where(g.uniform(size=n) < 0.2, np.nan, g.normal(size=n)),
            "flag": g.integers(0, 2, n),
        }
    )


def target(X):
    return np.sin(3 * np.log(X["size"])) + 2 * (X["kind"] == "b") + X["flag"]


def fitted(**changes) -> Any:
    X = frame()
    return sh.MLPRegressorCV((6,), **{**QUICK, "inputs": "periodic", **changes}).fit(X, target(X))


def columns_of(model):
    return [model.preprocessor_.feature_names_out[i] for i in model.networks_.embedded_columns]


@pytest.mark.parametrize(
    "embedding, names",
    [
        (None, ("standard", "bounded", "deep", "linear")),
        ("piecewise", ("piecewise", "deep_piecewise", "linear", "additive")),
        ("periodic", ("periodic", "linear")),
    ],
)
def test_which_members_it_tries(embedding, names):
    X = frame()
    assert sh.MLPRegressorCV((4,), embedding=embedding, **QUICK).fit(X, target(X)).forms_.names == names


@pytest.mark.parametrize(
    "changes, first",
    [({}, "standard"), ({"embedding": "piecewise"}, "piecewise"), ({"embedding": "periodic"}, "periodic")],
)
def test_without_hidden_layers_one_member_is_left(changes, first):
    given = sh.MLPRegressorCV((), **changes).get_params(deep=False)
    assert members_for(given, 100, 3) == (first,)


def test_what_it_takes():
    with pytest.raises(
        RequestError, match=r"embedding=…: must be one of auto, None, piecewise, periodic, got 'plr'"
    ):
        members_of("auto", "plr")
    with pytest.raises(RequestError, match=r"embedding='periodic'\S*: says which networks inputs='auto'"):
        members_of("bounded", "periodic")
    X = frame()
    with pytest.raises(RequestError, match="particle swarms train no embedding"):
        sh.MLPRegressorCV(trainer="swarm", inputs="periodic").fit(X, target(X))
    with pytest.raises(RequestError, match="the evidence is not worked out"):
        sh.MLPRegressorCV(lambdas="evidence", embedding="periodic").fit(X, target(X))
    with pytest.raises(RequestError, match="embeds its inputs itself"):
        sh.MLPRegressorCV(network=lambda i, o: None, embedding="periodic").fit(X, target(X))


def test_a_preset_leaves_it_alone():
    X = frame()
    model = sh.MLPRegressorCV((4,), preset="fast", embedding="periodic", **{**QUICK, "cv": 5}).fit(
        X, target(X)
    )
    assert model.forms_.names == ("periodic", "linear")
    assert model.preset_ == {"cv": 3}


def test_numbers_are_columns_of_more_than_two_values():
    X = np.array([[0.0, 1, 5, 2], [1, 2, 5, 3], [0, 3, 5, 2]])
    assert numbers_of(X) == (1,)
    model = fitted()
    assert columns_of(model) == ["size", "gap"]
    array = np.random.default_rng(0).normal(size=(60, 3))
    array[:, 1] = array[:, 1] > 0
    plain = sh.MLPRegressorCV((4,), inputs="periodic", **QUICK).fit(array, array[:, 0])
    assert plain.networks_.embedded_columns == (0, 2)


def test_levels_alone_are_the_bounded_network():
    X = (np.random.default_rng(0).normal(size=(60, 3)) > 0).astype(float)
    y = X @ [1.0, -1, 2]
    found = [
        sh.MLPRegressorCV((4,), inputs=name, **QUICK).fit(X, y).predict(X) for name in ("bounded", "periodic")
    ]
    assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_it_learns_a_wave_that_the_plain_network_does_not(engine, monkeypatch):
    monkeypatch.setenv("SHRINKAGE_ENGINE", engine)
    x = np.random.default_rng(0).uniform(-3, 3, (300, 1))
    y = np.sin(2 * x[:, 0])
    given = {"lambdas": [1e-4], "cv": 3, "max_epochs": 60, "random_state": 0, "max_extensions": 0}
    loss = {
        name: sh.MLPRegressorCV((4,), inputs=name, **given).fit(x, y).path_.validation_mean[0]
        for name in ("bounded", "periodic")
    }
    assert loss["periodic"] < 0.25 * loss["bounded"]


def test_only_weights_are_pulled_toward_zero():
    """Under a crushing λ the weights vanish, and phases and frequencies stay where they began."""
    model = fitted(lambdas=[1e4], learning_rate_init=1e-2, rule="weight_decay")
    layout, row = model.networks_.layout, model.networks_.rows[0]
    named = layout.by_name(row)
    assert max(np.abs(named[slot.name]).max() for slot in layout.decayed()) < 1e-3
    assert np.abs(named["embedding.frequency"]).mean() > 0.3
    assert np.abs(named["embedding.phase"]).mean() > 0.3


def test_a_run_goes_on_to_the_same_bytes(tmp_path):
    X = frame()
    found = []
    for blocks in (tmp_path / "whole", tmp_path / "cut", tmp_path / "cut"):
        model = sh.MLPRegressorCV((6,), inputs=("bounded", "periodic"), search="grid", **QUICK)
        if found:
            kept = sorted(blocks.glob("*")) if blocks.exists() else []
            for file in kept[::2]:
                file.unlink()
        model._fit(X, target(X), None, Runtime(blocks=blocks))
        found.append((model.predict(X), [part.rows for part in model.blend_.parts]))
    for predicted, rows in found[1:]:
        assert_array_equal(predicted, found[0][0])
        assert all(np.array_equal(a, b) for a, b in zip(rows, found[0][1], strict=True))


def test_a_saved_model_has_its_columns_and_its_folds(tmp_path):
    model, X = fitted(), frame()
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    words = json.loads((tmp_path / "model.json").read_text())
    assert words["version"] == 5
    assert [part["embedding"] for part in words["parts"]] == ["periodic"]
    saved = load_model(tmp_path)
    assert_array_equal(saved.predict(X), model.predict(X)[:, None])
    assert_array_equal(saved.predict_interval(X, 0.2), model.predict_interval(X, 0.2)[:, None])
    assert saved.networks.embedded_columns == model.networks_.embedded_columns
    for changed, message in (("bounded", "can't belong"), (None, "don't fit together")):
        part = {**words["parts"][0], "embedding": changed}
        part = {name: value for name, value in part.items() if value is not None}
        other = {name: value for name, value in words.items() if name != "checksum"} | {"parts": [part]}
        (tmp_path / "model.json").write_text(json.dumps({**other, "checksum": checksum_of(other)}))
        with pytest.raises(RequestError, match=message):
            load_model(tmp_path)


@pytest.mark.parametrize("inputs", ["bounded", ("standard", "linear")])
def test_models_without_an_embedding_are_written_as_before(inputs, tmp_path):
    model = fitted(inputs=inputs)
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    words = json.loads((tmp_path / "model.json").read_text())
    assert words["version"] == 3
    assert not any("embedding" in part for part in words["parts"])


def test_training_goes_on_from_it():
    model, X = fitted(), frame()
    numbers = model.preprocessor_.transform(X)
    before = model.networks_.rows.copy()
    model.partial_fit(X, target(X))
    after = model.networks_.rows
    assert numbers.shape[1] == model.networks_.layout.inputs
    changed = model.networks_.layout.by_name(after[0] != before[0])
    assert all(part.any() for part in changed.values())


@pytest.mark.parametrize("folds_predict", [False, True])
def test_the_network_of_each_fold_embeds_its_own_columns(folds_predict):
    """A column that has a third value in one row alone is a level to the fold that holds the row out."""
    X = np.random.default_rng(0).normal(size=(90, 2))
    X[:, 1] = X[:, 1] > 0
    X[0, 1] = 0.5
    changes: Any = {"predict_by": "folds"} if folds_predict else {}
    model = sh.MLPRegressorCV((4,), inputs="periodic", **QUICK, **changes).fit(X, X.sum(1))
    columns = [blend.parts[0].embedded_columns for blend in model.fold_models_.networks]
    assert sorted(columns) == [(0,), (0, 1), (0, 1)]
    assert model.networks_.embedded_columns == (0, 1)
    assert np.isfinite(model.predict(X)).all()


def checks():
    for kind in (sh.MLPRegressorCV, sh.MLPClassifierCV):
        model = kind((8,), embedding="periodic", lambdas=[0, 1e-2], dtype="float64", max_epochs=100)
        generated: Any = estimator_checks_generator(model)
        for one, check in generated:
            name = getattr(check, "func", check).__name__
            if name != "check_array_api_input":  # needs a process of its own
                yield pytest.param(one, check, id=f"{kind.__name__}-{name}")


@pytest.mark.long
@pytest.mark.parametrize("estimator, check", list(checks()))
@pytest.mark.filterwarnings("ignore")  # the checks provoke scikit-learn's own warnings
def test_scikit_learns_check(estimator, check):
    check(estimator)


def test_its_strength_is_told_for_torch_which_can_have_such_a_network():
    model = fitted()
    rows = strengths_elsewhere(1e-3, model.recipe_, 1, "periodic")
    assert [row.framework for row in rows] == ["canonical", "PyTorch"]
    assert "numbers embedded by trained cosines" in rows[1].note
    assert "biases, phases and frequencies in a group with weight_decay=0" in rows[1].note
    plain = strengths_elsewhere(1e-3, model.recipe_, 1, "bounded")
    assert [row.framework for row in plain] == ["canonical", "PyTorch", "scikit-learn"]
    assert "phases" not in plain[1].note


def test_probabilities_of_classes_and_full_precision():
    X = frame()
    y = pd.qcut(target(X), 3, labels=False)
    model = sh.MLPClassifierCV((6,), inputs=("periodic", "linear"), dtype="float64", **QUICK).fit(X, y)
    p = model.predict_proba(X)
    assert_allclose(p.sum(1), 1)
    assert set(model.forms_.names) == {"periodic", "linear"} <= set(MEMBERS)
