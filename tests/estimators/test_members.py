"""Several forms of input side by side: one member is what it was, and several are never worse by more than chance."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import shrinkage as sh
from shrinkage._errors import RequestError
from shrinkage.estimators import export_onnx, load_model, save_model
from shrinkage.estimators.members import _members
from shrinkage.estimators.members._blend import blend_members
from shrinkage.estimators.members._members import AUTO, MEMBERS, members_of, window
from shrinkage.path.search import default_lambdas

QUICK = {
    "search": "grid",
    "hidden_layer_sizes": (8,),
    "lambdas": [0, 1e-3, 1e-2, 1e-1],
    "max_epochs": 15,
    "random_state": 0,
    "cv": 3,
}


class HeldOut:
    """A path as far as a blend is chosen by it."""

    def __init__(self, held_out):
        self.held_out = held_out


def problem(n=120):
    g = np.random.default_rng(0)
    X = np.column_stack([g.normal(size=n), np.exp(2 * g.normal(size=n)), g.integers(0, 2, n)])
    return X, np.sin(2 * X[:, 0]) + np.log(X[:, 1]) + X[:, 2]


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_alone_predicts_and_has_one_weight(name):
    X, y = problem()
    model = sh.MLPRegressorCV(inputs=name, **QUICK).fit(X, y)
    assert model.predict(X).shape == (120,)
    assert model.forms_.names == (name,)
    assert_array_equal(model.forms_.weights, [1.0])
    assert [len(b) for b in model.intercepts_[:-1]] == {"deep": [4, 4], "plain": [8], "wide": [32]}[
        MEMBERS[name].shape
    ][: 2 * MEMBERS[name].hidden]


def test_standard_beside_others_is_standard_alone():
    X, y = problem()
    alone = sh.MLPRegressorCV(inputs="standard", **QUICK).fit(X, y)
    beside = sh.MLPRegressorCV(inputs=("standard", "linear"), **QUICK).fit(X, y)
    assert_array_equal(beside.forms_.paths[0].result.validation_loss, alone.path_.validation_loss)


@pytest.mark.parametrize("kind", [sh.MLPRegressorCV, sh.MLPClassifierCV], ids=["regression", "classes"])
def test_the_prediction_is_the_weighted_mean_of_the_members(kind):
    X, y = problem()
    y = y if kind is sh.MLPRegressorCV else (y > np.median(y)).astype(int) + (y > np.quantile(y, 0.9))
    model = kind(inputs="auto", **QUICK).fit(X, y)
    forms, blend = model.forms_, model.blend_
    assert forms.names == AUTO
    assert forms.weights.sum() == pytest.approx(1)
    assert len(blend.parts) == (forms.weights > 0).sum()
    mean = sum(w * part.predict(X) for w, part in zip(blend.weights, blend.parts, strict=True))
    given = model.predict_proba(X) if isinstance(model, sh.MLPClassifierCV) else model.predict(X)[:, None]
    assert_allclose(given, mean, rtol=1e-12)
    # Both losses are convex in what is predicted.
    assert forms.blended_loss <= forms.weights @ forms.losses


def test_the_set_that_predicts_has_the_smallest_loss_on_held_out_rows():
    """Of two members whose errors cancel both predict; one that is far off does not."""

    y = np.random.default_rng(0).normal(size=(200, 1))
    error = np.random.default_rng(1).normal(size=(200, 1))
    paths = {"standard": HeldOut(y + error), "bounded": HeldOut(y - error), "piecewise": HeldOut(y + 5)}
    forms = blend_members(paths, y, "squared_error", None)  # pyright: ignore[reportArgumentType]
    assert_allclose(forms.weights, [0.5, 0.5, 0])
    assert forms.blended_loss == pytest.approx(0, abs=1e-12)
    assert_allclose(forms.losses[2], 25 / y.var())


@pytest.mark.parametrize("weighted", [False, True])
def test_the_sets_that_cannot_be_told_from_the_best_predict_together(weighted):
    """Against the rule written out: for each set its rows' losses, paired with those of the best set."""
    g = np.random.default_rng(3)
    y, shared = g.normal(size=(90, 1)), g.normal(size=(90, 1))
    members = {
        "standard": y + 0.3 * shared + 0.3 * g.normal(size=(90, 1)),
        "bounded": y + 0.3 * shared + 0.35 * g.normal(size=(90, 1)),
        "piecewise": y + 0.3 * shared + 0.6 * g.normal(size=(90, 1)),
        "linear": y + 2.0 * g.normal(size=(90, 1)),
    }
    rows = g.integers(1, 4, 90).astype(float) if weighted else None
    share = np.ones(90) / 90 if rows is None else rows / rows.sum()
    sets = [c for size in range(1, 5) for c in itertools.combinations(members, size)]
    squares = {c: ((sum(members[name] for name in c) / len(c) - y)[:, 0]) ** 2 for c in sets}
    best = min(sets, key=lambda c: share @ squares[c])
    tied = []
    for c in sets:
        apart = squares[c] - squares[best]
        gap = share @ apart
        error = np.sqrt(np.sum((share * (apart - gap)) ** 2))
        if gap <= max(0.005 * share @ squares[best], min(1.5 * error, share @ squares[best])):
            tied.append(c)
    expected = [sum(1 / len(c) for c in tied if name in c) / len(tied) for name in members]
    paths = {name: HeldOut(p) for name, p in members.items()}
    forms = blend_members(paths, y, "squared_error", rows)  # pyright: ignore[reportArgumentType]
    assert 1 < len(tied) < len(sets)
    assert_allclose(forms.weights, expected, rtol=1e-12)
    assert forms.weights[-1] == 0
    mean = sum(w * p for w, p in zip(expected, members.values(), strict=True))
    variance = share @ (y[:, 0] - share @ y[:, 0]) ** 2
    assert_allclose(forms.blended_loss, share @ ((mean - y)[:, 0] ** 2) / variance, rtol=1e-9)


