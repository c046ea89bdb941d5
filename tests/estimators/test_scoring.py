"""`scoring=`: λ is that of the best mean score on the rows that the folds held out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import make_scorer, mean_absolute_error, roc_auc_score

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import RequestError

CANCER: Any = load_breast_cancer(as_frame=True)
X, y = CANCER.data.iloc[:200, :8], np.array(["benign", "malignant"])[CANCER.target[:200]]
NUMBERS, values = (each[:120] for each in load_diabetes(return_X_y=True))
LAMBDAS = [0, 1e-2, 1e-1, 1]


QUICK = {
    "inputs": "standard",
    "lambdas": LAMBDAS,
    "cv": 3,
    "max_epochs": 8,
    "max_extensions": 0,
    "random_state": 0,
}


def classifier(**changes: Any) -> Any:
    return MLPClassifierCV((4,), **{**QUICK, "calibrate": False, **changes})


def regressor(**changes: Any) -> Any:
    return MLPRegressorCV((4,), **{**QUICK, **changes})


def test_scores_are_those_of_predictions_of_unseen_rows():
    fitted = classifier(scoring="roc_auc").fit(X, y)
    assert fitted.path_.validation_score is not None
    for place, lam in enumerate(LAMBDAS):
        alone = classifier(lambdas=[lam]).fit(X, y)
        expected = [roc_auc_score(y[rows], alone.out_of_fold_[rows, 1]) for _, rows in fitted.fold_rows_]
        np.testing.assert_allclose(fitted.path_.validation_score[place, :, 0], expected, rtol=1e-9)
    assert fitted.choice_.index == fitted.path_.validation_score.mean(axis=(1, 2)).argmax()
    assert fitted.best_score_ == fitted.path_.validation_score.mean(axis=(1, 2)).max()


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_that_are_losses_choose_as_the_loss(weighted: bool):
    weight = 1.0 + np.arange(len(y)) % 2 if weighted else None
    plain = classifier().fit(X, y, sample_weight=weight)
    for scoring, curve in (
        ("neg_log_loss", -plain.path_.validation_loss),
        ("accuracy", plain.path_.validation_metric),
    ):
        fitted = classifier(scoring=scoring).fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(fitted.path_.validation_score, curve[..., -1], rtol=1e-5)
    assert classifier(scoring="neg_log_loss").fit(X, y, weight).lambda_ == plain.lambda_
    assert plain.best_score_ == pytest.approx(-plain.path_.validation_mean.min())


def test_a_regression_is_scored_in_its_own_units():
    fitted = regressor(scoring="neg_mean_absolute_error", lambdas=[1e-2]).fit(NUMBERS, values)
    expected = [mean_absolute_error(values[rows], fitted.out_of_fold_[rows]) for _, rows in fitted.fold_rows_]
    assert fitted.path_.validation_score is not None
    np.testing.assert_allclose(-fitted.path_.validation_score[0, :, 0], expected, rtol=1e-9)


def test_a_function_sees_the_rows_of_its_fold():
    seen = []

    def cost(estimator, rows, targets):
        seen.append(rows)
        return -float(np.abs(estimator.predict(rows) - targets).max())

    weight = np.ones(len(values))  # which `cost` doesn't take
    fitted = regressor(scoring=cost, lambdas=[0, 1e-2]).fit(NUMBERS, values, weight)
    assert fitted.path_.score_name == "cost"
    assert {len(rows) for rows in seen} == {len(rows) for _, rows in fitted.fold_rows_}
    np.testing.assert_array_equal(seen[0], NUMBERS[fitted.fold_rows_[0][1]])


@pytest.mark.parametrize(
    "changes", [{"search": "bracket"}, {"fast": True}, {"select": "1se"}, {"restarts": 2}], ids=str
)
def test_every_search_goes_by_the_score(changes):
    fitted = classifier(scoring="average_precision", lambdas=8, **changes).fit(X, y == "benign")
    path = fitted.path_
    assert path.validation_score is not None
    mean, se = path.over_folds(path.validation_score)
    assert fitted.lambda_min_ == path.lambdas[mean.argmax()]
    within = mean >= mean.max() - se[mean.argmax()]
    assert fitted.lambda_1se_ == path.lambdas[within].max()


@pytest.mark.filterwarnings("ignore:The best λ")
def test_the_grid_grows_where_the_score_asks_for_it():
    grown = classifier(scoring=lambda e, rows, t: -float(e.predict_proba(rows).std()), max_extensions=1).fit(
        X, y
    )
    assert grown.choice_.extended == 1
    assert grown.lambda_ == grown.lambdas_[-1]


def test_members_are_chosen_by_the_score():
    fitted = classifier(scoring="roc_auc", inputs=("standard", "linear")).fit(X, y)
    blended = [roc_auc_score(y[rows], fitted.out_of_fold_[rows, 1]) for _, rows in fitted.fold_rows_]
    assert -fitted.forms_.blended_loss == pytest.approx(np.mean(blended), rel=1e-6)


def test_the_path_shows_the_score_beside_the_loss(tmp_path: Path):
    fitted = classifier(scoring="roc_auc").fit(X, y)
    assert {"validation_loss", "validation_score", "validation_score_se"} <= set(fitted.path_.to_frame())
    fitted.report(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "best mean validation roc_auc" in page
    assert "Validation roc_auc, which chose λ" in page


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"scoring": "auc"}, "scoring=…: .*get_scorer_names"),
        ({"scoring": ["accuracy"]}, "must be the name of one of scikit-learn's scorers"),
        ({"scoring": "accuracy", "stop": "best"}, "scores networks after their last epoch"),
        (
            {"scoring": make_scorer(lambda t, p: 1 / 0)},
            "failed on the rows that fold 0 held out: ZeroDivisionError",
        ),
    ],
)
def test_what_cannot_score_is_refused(changes, message: str):
    with pytest.raises(RequestError, match=message):
        classifier(**changes).fit(X, y)
