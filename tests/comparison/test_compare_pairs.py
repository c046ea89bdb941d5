"""What is equal by algebra ends equal to rounding; what is not, does not."""

from __future__ import annotations

import numpy as np
import pytest

from comparison_cases import diabetes, iris, mixed, table_of
from shrinkage.comparison import Setting
from shrinkage.comparison._pairs import EQUAL_WITHIN, measured_pairs
from shrinkage.tables import split_target

FRAMES = {"iris": (iris, "target"), "diabetes": (diabetes, "target"), "mixed": (mixed, "kind")}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_equal_pairs_are_equal_and_alike_ones_are_not(name, activation):
    make, target = FRAMES[name]
    problem = split_target(table_of(make()), target)
    pairs, lam, epochs, yardstick = measured_pairs(
        problem, Setting(epochs=30, activation=activation), 0.05, 0
    )
    assert (lam, epochs) == (0.05, 30)
    for pair in pairs:
        assert pair.equal == pair.by_algebra, pair
        assert pair.predictions < 1e-10 if pair.by_algebra else pair.predictions > 0
    assert yardstick > 100 * EQUAL_WITHIN


def test_against_the_step_written_out():
    """The pairs' L2 is the textbook's update: one full-batch step of a linear model by hand."""
    frame = diabetes()
    problem = split_target(table_of(frame), "target")
    setting = Setting(hidden_layer_sizes=(), epochs=1, batch_size=len(frame), learning_rate=0.2)
    from shrinkage.comparison._methods import sgd
    from shrinkage.comparison._splits import targets
    from shrinkage.path import Fold, fitted_scale, standard_inputs
    from shrinkage.rules import L2, WeightDecay

    Y, loss = targets(problem)
    X, rows = problem.features.to_numpy(np.float64), np.arange(len(frame))
    fold = Fold(
        number=-1, inputs=standard_inputs(X, fitted_scale(X, rows, None)), Y=Y, weight=None, train=rows, validation=None,
        y_scale=fitted_scale(Y, rows, None),
    )  # fmt: skip
    member = fold.member(0, "float64", "cpu")

    def step(rule, lam):
        return sgd(rule, setting, loss).train([lam], [member], seed=0).networks[0, 0]

    start_free, lam = step(L2(0.0), 0.0), 0.3
    l2 = step(L2(0.0), lam)
    # w₁ = w₀ − η(g + λw₀): the two runs differ by ηλw₀ in the weights and by nothing in the bias.
    w0 = (start_free - l2)[:-1] / (0.2 * lam)
    assert start_free[-1] == l2[-1]
    original = step(WeightDecay(0.0, of="original"), lam)
    np.testing.assert_allclose(original[:-1], start_free[:-1] - 0.06 * w0, rtol=1e-13)
    updated = step(WeightDecay(0.0), lam)
    np.testing.assert_allclose(updated[:-1], start_free[:-1] / 1.06, rtol=1e-13)


def test_a_chosen_lambda_of_zero_takes_a_stand_in():
    problem = split_target(table_of(iris()), "target")
    _, lam, _, _ = measured_pairs(problem, Setting(epochs=1), 0.0, 0)
    assert lam == 0.01


@pytest.mark.parametrize("eta, adam_eta", [(0.001, 0.5), (0.5, 0.001)])
def test_no_step_of_a_pair_takes_more_than_half_of_a_weight(eta, adam_eta):
    problem = split_target(table_of(iris()), "target")
    setting = Setting(epochs=1, learning_rate=eta, adam_learning_rate=adam_eta)
    _, lam, _, _ = measured_pairs(problem, setting, 50.0, 0)
    assert lam == 1.0
