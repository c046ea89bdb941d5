"""Packages that no wheel brings here, by the update their source states: each written out once, then trained.

Every twin is a formula read in the named file. It must do with its number what the registry says, under a schedule, and
train to the weights of torch's optimizer with the converted number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from shrinkage.strength import Quantities
from shrinkage.sweeps import convert
from strength_cases import COSINE, MOMENTUM, PEAK, STEPS, assert_same, by_torch, converted, stated

NUMBER = 0.3
CONSTANT = Quantities(schedule="constant", steps=STEPS, lr=PEAK)
RAMP = replace(COSINE, start_share=0.1)


@dataclass
class Memory:
    """What a formula may use of one parameter: its options, and what it keeps between steps."""

    lr: float
    number: float
    lr0: float
    """The learning rate at construction."""
    t: int = 0
    """Steps before this one."""
    kept: dict[str, Tensor] = field(default_factory=dict)

    def average(self, name: str, new: Tensor, beta: float, gain: float) -> Tensor:
        """The kept average, moved: `a ← β a + gain·new`."""
        self.kept[name] = beta * self.kept.get(name, torch.zeros_like(new)) + gain * new
        return self.kept[name]


Formula = Callable[[Tensor, Tensor, Memory], Tensor]


class Twin:
    """An optimizer made of one formula: the next weight from the weight, its gradient and the memory."""

    def __init__(
        self, parameters: Sequence[torch.nn.Parameter], lr: float, weight_decay: float, formula: Formula
    ):
        self.param_groups: list[dict[str, Any]] = [{"lr": lr}]
        self.formula = formula
        self.memories = [(p, Memory(lr, weight_decay, lr)) for p in parameters]

    @torch.no_grad()
    def step(self) -> None:
        for p, memory in self.memories:
            assert p.grad is not None
            memory.lr = self.param_groups[0]["lr"]
            p.copy_(self.formula(p.clone(), p.grad.clone(), memory))
            memory.t += 1


def adam(g: Tensor, m: Memory, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-16) -> Tensor:
    """m̂/(√v̂ + ε)."""
    first, second = m.average("m", g, beta1, 1 - beta1), m.average("v", g * g, beta2, 1 - beta2)
    t = m.t + 1
    return first / (1 - beta1**t) / ((second / (1 - beta2**t)).sqrt() + eps)


def composer_sgdw(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    """composer/optim/decoupled_weight_decay.py, sgdw: the decay follows lr/initial_lr."""
    b = m.average("b", g, MOMENTUM, 1.0)
    return (1 - m.lr / m.lr0 * m.number) * w - m.lr * b


def composer_adamw(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    """composer/optim/decoupled_weight_decay.py, adamw."""
    return (1 - m.lr / m.lr0 * m.number) * w - m.lr * adam(g, m)


def fastai(step: Formula, *, decouple: bool = True) -> Formula:
    """fastai/optimizer.py: weight_decay, or l2_reg, then the step on what they left."""

    def formula(w: Tensor, g: Tensor, m: Memory) -> Tensor:
        return step(w * (1 - m.lr * m.number), g, m) if decouple else step(w, g + m.number * w, m)

    return formula


def momentum_step(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    return w - m.lr * m.average("b", g, MOMENTUM, 1.0)


def adam_step(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    return w - m.lr * adam(g, m, 0.9, 0.99)


def rms_prop_step(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    return w - m.lr * g / (m.average("v", g * g, 0.99, 0.01).sqrt() + 1e-8)


def radam_step(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    t, beta2 = m.t + 1, 0.99
    first, second = m.average("m", g, 0.9, 0.1), m.average("v", g * g, beta2, 1 - beta2)
    far = 2 / (1 - beta2) - 1
    r = far - 2 * t * beta2**t / (1 - beta2**t)
    if r <= 5:
        return w - m.lr * first / (1 - 0.9**t)
    rectified = math.sqrt((r - 4) * (r - 2) * far / ((far - 4) * (far - 2) * r))
    return w - m.lr * rectified * first / (1 - 0.9**t) / ((second / (1 - beta2**t)).sqrt() + 1e-5)


def qhadam_step(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    t, beta = m.t + 1, 0.999
    first, second = m.average("m", g, beta, 1 - beta), m.average("v", g * g, beta, 1 - beta)
    return w - m.lr * (0.3 * g + 0.7 * first / (1 - beta**t)) / ((second / (1 - beta**t)).sqrt() + 1e-8)


def tfa_sgdw(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    """tensorflow_addons/optimizers/weight_decay_optimizers.py: w ← w − v·w, then Keras' velocity."""
    return (1 - m.number) * w + m.average("velocity", -m.lr * g, MOMENTUM, 1.0)


