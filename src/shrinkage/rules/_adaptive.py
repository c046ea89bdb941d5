"""Named rules whose strength follows the training: the step's direction, the gradient, or the weights' size."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from shrinkage._errors import RequestError
from shrinkage.rules._modulations import (
    CautiousMask,
    GradientAboveNorm,
    GradientWithinLayer,
    InverseRootMoment,
    SelectiveProjection,
    Undetermined,
)
from shrinkage.rules._rule import Rule
from shrinkage.rules.controllers._target_norm import NormConstraint, Target

__all__ = [
    "AdaptiveDecay",
    "AdaptiveL2",
    "Cautious",
    "ConstrainedNorm",
    "ScheduledDecay",
    "SelectiveProjectionDecay",
    "UncertainDecay",
]

# Named like classes: to users they are the kinds of rules.
# ruff: noqa: N802


def Cautious(rule: Rule) -> Rule:
    """Apply `rule` only where its pull and the optimizer's update agree: `(w_old − w_new)·F(w_old) ≥ 0`.

    It has no objective: with `Decoupled(lam)` its fixed points are those of the loss alone, or points where the pull is
    masked in every coordinate. `attach` takes the sign of the update from Adam's and SGD's momentum if it can, so an
    update that rounds away when added to the weight still has a sign; an update of 0 lets the pull through.

    Args:
        rule: a rule that shrinks before or after the step (`Decoupled`, `WeightDecay`), not yet modulated.

    Raises:
        RequestError: the rule is a penalty in the loss, proximal, a projection, or already modulated.

    Differs from: cautious optimizers (Liang et al., 2024), which mask the update, not the decay.

    Reference: Chen et al., "Cautious Weight Decay", arXiv 2510.12402, algorithm 1.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> from shrinkage.rules import Decoupled, Reading
    >>> old = torch.tensor([0.6, -1.9])  # the first weight moved toward 0, the second away from it
    >>> Cautious(Decoupled(0.5)).shrink_(w, Reading(lr=0.1, lr_max=0.2), previous=old)
    >>> w
    tensor([ 0.4700, -2.0000])
    """
    if rule.entry not in ("before", "after") or rule.modulation is not None:
        raise RequestError(
            f"Cautious({rule.name}(…)): a penalty in the error, a proximal step, a projection or a rule "
            "that is already modulated has no pull of its own to mask. Use Cautious(Decoupled(…)) or "
            "Cautious(WeightDecay(…))."
        )
    return replace(rule, name=f"Cautious({rule.name})", modulation=CautiousMask())


def ScheduledDecay(lam: float | Tensor) -> Rule:
    """Scheduled weight decay (SWD): `w ← (1 − η_t·lam/√v̄) w` before the step, v̄ the mean of Adam's v̂ in this step.

    The mean is over all parameters of the optimizer, including exempt ones. Small gradients make the decay stronger.

    Args:
        lam: λ·√v̄ ≥ 0: the strength in units of a gradient; the article's default is 5e-4.

    Differs from: `Decoupled`, by the single factor 1/√v̄. Needs an optimizer that keeps `exp_avg_sq`.

    Reference: Xie et al., "On the overlooked pitfalls of weight decay", NeurIPS 2023, algorithm 3 (AdamS).

    >>> ScheduledDecay(5e-4).acts
    'before'
    """
    return Rule(name="ScheduledDecay", strength=lam, entry="before", modulation=InverseRootMoment())


def AdaptiveDecay(lam: float | Tensor, alpha: float = 4.0) -> Rule:
    """AdaDecay: `w ← (1 − η_t·lam·2/(1 + e^(−αz))) w` before the step, z the standardized size of a weight's gradient.

    `z = (|g| − mean)/std` over the tensor, so a weight with z = 0 decays as under `Decoupled`.

    Args:
        lam: λ ≥ 0.
        alpha: above 0, weights with large gradients decay more (as in the article); below 0, less; 0 is `Decoupled`.

    Differs from: `ScheduledDecay`, in which small gradients strengthen the decay of all weights alike.

    Reference: Nakamura and Hong, "Adaptive weight decay for deep neural networks", IEEE Access 2019, eq. 7.

    >>> AdaptiveDecay(0.1).acts
    'before'
    """
    return Rule(name="AdaptiveDecay", strength=lam, entry="before", modulation=GradientWithinLayer(alpha))


def AdaptiveL2(ratio: float | Tensor, exponent: float = 1.0) -> Rule:
    """Adaptive weight decay (AWD): L2 in the error whose λ follows the gradient, `λ̄ ← 0.1 λ̄ + 0.9 ratio·‖g‖/‖w‖`.

    The norms are over all decayed tensors together, so the pull is about `ratio` times the size of the gradient. λ̄
    starts at 0. The rule has no objective.

    Args:
        ratio: size of the pull relative to the gradient, ≥ 0, without a unit (for `exponent=1`).
        exponent: exponent of ‖g‖/‖w‖; below 0 the decay weakens as the gradient grows.

    Differs from: `L2`, whose λ does not follow the gradient.

    Reference: Ghiasi, Shafahi and Ardekani, "Improving robustness with adaptive weight decay", NeurIPS 2023.

    >>> AdaptiveL2(0.02).acts
    'gradient'
    """
    return Rule(name="AdaptiveL2", strength=ratio, modulation=GradientAboveNorm(exponent))


def SelectiveProjectionDecay(rate: float | Tensor) -> Rule:
    """Selective projection decay (SPD): pull back to the starting point when a step keeps moving away from it.

    After the step, for each tensor: if `⟨g, w_old − w₀⟩ > 0`, then `w ← w − rate·r·(w − w₀)` with
    `r = clip((D(w) − D(w_old))/D(w), 0, 1)` and D the distance to w₀, the weights when the rule was attached. With a
    `rate` of 1 or more the distance does not grow in such a step.

    Args:
        rate: ≥ 0, without a unit; not multiplied by the learning rate.

    The condition says that the gradient step leads back to w₀, so only momentum keeps the weights moving away. Under
    plain gradient descent the rule acts only where `0 < ⟨g, w_old − w₀⟩ < lr·‖g‖²/2`.

    Differs from: `L2SP`, which pulls back at every step.

    Reference: Tian et al., "Rethinking weight decay for robust fine-tuning", arXiv 2411.01713, algorithm 1.

    >>> SelectiveProjectionDecay(1.0).anchor
    'initial'
    """
    return Rule(
        name="SelectiveProjectionDecay",
        strength=rate,
        entry="after",
        clock="constant",
        anchor="initial",
        modulation=SelectiveProjection(),
    )


def UncertainDecay(lam: float | Tensor, *, batch: int, memory: float = 0.999) -> Rule:
    """Decay of what the rows leave open: before the step `w ← (1 − η_t·lam·(1 − γ)) w`, `γ = h/(h + lam)` per weight.

    A weight that the rows say nothing about (h = 0) decays as under `Decoupled(lam)`, and one that they determine
    well almost not at all, as a rating moves faster while it is uncertain. h estimates the diagonal of the
    Gauss–Newton matrix of the mean loss by the running mean of batch·g², the squared mini-batch gradients. That
    estimate is fair where the net fits (mean gradient near 0) and too large before, so early decay is milder.
    It has no objective.

    Args:
        lam: canonical λ ≥ 0, of the decay and of γ alike.
        batch: rows of the mini-batch whose mean loss is differentiated, ≥ 1.
        memory: weight of the past in the running mean, 0 ≤ memory < 1.

    Differs from: `ScheduledDecay` and Adam's L2, which divide by the root of a gradient's size: that is noise, not what
    the rows determine. IVON, whose decay has the factor 1 − γ too, and whose step has it as well.

    Reference: MacKay, Neural Computation 1992, for γ; Shen et al., ICML 2024 (IVON), for 1 − γ in a decay.

    >>> import torch
    >>> from shrinkage.rules import Reading, View
    >>> rule, w = UncertainDecay(0.5, batch=8), torch.tensor([1.0, 1.0])
    >>> view = View(w=w, now=Reading(lr=0.1, lr_max=0.1), strength=0.5, grad=torch.tensor([0.0, 0.25]))
    >>> rule.read([view])
    >>> rule.apply_(view)
    >>> w  # h is 0 and 0.5
    tensor([0.9500, 0.9750])
    """
    if batch < 1:
        raise RequestError(f"UncertainDecay(batch=…): must be >= 1, got {batch}.")
    if not 0 <= memory < 1:
        raise RequestError(f"UncertainDecay(memory=…): must be >= 0 and < 1, got {memory:g}.")
    return Rule(name="UncertainDecay", strength=lam, entry="before", modulation=Undetermined(batch, memory))


def ConstrainedNorm(value: float, target: Target = "relative", rate: float | Tensor = 1.0) -> Rule:
    """Constrained parameter regularization (CPR): a multiplier per tensor keeps its mean square R = mean(w²) below κ.

    After every step, `ℓ ← max(0, ℓ + rate·(R − κ))`, then `w ← w − 2ℓw`: an augmented Lagrangian for `R ≤ κ`.

    Args:
        value: κ itself for `target="uniform"`; κ/R when attached for `"relative"`; the number of steps after which κ is
            set to R for `"at_step"`; unused for `"inflection"`.
        target: how κ is set; `"inflection"` sets it when the running mean of R (weight 0.9 on the past) first grows less
            than in the step before.
        rate: step size of ℓ, ≥ 0, in 1/(mean square of a weight).

    Differs from: the authors' `AdamCPR`, in which the κ of `uniform` bounds the sum of squares instead of their mean, and
    which checks for the inflection point only every 200 steps.

    Reference: Franke, Hefenbrock, Koehler and Hutter, arXiv 2311.09058, algorithm 1.

    >>> ConstrainedNorm(0.5).acts
    'after'
    """
    return Rule(
        name="ConstrainedNorm",
        strength=rate,
        entry="after",
        clock="constant",
        modulation=NormConstraint(target, float(value)),
    )
