"""Named rules that act on the weights themselves, outside the optimizer's moments: none has an objective."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.rules._clocks import Clock
from shrinkage.rules._forces import Force, L1Force, L2Force, ThresholdForce
from shrinkage.rules._rule import Rule
from shrinkage.rules._sets import Ball, Box, Sphere

__all__ = [
    "ConditionalDecay",
    "Decoupled",
    "NormalizedDecay",
    "Projection",
    "Proximal",
    "TimescaleDecay",
    "WeightDecay",
]

# Named as classes are: to their users they are the kinds of rule there are.
# ruff: noqa: N802

_PENALTIES: dict[str, Force] = {"l2": L2Force(), "l1": L1Force()}
_SETS: dict[str, Force] = {"box": Box(), "ball": Ball(), "sphere": Sphere()}


def WeightDecay(rate: float | Tensor, of: Literal["updated", "original"] = "updated") -> Rule:
    """The engineer's weight decay: a fraction of the weight is taken off at every step, whatever the learning rate.

    `of="updated"`: `w ← (w + Δ)(1 − rate)`, as in `w = 0.98 * w` after the update. For plain SGD this is L2 with
    λ = rate/(η(1 − rate)) at the learning rate η(1 − rate).
    `of="original"`: `w ← w + Δ − rate·w`, a fraction of the weight from before the update. For plain SGD this is L2
    with λ = rate/η exactly.

    Args:
        rate: fraction of the weight removed a step, 0 to 1.
        of: which weight the fraction is of.

    Differs from: PyTorch's `AdamW(weight_decay)`, whose fraction is lr·weight_decay.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> from shrinkage.rules import Reading
    >>> WeightDecay(0.1).shrink_(w, Reading(lr=0.1, lr_max=0.2))
    >>> w
    tensor([ 0.4500, -1.8000])
    """
    if of not in ("updated", "original"):
        raise RequestError(f"WeightDecay(of=…): must be 'updated' or 'original', got {shown(of)}.")
    entry = "after" if of == "updated" else "before"
    return Rule(name="WeightDecay", strength=rate, entry=entry, clock="constant")


def Decoupled(lam: float | Tensor, clock: Clock = "lr") -> Rule:
    """Decoupled weight decay: `w ← (1 − s_t) w` before the step, outside the optimizer's moments.

    Args:
        lam: the strength: λ ≥ 0 for `lr` (s_t = η_t·lam, PyTorch's AdamW) and `corrected`
            (s_t = η_t²/η_max·lam, AdamC); a fraction a step for `schedule` (s_t = η_t/η_max·lam, the paper's
            and Composer's) and `constant` (s_t = lam, TensorFlow Addons).
        clock: what the strength is multiplied by.

    Differs from: `torch.optim.Adam(weight_decay)`, which is L2; in Keras every `weight_decay` is this
        rule with the clock `lr`.

    Reference: Loshchilov and Hutter, ICLR 2019, algorithms 1 and 2; Defazio, arXiv 2506.02285, for `corrected`.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> from shrinkage.rules import Reading
    >>> Decoupled(0.5).shrink_(w, Reading(lr=0.1, lr_max=0.2))
    >>> w
    tensor([ 0.4750, -1.9000])
    """
    return Rule(name="Decoupled", strength=lam, entry="before", clock=clock)


def NormalizedDecay(lam: float, *, batch: int, rows: int, epochs: float) -> Rule:
    """Decoupled decay whose strength is stated for a whole run: `s_t = (η_t/η_max)·lam·√(batch/(rows·epochs))`.

    Args:
        lam: the normalized strength, ≥ 0; the article's good values are 0.025 to 0.05.
        batch: rows a step.
        rows: training rows n.
        epochs: passes over the rows, T.

    Differs from: `Decoupled(lam, clock="schedule")`, which takes the product.

    Reference: Loshchilov and Hutter, ICLR 2019, appendix B.1.

    >>> round(NormalizedDecay(0.05, batch=100, rows=10_000, epochs=100).strength, 6)
    0.0005
    """
    if not (batch > 0 and rows > 0 and epochs > 0):
        raise RequestError(
            "NormalizedDecay(batch=…, rows=…, epochs=…): all must be > 0, "
            f"got batch={batch}, rows={rows}, epochs={epochs:g}."
        )
    return Decoupled(lam * math.sqrt(batch / (rows * epochs)), clock="schedule")


def TimescaleDecay(epochs: float, *, batch: int, rows: int) -> Rule:
    """Decoupled decay that forgets over a number of epochs: `s_t = (η_t/η_max)·batch/(rows·epochs)`.

    Args:
        epochs: timescale τ > 0, in passes over the rows, at the peak of the schedule: a weight without gradient falls
            to 1/e in that time. At least one step long.
        batch: rows a step.
        rows: training rows n.

    Differs from: `AdamW(weight_decay)`, whose timescale is `batch/(rows·lr·weight_decay)` epochs.

    Reference: Wang and Aitchison, arXiv 2405.13698, section 2.

    >>> TimescaleDecay(10, batch=100, rows=1000).strength
    0.01
    """
    if not (epochs > 0 and batch > 0 and rows > 0):
        raise RequestError(
            "TimescaleDecay(epochs=…, batch=…, rows=…): all must be > 0, "
            f"got epochs={epochs:g}, batch={batch}, rows={rows}."
        )
    return Decoupled(batch / (rows * epochs), clock="schedule")


def ConditionalDecay(rate: float | Tensor, threshold: float = 1.0) -> Rule:
    """Weight decay of large weights alone: after the step `w ← w − rate·w` where `|w| > threshold`.

    Args:
        rate: fraction of the weight removed a step, 0 to 1, whatever the learning rate.
        threshold: size up to which a weight is left alone, ≥ 0.

    Differs from: `Projection`, which sets such a weight to the threshold at once.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> from shrinkage.rules import Reading
    >>> ConditionalDecay(0.1).shrink_(w, Reading(lr=0.1, lr_max=0.2))
    >>> w
    tensor([ 0.5000, -1.8000])
    """
    if not 0 <= threshold < float("inf"):
        raise RequestError(f"ConditionalDecay(threshold=…): must be >= 0 and finite, got {threshold:g}.")
    force = ThresholdForce(threshold)
    return Rule(name="ConditionalDecay", strength=rate, force=force, entry="after", clock="constant")


def Proximal(lam: float | Tensor, penalty: Literal["l2", "l1"] = "l2", clock: Clock = "lr") -> Rule:
    """The proximal step of a penalty, after the optimizer's: `w ← argmin over x of ½‖x − w‖² + s_t·Ω(x)`.

    `penalty="l2"`: `w ← w/(1 + s_t)`, which is `after` with `s_t/(1 + s_t)`. `penalty="l1"`: soft threshold,
    `w ← sgn(w)·max(|w| − s_t, 0)`, which gives exact zeros.

    Args:
        lam: λ ≥ 0 for the clocks `lr` and `corrected`; for `schedule` and `constant` what is multiplied by
            `η_t/η_max` and by 1.
        penalty: Ω = ½w² or Ω = |w|.
        clock: what the strength is multiplied by; `schedule` is AdamProx.

    Differs from: `L1(lam)`, whose sign of w goes through the optimizer and never leaves a weight at 0.

    Reference: Parikh and Boyd, Foundations and Trends in Optimization 2014, section 4.2; Zhuang et al., TMLR 2022,
    eq. 9, for AdamProx.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> from shrinkage.rules import Reading
    >>> Proximal(6.0, penalty="l1").shrink_(w, Reading(lr=0.1, lr_max=0.2))
    >>> w
    tensor([ 0.0000, -1.4000])
    """
    if penalty not in _PENALTIES:
        raise RequestError(f"Proximal(penalty=…): must be 'l2' or 'l1', got {shown(penalty)}.")
    return Rule(name="Proximal", strength=lam, force=_PENALTIES[penalty], entry="prox", clock=clock)


def Projection(radius: float | Tensor, onto: Literal["box", "ball", "sphere"] = "box") -> Rule:
    """After every step, the nearest weights in a set: a bound instead of a pull.

    `onto="box"`: `|wᵢ| ≤ radius`; `"ball"`: `‖w‖ ≤ radius` a tensor; `"sphere"`: `‖w‖ = radius` a tensor.

    Args:
        radius: ≥ 0, in units of a weight (`box`) or of a tensor's Euclidean norm.
        onto: the set.

    Differs from: a penalty, which trades size against loss; a projection fixes the size.

    Reference: Bertsekas, IEEE TAC 1976, eq. 2, for the projected gradient step.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> from shrinkage.rules import Reading
    >>> Projection(1.0).shrink_(w, Reading(lr=0.1, lr_max=0.2))
    >>> w
    tensor([ 0.5000, -1.0000])
    """
    if onto not in _SETS:
        raise RequestError(f"Projection(onto=…): must be 'box', 'ball' or 'sphere', got {shown(onto)}.")
    return Rule(name="Projection", strength=radius, force=_SETS[onto], entry="project", clock="constant")
