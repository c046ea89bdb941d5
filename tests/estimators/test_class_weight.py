"""`class_weight` is a weight of rows: the laws of scikit-learn's, and what is refused."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from shrinkage import MLPClassifierCV
from shrinkage._errors import RequestError
from shrinkage.estimators.given._class_weights import row_weights

X, y = load_iris(return_X_y=True)
X, y = X[:120], np.array(["a", "b", "c"])[y[:120]]
FOLDS = [(np.arange(0, 120, 2), np.arange(1, 120, 2)), (np.arange(1, 120, 2), np.arange(0, 120, 2))]


def model(**changes):
    given = {"lambdas": [0, 1e-2], "cv": FOLDS, "max_epochs": 20, "dtype": "float64", "random_state": 0}
    return MLPClassifierCV((4,), **{**given, **changes})


@pytest.mark.parametrize("own", [None, 1.0 + np.arange(120) % 3])
def test_weights_of_classes_are_weights_of_their_rows(own):
    weights = {"a": 1, "c": 4}
    rows = np.where(y == "c", 4.0, 1.0) * (1 if own is None else own)
    one = model(class_weight=weights).fit(X, y, sample_weight=own)
    other = model().fit(X, y, sample_weight=rows)
    np.testing.assert_array_equal(one.path_.validation_loss, other.path_.validation_loss)
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    np.testing.assert_array_equal(one.constant_losses_, other.constant_losses_)


@pytest.mark.parametrize("two", [False, True])
def test_balanced_is_scikit_learns_of_the_training_rows(two: bool):
    labels = np.where(y == "a", "a", "b") if two else y
    classes = np.unique(labels)
    Y: Any = (labels == "b")[:, None].astype(float) if two else (labels[:, None] == classes).astype(float)
    train = np.r_[0:40, 50:60, 100:120]
    expected = compute_class_weight("balanced", classes=classes, y=labels[train])
    found: Any = row_weights("balanced", Y, None, train)
    np.testing.assert_allclose(found, expected[np.searchsorted(classes, labels)])


def test_the_refit_is_balanced_over_all_rows():
    one = model(class_weight="balanced", lambdas=[1e-2]).fit(X, y)
    other = model(lambdas=[1e-2]).fit(X, y, sample_weight=compute_sample_weight("balanced", y))
    np.testing.assert_allclose(one.networks_.rows, other.networks_.rows, rtol=1e-9, atol=1e-12)


def test_a_rare_class_is_found_more_often():
    g = np.random.default_rng(0)
    rare = (g.uniform(size=600) < 0.08).astype(int)
    features = g.normal(size=(600, 2)) + rare[:, None]
    plain, balanced = (
        model(class_weight=weight, cv=3, lambdas=[1e-2]).fit(features, rare) for weight in (None, "balanced")
    )
    found = [(fitted.predict(features)[rare == 1] == 1).mean() for fitted in (plain, balanced)]
    assert found[1] > found[0] + 0.2


def test_a_class_that_no_training_row_has_keeps_its_weight():
    Y = np.eye(3)[[0, 0, 0, 1, 2]]
    found: Any = row_weights("balanced", Y, None, np.arange(4))
    np.testing.assert_allclose(found, [2 / 3, 2 / 3, 2 / 3, 2, 1])


@pytest.mark.parametrize(
    "weight, message",
    [
        ("equal", "must be 'balanced', None, or a dictionary"),
        ({"d": 2}, "there is no class 'd'. The classes are 'a', 'b', 'c'"),
        ({"a": 0}, "every weight must be > 0 and finite"),
    ],
)
def test_what_is_no_weight_is_refused(weight, message: str):
    with pytest.raises(RequestError, match=message):
        model(class_weight=weight).fit(X, y)
