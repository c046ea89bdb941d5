"""Several labels per row: normalization in closed form, scikit-learn's shapes, files, report, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from torch import nn

from shrinkage import MLPClassifierCV
from shrinkage._errors import RequestError
from shrinkage.estimators import Runtime, export_onnx, load_model, save_model
from shrinkage.reporting._elsewhere import strengths_elsewhere
from shrinkage.training import Backprop
from weight_cases import check_a_weight_of_two

ROWS = 150


def rows(n: int = ROWS, labels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    made: Any = make_multilabel_classification(n, n_features=6, n_classes=labels, random_state=1)
    return made[0], made[1]


def model(**changes: Any) -> MLPClassifierCV:
    given = {
        "inputs": "standard",
        "lambdas": [0, 1e-2],
        "max_extensions": 0,
        "cv": 3,
        "max_epochs": 20,
        "random_state": 0,
    }
    return MLPClassifierCV((8,), **{**given, **changes})


def mean_log_loss(Y: np.ndarray, P: np.ndarray) -> float:
    return float(np.mean([log_loss(y, p) for y, p in zip(Y.T, P.T, strict=True)]))


@pytest.mark.parametrize("lam", [1e-3, 1e-1])
def test_a_linear_network_is_scikit_learns_one_versus_rest(lam: float):
    """J = (1/n) Σ (1/L) Σ loss + (λ/2) Σ w² is, label by label, logistic regression with C = 1/(nλL)."""
    X, Y = rows()
    linear = model(inputs="linear", lambdas=[lam], dtype="float64").fit(X, Y)
    Z = StandardScaler().fit_transform(X)
    rival = LogisticRegression(C=1 / (len(Y) * lam * Y.shape[1]), tol=1e-10, max_iter=10_000)
    expected: Any = OneVsRestClassifier(rival).fit(Z, Y).predict_proba(Z)
    assert_allclose(linear.predict_proba(X), expected, atol=1e-5)
    assert linear.loss_ == pytest.approx(mean_log_loss(Y, expected), abs=1e-6)


def test_the_alpha_to_type_in_scikit_learn_is_the_same_strength():
    """MLPClassifier adds the labels up and divides alpha by the batch, which is all n rows for lbfgs."""
    X, Y = rows()
    linear = model(inputs="linear", lambdas=[1e-2], dtype="float64").fit(X, Y)
    recipe = replace(linear.recipe_, trainer=Backprop(batch_size=len(Y), learning_rate=0.01))
    (typed,) = (s for s in strengths_elsewhere(1e-2, recipe, 4) if s.framework == "scikit-learn")
    assert typed.argument == "MLPClassifier(alpha=…)"
    theirs: Any = MLPClassifier(
        (), alpha=float(typed.value), solver="lbfgs", tol=1e-10, max_iter=5000, random_state=0
    )
    Z = StandardScaler().fit_transform(X)
    assert_allclose(linear.predict_proba(X), theirs.fit(Z, Y).predict_proba(Z), atol=1e-4)


def test_labels_that_are_one_label_repeated_are_the_binary_model():
    """L copies of a label at λ/L are L times the linear binary model at λ: the mean of equal losses is that loss."""
    X, Y = rows()
    one = model(inputs="linear", lambdas=[4e-2], dtype="float64").fit(X, Y[:, 0])
    four = model(inputs="linear", lambdas=[1e-2], dtype="float64").fit(X, np.repeat(Y[:, :1], 4, axis=1))
    for column in four.predict_proba(X).T:
        assert_allclose(column, one.predict_proba(X)[:, 1], atol=1e-6)
    assert four.loss_ == pytest.approx(one.loss_, abs=1e-8)


@pytest.mark.filterwarnings("ignore")  # theirs has not converged
def test_shapes_and_types_are_scikit_learns():
    X, Y = rows()
    ours = model().fit(X, Y)
    theirs = MLPClassifier((8,), max_iter=20, random_state=0).fit(X, Y)
    assert_array_equal(ours.classes_, theirs.classes_)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        found, expected = getattr(ours, method)(X), getattr(theirs, method)(X)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert_array_equal(ours.predict(X), ours.predict_proba(X) > 0.5)
    assert ours.score(X, Y) == accuracy_score(Y, ours.predict(X))
    assert ours.out_of_fold_.shape == Y.shape
    assert cross_val_score(model(max_epochs=3), X, Y, cv=2).shape == (2,)


def test_the_path_shows_the_mean_log_loss_and_the_subset_accuracy():
    X, Y = rows()
    fitted = model(cv=[(np.arange(100), np.arange(100, ROWS))], lambdas=[1e-2]).fit(X, Y)
    held = fitted.out_of_fold_[100:]
    path = fitted.path_
    assert path.metric_name == "subset accuracy"
    assert path.validation_loss[0, 0, 0, -1] == pytest.approx(mean_log_loss(Y[100:], held), rel=1e-5)
    assert path.validation_metric[0, 0, 0, -1] == pytest.approx(accuracy_score(Y[100:], held > 0.5))


@pytest.mark.parametrize(
    "given", [csr_matrix, lambda Y: Y.astype(bool), lambda Y: Y.astype(float), lambda Y: Y.tolist()]
)
def test_labels_of_any_type_are_the_same_labels(given: Any):
    X, Y = rows(60)
    one, other = (model(max_epochs=3).fit(X, y) for y in (Y, given(Y)))
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_a_column_of_0_and_1_is_still_two_classes():
    X, Y = rows(60)
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        fitted = model(max_epochs=3).fit(X, Y[:, :1])
    assert fitted.predict(X).shape == (60,)
    assert fitted.networks_.loss == "logistic"


def test_a_weight_of_two_is_the_row_twice():
    check_a_weight_of_two(model, *rows(60))


def test_rivals_are_the_shares_and_logistic_regression():
    X, Y = rows()
    fitted = model(cv=[(np.arange(100), np.arange(100, ROWS))]).fit(X, Y)
    shares = np.broadcast_to(Y[:100].mean(axis=0), (50, 4))
    assert fitted.constant_losses_ is not None
    assert fitted.constant_losses_[0] == pytest.approx(mean_log_loss(Y[100:], shares))
    found = fitted.linear_path(X, Y)
    assert found is not None
    assert found.name == "logistic regression of each label"
    scaler = StandardScaler().fit(X[:100])
    rival = LogisticRegression(C=1 / (100 * found.lambdas[6] * 4), tol=1e-10, max_iter=10_000)
    expected: Any = OneVsRestClassifier(rival).fit(scaler.transform(X[:100]), Y[:100])
    held = expected.predict_proba(scaler.transform(X[100:]))
    assert found.losses[6, 0] == pytest.approx(mean_log_loss(Y[100:], held), abs=1e-5)


@pytest.mark.parametrize("labels", [2, 4])
@pytest.mark.parametrize("scoring", ["roc_auc", "f1_macro", "accuracy"])
def test_scorers_that_know_labels_choose_the_strength(scoring: str, labels: int):
    X, Y = rows(labels=labels)
    fitted = model(max_epochs=5, scoring=scoring).fit(X, Y)
    assert 0 < fitted.best_score_ <= 1


def test_training_goes_on_with_the_same_labels():
    X, Y = rows(60)
    fitted = model(max_epochs=3).fit(X, Y)
    before = fitted.predict_proba(X)
    assert not np.array_equal(fitted.partial_fit(X, Y).predict_proba(X), before)
    with pytest.raises(
        ValueError, match=r"must have 4 labels per row as in fit, shape \(n, 4\), got \(60, 3\)"
    ):
        fitted.partial_fit(X, Y[:, :3])
    with pytest.raises(ValueError, match=r"must have 4 labels per row"):
        fitted.partial_fit(X, Y[:, 0])
    single = model(max_epochs=3).fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="1d array"):
        single.partial_fit(X, Y)


def test_a_network_of_ones_own_and_a_swarm_take_labels():
    X, Y = rows(60)
    own = model(network=lambda i, o: nn.Linear(i, o), max_epochs=3, cv=2).fit(X, Y)
    assert own.predict(X).shape == (60, 4)
    for error in ("loss", "accuracy"):
        flown = model(trainer="swarm", error=error, max_epochs=3, cv=2).fit(X, Y)
        assert flown.predict(X).shape == (60, 4)


def saved_in(folder: Path, **changes: Any) -> tuple[MLPClassifierCV, pd.DataFrame]:
    X, Y = rows()
    frame, fitted = pd.DataFrame(X, columns=list("abcdef")), model(**changes)
    fitted._fit(frame, Y, None, Runtime(as_table=True))
    assert fitted.preprocessor_ is not None
    folder.mkdir(exist_ok=True)
    save_model(fitted, fitted.preprocessor_, ("p", "q", "r", "s"), folder)
    return fitted, frame


def test_a_saved_model_predicts_the_same(tmp_path: Path):
    fitted, frame = saved_in(tmp_path, inputs=("standard", "linear"), max_epochs=5)
    saved = load_model(tmp_path)
    assert saved.classes is None
    assert_array_equal(saved.predict(frame), fitted.predict(frame))
    assert_array_equal(saved.predict_proba(frame), fitted.predict_proba(frame))
    with pytest.raises(RequestError, match="several labels per row"):
        saved.predict_interval(frame)


def test_the_command_line_writes_a_column_for_each_label(tmp_path: Path):
    from cli_cases import shrinkage

    fitted, frame = saved_in(tmp_path / "m", max_epochs=5)
    frame.to_csv(tmp_path / "t.csv", index=False)
    for _ in range(2):
        done = shrinkage(
            "predict", tmp_path / "m", tmp_path / "t.csv", "--proba", "--out", tmp_path / "p.csv"
        )
        assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "p.csv")
    assert table.columns.tolist() == [*"pqrs", *(f"probability of {name}" for name in "pqrs")]
    assert_array_equal(table[list("pqrs")], fitted.predict(frame))
    assert_allclose(table.iloc[:, 4:], fitted.predict_proba(frame), rtol=1e-6)


def test_the_command_line_learns_several_columns_of_two_values(tmp_path: Path):
    from cli_cases import shrinkage

    X, Y = rows(labels=2)
    frame = pd.DataFrame(X, columns=list("abcdef")).assign(
        paid=np.where(Y[:, 0], "yes", "no"), kind=Y[:, 1] + 1
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    asked = [
        "--target=paid",
        "--target=kind",
        "--epochs=5",
        "--folds=2",
        "--inputs=standard",
        "--out",
        tmp_path / "m",
    ]
    done = shrinkage("fit", tmp_path / "t.csv", *asked)
    assert done.returncode == 0, done.stderr
    assert "The probabilities are those of 'yes' in 'paid', 2 in 'kind'." in done.stderr
    saved = load_model(tmp_path / "m")
    done = shrinkage("predict", tmp_path / "m", tmp_path / "t.csv", "--proba", "--out", tmp_path / "p.csv")
    assert done.returncode == 0, done.stderr
    predicted = pd.read_csv(tmp_path / "p.csv")
    shares = [predicted.pop(name) for name in ("probability of yes in paid", "probability of 2 in kind")]
    assert_allclose(np.column_stack(shares), saved.predict_proba(frame))
    assert predicted.columns.tolist() == ["paid", "kind"]
    assert_array_equal(predicted["paid"], np.where(shares[0] > 0.5, "yes", "no"))
    assert_array_equal(predicted["kind"], np.where(shares[1] > 0.5, 2, 1))


@pytest.mark.parametrize("predict_by", ["restarts", "folds"])
def test_a_mean_over_networks_predicts_labels(predict_by: str, tmp_path: Path):
    fitted, frame = saved_in(tmp_path, restarts=2, predict_by=predict_by, max_epochs=3)
    saved = load_model(tmp_path)
    assert_array_equal(saved.predict_proba(frame), fitted.predict_proba(frame))
    assert_array_equal(saved.predict(frame), fitted.predict(frame))


@pytest.mark.parametrize("inputs", ["standard", ("standard", "linear")])
def test_the_graph_gives_probabilities_and_labels(inputs: Any, tmp_path: Path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'test'")
    saved_in(tmp_path, inputs=inputs, max_epochs=5)
    saved, frame = load_model(tmp_path), pd.DataFrame(rows()[0], columns=list("abcdef"))
    export_onnx(saved, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    shares, labels = session.run(["probabilities", "labels"], {"inputs": saved.preprocessor.transform(frame)})
    assert_allclose(shares, saved.predict_proba(frame), atol=1e-5)
    assert_array_equal(labels, shares > 0.5)


def test_the_report_counts_each_label(tmp_path: Path):
    X, Y = rows()
    fitted = model().fit(X, pd.DataFrame(Y, columns=["dry", "wet", "cold", "warm"]))
    fitted.report(tmp_path / "r.html", X, Y)
    page = (tmp_path / "r.html").read_text(encoding="utf-8").replace("\xa0", " ")
    right = int(((fitted.out_of_fold_ > 0.5) == Y).all(axis=1).sum())
    assert f"All 4 labels of {right} of 150 rows that the net had not seen were predicted correctly" in page
    assert "multilabel classification of “dry”" in page
    assert "logistic regression of each label" in page
    assert "share of each label" in page
    assert "the mean probability of each label when the column has that value" in page
    assert "of new rows lie within" not in page


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"class_weight": "balanced"},
            r"class_weight=…: weights the one class of a row, but y has several labels",
        ),
        ({"calibrate": True}, r"calibrate=True: the temperature is for one class per row"),
        ({"lambdas": "evidence"}, r"the evidence needs a likelihood"),
    ],
)
def test_what_needs_one_class_per_row_is_refused(changes: Any, message: str):
    X, Y = rows(60)
    with pytest.raises(RequestError, match=message):
        model(**changes).fit(X, Y)


def test_sets_of_classes_and_other_values_are_refused():
    X, Y = rows(60)
    with pytest.raises(
        RequestError, match="Sets of classes were requested, but they are for one class per row"
    ):
        model(max_epochs=2).fit(X, Y).predict_interval(X)
    with pytest.raises(
        RequestError, match="must contain 1 for a label that the row has and 0 otherwise, got 2"
    ):
        model().fit(X, 1 + Y)


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "category", "bool", "int8"])
def test_labels_of_any_type_of_column_are_read(dtype: str):
    X, Y = rows(60)
    frame = pd.DataFrame(Y, columns=list("pqrs")).astype(dtype)
    expected = model(max_epochs=2).fit(X, Y).predict_proba(X)
    assert_array_equal(model(max_epochs=2).fit(X, frame).predict_proba(X), expected)


def test_columns_of_words_are_refused_with_the_way_out():
    X, Y = rows(60)
    with pytest.raises(RequestError, match=r"4 columns with words in them, such as '(no|yes)'.*\(y == '"):
        model().fit(X, pd.DataFrame(np.where(Y, "yes", "no")))
