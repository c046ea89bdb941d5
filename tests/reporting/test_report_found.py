"""What a report says of a real fit: its findings in words, and the chosen λ as the number to type elsewhere."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage.reporting._found import findings, strengths_elsewhere

LAM, LR, BATCH = 0.01, 0.05, 20
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (3,),
    "max_epochs": 3,
    "cv": 3,
    "batch_size": BATCH,
    "learning_rate_init": LR,
    "random_state": 0,
    "keep_path": True,
}


def fitted(kind: Any = MLPClassifierCV, lambdas: Any = (LAM,), **changes: Any) -> Any:
    load: Any = load_iris if kind is MLPClassifierCV else load_diabetes
    X, y = load(return_X_y=True)
    return kind(**{**QUICK, "lambdas": list(lambdas), **changes}).fit(X[::2], y[::2])


def told(model: Any) -> dict[str, float]:
    return {place.argument: float(place.value) for place in strengths_elsewhere(model)}


@pytest.mark.parametrize("solver, name", [("adam", "Adam"), ("sgd", "SGD")])
def test_l2_is_what_torch_and_scikit_learn_call_it(solver: str, name: str) -> None:
    """scikit-learn's penalty is alpha/(2·batch) Σ w²."""
    assert told(fitted(solver=solver)) == {
        "λ": LAM,
        f"torch.optim.{name}(weight_decay=…)": pytest.approx(LAM),
        "MLPClassifier(alpha=…)": pytest.approx(LAM * BATCH),
    }


def test_l2_of_a_regression_is_told_for_regressors() -> None:
    """Half of the squared error is what scikit-learn minimizes, so its penalty has half of λ."""
    model = fitted(MLPRegressorCV)
    assert told(model)["MLPRegressor(alpha=…)"] == pytest.approx(LAM * BATCH / 2)
    assert all("inputs and targets" in place.note for place in strengths_elsewhere(model)[1:])


@pytest.mark.parametrize(
    "rule, solver, argument, value",
    [
        ("decoupled", "adam", "torch.optim.AdamW(weight_decay=…)", LAM),
        ("decoupled", "sgd", "shrinkage.attach(optimizer, Decoupled(…, clock='lr'))", LAM),
        (
            "decoupled_constant",
            "adam",
            "shrinkage.attach(optimizer, Decoupled(…, clock='constant'))",
            LAM * LR,
        ),
        (
            "weight_decay",
            "sgd",
            "shrinkage.attach(optimizer, WeightDecay(…, of='updated'))",
            LAM * LR / (1 + LAM * LR),
        ),
        (
            "weight_decay_original",
            "sgd",
            "shrinkage.attach(optimizer, WeightDecay(…, of='original'))",
            LAM * LR,
        ),
        ("l1", "adam", "shrinkage.attach(optimizer, L1(…))", LAM),
    ],
)
def test_another_rule_is_told_as_what_it_takes(rule: str, solver: str, argument: str, value: float) -> None:
    assert told(fitted(rule=rule, solver=solver)) == {"λ": LAM, argument: pytest.approx(value)}


def test_a_swarm_has_no_other_number() -> None:
    assert told(fitted(trainer="swarm", swarm="constriction", batch_size="auto")) == {"λ": LAM}


def changed(model: Any, **changes: Any) -> list[str]:
    """The findings of the model had it been chosen otherwise."""
    other = copy.copy(model)
    other.choice_ = replace(model.choice_, **changes)
    return [sentence.replace("\xa0", " ") for sentence in findings(other)]


@pytest.fixture(scope="module")
def three() -> Any:
    return fitted(lambdas=(0.0, 0.01, 1.0), max_epochs=20)


