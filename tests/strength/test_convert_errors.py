"""What a wrong request is told: a table of requests and the sentence each gets."""

from __future__ import annotations

import pytest

from shrinkage._errors import RequestError
from shrinkage.sweeps import convert, rescale

SGD, L2, ADAM = "torch.optim.SGD", "keras.regularizers.L2", "torch.optim.Adam"


@pytest.mark.parametrize(
    "arguments, run, message",
    [
        (
            (1, "torch.optim.SDG", L2),
            {},
            r"no convention named 'torch\.optim\.SDG'\. Did you mean torch\.optim\.SGD",
        ),
        ((1, "adamw", L2), {}, r"Did you mean torch\.optim\.AdamW"),
        ((1, "sklearn ridge", L2), {}, r"Did you mean sklearn\.linear_model\.Ridge, "),
        ((1, " ", L2), {}, r"lists them all"),
        ((1, SGD, "qqqqqq"), {}, r"`shrinkage conventions` lists them all"),
        ((1, None, L2), {}, r"no convention named None"),
        ((-1, SGD, L2), {}, r"convert\(value=…\): must be a number >= 0 and finite, got -1\."),
        (("1e-4", SGD, L2), {}, r"must be a number >= 0 and finite, got '1e-4'\."),
        ((float("nan"), SGD, L2), {}, r"got nan"),
        ((1, SGD, L2), {"lr": -0.1}, r"convert\(lr=…\): must be a number > 0 and finite, got -0\.1\."),
        ((1, SGD, L2), {"momentum": 1.0}, r"convert\(momentum=…\): must be a number in \[0, 1\), got 1\.0\."),
        ((1, SGD, L2), {"nesterov": True}, r"nesterov=True\): needs momentum > 0 and dampening = 0"),
        (
            (1, SGD, L2),
            {"loss": "hinge"},
            r"convert\(loss=…\): must be one of cross_entropy, .* got 'hinge'\.",
        ),
        (
            (1, SGD, "shrink"),
            {},
            r"torch\.optim\.SGD to shrink needs lr=… \(the learning rate, at its peak\)",
        ),
        (
            (1, SGD, "timescale_epochs"),
            {},
            r"needs rows=… \(.*\), batch_size=… \(.*\), lr=… \(.*\)\. Give them too\.",
        ),
        (
            (1, SGD, "sklearn.linear_model.Ridge"),
            {"rows": 9},
            r"needs loss=… \(the loss that the number belongs to",
        ),
        (
            (1, SGD, "sklearn.linear_model.Ridge"),
            {"rows": 9, "loss": "mse"},
            r"torch\.optim\.SGD to sklearn\.linear_model\.Ridge needs outputs=…",
        ),
        ((0, "liblinear", L2), {"rows": 9}, r"0 is out of the range of liblinear: give more than 0\."),
        (
            (1.5, "keep_factor", "shrink"),
            {},
            r"1\.5 is out of the range of keep_factor: the fraction removed",
        ),
        ((1.0, "shrinkage.WeightDecay", "shrink"), {}, r"must be in \[0, 1\)"),
        ((1.0, "shrink", "half_life_steps"), {}, r"it has no half-life"),
        ((1.0, "shrink", "keep_factor"), {}, r"must be below 1"),
        (
            (1, ADAM, "torch.optim.AdamW"),
            {},
            r"no single number in torch\.optim\.AdamW equals one in torch\.optim\.Adam",
        ),
        ((1, ADAM, "shrink"), {"lr": 1}, r"differs from weight to weight"),
        ((1, "lam", "torch.optim.AdamW"), {}, r"minimizes no objective with a single λ"),
        ((1, "optax.lars", SGD), {}, r"in optax\.lars the trust ratio .* saturates"),
        (
            (1, "keras.regularizers.L1", L2),
            {"approximate": True},
            r"one is the strength of Σ \|w\|, the other of ½ Σ w²",
        ),
        ((1, "sklearn.linear_model.Lasso", "keras.regularizers.L1"), {}, r"needs loss=…"),
        (
            (1, "lam", "sklearn.linear_model.ElasticNet"),
            {"l1_ratio": 1.0, "loss": "mse", "outputs": 1},
            r"no penalty",
        ),
        (
            (1, SGD, "tfa.optimizers.SGDW"),
            {"lr": 1, "schedule": "cosin"},
            r"convert\(schedule=…\): must be one of const",
        ),
        (
            (1, SGD, "tfa.optimizers.SGDW"),
            {"lr": 1, "schedule": [0.0, 0.0]},
            r"learning rate is 0 at every step",
        ),
        (
            (1, SGD, "tfa.optimizers.SGDW"),
            {"lr": 1, "schedule": [-1.0]},
            r"schedule=…\): must be a number >= 0",
        ),
        ((1, SGD, "tfa.optimizers.SGDW"), {"schedule": []}, r"needs lr=…"),
        (
            (1, "torch.optim.AdamW", "megatron.AdamW:style=linear"),
            {"lr": 1, "steps": 1, "start_share": 0},  # the only step of a ramp from 0
            r"\(steps=…\): the decay's ramp is 0 at every step",
        ),
    ],
)
def test_convert_says_what_is_wrong_and_what_to_do(arguments, run, message):
    with pytest.raises(RequestError, match=message):
        convert(*arguments, **run)


@pytest.mark.parametrize(
    "run, message",
    [
        ({}, r"rescale\(…\): nothing changes\. Give new_batch_size"),
        (
            {"new_lr": 1, "keep": "loss"},
            r'rescale\(keep=…\): must be "timescale", "prior" or "run", got \'loss\'',
        ),
        ({"new_lr": -1}, r"rescale\(new_lr=…\): must be a number > 0 and finite, got -1\."),
        (
            {"new_lr": 1},
            r"rescale\(…\): a quantity of the old run needs lr=… \(.*\), rows=… \(.*\), batch_size=…",
        ),
        ({"new_epochs": 2, "keep": "run", "rows": 9, "batch_size": 3}, r"needs lr=… .*, epochs=…"),
    ],
)
def test_rescale_says_what_is_wrong_and_what_to_do(run, message):
    with pytest.raises(RequestError, match=message):
        rescale(1e-4, SGD, **run)


@pytest.mark.parametrize(
    "typed, near",
    [
        ("adamww", ["torch.optim.AdamW", "optax.nadamw"]),
        ("torch.optim.adamx", ["torch.optim.Adamax", "torch.optim.Adam", "torch.optim.RAdam"]),
        ("lamb", ["keras.optimizers.Lamb", "tfa.optimizers.LAMB", "optax.lamb", "timm.optim.Lamb"]),
    ],
)
def test_few_names_are_offered_for_one_that_is_not_there(typed: str, near: list[str]):
    with pytest.raises(RequestError) as refusal:
        convert(1, typed, L2)
    assert str(refusal.value).endswith(f" Did you mean {', '.join(near)}?")


def test_adamw_has_no_prior_to_keep():
    with pytest.raises(RequestError, match="minimizes no objective with a single λ"):
        rescale(0.1, "torch.optim.AdamW", keep="prior", rows=100, new_rows=200)


@pytest.mark.parametrize(
    "argument, classes", [("weight_decay", "torch.optim.AdamW, torch.optim.SGD"), ("C", "LogisticRegression")]
)
def test_the_name_of_an_argument_is_answered_with_the_classes_that_have_it(argument, classes):
    with pytest.raises(ValueError, match=f"means something different in each class.*{classes}"):
        convert(1e-4, argument, "lam")
