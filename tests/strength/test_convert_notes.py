"""The sentences of a conversion: what agrees, for which learning rate and loss, word by word."""

from __future__ import annotations

from typing import Any

import pytest

from shrinkage.strength import conventions
from shrinkage.sweeps import convert

SGD, ADAMW, LARS, NOVOGRAD = "torch.optim.SGD", "torch.optim.AdamW", "optax.lars", "optax.novograd"
RIDGE, SGDW = "sklearn.linear_model.Ridge", "timm.optim.SGDW"
MOMENTUM = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
NOTES = {c.name: c.note for c in conventions()}
FORGOTTEN = "once the first steps are forgotten."
TOTALS = "the total decay of the run; its timing is not matched"


@pytest.mark.parametrize(
    "value, source, target, run, said",
    [
        (1, ADAMW, "composer.optim.DecoupledAdamW", {"lr": 0.1}, "The same decay with the same update."),
        (1, ADAMW, "shrink", {"lr": 0.1}, "Both remove the same fraction of a weight per step."),
        (
            1,
            NOVOGRAD,
            "shrink",
            {"lr": 0.1},
            f"Both remove the same fraction of a weight per step {FORGOTTEN}",
        ),
        (
            1,
            "shrink",
            NOVOGRAD,
            {"lr": 0.1},
            f"Both remove the same fraction of a weight per step {FORGOTTEN}",
        ),
        (1, NOVOGRAD, "shrink", {"lr": 0.1, "schedule": "cosine"}, f"Matched on {TOTALS} {FORGOTTEN}"),
        (1, NOVOGRAD, NOVOGRAD, {}, "The same convention."),
        (1, SGD, SGDW, {"lr": 0.1}, "For SGD without momentum every step is the same."),
        (
            1,
            SGD,
            "timescale_steps",
            {"lr": 0.1, "schedule": "cosine"},
            f"For SGD without momentum: matched on {TOTALS}.",
        ),
        (
            1,
            SGD,
            SGDW,
            MOMENTUM,
            "For SGD with momentum, factor (1 − d)/(1 − μ) = 5: the stationary point is exactly the same, "
            "the shrink agrees to first order in lr·λ.",
        ),
        (
            1,
            SGD,
            "shrink",
            MOMENTUM,
            "For SGD with momentum, factor (1 − d)/(1 − μ) = 5: the shrink agrees to first order in lr·λ.",
        ),
        (
            0.5,
            "proximal",
            SGD,
            {"lr": 0.1},
            "For SGD without momentum every step is the same. proximal also shrinks the update: "
            f"it equals {SGD} at learning rate lr·(1 − 0.047619) = 0.0952381.",
        ),
        (
            0.5,
            SGD,
            "proximal",
            {"lr": 0.1},
            "For SGD without momentum every step is the same. proximal also shrinks the update: "
            f"it equals {SGD} at learning rate lr·(1 − 0.047619) = 0.0952381.",
        ),
        (
            1,
            SGD,
            RIDGE,
            {"rows": 9, "loss": "mse", "outputs": 4},
            "Both name the same objective, so they have the same minimizer. "
            "The loss in use is 0.5 times the likelihood's own, and so is λ.",
        ),
        (
            1,
            RIDGE,
            SGD,
            {"rows": 9, "loss": "squared_error"},
            "Both name the same objective, so they have the same minimizer. "
            "The loss in use is 2 times the likelihood's own, and so is λ.",
        ),
        (
            1,
            SGD,
            "lam",
            {"loss": "squared_error"},
            "Both name the same objective, so they have the same minimizer.",
        ),
        (
            1,
            "sklearn.neural_network.MLPClassifier",
            "lam",
            {"batch_size": 9},
            "Both name the same objective, so they have the same minimizer.",
        ),
    ],
)
def test_a_note_says_what_agrees_and_then_what_each_side_is(
    value: float, source: str, target: str, run: dict[str, Any], said: str
):
    sides = [f"{name}: {NOTES[name]}" for name in dict.fromkeys((source, target)) if NOTES[name]]
    assert convert(value, source, target, **run).note == " ".join([said, *sides])


@pytest.mark.parametrize(
    "source, target, run, told",
    [
        (
            SGD,
            ADAMW,
            {"lr": 0.1, "gradient_rms": 0.01},
            "one for each weight). This is the first-order number, as if every gradient were divided by "
            f"gradient_rms = 0.01. {SGD}: {NOTES[SGD]} {ADAMW}: {NOTES[ADAMW]}",
        ),
        (
            LARS,
            SGD,
            {},
            "not even proportional to the number. This is the first-order number, as if every gradient were "
            f"divided by gradient_rms = 1. {SGD}: {NOTES[SGD]}",
        ),
    ],
)
def test_a_number_of_first_order_says_what_it_is_divided_by(
    source: str, target: str, run: dict[str, Any], told: str
):
    note = convert(1, source, target, approximate=True, **run).note
    assert note.startswith("Approximate: ")
    assert note.endswith(told)