def test_a_member_with_more_than_twice_the_loss_does_not_predict_however_few_rows_it_is_due_to():
    y = np.random.default_rng(0).normal(size=(100, 1))
    exact, far = y + 1e-6, y + 1e-6
    far[0] += 1.0
    paths = {"linear": HeldOut(exact), "additive": HeldOut(far)}
    forms = blend_members(paths, y, "squared_error", None)  # pyright: ignore[reportArgumentType]
    assert_array_equal(forms.weights, [1, 0])


def test_a_member_that_diverged_in_a_fold_does_not_predict():
    y = np.random.default_rng(0).normal(size=(50, 1))
    diverged = np.where(np.arange(50)[:, None] < 10, np.nan, y)
    paths = {"standard": HeldOut(y + 0.1), "bounded": HeldOut(diverged)}
    forms = blend_members(paths, y, "squared_error", None)  # pyright: ignore[reportArgumentType]
    assert_array_equal(forms.weights, [1, 0])
    assert forms.losses[1] == np.inf


def test_a_linear_truth_is_left_to_the_linear_member():
    g = np.random.default_rng(0)
    X = g.normal(size=(150, 8))
    y = X @ g.normal(size=8) + g.normal(0, 0.1, 150)
    both = {**QUICK, "max_epochs": 200, "lambdas": [0, 1e-3], "batch_size": 16}
    model = sh.MLPRegressorCV(inputs=("standard", "linear"), **both).fit(X[:100], y[:100])
    linear = sh.MLPRegressorCV(inputs="linear", **both).fit(X[:100], y[:100])
    assert_allclose(model.score(X[100:], y[100:]), linear.score(X[100:], y[100:]), atol=2e-3)


def test_the_window_is_of_the_grids_own_values():
    grid = np.array([0, 1e-3, 1e-2, 1e-1, 1])
    assert_array_equal(window(grid, 1e-2, 1), [0, 1e-3, 1e-2, 1e-1])
    assert_array_equal(window(grid, 0, 2), [0, 1e-3, 1e-2])
    assert_array_equal(window(grid, 1, 1), [0, 1e-1, 1])


def test_every_member_goes_on_until_its_best_strength_lies_between_neighbours() -> None:
    g = np.random.default_rng(3)
    group, X = g.integers(0, 30, 240), g.normal(size=(240, 3))
    y = g.normal(size=30)[group] + np.sin(2 * X[:, 1]) + g.normal(0, 0.3, 240)
    X = pd.DataFrame(X, columns=list("abc")).assign(group=[f"g{i}" for i in group])
    model = sh.MLPRegressorCV((16,), max_epochs=40, cv=3, random_state=0).fit(X, y)
    places = {lam: place for place, lam in enumerate(default_lambdas())}
    assert len(model.forms_.paths) > 4
    for path in model.forms_.paths:
        best = places[path.choice.lam]
        apart = np.array([places[lam] - best for lam in path.result.lambdas if lam in places])
        nearest = [side.min() for side in (-apart[apart < 0], apart[apart > 0]) if len(side)]
        assert min(nearest) == 1
        assert max(nearest) <= 2


