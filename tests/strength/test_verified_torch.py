"""Each optimizer of torch does with its number what the registry says, and converted numbers train alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shrinkage.strength import Quantities, conventions
from shrinkage.sweeps import convert
from strength_cases import (
    COSINE,
    MOMENTUM,
    PEAK,
    ROWS,
    STEPS,
    assert_same,
    by_hand,
    by_torch,
    converted,
    rates,
    stated,
)

CONSTANT = Quantities(schedule="constant", steps=STEPS, lr=PEAK)
NUMBER = 0.3

RUNS = {
    **{
        f"torch.optim.{name}": by_torch(getattr(torch.optim, name))
        for name in ("Adadelta", "Adagrad", "Adam", "Adamax", "AdamW", "ASGD", "NAdam", "RAdam", "RMSprop")
    },
    **{
        f"torch.optim.{name}:decoupled_weight_decay=True": by_torch(
            getattr(torch.optim, name), decoupled_weight_decay=True
        )
        for name in ("Adam", "NAdam", "RAdam")
    },
    "torch.optim.SGD": by_torch(torch.optim.SGD, momentum=MOMENTUM, nesterov=True),
    "torch.optim.Adafactor": by_torch(torch.optim.Adafactor),
    "torch.optim.Muon": by_torch(torch.optim.Muon),
}


def test_every_optimizer_of_torch_with_the_argument_is_in_the_registry_and_here():
    names = {c.name for c in conventions("torch.optim.") if not c.summed}
    assert names == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_torch_does_what_the_registry_says_under_a_schedule(name):
    run = RUNS[name]
    ours = run(NUMBER)
    assert_same(ours, stated(name, run, NUMBER), rel=1e-10)
    assert not np.allclose(ours, run(0.0), rtol=1e-6)


SGD = by_torch(torch.optim.SGD)
HEAVY = by_torch(torch.optim.SGD, momentum=MOMENTUM)
ADAM = by_torch(torch.optim.Adam)


def in_the_loss(run, scale):
    return lambda number, **options: run(0.0, l2=scale * number, **options)


PAIRS = [
    ("torch.optim.SGD", HEAVY, "l2_penalty", in_the_loss(HEAVY, 2), {"momentum": MOMENTUM}),
    ("torch.optim.SGD", HEAVY, "half_l2_penalty", in_the_loss(HEAVY, 1), {"momentum": MOMENTUM}),
    ("torch.optim.Adam", ADAM, "l2_penalty", in_the_loss(ADAM, 2), {}),
    (
        "torch.optim.SGD",
        HEAVY,
        "torch.optim.SGD:reduction=sum",
        lambda number, **options: HEAVY(number, scale=ROWS, **options),
        {},
    ),
    (
        "torch.optim.AdamW",
        by_torch(torch.optim.AdamW),
        "torch.optim.Adam:decoupled_weight_decay=True",
        by_torch(torch.optim.Adam, decoupled_weight_decay=True),
        {},
    ),
    (
        "torch.optim.SGD",
        SGD,
        "shrinkage.Decoupled",
        by_hand(lambda w, v, lr, number: (1 - lr * number) * w - lr * v),
        {},
    ),
    (
        "torch.optim.SGD",
        SGD,
        "shrinkage.Decoupled:clock=schedule",
        by_hand(lambda w, v, lr, number: (1 - lr / PEAK * number) * w - lr * v),
        {"schedule": "cosine", "steps": STEPS},
    ),
]

# Packages that want torchvision or are retired, by the update their source states.
COMPOSER_SGD = by_hand(lambda w, v, lr, number: w - lr * v - lr / PEAK * number * w)
FASTAI_SGD = by_hand(lambda w, v, lr, number: w * (1 - lr * number) - lr * v)
TFA_SGD = by_hand(lambda w, v, lr, number: w - number * w - lr * v)


def composer_adam(number, **options):
    return by_torch(torch.optim.Adam)(0.0, kappas=[rate / PEAK * number for rate in rates(COSINE)], **options)


PAIRS += [
    ("torch.optim.SGD", SGD, "composer.optim.DecoupledSGDW", COMPOSER_SGD, {}),
    ("torch.optim.SGD", SGD, "fastai.optimizer.SGD", FASTAI_SGD, {}),
    ("torch.optim.AdamW", by_torch(torch.optim.AdamW), "composer.optim.DecoupledAdamW", composer_adam, {}),
]


def test_a_decay_that_no_clock_multiplies_equals_l2_at_a_constant_rate():
    number = converted(NUMBER, "torch.optim.SGD", "tfa.optimizers.SGDW")
    assert_same(SGD(NUMBER, schedule=CONSTANT), TFA_SGD(number, schedule=CONSTANT))


@pytest.mark.parametrize(
    "source, source_run, target, target_run, options", PAIRS, ids=lambda x: x if isinstance(x, str) else ""
)
def test_a_converted_number_trains_to_the_same_weights(source, source_run, target, target_run, options):
    number = converted(NUMBER, source, target, **options)
    assert_same(source_run(NUMBER), target_run(number))


AFTER = {
    "shrinkage.WeightDecay": lambda w, v, lr, number: (w - lr * v) * (1 - number),
    "keep_factor": lambda w, v, lr, number: (w - lr * v) * number,
    "proximal": lambda w, v, lr, number: (w - lr * v) / (1 + lr * number),
}


@pytest.mark.parametrize("momentum", [0.0, MOMENTUM])
@pytest.mark.parametrize("name, step", AFTER.items())
def test_a_rule_that_shrinks_the_step_too_is_decay_before_it_at_the_smaller_rate(name, step, momentum):
    number = 0.98 if name == "keep_factor" else 0.02
    hers = by_hand(step, momentum)(number, schedule=CONSTANT)
    rate = converted(number, name, "shrink")
    wd = converted(number, name, "timm.optim.SGDW")

    def before(w, v, lr, number):
        return (1 - lr * (1 - rate) * number) * w - lr * (1 - rate) * v

    assert_same(hers, by_hand(before, momentum)(wd, schedule=CONSTANT))


@pytest.mark.parametrize("dampening", [0.0, 0.4])
def test_with_momentum_coupled_and_decoupled_settle_at_the_same_weights(dampening):
    # One quadratic, ½ h (w − 1)² with h = 1, where the stationary point is 1/(1 + λ) in closed form.
    lr, momentum, lam = 0.1, 0.9, 0.25
    decoupled = convert(
        lam, "torch.optim.SGD", "keras.optimizers.SGD", momentum=momentum, dampening=dampening
    ).value
    coupled_w = decoupled_w = 1.0
    b_c = b_d = 0.0
    for _ in range(2000):
        b_c = momentum * b_c + (1 - dampening) * (coupled_w - 1 + lam * coupled_w)
        coupled_w -= lr * b_c
        b_d = momentum * b_d + (1 - dampening) * (decoupled_w - 1)
        decoupled_w = (1 - lr * decoupled) * decoupled_w - lr * b_d
    assert coupled_w == pytest.approx(1 / (1 + lam), rel=1e-9)
    assert decoupled_w == pytest.approx(1 / (1 + lam), rel=1e-9)