@pytest.mark.parametrize(
    "changes, says",
    [
        (
            {"extended": 1},
            "The grid was extended once, to λs from 0 to 1, because the best λ lay on its edge.",
        ),
        ({"extended": 2}, "The grid was extended 2 times, to λs"),
        ({"at_edge": True}, "The best λ lies on the edge of the grid: a value beyond it may be better."),
        (
            {"extended": 1, "dropped": (5.0, 10.0), "dropped_after": (2, 2)},
            "The grid was extended once, to λs from 0 to 10, because",
        ),
        (
            {"dropped": (5.0,), "dropped_after": (2,)},
            "To save time one λ of 4 (5) was dropped after 2 of 3 folds: worse there than the best λ, by a paired t-test "
            "at 5 %.",
        ),
        (
            {"dropped": (0.001, 0.002, 5.0, 10.0), "dropped_after": (3, 3, 4, 3)},
            "To save time 4 λs of 7 (from 0.001 to 0.002 and from 5 to 10) were dropped after 3 to 4 of 3 folds",
        ),
        ({"diverged": (0.0, 1.0)}, "Training diverged at λ = 0, 1, left out of the choice"),
        (
            {"select": "1se", "index": 1, "lam": 0.01},
            "λ = 0.01 was chosen as the strongest within one standard error of the smallest mean validation loss",
        ),
        ({"index": 1, "lam": 0.01}, "λ = 0.01 was chosen for its smallest mean validation loss: accuracy"),
        (
            {"index": 0, "lam": 0.0},
            "λ = 0 was kept for its smallest mean validation loss: no stronger one did better.",
        ),
    ],
)
def test_what_a_choice_is_said_to_be(three: Any, changes: dict[str, Any], says: str) -> None:
    assert any(sentence.startswith(says) for sentence in changed(three, **changes))
    settled = {"extended": 0, "at_edge": False, "diverged": (), "index": 2, "lam": 1.0, "select": "min"}
    assert not any(sentence.startswith(says) for sentence in changed(three, **settled))


def test_one_lambda_is_kept_without_a_contest() -> None:
    model = fitted()
    assert any("λ = 0.01 was kept: no other λ was tried." in sentence for sentence in changed(model))


def test_a_lambda_that_is_left_alone_by_a_race_had_a_contest() -> None:
    sentences = changed(fitted(), dropped=(0.1, 1.0), dropped_after=(3, 3))
    assert any(
        "λ = 0.01 was kept for its smallest mean validation loss" in sentence for sentence in sentences
    )


def test_a_fast_fit_says_once_what_it_dropped() -> None:
    model = fitted(lambdas=(0.0, 1e-3, 0.01, 3.0, 10.0), max_epochs=40, cv=5, fast=True, max_extensions=0)
    said = [sentence for sentence in findings(model) if "dropped" in sentence]
    dropped = model.choice_.dropped
    assert len(said) == 1
    assert dropped[-1] == 10
    assert f"{len(dropped)} λs of 5" in said[0]
    whole = fitted(lambdas=(0.0, 1e-3, 0.01, 3.0, 10.0), max_epochs=40, cv=5, max_extensions=0)
    assert not any("dropped" in sentence for sentence in findings(whole))


def test_a_gain_below_its_standard_error_is_hardly_a_choice(three: Any) -> None:
    """Gains of 1, 1 and 1.5 in the three folds are clear; of 1, −1 and 0.5 they are not."""
    for gains, hardly in (((1.0, 1.0, 1.5), False), ((1.0, -1.0, 0.5), True)):
        model = copy.copy(three)
        loss = np.full(three.path_.validation_loss.shape, 2.0)
        loss[1] = 2 - np.array(gains)[:, None, None]
        model.path_ = replace(three.path_, validation_loss=loss)
        sentences = changed(model, index=1, lam=0.01, select="min")
        assert any("hardly a choice" in sentence for sentence in sentences) is hardly
        one_error = changed(model, index=1, lam=0.01, select="1se")  # chosen for no gain at all
        assert not any("hardly a choice" in sentence for sentence in one_error)


def test_figures_are_those_of_the_epoch_that_was_judged(three: Any) -> None:
    """Of an early epoch the training rows are known by the running mean alone."""
    epochs = np.array([4, 4, 4])
    early = changed(three, stop="best", epochs=epochs, epoch=4, index=0, lam=0.0)
    train, validation = (
        100 * float(getattr(three.path_, f"{part}_metric")[0, ..., 3].mean())
        for part in ("train", "validation")
    )
    assert f"reached accuracy {train:.1f} % on the rows" in early[0]
    assert f"and accuracy {validation:.1f} % on rows it had not seen" in early[0]
