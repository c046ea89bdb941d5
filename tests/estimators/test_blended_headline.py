"""A model of several members is judged by its own predictions of unseen rows, not by its best member's."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, r2_score

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage.estimators.members import _blend
from shrinkage.evaluation import fold_losses
from shrinkage.reporting import charts_of, findings, render_fit_report, story_of

QUICK = {
    "search": "grid",
    "lambdas": [1e-3, 1e-2],
    "max_epochs": 10,
    "cv": 3,
    "max_extensions": 0,
    "random_state": 0,
    "dtype": "float64",
}


def problem(n=150):
    g = np.random.default_rng(0)
    X = g.normal(size=(n, 3))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] + 0.3 * g.normal(size=n)


@pytest.fixture(autouse=True)
def all_members_predict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blend, "TIED", 100.0)


def several(kind: Any, y: Any, **changes: Any) -> Any:
    model = kind((6,), inputs=("standard", "bounded", "piecewise"), **QUICK, **changes).fit(problem()[0], y)
    assert len(model.blend_.parts) > 1, "the test needs a model of several members"
    return model


def test_losses_and_metrics_of_a_regression_are_those_of_out_of_fold_predictions():
    y = problem()[1]
    model = several(MLPRegressorCV, y)
    losses, r2 = [], []
    for train, rows in model.fold_rows_:
        predicted = model.out_of_fold_[rows]
        losses.append(np.mean((y[rows] - predicted) ** 2) / y[train].var())
        r2.append(r2_score(y[rows], predicted))
    np.testing.assert_allclose(model.blended_.losses, losses, rtol=1e-9)
    np.testing.assert_allclose(model.blended_.metrics, r2, rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_losses_and_metrics_of_classes_are_those_of_out_of_fold_probabilities(classes: int):
    y = np.digitize(problem()[1], [0.0] if classes == 2 else [-0.7, 0.7])
    model = several(MLPClassifierCV, y, calibrate=False)
    for place, (_, rows) in enumerate(model.fold_rows_):
        shares = model.out_of_fold_[rows]
        assert model.blended_.losses[place] == pytest.approx(log_loss(y[rows], shares), rel=1e-9)
        assert model.blended_.metrics[place] == accuracy_score(y[rows], shares.argmax(axis=1))


def test_the_verdict_is_of_the_mean_prediction():
    y = problem()[1]
    model = several(MLPRegressorCV, y, loss="absolute_error")
    verdict = story_of(model).verdict
    for against in (verdict.constant, verdict.blend):
        assert against is not None
        assert against.chosen_loss == pytest.approx(model.blended_.losses.mean())
    main = fold_losses(model.path_, model.choice_.index, model.choice_.epoch).mean()
    assert verdict.blend is not None
    assert verdict.blend.loss == pytest.approx(main)
    assert verdict.stopped is not None
    assert verdict.stopped.chosen_loss == pytest.approx(main)
    text = " ".join(findings(story_of(model)))
    assert "The mean prediction of the members has a validation loss of" in text
    assert "On unseen rows the mean prediction of " in text
    assert f"{model.choice_.form} alone reached" in text


def test_one_member_is_judged_by_its_path():
    X, y = problem()
    model = MLPRegressorCV((6,), inputs="standard", **QUICK).fit(X, y)
    assert model.blended_ is None
    verdict = story_of(model).verdict
    assert verdict.blend is None
    assert verdict.constant is not None
    assert verdict.constant.chosen_loss == pytest.approx(model.path_.validation_mean[model.choice_.index])


def test_the_report_has_a_curve_and_a_row_for_each_member():
    y = problem()[1]
    model = several(MLPRegressorCV, y)
    story = story_of(model)
    assert [member.name for member in story.members] == ["standard", "bounded", "piecewise"]
    for member, path, loss, weight in zip(
        story.members, model.forms_.paths, model.forms_.losses, model.forms_.weights, strict=True
    ):
        assert member.path is path.result
        assert (member.loss, member.weight) == (loss, weight)
    page = render_fit_report(story)
    assert "All 3 models predict together" in page
    figure = charts_of(story)["members"]()
    drawn = [trace for trace in figure.data if trace["mode"] == "lines+markers"]
    for trace, path in zip(drawn, model.forms_.paths, strict=True):
        np.testing.assert_allclose(trace["y"], path.result.validation_mean)
    alone = MLPRegressorCV((6,), inputs="standard", **QUICK).fit(problem()[0], y)
    assert not story_of(alone).members
    assert "members" not in charts_of(story_of(alone))
