"""Known numbers: one strength in every convention, and closed forms of the less usual ones."""

from __future__ import annotations

import math
from typing import Any

import pytest

from shrinkage.sweeps import convert

RUN: dict[str, Any] = {"lr": 0.1, "momentum": 0.9, "rows": 50_000, "batch_size": 128}

EXACT = {
    "lam": 1e-4,
    "keras.regularizers.L2": 5e-5,
    "tf.contrib.layers.l2_regularizer": 1e-4,
    "paddle.regularizer.L2Decay": 1e-4,
    "l2_penalty": 5e-5,
    "sklearn.linear_model.SGDClassifier": 1e-4,
    "sklearn.neural_network.MLPClassifier": 0.0128,
    "sklearn.neural_network.MLPClassifier:solver=lbfgs": 5.0,
    "sklearn.linear_model.LogisticRegression": 0.2,
    "liblinear": 0.2,
    "prior_precision": 5.0,
    "mackay_alpha": 5.0,
    "textbook": 5.0,
    "torch.optim.Adam": 1e-4,
    "torch.optim.SGD:reduction=sum": 0.0128,
}
FIRST_ORDER = {
    "keras.optimizers.SGD": 1e-3,
    "timm.optim.SGDW": 1e-3,
    "composer.optim.DecoupledSGDW": 1e-4,
    "tfa.optimizers.SGDW": 1e-4,
    "shrink": 1e-4,
    "timescale_steps": 1e4,
    "timescale_epochs": 25.6,
    "half_life_steps": -math.log(2) / math.log1p(-1e-4),
}


@pytest.mark.parametrize("target, value", EXACT.items())
def test_one_objective_in_every_convention(target, value):
    conversion = convert(1e-4, "torch.optim.SGD", target, **RUN)
    assert conversion.value == pytest.approx(value, rel=1e-12)
    assert conversion.exact
    assert conversion.lam == pytest.approx(1e-4)


@pytest.mark.parametrize("target, value", FIRST_ORDER.items())
def test_its_first_order_equals_as_a_decay(target, value):
    conversion = convert(1e-4, "torch.optim.SGD", target, **RUN)
    assert conversion.value == pytest.approx(value, rel=1e-12)
    assert not conversion.exact
    assert "first order" in conversion.note


