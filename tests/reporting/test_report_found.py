"""What a report says of a real fit: its findings in words, and the chosen λ as the number to type elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

from reporting_cases import made_story
from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage.evaluation import LinearPath, fold_losses
from shrinkage.reporting import (
    FitStory,
    StrengthElsewhere,
    findings,
    render_fit_report,
    strengths_elsewhere,
)
from shrinkage.reporting import story_of as told_by_itself

LAM, LR, BATCH = 0.01, 0.05, 20
QUICK: dict[str, Any] = {
    "inputs": "standard",
    "search": "grid",
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


def elsewhere(model: Any) -> list[StrengthElsewhere]:
    return strengths_elsewhere(model.lambda_, model.recipe_, model.networks_.n_outputs)


def told(model: Any) -> dict[str, float]:
    return {place.argument: float(place.value) for place in elsewhere(model)}


def story_of(model: Any, **changes: Any) -> FitStory:
    """The story of a model, told with another choice or another path."""
    path = changes.get("path", model.path_)
    weights = [model.networks_.weights(place) for place in range(len(path.lambdas))]
    return made_story(
        **{"path": path, "choice": model.choice_, "weights": weights, "linear": None, "constant_losses": None}
        | changes
    )


@pytest.mark.parametrize("solver, name", [("adam", "Adam"), ("sgd", "SGD")])
def test_l2_is_what_torch_and_scikit_learn_call_it(solver: str, name: str) -> None:
    """scikit-learn's penalty is alpha/(2·batch) Σ w²."""
    assert told(fitted(solver=solver)) == {
        "λ": LAM,
        f"torch.optim.{name}(weight_decay=…)": pytest.approx(LAM),
        "MLPClassifier(alpha=…)": pytest.approx(LAM * BATCH),
    }


def test_l2_of_a_regression_is_given_for_regressors() -> None:
    """Half of the squared error is what scikit-learn minimizes, so its penalty has half of λ."""
    model = fitted(MLPRegressorCV)
    assert told(model)["MLPRegressor(alpha=…)"] == pytest.approx(LAM * BATCH / 2)
    assert all("inputs and targets" in place.note for place in elsewhere(model)[1:])