def test_on_many_rows_a_member_that_loses_both_first_folds_is_left_out(monkeypatch):
    X, y = problem()
    y = np.abs(X[:, 0])  # nothing for a line to follow
    given = {**QUICK, "inputs": ("standard", "piecewise", "linear"), "max_epochs": 60}
    everyone = sh.MLPRegressorCV(**given).fit(X, y)
    assert everyone.forms_.names == given["inputs"]
    assert everyone.forms_.left_out == ()
    monkeypatch.setattr(_members, "SCREENED_FROM", 60)
    model = sh.MLPRegressorCV(**given).fit(X, y)
    assert model.forms_.names == ("standard", "piecewise")
    ((name, times),) = model.forms_.left_out
    assert name == "linear"
    assert f"Left out after the first folds: linear ({times:.3g} times the best loss)." in str(model.forms_)
    best = model.forms_.paths[int(model.forms_.losses.argmin())]
    linear = everyone.forms_.paths[2].result
    rival = best.result.validation_loss[best.choice.index, :2, 0, -1]
    own = linear.validation_loss[linear.lambdas == best.choice.lam, :2, 0, -1]
    assert times == pytest.approx((own[0] / rival).min())
    assert times > _members.CLEARLY_WORSE


def test_auto_has_no_piecewise_codes_on_large_tables(monkeypatch):
    monkeypatch.setattr(_members, "CODED_UP_TO", 100)
    X, y = problem()
    assert sh.MLPRegressorCV(inputs="auto", **QUICK).fit(X, y).forms_.names == (
        "standard",
        "bounded",
        "deep",
        "linear",
    )
    both = ("standard", "piecewise")
    assert sh.MLPRegressorCV(inputs=both, **QUICK).fit(X, y).forms_.names == both


@pytest.mark.parametrize("wrong", ["bound", (), ("standard", "standard"), ("standard", "auto")])
def test_what_inputs_takes(wrong):
    with pytest.raises(
        RequestError, match=r"inputs=…: must be auto, or one or several of standard, bounded, piecewise"
    ):
        members_of(wrong)


def frame(n=160):
    g = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "size": np.exp(3 * g.normal(size=n)),
            "kind": g.choice(["a", "b", "c"], n, p=[0.6, 0.38, 0.02]),
            "gap": np.where(g.uniform(size=n) < 0.2, np.nan, g.normal(size=n)),
        }
    )


@pytest.mark.parametrize(
    "inputs", ["auto", "bounded", "piecewise", "periodic", ("standard", "additive"), ("periodic", "linear")]
)
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_a_saved_model_and_its_onnx_graph_predict_the_same(inputs, classes, tmp_path):
    ort = pytest.importorskip("onnxruntime")
    X = frame()
    y = np.log(X["size"]) + 2 * (X["kind"] == "b")
    y = y if not classes else pd.qcut(y, classes, labels=False)
    kind = sh.MLPClassifierCV if classes else sh.MLPRegressorCV
    model = kind(inputs=inputs, **QUICK).fit(X, y)
    assert model.preprocessor_ is not None
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    saved = load_model(tmp_path)
    new = frame(50).assign(size=lambda f: f["size"] * 1e4)
    given = model.predict_proba(new) if isinstance(model, sh.MLPClassifierCV) else model.predict(new)[:, None]
    assert_array_equal(saved.predict_proba(new) if classes else saved.predict(new), given)
    export_onnx(saved, tmp_path / "net.onnx")
    session = ort.InferenceSession(tmp_path / "net.onnx")
    inputs_ = saved.preprocessor.transform(new).astype(np.float32)
    assert_allclose(session.run(None, {"inputs": inputs_})[0], given, rtol=2e-4, atol=2e-5)


def test_one_standard_network_is_still_written_in_version_1(tmp_path):
    X = frame()
    model = sh.MLPRegressorCV(inputs="standard", out_of_fold=False, **QUICK).fit(
        X, np.log(X["size"]) + 2 * (X["kind"] == "b")
    )
    assert model.preprocessor_ is not None
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["version"] == 1