@pytest.mark.parametrize(
    "value, source, target, run, expected",
    [
        # scikit-learn's default alpha as a torch weight_decay: beside cross-entropy, MSELoss, ½ squared error
        (1e-4, "sklearn.neural_network.MLPClassifier", "torch.optim.Adam", {"batch_size": 200}, 5e-7),
        (
            1e-4,
            "sklearn.neural_network.MLPRegressor",
            "torch.optim.Adam",
            {"loss": "mse", "outputs": 1},
            1e-6,
        ),
        (
            1e-4,
            "sklearn.neural_network.MLPRegressor",
            "torch.optim.Adam",
            {"loss": "mse", "outputs": 4},
            2.5e-7,
        ),
        (
            1e-4,
            "sklearn.neural_network.MLPRegressor",
            "torch.optim.Adam",
            {"loss": "half_squared_error"},
            5e-7,
        ),
        (
            1e-4,
            "sklearn.neural_network.MLPClassifier",
            "torch.optim.Adam",
            {"loss": "bce", "outputs": 4},
            1.25e-7,
        ),
        # a mini-batch is never larger than the data
        (1e-4, "sklearn.neural_network.MLPClassifier", "lam", {"rows": 50}, 2e-6),
        # Ridge beside MSELoss: 2 alpha/n
        (3.0, "sklearn.linear_model.Ridge", "lam", {"rows": 100, "loss": "mse", "outputs": 1}, 0.06),
        (3.0, "sklearn.linear_model.Ridge", "lam", {"rows": 100, "loss": "half_squared_error"}, 0.03),
        (2.0, "prior_precision", "lam", {"rows": 100, "noise_variance": 0.25}, 5e-3),
        (3.0, "sklearn.linear_model.Ridge", "sklearn.linear_model.SGDRegressor", {"rows": 100}, 0.03),
        (0.1, "sklearn.linear_model.ElasticNet", "sklearn.linear_model.SGDRegressor", {"l1_ratio": 0.5}, 0.1),
        (
            0.1,
            "sklearn.linear_model.Lasso",
            "sklearn.linear_model.ElasticNet:part=l1",
            {"l1_ratio": 0.5},
            0.2,
        ),
        (0.1, "sklearn.linear_model.Lasso", "sklearn.linear_model.Lasso", {}, 0.1),
        (0.98, "keep_factor", "shrinkage.WeightDecay", {}, 0.02),
        (0.98, "keep_factor", "torch.optim.SGD", {"lr": 0.1}, 0.02 / (0.1 * 0.98)),
        (0.02, "shrinkage.WeightDecay:of=original", "torch.optim.SGD", {"lr": 0.1}, 0.2),
        (0.05, "proximal", "torch.optim.AdamW", {"lr": 0.1}, 0.05),
        (0.02, "shrinkage.WeightDecay", "proximal", {"lr": 0.1}, 0.02 / 0.98 / 0.1),
        (0.05, "proximal", "shrink", {"lr": 0.1}, 0.005 / 1.005),
        (0.1, "torch.optim.AdamW", "composer.optim.DecoupledAdamW", {"lr": 1e-3}, 1e-4),
        (0.1, "torch.optim.AdamW", "schedulefree.AdamCScheduleFreePlus", {"lr": 5e-3}, None),
        (
            0.025,
            "loshchilov_hutter_normalized",
            "shrink",
            {"rows": 5000, "batch_size": 50, "epochs": 4},
            0.00125,
        ),
        (0.01, "optax.novograd", "shrink", {"lr": 0.1}, 0.01),
        (5e-4, "ultralytics.SGD", "torch.optim.SGD", {"batch_size": 128}, 1e-3),
        (5e-4, "ultralytics.SGD", "torch.optim.SGD", {"batch_size": 16}, 5e-4),
        (5e-4, "ultralytics.SGD", "torch.optim.SGD", {"batch_size": 3}, 5e-4 * 63 / 64),
        (0.0, "half_life_steps", "shrink", {}, 1.0),
        # no factor of the loss is needed where both sides stand beside the same one
        (1e-4, "torch.optim.SGD", "keras.regularizers.L2", {"loss": "mse"}, 5e-5),
        (
            0.1,
            "sklearn.linear_model.ElasticNet",
            "sklearn.linear_model.SGDRegressor",
            {"l1_ratio": 0.5, "loss": "mse"},
            0.1,
        ),
    ],
)
def test_closed_forms(value, source, target, run, expected):
    run = {"batch_size": 200, **run}
    if expected is None:
        with pytest.raises(ValueError, match="different updates"):
            convert(value, source, target, **run)
    else:
        assert convert(value, source, target, **run).value == pytest.approx(expected, rel=1e-12)


def test_the_engineers_rule_says_at_which_learning_rate_it_equals_l2():
    conversion = convert(0.98, "keep_factor", "torch.optim.SGD", lr=0.1)
    assert conversion.exact
    assert "lr·(1 − 0.02) = 0.098" in conversion.note


def test_a_shrink_beside_a_summed_loss_uses_its_own_learning_rate():
    # Beside a sum, lr·weight_decay is the shrink as it is anywhere else in torch.
    conversion = convert(0.0128, "torch.optim.SGD:reduction=sum", "shrink", lr=0.1 / 128, batch_size=128)
    assert conversion.value == pytest.approx(0.1 / 128 * 0.0128)


@pytest.mark.parametrize(
    "value, source, target, run, expected",
    [
        (1e-4, "torch.optim.Adam", "torch.optim.AdamW", {}, 1e-4),
        (1e-4, "torch.optim.Adam", "torch.optim.AdamW", {"gradient_rms": 0.01}, 1e-2),
        (0.1, "torch.optim.AdamW", "torch.optim.SGD", {"gradient_rms": 0.01}, 1e-3),
        (0.1, "torch.optim.AdamW", "optax.lion", {}, 0.1),
        (0.1, "optax.lamb", "torch.optim.AdamW", {}, 0.1),
        (1e-4, "optax.lars", "torch.optim.SGD", {}, 1e-4),
    ],
)
def test_approximate_numbers_are_given_on_request_and_labelled(value, source, target, run, expected):
    with pytest.raises(ValueError, match="approximate=True"):
        convert(value, source, target, **run)
    conversion = convert(value, source, target, approximate=True, **run)
    assert conversion.value == pytest.approx(expected, rel=1e-12)
    assert not conversion.exact
    assert conversion.note.startswith("Approximate: ")


def test_what_holds_once_the_first_steps_are_forgotten_is_not_called_exact():
    """NovoGrad's decay fills its first moment over some 1/(1 − β₁) steps; AdamW's is there from the first."""
    assert not convert(1e-3, "optax.novograd", "shrink", lr=0.1).exact
    assert convert(1e-3, "optax.adamw", "shrink", lr=0.1).exact