@pytest.mark.parametrize(
    "rule, solver, argument, value",
    [
        ("decoupled", "adam", "torch.optim.AdamW(weight_decay=…)", LAM),
        ("decoupled", "sgd", "shrinkage.attach(optimizer, Decoupled(…, clock='lr'))", LAM),
        (
            "decoupled_constant",
            "adam",
            "shrinkage.attach(optimizer, Decoupled(rate=…, clock='constant'))",
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
def test_other_rules_are_described_by_their_argument(
    rule: str, solver: str, argument: str, value: float
) -> None:
    assert told(fitted(rule=rule, solver=solver)) == {"λ": LAM, argument: pytest.approx(value)}


def test_a_swarm_has_no_other_number() -> None:
    assert told(fitted(trainer="swarm", swarm="constriction", batch_size="auto")) == {"λ": LAM}


def changed(model: Any, *, path: Any = None, **changes: Any) -> list[str]:
    """The findings of the model had it been chosen otherwise."""
    story = story_of(model, choice=replace(model.choice_, **changes), path=path or model.path_)
    return [sentence.replace("\xa0", " ") for sentence in findings(story)]


@pytest.fixture(scope="module")
def three() -> Any:
    return fitted(lambdas=(0.0, 0.01, 1.0), max_epochs=20)


@pytest.mark.parametrize(
    "changes, says",
    [
        (
            {"extended": 1},
            "The grid was extended once, to λs from 0 to 1, because the best λ was at its edge.",
        ),
        ({"extended": 2}, "The grid was extended 2 times, to λs"),
        ({"at_edge": True}, "The best λ is at the edge of the grid: a value beyond it may be better."),
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
        (
            {"index": 1, "lam": 0.01},
            "λ = 0.01 was chosen for its smallest mean validation loss; the largest weight",
        ),
        (
            {"index": 0, "lam": 0.0},
            "λ = 0 was kept for its smallest mean validation loss: no stronger one did better.",
        ),
    ],
)
def test_descriptions_of_a_choice(three: Any, changes: dict[str, Any], says: str) -> None:
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
    said = [sentence for sentence in findings(story_of(model)) if "dropped" in sentence]
    dropped = model.choice_.dropped
    assert len(said) == 1
    assert dropped[-1] == 10
    assert f"{len(dropped)} λs of 5" in said[0]
    whole = fitted(lambdas=(0.0, 1e-3, 0.01, 3.0, 10.0), max_epochs=40, cv=5, max_extensions=0)
    assert not any("dropped" in sentence for sentence in findings(story_of(whole)))


@pytest.mark.parametrize(
    "gains, says",
    [
        (
            (1.0, 1.0, 1.1),
            "Regularization helped: the validation loss is 0.967 at λ = 0.01 and 2 at λ = 0 stopped at",
        ),
        (
            (1.0, -1.0, 0.5),
            "These rows can't tell whether regularization helped: the validation loss is 1.83 at λ = 0.01",
        ),
        (
            (-1.0, -1.0, -1.1),
            "Early stopping alone did better than regularization: the validation loss is 3.03",
        ),
    ],
)
def test_the_answer_is_that_of_the_paired_test(three: Any, gains: Any, says: str) -> None:
    loss = np.full(three.path_.validation_loss.shape, 2.0)
    loss[1] = 2 - np.array(gains)[:, None, None]
    sentences = changed(
        three, path=replace(three.path_, validation_loss=loss), index=1, lam=0.01, select="min"
    )
    assert sum(sentence.startswith(says) for sentence in sentences) == 1


def test_no_penalty_is_held_against_at_its_own_best_epoch_first_and_after_all_epochs_second(
    three: Any,
) -> None:
    """Without a penalty the loss is 1 at epoch 5 and 4 at the end; the chosen λ has 2 throughout."""
    loss = np.full(three.path_.validation_loss.shape, 2.0)
    loss[0] = np.where(np.arange(1, 21) == 5, 1.0, 4.0)
    loss *= np.array([0.9, 1.0, 1.1])[:, None, None]
    fair, flattering, *_ = changed(three, path=replace(three.path_, validation_loss=loss), index=1, lam=0.01)
    assert fair.startswith(
        "Early stopping alone did better than regularization: the validation loss is 2 at λ = 0.01 and 1 "
    )
    assert "stopped at its own best epoch (5 of 20): 100.0 % higher (difference −1 ± " in fair
    assert flattering.startswith(
        "After all 20 epochs λ = 0 has 4; the chosen λ is 50.0 % lower than that (difference 2 ± "
    )


def test_a_network_that_loses_to_a_constant_is_reported_first_and_never_recommended(three: Any) -> None:
    story = story_of(three, constant_losses=np.zeros(3), strengths=elsewhere(three))
    assert findings(story)[0].startswith(
        "The network loses to always predicting the class shares of the training rows: "
    )
    assert 'id="elsewhere"' not in render_fit_report(story)
    useful = story_of(three, constant_losses=np.full(3, 50.0), strengths=elsewhere(three))
    assert 'id="elsewhere"' in render_fit_report(useful)
    assert not any("always predicting" in sentence for sentence in findings(useful))


@pytest.mark.parametrize(
    "gain, says", [(1.0, "The network beats a linear model: "), (-0.1, "A linear model does better")]
)
def test_a_linear_model_is_a_rival(three: Any, gain: float, says: str) -> None:
    own = fold_losses(three.path_, three.choice_.index, three.choice_.epoch)
    linear = LinearPath(name="logistic regression", lambdas=np.ones(1), losses=(own + gain)[None])
    assert any(sentence.startswith(says) for sentence in findings(story_of(three, linear=linear)))


def test_figures_are_those_of_the_epoch_that_was_judged(three: Any) -> None:
    """Of an early epoch the training rows are known by the running mean alone."""
    epochs = np.array([4, 4, 4])
    early = changed(three, stop="best", epochs=epochs, epoch=4, index=0, lam=0.0)
    train, validation = (
        100 * float(getattr(three.path_, f"{part}_metric")[0, ..., 3].mean())
        for part in ("train", "validation")
    )
    (said,) = (sentence for sentence in early if sentence.startswith("On unseen rows"))
    assert f"reached accuracy {validation:.1f} % ± " in said
    assert f"on its training rows {train:.1f} %" in said


@pytest.mark.parametrize(
    "form, words",
    [
        ("standard", "on standardized inputs and targets,"),
        (
            "bounded",
            "on inputs in the bounded form (median and quantile scaling, at most ±3) and standardized targets,",
        ),
        ("deep", "on inputs in the bounded form"),
        ("piecewise", "on inputs in the piecewise form"),
        ("deep_piecewise", "on inputs in the piecewise form"),
        ("wide_piecewise", "on inputs in the piecewise form"),
    ],
)
def test_strengths_elsewhere_name_the_inputs_that_they_hold_for(form: str, words: str) -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = MLPRegressorCV((3,), inputs=form, lambdas=[1e-2], max_epochs=2, cv=2, random_state=0)
    in_torch = next(s for s in told_by_itself(model.fit(X, X[:, 0])).strengths if s.framework == "PyTorch")
    assert words in in_torch.note


@pytest.mark.parametrize(
    "loss, words", [("poisson", "learned, divided by its mean"), ("huber", "learned, standardized")]
)
def test_the_table_of_columns_says_how_the_target_was_scaled(loss: str, words: str) -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = MLPRegressorCV(
        (3,), inputs="standard", loss=loss, lambdas=[1e-2], max_epochs=2, cv=2, random_state=0
    )
    assert told_by_itself(model.fit(X, np.exp(X[:, 0]))).columns[-1].treatment == words
