"""Rows that belong together, and rows in the order of time: no part of a fold knows what the other holds."""

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    StratifiedGroupKFold,
    TimeSeriesSplit,
    cross_validate,
)

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import RequestError

QUICK = {
    "inputs": "standard",
    "hidden_layer_sizes": (3,),
    "lambdas": [0, 0.1],
    "max_epochs": 2,
    "random_state": 0,
}
KINDS = {"classifier": MLPClassifierCV, "regressor": MLPRegressorCV}


def persons(n: int = 60, size: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, classes, values, and the person of each row, in no order."""
    rng = np.random.default_rng(0)
    person = rng.permutation(np.repeat(np.arange(n // size), size))
    X = rng.normal(size=(n, 3))
    return X, (X[:, 0] > 0).astype(int), X[:, 0] + person, np.array([f"p{i}" for i in person])


def rows_of_folds(model: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    return model.fold_rows_


def parts(model, names):
    return [(set(names[train]), set(names[validation])) for train, validation in rows_of_folds(model)]


@pytest.mark.parametrize("kind, splitter", [("classifier", StratifiedGroupKFold), ("regressor", GroupKFold)])
@pytest.mark.parametrize(
    "cv", [4, None, GroupShuffleSplit(3, random_state=0)], ids=["number", "None", "splitter"]
)
def test_rows_of_a_group_stay_in_one_part_of_every_fold(kind, splitter, cv):
    X, classes, values, person = persons()
    y = classes if kind == "classifier" else values
    model = KINDS[kind](cv=cv, **QUICK).fit(X, y, groups=person)
    assert all(not train & validation for train, validation in parts(model, person))
    own = cv if hasattr(cv, "split") else splitter(cv or 5)
    for rows, expected in zip(model.fold_rows_, own.split(X, y, person), strict=True):
        np.testing.assert_array_equal(rows[0], expected[0])
        np.testing.assert_array_equal(rows[1], expected[1])


def test_a_group_of_its_own_for_each_row_is_no_group_at_all():
    X, _, y, _ = persons()
    model = MLPRegressorCV(cv=GroupKFold(5), **QUICK).fit(X, y, groups=np.arange(len(y)))
    again = MLPRegressorCV(cv=[(t, v) for t, v in GroupKFold(5).split(X, y, np.arange(len(y)))], **QUICK).fit(
        X, y
    )
    np.testing.assert_array_equal(model.path_.validation_loss, again.path_.validation_loss)


def test_rows_without_weight_leave_their_group():
    X, _, y, person = persons()
    weight = np.ones(len(y))
    weight[::3] = 0
    model = MLPRegressorCV(cv=3, **QUICK).fit(X, y, weight, person)
    held = np.concatenate([validation for _, validation in rows_of_folds(model)])
    np.testing.assert_array_equal(np.sort(held), np.flatnonzero(weight))
    assert all(not train & validation for train, validation in parts(model, person))


def test_the_past_trains_and_what_follows_validates_with_the_extension_and_the_refit():
    X = persons()[0]
    y = np.random.default_rng(0).normal(size=len(X))  # nothing to learn: the strongest λ is best
    given: dict[str, Any] = {**QUICK, "lambdas": [0, 0.3], "max_epochs": 100, "learning_rate_init": 0.05}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The best λ.*lies on the edge")
        model = MLPRegressorCV(cv=TimeSeriesSplit(3), **given).fit(X, y)
    assert model.choice_.extended
    assert model.n_rows_ == len(y)
    folds = rows_of_folds(model)
    assert all(train.max() < validation.min() for train, validation in folds)
    first = folds[0][1].min()
    assert np.isnan(model.out_of_fold_[:first]).all()
    assert np.isfinite(model.out_of_fold_[first:]).all()
    assert np.isfinite(model.predict_interval(X, alpha=0.5)).all()


@pytest.mark.parametrize(
    "cv, groups, message",
    [
        (
            KFold(3),
            "person",
            r"fold 0 has rows of .* groups, such as 'p\d+' in both of its parts.*GroupKFold",
        ),
        (16, "person", "16 folds need at least 16 groups, got 15"),
        (3, np.full(60, None), "the group is missing in 60 of 60 rows"),
        (3, np.zeros((60, 2)), r"one group per row, 60 in all, got shape \(60, 2\)"),
        (3, np.zeros(59), r"one group per row, 60 in all, got shape \(59,\)"),
    ],
)
def test_groups_that_cannot_be_kept_together_are_refused(cv, groups, message):
    X, _, y, person = persons()
    with pytest.raises(RequestError, match=message):
        MLPRegressorCV(cv=cv, **QUICK).fit(X, y, groups=person if isinstance(groups, str) else groups)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_a_search_and_a_cross_validation_route_groups_to_the_folds_within(routing):
    X, y, _, person = persons()
    model = MLPClassifierCV(cv=3, **QUICK).set_fit_request(groups=True)
    search = GridSearchCV(model, {"activation": ["relu", "tanh"]}, cv=GroupKFold(2))
    search.fit(X, y, groups=person)
    assert all(not train & validation for train, validation in parts(search.best_estimator_, person))
    found = cross_validate(
        model, X, y, params={"groups": person}, cv=GroupKFold(2), return_estimator=True, return_indices=True
    )
    for inner, rows in zip(found["estimator"], found["indices"]["train"], strict=True):
        assert all(not train & validation for train, validation in parts(inner, person[rows]))