def tfa_adamw(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    return (1 - m.number) * w - m.lr * adam(g, m)


def megatron(style: str, start: float = 0.1) -> Formula:
    """megatron/core/optimizer_param_scheduler.py, get_wd: v is the end weight decay, `start`·v the start one."""

    def formula(w: Tensor, g: Tensor, m: Memory) -> Tensor:
        ratio = m.t / STEPS
        done = {"constant": 1.0, "linear": ratio, "cosine": 0.5 * (math.cos(math.pi * (1 - ratio)) + 1)}[
            style
        ]
        wd = start * m.number + done * (m.number - start * m.number)
        return (1 - m.lr * wd) * w - m.lr * adam(g, m)

    return formula


def deepspeed_adamw(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    """csrc/adam/multi_tensor_adam.cu, ADAM_MODE_1: the decay joins the update."""
    return w - m.lr * (adam(g, m) + m.number * w)


def deepspeed_l2(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    """csrc/adam/multi_tensor_adam.cu, ADAM_MODE_0."""
    return w - m.lr * adam(g + m.number * w, m)


def paddle_adamw(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    """paddle/optimizer/adamw.py: the step's lr is bias-corrected, the decay's is not."""
    t = m.t + 1
    first, second = m.average("m", g, 0.9, 0.1), m.average("v", g * g, 0.999, 0.001)
    lr = m.lr * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - lr * first / (second.sqrt() + 1e-16) - m.lr * m.number * w


def paddle_l2(w: Tensor, g: Tensor, m: Memory) -> Tensor:
    """paddle/regularizer.py: ½·v·Σ w² in the loss."""
    return momentum_step(w, g + m.number * w, m)


def realmlp(flat_cos: bool) -> Formula:
    """pytabkit/models/optim/optimizers.py, OptimizerBase.step: decay by wd·lr, then Adam; wd runs its own schedule."""

    def formula(w: Tensor, g: Tensor, m: Memory) -> Tensor:
        u = m.t / STEPS
        wd = m.number * (1.0 if u < 0.5 or not flat_cos else 0.5 * (1 + math.cos(math.pi * (2 * u - 1))))
        return w * (1 - wd * m.lr) - m.lr * adam(g, m)

    return formula


TWINS: dict[str, Formula] = {
    "composer.optim.DecoupledSGDW": composer_sgdw,
    "composer.optim.DecoupledAdamW": composer_adamw,
    **{
        f"fastai.optimizer.{name}": fastai(step)
        for name, step in (
            ("SGD", momentum_step),
            ("Adam", adam_step),
            ("RMSProp", rms_prop_step),
            ("RAdam", radam_step),
            ("QHAdam", qhadam_step),
        )
    },
    "fastai.optimizer.SGD:decouple_wd=False": fastai(momentum_step, decouple=False),
    "fastai.optimizer.Adam:decouple_wd=False": fastai(adam_step, decouple=False),
    "tfa.optimizers.SGDW": tfa_sgdw,
    "tfa.optimizers.AdamW": tfa_adamw,
    "megatron.AdamW": megatron("constant"),
    "megatron.AdamW:style=linear": megatron("linear"),
    "megatron.AdamW:style=cosine": megatron("cosine"),
    "deepspeed.AdamW": deepspeed_adamw,
    "deepspeed.Adam": deepspeed_adamw,
    "deepspeed.Adam:adam_w_mode=False": deepspeed_l2,
    "paddle.optimizer.AdamW": paddle_adamw,
    "paddle.regularizer.L2Decay": paddle_l2,
    "pytabkit.RealMLP": realmlp(flat_cos=True),
    "pytabkit.RealMLP:wd_sched=constant": realmlp(flat_cos=False),
}
WITHOUT_LR = ("composer", "tfa")


@pytest.mark.parametrize("name", TWINS)
def test_the_formula_does_what_the_registry_says_under_a_schedule(name):
    run = by_torch(Twin, formula=TWINS[name])
    number = 0.01 if name.startswith(WITHOUT_LR) else NUMBER
    ours = run(number, schedule=RAMP)
    assert_same(ours, stated(name, run, number, RAMP), rel=1e-10)
    assert not np.allclose(ours, run(0.0, schedule=RAMP), rtol=1e-6)


ADAMW = by_torch(torch.optim.AdamW, eps=1e-16)
ADAM = by_torch(torch.optim.Adam, eps=1e-16)
SGD = by_torch(torch.optim.SGD)
HEAVY = by_torch(torch.optim.SGD, momentum=MOMENTUM)
PAIRS = [
    ("torch.optim.AdamW", ADAMW, "composer.optim.DecoupledAdamW", COSINE, {}),
    ("torch.optim.AdamW", ADAMW, "tfa.optimizers.AdamW", CONSTANT, {}),
    ("torch.optim.AdamW", ADAMW, "megatron.AdamW", COSINE, {}),
    ("torch.optim.AdamW", ADAMW, "deepspeed.AdamW", COSINE, {}),
    ("torch.optim.AdamW", ADAMW, "deepspeed.Adam", COSINE, {}),
    ("torch.optim.Adam", ADAM, "deepspeed.Adam:adam_w_mode=False", COSINE, {}),
    ("torch.optim.AdamW", ADAMW, "pytabkit.RealMLP:wd_sched=constant", COSINE, {}),
    ("torch.optim.SGD", HEAVY, "paddle.regularizer.L2Decay", COSINE, {"momentum": MOMENTUM}),
    ("torch.optim.SGD", HEAVY, "fastai.optimizer.SGD:decouple_wd=False", COSINE, {"momentum": MOMENTUM}),
]


@pytest.mark.parametrize(
    "source, run, target, schedule, options", PAIRS, ids=lambda x: x if isinstance(x, str) else ""
)
def test_a_converted_number_trains_to_the_same_weights_as_torch(source, run, target, schedule, options):
    number = converted(NUMBER, source, target, **options)
    assert_same(
        run(NUMBER, schedule=schedule), by_torch(Twin, formula=TWINS[target])(number, schedule=schedule)
    )


@pytest.mark.parametrize("style", ["linear", "cosine"])
def test_a_ramp_has_the_total_decay_of_the_constant_it_was_converted_from(style):
    run = {"schedule": "cosine", "steps": STEPS, "lr": PEAK, "start_share": 0.25}
    end = convert(0.1, "megatron.AdamW", f"megatron.AdamW:style={style}", **run)
    rates = [PEAK * (1 + math.cos(math.pi * t / STEPS)) / 2 for t in range(STEPS)]
    done = [t / STEPS if style == "linear" else (1 - math.cos(math.pi * t / STEPS)) / 2 for t in range(STEPS)]
    ours = sum(rate * (0.25 * end.value + 0.75 * end.value * c) for rate, c in zip(rates, done, strict=True))
    assert ours == pytest.approx(0.1 * sum(rates), rel=1e-9)
    assert not end.exact
