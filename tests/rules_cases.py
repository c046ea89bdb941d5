"""Every named rule beside its plain twin: the update written out from the literature, in the slowest way.

A twin says at which moment it acts (`gradient`, `before`, `after` the step) and gives the new gradient or the new
weights from a `Moment`. It shares no code with the rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import shrinkage.rules as sr


@dataclass
class Moment:
    """One tensor at one moment of a step."""

    w: Tensor
    old: Tensor
    grad: Tensor
    start: Tensor
    lr: float
    lr_max: float
    memory: dict[str, Any]
    everywhere: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A rule and its twin."""

    rule: sr.Rule
    acts: str
    twin: Callable[[Moment], Tensor]
    adam_only: bool = False

    def __repr__(self) -> str:
        return self.rule.name


def spd(m: Moment) -> Tensor:
    if (m.grad * (m.old - m.start)).sum() <= 0:
        return m.w
    now, before = (m.w - m.start).norm(), (m.old - m.start).norm()
    ratio = min(max(float((now - before) / now), 0.0), 1.0)
    return m.w - 0.8 * ratio * (m.w - m.start)


def cpr(value: float, target: str) -> Callable[[Moment], Tensor]:
    def step(m: Moment) -> Tensor:
        size, memory = float(m.w.square().mean()), m.memory
        memory["t"] = memory.get("t", 0) + 1
        if target == "uniform":
            memory["kappa"] = value
        elif target == "relative":
            memory["kappa"] = value * float(m.start.square().mean())
        elif target == "at_step" and memory["t"] == value:
            memory["kappa"] = size
        elif target == "inflection":
            mean = memory.get("mean", float(m.start.square().mean()))
            new = 0.9 * mean + 0.1 * size
            if "kappa" not in memory and new - mean < memory.get("growth", 0.0):
                memory["kappa"] = size
            memory |= {"mean": new, "growth": new - mean}
        if "kappa" not in memory:
            return m.w
        memory["l"] = max(0.0, memory.get("l", 0.0) + 0.5 * (size - memory["kappa"]))
        return m.w - 2 * memory["l"] * m.w

    return step


def swd(m: Moment) -> Tensor:
    v = m.everywhere["v_hat_mean"]
    return m.w * (1 - m.lr * 1e-3 / math.sqrt(v))


def adadecay(m: Moment) -> Tensor:
    size = m.grad.abs()
    z = (size - size.mean()) / size.std()
    return m.w - m.lr * 0.3 * 2 / (1 + torch.exp(-4 * z)) * m.w


def awd(m: Moment) -> Tensor:
    ratio = 0.02 * m.everywhere["grad_norm"] / m.everywhere["norm"]
    m.memory["mean"] = 0.1 * m.memory.get("mean", 0.0) + 0.9 * ratio
    return m.grad + m.memory["mean"] * m.w


def uncertain(m: Moment) -> Tensor:
    m.memory["h"] = 0.9 * m.memory.get("h", 0.0) + 0.1 * 16 * m.grad.square()
    m.memory["t"] = m.memory.get("t", 0) + 1
    h = m.memory["h"] / (1 - 0.9 ** m.memory["t"])
    return m.w - m.lr * 0.3 * (0.3 / (h + 0.3)) * m.w


def cautious(m: Moment) -> Tensor:
    update = m.old - m.w
    return torch.where(update * m.old >= 0, m.w - m.lr * 0.3 * m.old, m.w)


def elimination(m: Moment) -> Tensor:
    return m.grad + 0.1 * m.w / (1 + (m.w / 0.3) ** 2) ** 2


def onto_ball(m: Moment) -> Tensor:
    return m.w * min(1.0, 0.9 / float(m.w.norm()))


