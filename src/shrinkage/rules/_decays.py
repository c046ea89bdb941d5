"""Named rules that act on the weights themselves, outside the optimizer's moments: none has an objective."""

from __future__ import annotations

import math
import warnings
from typing import Literal

from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.rules._clocks import CLOCKS, Clock
from shrinkage.rules._forces import Force, L1Force, L2Force, ThresholdForce
from shrinkage.rules._rule import Rule
from shrinkage.rules._sets import Ball, Box, Sphere

__all__ = [
    "ConditionalDecay",
    "Decoupled",
    "LowRankDecay",
    "NormalizedDecay",
    "Projection",
    "Proximal",
    "TimescaleDecay",
    "WeightDecay",
]

# Named like classes: to users they are the kinds of rules.
# ruff: noqa: N802

_PENALTIES: dict[str, Force] = {"l2": L2Force(), "l1": L1Force()}
_SETS: dict[str, Force] = {"box": Box(), "ball": Ball(), "sphere": Sphere()}


def WeightDecay(rate: float | Tensor, of: Literal["updated", "original"] = "updated") -> Rule:
    """The engineer's weight decay: remove a fraction of each weight at every step, whatever the learning rate.

    `of="updated"`: `w ← (w + Δ)(1 − rate)`, as in `w = 0.98 * w` after the update. For plain SGD this is L2 with
    λ = rate/(η(1 − rate)) at the learning rate η(1 − rate).
    `of="original"`: `w ← w + Δ − rate·w`, a fraction of the weight before the update. For plain SGD this is L2
    with λ = rate/η exactly.

    Args:
        rate: fraction of the weight removed per step, 0 to 1.
        of: the weight of which the fraction is taken, `updated` or `original`.

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


def Decoupled(
    lam: float | Tensor | None = None, clock: Clock | None = None, *, rate: float | Tensor | None = None
) -> Rule:
    """Decoupled weight decay: `w ← (1 − s_t) w` before the step, outside the optimizer's moments.

    The strength is either λ, which the learning rate multiplies, or a rate: a fraction of the weight per step. An
    AdamW `weight_decay` of 0.1 is `Decoupled(0.1)`; at a learning rate of 3e-4 that is `Decoupled(rate=3e-5)`.

    Args:
        lam: λ ≥ 0, with the clocks `lr` (s_t = η_t·lam, PyTorch's AdamW; the default) and `corrected`
            (s_t = η_t²/η_max·lam, AdamC).
        clock: what the strength is multiplied by.
        rate: fraction of the weight removed per step, 0 to 1, with the clocks `constant` (s_t = rate, TensorFlow
            Addons; the default) and `schedule` (s_t = η_t/η_max·rate, the paper's and Composer's).

    Warns:
        UserWarning: a rate was given as `lam`, as in version 0.1.0.

    Differs from: `torch.optim.Adam(weight_decay)`, which is L2; in Keras every `weight_decay` is this
        rule with the clock `lr`.

    Reference: Loshchilov and Hutter, ICLR 2019, algorithms 1 and 2; Defazio, arXiv 2506.02285, for `corrected`.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> from shrinkage.rules import Reading
    >>> Decoupled(0.5).shrink_(w, Reading(lr=0.1, lr_max=0.2))
    >>> w
    tensor([ 0.4750, -1.9000])
    >>> Decoupled(rate=0.1, clock="schedule").shrink(Reading(lr=0.1, lr_max=0.2))
    0.05
    """
    strength, clock = _lam_or_rate("Decoupled", lam, clock, rate)
    return Rule(name="Decoupled", strength=strength, entry="before", clock=clock)


def LowRankDecay(
    lam: float | Tensor | None = None, clock: Clock | None = None, *, rate: float | Tensor | None = None
) -> Rule:
    """Decoupled decay of a low-rank product: `BA ← (1 − s_t) BA`, by `B ← √(1 − s_t) B` and `A ← √(1 − s_t) A`.

    LoRA adds the product of two factors to a frozen weight. Decaying both factors by `1 − s_t`, as `Decoupled` does,
    removes nearly `2 s_t` of the product; this rule removes `s_t`. `attach` finds the pairs by their names.

    Args:
        lam: λ ≥ 0, with the clocks `lr` (the default) and `corrected`, as for `Decoupled`.
        clock: what the strength is multiplied by.
        rate: fraction of the product removed per step, 0 to 1, with the clocks `constant` (the default) and `schedule`.

    Differs from: `Decoupled(lam)` on the factors, which removes `1 − (1 − s_t)²` of the product.

    Reference: Hu et al., ICLR 2022, eq. 3, for the product.

    >>> import torch
    >>> from shrinkage.rules import Reading
    >>> a, b = torch.tensor([[2.0]]), torch.tensor([[3.0]])
    >>> for factor in (a, b):
    ...     LowRankDecay(rate=0.19).shrink_(factor, Reading(lr=0.1, lr_max=0.1))
    >>> b @ a
    tensor([[4.8600]])
    """
    strength, clock = _lam_or_rate("LowRankDecay", lam, clock, rate)
    return Rule(name="LowRankDecay", strength=strength, entry="before", clock=clock, factors=2)


def NormalizedDecay(lam: float, *, batch: int, rows: int, epochs: float) -> Rule:
    """Decoupled decay with a strength normalized to the run: `s_t = (η_t/η_max)·lam·√(batch/(rows·epochs))`.

    Args:
        lam: the normalized strength, ≥ 0; the article's good values are 0.025 to 0.05.
        batch: rows per step.
        rows: training rows n.
        epochs: passes over the rows, T.

    Differs from: `Decoupled(rate=…, clock="schedule")`, which takes lam times the square root.

    Reference: Loshchilov and Hutter, ICLR 2019, appendix B.1.

    >>> round(NormalizedDecay(0.05, batch=100, rows=10_000, epochs=100).strength, 6)
    0.0005
    """
    if not (batch > 0 and rows > 0 and epochs > 0):
        raise RequestError(
            "NormalizedDecay(batch=…, rows=…, epochs=…): all must be > 0, "
            f"got batch={batch}, rows={rows}, epochs={epochs:g}."
        )
    return Decoupled(rate=lam * math.sqrt(batch / (rows * epochs)), clock="schedule")


def TimescaleDecay(epochs: float, *, batch: int, rows: int) -> Rule:
    """Decoupled decay that forgets over a number of epochs: `s_t = (η_t/η_max)·batch/(rows·epochs)`.

    Args:
        epochs: timescale τ > 0, in passes over the rows, at the peak of the schedule: a weight without a gradient falls
            to 1/e in that time. At least one step long.
        batch: rows per step.
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
    return Decoupled(rate=batch / (rows * epochs), clock="schedule")


def ConditionalDecay(rate: float | Tensor, threshold: float = 1.0) -> Rule:
    """Weight decay of large weights only: after the step, `w ← w − rate·w` where `|w| > threshold`.

    Args:
        rate: fraction of the weight removed per step, 0 to 1, whatever the learning rate.
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


def Proximal(
    lam: float | Tensor | None = None,
    penalty: Literal["l2", "l1"] = "l2",
    clock: Clock | None = None,
    *,
    rate: float | Tensor | None = None,
) -> Rule:
    """The proximal step of a penalty, after the optimizer's step: `w ← argmin over x of ½‖x − w‖² + s_t·Ω(x)`.

    `penalty="l2"`: `w ← w/(1 + s_t)`, a decay after the step by `s_t/(1 + s_t)`. `penalty="l1"`: soft thresholding,
    `w ← sgn(w)·max(|w| − s_t, 0)`, which gives exact zeros.

    Args:
        lam: λ ≥ 0, with the clocks `lr` (the default) and `corrected`.
        penalty: `Ω = ½w²` or `Ω = |w|`.
        clock: what the strength is multiplied by.
        rate: s_t at the peak of the schedule, ≥ 0, with the clocks `constant` (the default) and `schedule` (AdamProx).

    Warns:
        UserWarning: a rate was given as `lam`, as in version 0.1.0.

    Differs from: `L1(lam)`, whose sign of w passes through the optimizer and never leaves a weight at 0.

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
    strength, clock = _lam_or_rate("Proximal", lam, clock, rate)
    return Rule(name="Proximal", strength=strength, force=_PENALTIES[penalty], entry="prox", clock=clock)


def Projection(radius: float | Tensor, onto: Literal["box", "ball", "sphere"] = "box") -> Rule:
    """Projection onto a set after every step: a bound on the weights instead of a pull.

    `onto="box"`: `|wᵢ| ≤ radius`; `"ball"`: `‖w‖ ≤ radius` per tensor; `"sphere"`: `‖w‖ = radius` per tensor.

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


_RATE_CLOCKS = ("constant", "schedule")


def _lam_or_rate(
    name: str, lam: float | Tensor | None, clock: Clock | None, rate: float | Tensor | None
) -> tuple[float | Tensor, Clock]:
    """The strength and its clock, from the one of `lam` and `rate` that was given."""
    if (lam is None) == (rate is None):
        raise RequestError(
            f"{name}(…): give lam, a λ that the learning rate multiplies, or rate=…, a fraction per step; "
            f"got {'neither' if lam is None else 'both'}."
        )
    if rate is not None:
        if clock not in (None, *_RATE_CLOCKS) and clock in CLOCKS:
            raise RequestError(
                f"{name}(rate=…, clock={clock!r}): a rate is a fraction per step, with the clock 'constant' or "
                f"'schedule'. With the clock {clock!r} the strength is a λ: {name}(lam, clock={clock!r})."
            )
        return rate, clock or "constant"
    assert lam is not None
    if clock in _RATE_CLOCKS and not (isinstance(lam, (int, float)) and lam == 0):
        _warn_of_a_rate_called_lam(name, lam, clock)
    return lam, clock or "lr"


def _warn_of_a_rate_called_lam(name: str, lam: float | Tensor, clock: Clock) -> None:
    single = not isinstance(lam, Tensor) or lam.numel() == 1
    number, meant = (f"{float(lam):g}", f"rate={float(lam) * 3e-4:g}") if single else ("…", "rate=lr·lam")
    warnings.warn(
        f"{name}({number}, clock={clock!r}): with this clock the number is a fraction of the weight per "
        f"step. If that is intended, write {name}(rate={number}, clock={clock!r}). If it is a weight_decay "
        f"in AdamW's sense, which the learning rate multiplies, write {name}({number}); at a learning rate "
        f"of 3e-4 that is {name}({meant}, clock={clock!r}).",
        stacklevel=4,
    )
