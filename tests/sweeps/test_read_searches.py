"""Searches of scikit-learn and Optuna as sweeps: rounds, splits, objectives, and trials that did not finish."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from shrinkage import RequestError, choose

optuna.logging.set_verbosity(optuna.logging.ERROR)

WD = (1e-4, 1e-3, 1e-2, 1e-1)
BEST = 1e-2


def loss(wd: float) -> float:
    return float((np.log10(wd) + 2) ** 2)


def study(
    objective: Callable[[optuna.Trial, float], Any], trials: int = 12, **directions: Any
) -> optuna.Study:
    """Trials over a logarithmic range, whose objectives are those of the trial and its strength."""
    found = optuna.create_study(sampler=optuna.samplers.RandomSampler(0), **directions)
    found.optimize(lambda t: objective(t, t.suggest_float("weight_decay", 1e-4, 1.0, log=True)), trials)
    return found


def test_attributes_that_are_no_scores_are_no_folds() -> None:
    study = optuna.create_study(direction="minimize")
    for wd in WD:
        study.add_trial(
            optuna.trial.create_trial(
                params={"weight_decay": wd},
                distributions={"weight_decay": optuna.distributions.FloatDistribution(1e-5, 1.0, log=True)},
                value=(np.log10(wd) + 2) ** 2,
                user_attrs={"hidden": [64, 32]},
            )
        )
    assert not choose(study).known


def test_an_objective_of_several_is_asked_for_and_has_its_own_direction() -> None:
    two = study(lambda t, wd: (loss(wd), -loss(wd)), directions=["minimize", "maximize"])
    with pytest.raises(RequestError, match="2 objectives: values_0, values_1"):
        choose(two)
    with pytest.raises(RequestError, match="no such objective, got 'values_2'"):
        choose(two, score="values_2")
    assert choose(two, score="values_0").sweep.direction == "minimize"
    assert choose(two, score="values_1").sweep.direction == "maximize"
    assert choose(two, score="values_0").best == choose(two, score="values_1").best


def test_trials_that_are_not_complete_are_counted() -> None:
    def objective(trial: optuna.Trial, wd: float) -> float:
        if trial.number % 3 == 0:
            raise optuna.TrialPruned
        return loss(wd)

    assert "4 of 12 trials are not complete and are left out." in str(choose(study(objective)))
    with pytest.raises(RequestError, match="none of the 0 trials is complete"):
        choose(optuna.create_study())


def test_a_search_is_read_from_its_csv_and_by_its_last_round_of_halving(tmp_path: Path) -> None:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV

    X, y = load_iris(return_X_y=True)
    grid = {"C": [1e-4, 1e-2, 1.0, 100.0]}
    search = GridSearchCV(
        LogisticRegression(max_iter=5000), grid, cv=ShuffleSplit(4, test_size=0.2, random_state=0)
    )
    search.fit(X, y)
    pd.DataFrame(search.cv_results_).to_csv(tmp_path / "search.csv")
    assert choose(tmp_path / "search.csv").best == search.best_params_
    assert choose(search).sweep.test_share == pytest.approx(0.25)
    halving = HalvingGridSearchCV(LogisticRegression(max_iter=5000), grid, cv=3, random_state=0).fit(X, y)
    assert choose(halving).best == halving.best_params_
    assert "last round of halving" in str(choose(halving))
    refit: Any = "neg_log_loss"
    scoring = ["accuracy", "neg_log_loss"]
    several = GridSearchCV(LogisticRegression(max_iter=5000), grid, scoring=scoring, refit=refit).fit(X, y)
    assert choose(several).sweep.score_name == "neg_log_loss"
    with pytest.raises(RequestError, match="several scores: accuracy, neg_log_loss"):
        choose(several.cv_results_)


def test_candidates_of_earlier_rounds_were_tried() -> None:
    scores = [0.6, 0.7, 0.9, 0.8, 0.91, 0.81]
    halving = {
        "params": [{"C": c} for c in (0.01, 0.1, 1.0, 10.0, 1.0, 10.0)],
        "iter": [0, 0, 0, 0, 1, 1],
        **{f"split{j}_test_score": [s + 0.001 * j for s in scores] for j in range(3)},
    }
    found = choose(halving)
    assert found.best == {"C": 1.0}
    assert found.at_edge == ()


@pytest.mark.parametrize(
    "search, sentence",
    [
        (
            GridSearchCV(LogisticRegression(), {"C": [1.0]}),
            "this GridSearchCV has no scores yet. Call its fit",
        ),
        (RidgeCV(), "RidgeCV does not keep the settings beside their scores"),
    ],
)
def test_a_search_without_scores_is_a_sentence(search: Any, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        choose(search)


def test_a_single_split_asks_for_folds() -> None:
    search = GridSearchCV(
        LogisticRegression(max_iter=5000), {"C": [0.1, 1.0]}, cv=ShuffleSplit(1, random_state=0)
    )
    assert "Next: score the settings on 5 folds" in str(choose(search.fit(*load_iris(return_X_y=True))))


def test_a_fitted_path_is_a_sweep_over_lambda() -> None:
    from shrinkage import MLPClassifierCV

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    model = MLPClassifierCV(
        (4,), inputs="standard", lambdas=[0, 0.01, 1.0], cv=3, max_epochs=5, max_extensions=0
    )
    found = choose(model.set_params(search="grid", random_state=0).fit(X, X[:, 0] > 0))
    assert found.best == {"lambda": model.lambda_}
    assert len(found.sweep.scores[0]) == 3
    assert choose(model.path_.to_frame()).best == found.best