ROWS: dict[str, Row] = {
    "L2": Row(sr.L2(0.1), "gradient", lambda m: m.grad + 0.1 * m.w),
    "L1": Row(sr.L1(0.01), "gradient", lambda m: m.grad + 0.01 * m.w.sign()),
    "ElasticNet": Row(sr.ElasticNet(0.01, 0.1), "gradient", lambda m: m.grad + 0.01 * m.w.sign() + 0.1 * m.w),
    "L2SP": Row(sr.L2SP(0.1), "gradient", lambda m: m.grad + 0.1 * (m.w - m.start)),
    "Huber": Row(sr.Huber(0.1, delta=0.2), "gradient", lambda m: m.grad + 0.1 * m.w.clamp(-0.2, 0.2)),
    "WeightElimination": Row(sr.WeightElimination(0.1, scale=0.3), "gradient", elimination),
    "WeightDecay updated": Row(sr.WeightDecay(0.02), "after", lambda m: m.w * 0.98),
    "WeightDecay original": Row(sr.WeightDecay(0.02, of="original"), "before", lambda m: 0.98 * m.w),
    "ConditionalDecay": Row(
        sr.ConditionalDecay(0.1, threshold=0.2),
        "after",
        lambda m: torch.where(m.w.abs() > 0.2, 0.9 * m.w, m.w),
    ),
    "Decoupled lr": Row(sr.Decoupled(0.3), "before", lambda m: m.w - m.lr * 0.3 * m.w),
    "Decoupled schedule": Row(
        sr.Decoupled(rate=0.03, clock="schedule"), "before", lambda m: m.w - m.lr / m.lr_max * 0.03 * m.w
    ),
    "Decoupled constant": Row(
        sr.Decoupled(rate=0.03, clock="constant"), "before", lambda m: m.w - 0.03 * m.w
    ),
    "Decoupled corrected": Row(
        sr.Decoupled(0.3, clock="corrected"), "before", lambda m: m.w - m.lr**2 / m.lr_max * 0.3 * m.w
    ),
    "NormalizedDecay": Row(
        sr.NormalizedDecay(0.5, batch=10, rows=100, epochs=4),
        "before",
        lambda m: m.w - m.lr / m.lr_max * 0.5 * math.sqrt(10 / 400) * m.w,
    ),
    "TimescaleDecay": Row(
        sr.TimescaleDecay(5, batch=10, rows=100), "before", lambda m: m.w - m.lr / m.lr_max * 0.02 * m.w
    ),
    "Proximal l2": Row(
        sr.Proximal(rate=0.03, clock="schedule"), "after", lambda m: m.w / (1 + 0.03 * m.lr / m.lr_max)
    ),
    "Proximal l1": Row(
        sr.Proximal(0.1, penalty="l1"), "after", lambda m: m.w.sign() * (m.w.abs() - m.lr * 0.1).clamp_min(0)
    ),
    "Projection box": Row(sr.Projection(0.2), "after", lambda m: m.w.clamp(-0.2, 0.2)),
    "Projection ball": Row(sr.Projection(0.9, onto="ball"), "after", onto_ball),
    "Projection sphere": Row(sr.Projection(0.9, onto="sphere"), "after", lambda m: 0.9 * m.w / m.w.norm()),
    "Cautious": Row(sr.Cautious(sr.Decoupled(0.3)), "after", cautious),
    "ScheduledDecay": Row(sr.ScheduledDecay(1e-3), "before", swd, adam_only=True),
    "AdaptiveDecay": Row(sr.AdaptiveDecay(0.3), "before", adadecay),
    "AdaptiveL2": Row(sr.AdaptiveL2(0.02), "gradient", awd),
    "UncertainDecay": Row(sr.UncertainDecay(0.3, batch=16, memory=0.9), "before", uncertain),
    "SelectiveProjectionDecay": Row(sr.SelectiveProjectionDecay(0.8), "after", spd),
    "ConstrainedNorm uniform": Row(sr.ConstrainedNorm(0.02, "uniform", 0.5), "after", cpr(0.02, "uniform")),
    "ConstrainedNorm relative": Row(sr.ConstrainedNorm(0.9, "relative", 0.5), "after", cpr(0.9, "relative")),
    "ConstrainedNorm at_step": Row(sr.ConstrainedNorm(3, "at_step", 0.5), "after", cpr(3, "at_step")),
    "ConstrainedNorm inflection": Row(
        sr.ConstrainedNorm(0, "inflection", 0.5), "after", cpr(0, "inflection")
    ),
}
