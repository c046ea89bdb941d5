"""`lambdas="evidence"`: one run whose λ moves, against the closed form, and how it is reported."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification

import shrinkage as sh
from controller_cases import evidence_of_ridge, ridge_problem
from shrinkage.estimators import Runtime
from shrinkage.reporting import findings, render_fit_report, story_of


def classified(**changes: Any) -> Any:
    X, y = make_classification(80, 5, random_state=0)
    given = {"lambdas": "evidence", "max_epochs": 30, "cv": 3, "random_state": 0, **changes}
    return sh.MLPClassifierCV((6,), **given).fit(X, y)


def test_without_hidden_layers_it_is_the_closed_form_of_ridge():
    """In standardized units, which the networks learn in."""
    X, y = (a.numpy() for a in ridge_problem())
    model = sh.MLPRegressorCV(
        (), lambdas="evidence", solver="sgd", momentum=0, learning_rate="constant", learning_rate_init=0.2,
        max_epochs=600, batch_size=60, dtype="float64", cv=2,
    ).fit(X, y.ravel())  # fmt: skip
    Xs, ys = ((a - a.mean(0)) / a.std(0) for a in (X, y))
    assert model.lambda_ == pytest.approx(evidence_of_ridge(*map(torch.from_numpy, (Xs, ys))), rel=1e-6)


def test_the_trace_of_every_network_is_kept():
    model = classified()
    assert model.path_.trace.shape == (1, 3, 1, 30)
    assert model.path_.refit_trace.shape == (30,)
    assert model.path_.refit_trace[-1] == model.lambda_ == model.lambdas_[0] == model.choice_.lam
    assert len(np.unique(model.path_.refit_trace)) == 3  # it is set after 10 epochs and after 20


def test_a_strength_a_layer_is_one_strength_of_the_same_penalty():
    model = classified(strengths="layers")
    assert model.path_.trace.shape == (1, 3, 1, 30, 2)
    last = model.path_.refit_trace[-1]
    sizes = [np.square(W.astype(float)).sum() for W in model.coefs_]
    assert model.lambda_ == pytest.approx((last * sizes).sum() / np.sum(sizes))
    assert last[0] != last[1]


def test_each_network_is_trained_once():
    """Those of the folds judge λ, and predict for the rows that they hold out."""
    done: list[tuple[float, float]] = []
    X, y = make_classification(80, 5, random_state=0)
    model = sh.MLPClassifierCV((6,), lambdas="evidence", max_epochs=10, cv=3, random_state=0)
    model._fit(X, y, None, Runtime(progress=lambda at, of: done.append((at, of))))
    assert done[-1] == (4 * 10, 4 * 10)
    plain = sh.MLPClassifierCV(
        (6,), lambdas="evidence", max_epochs=10, cv=3, random_state=0, out_of_fold=False
    )
    assert np.array_equal(plain.fit(X, y).coefs_[0], model.coefs_[0])


@pytest.mark.parametrize("strengths", ["network", "layers"])
def test_the_report_tells_how_lambda_moved(strengths: str):
    story = story_of(classified(strengths=strengths))
    assert any(text.startswith("No λ was chosen: in one run") for text in findings(story))
    page = render_fit_report(story)
    assert "How λ moved" in page
    assert "λ after training" in page
    assert "Chosen λ" not in page
    assert "Loss against λ" not in page


def test_the_strengths_of_layers_are_listed_as_one_penalty():
    model = classified(strengths="layers")
    (words,) = [text for text in findings(story_of(model)) if text.startswith("No λ was chosen")]
    assert re.search(
        r"most likely: \S+ and \S+ from the first layer to the last, the same penalty as λ", words
    )


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"lambdas": "evident"}, "must be auto, evidence, a count or a list of λs, got 'evident'"),
    ({"rule": "l1"}, "Gaussian prior, which is an L2 penalty; L1 is not one"),
    ({"trainer": "swarm"}, "no controller can move λ"),
    ({"class_weight": "balanced"}, "Leave class_weight=… out"),
    ({"select": "1se"}, "select='1se' has no effect, because the folds choose nothing"),
    ({"fast": True}, "fast=True has no effect, because the folds choose nothing"),
    ({"inputs": ["standard", "bounded"]}, "only one form of input is possible"),
    ({"network": lambda i, o: torch.nn.Linear(i, o)}, "trains only the package's perceptrons"),
    ({"lambdas": "auto", "strengths": "layers"}, "Use a controller"),
]


@pytest.mark.parametrize("given, words", REFUSED, ids=[words for _, words in REFUSED])
def test_what_makes_no_sense_is_refused(given: dict[str, Any], words: str):
    with pytest.raises(sh.RequestError) as raised:
        classified(**given)
    assert words in str(raised.value)


def test_evidence_refuses_row_weights():
    X, y = make_classification(80, 5, random_state=0)
    with pytest.raises(sh.RequestError, match="weights are not counts"):
        sh.MLPClassifierCV(lambdas="evidence").fit(X, y, np.ones(80))


@pytest.mark.parametrize("number", ["a", None, 0, -1.0, float("nan"), True])
@pytest.mark.parametrize(
    "make",
    [
        lambda x: sh.Hypergradient(rate=x),
        lambda x: sh.Hypergradient(smallest=x),
        lambda x: sh.Evidence(largest=x),
        lambda x: sh.TargetNorm(x),
        lambda x: sh.Timescale(x),
    ],
)
def test_settings_of_controllers_are_positive_numbers(make: Any, number: Any):
    with pytest.raises(sh.RequestError, match="must be > 0"):
        make(number)
