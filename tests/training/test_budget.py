"""Epochs, batch and learning rate by the rows of a table."""

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from shrinkage import MLPRegressorCV
from shrinkage._errors import RequestError
from shrinkage.training import Backprop, budget_of

ROWS = [2, 100, 128, 129, 500, 501, 3_000, 10_000, 30_000, 54_000, 100_000, 500_000, 10**8]


def test_more_rows_get_fewer_epochs_larger_batches_and_no_higher_rate():
    budgets = [budget_of(rows) for rows in ROWS]
    for before, after in pairwise(budgets):
        assert after.epochs <= before.epochs
        assert after.learning_rate <= before.learning_rate
    batches = [budget.batch_size for budget in budgets[3:]]  # up to 128 rows a batch is all of them
    assert batches == sorted(batches)


@pytest.mark.parametrize("rows", ROWS)
def test_more_rows_never_get_fewer_steps_beyond_full_batches(rows: int):
    def steps(n: int) -> float:
        budget = budget_of(n)
        return budget.epochs * n / budget.batch_size

    assert steps(rows) >= 0.5 * steps(max(2, rows // 2))


@pytest.mark.parametrize("rows", [2, 100, 128])
def test_a_batch_of_a_small_table_is_all_of_it(rows: int):
    assert budget_of(rows).batch_size == rows


def test_what_is_given_stays():
    budget = budget_of(5_000, epochs=7, batch_size=33, learning_rate=0.4)
    assert (budget.epochs, budget.batch_size, budget.learning_rate, budget.chosen) == (7, 33, 0.4, ())
    assert budget_of(20, batch_size=500).batch_size == 20


@pytest.mark.parametrize("optimizer, power", [("adam", 0.5), ("sgd", 1.0)])
def test_a_chosen_rate_goes_with_the_batch_that_was_given(optimizer: str, power: float):
    rates = [budget_of(50_000, batch_size=b, optimizer=optimizer).learning_rate for b in (4, 16, 64)]
    np.testing.assert_allclose(np.diff(np.log(rates)), power * np.log(4), rtol=0.05)  # to two digits
    assert budget_of(50_000, batch_size=50_000, optimizer=optimizer).learning_rate == 0.02


@pytest.mark.parametrize(
    "given, words",
    [
        ({"epochs": 0}, "epochs=…: must be a whole number >= 1"),
        ({"epochs": "many"}, "epochs=…: must be a whole number >= 1, got 'many'"),
        ({"batch_size": 2.5}, "batch_size=…: must be a whole number"),
        ({"learning_rate": "quick"}, "learning_rate=…: must be auto, or > 0 and finite, got 'quick'"),
        ({"learning_rate": 0.0}, "learning_rate=…: must be auto, or > 0"),
        ({"learning_rate": np.nan}, "learning_rate=…: must be auto, or > 0"),
    ],
)
def test_what_is_no_budget_is_named(given: Any, words: str):
    with pytest.raises(RequestError, match=re.escape(words)):
        budget_of(100, **given)


def test_a_chosen_rate_falls_with_the_root_of_inputs_and_width_and_a_given_one_stays():
    budget = budget_of(1_000)
    assert [budget.rate_at(inputs) for inputs in (1, 64, 256, 6400)] == [0.02, 0.02, 0.01, 0.002]
    assert [budget.rate_at(inputs, 4) for inputs in (1, 64, 256, 6400)] == [0.01, 0.01, 0.005, 0.001]
    given = budget_of(1_000, learning_rate=0.02)
    assert given.rate_at(6400) == given.rate_at(6400, 4) == 0.02


def test_the_sentence_says_what_was_chosen():
    assert str(budget_of(54_000)) == (
        "Each network trains for 30 epochs, in batches of 128 rows, at a learning rate of up to 0.01 "
        "(chosen for 54,000 rows)."
    )
    assert "(learning rate chosen for 54,000 rows)" in str(budget_of(54_000, epochs=3, batch_size=8))
    assert "chosen" not in str(budget_of(9, epochs=3, batch_size=8, learning_rate=0.1))


def test_an_estimator_trains_by_the_budget_of_the_rows_that_count():
    X = np.random.default_rng(0).normal(size=(140, 2))
    weight = np.repeat([1.0, 0.0], [130, 10])
    model = MLPRegressorCV((2,), inputs="standard", lambdas=[0.01], cv=2, random_state=0, max_epochs=4)
    model.fit(X, X.sum(axis=1), sample_weight=weight)
    trainer = model.recipe_.trainer
    assert isinstance(trainer, Backprop)
    assert model.budget_ == budget_of(130, epochs=4)
    assert (trainer.batch_size, trainer.learning_rate, model.path_.n_epochs) == (64, 0.02, 4)
