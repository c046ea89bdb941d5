"""Named rules whose penalty is part of the error: the pull goes through the optimizer as any gradient does."""

from __future__ import annotations

from torch import Tensor

from shrinkage._errors import RequestError
from shrinkage.rules._forces import EliminationForce, HuberForce, L1Force, MixedForce
from shrinkage.rules._rule import Rule

__all__ = ["L1", "L2", "L2SP", "ElasticNet", "Huber", "WeightElimination"]

# Named like classes: to users they are the kinds of rules.
# ruff: noqa: N802


def L2(lam: float | Tensor) -> Rule:
    """L2 regularization: the penalty is part of the error, so its gradient λw passes through the optimizer.

    Objective `J = (1/n) Σ lossᵢ + (λ/2) Σ w²`; with plain SGD `w ← (1 − ηλ) w − η ∂C/∂w`, which is the textbook's
    `(1 − ηλ_t/n) w` with `λ_t = n·lam`.

    Args:
        lam: canonical λ ≥ 0, in units of the mean loss per squared weight.

    Differs from: `keras.regularizers.L2(c)`, which is c Σ w², so λ = 2c; scikit-learn's `alpha`, which is divided by
    the mini-batch, so λ = alpha/batch.

    Reference: Krogh and Hertz, NIPS 1991, eq. 1.

    >>> L2(1e-3).strength
    0.001
    """
    return Rule(name="L2", strength=lam)


def L1(lam: float | Tensor) -> Rule:
    """L1 regularization in the error: `J = (1/n) Σ lossᵢ + λ Σ |w|`, gradient `λ sgn w` (0 at 0).

    Args:
        lam: λ ≥ 0, in units of the mean loss per weight.

    Differs from: `Proximal(lam, penalty="l1")`, which sets weights to exactly 0; here they oscillate around it.

    Reference: Tibshirani, JRSS-B 1996, eq. 1.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> L1(0.1).penalty(w)
    tensor([0.0500, 0.2000])
    """
    return Rule(name="L1", strength=lam, force=L1Force())


def ElasticNet(l1: float, l2: float) -> Rule:
    """L1 and L2 together in the error: `J = (1/n) Σ lossᵢ + l1 Σ |w| + (l2/2) Σ w²`.

    The rule's strength is `l1 + l2`; a λ path keeps the ratio of the two.

    Args:
        l1: strength of Σ|w|, ≥ 0.
        l2: strength of ½Σw², ≥ 0.

    Differs from: scikit-learn's `ElasticNet(alpha, l1_ratio)`, the same with l1 = alpha·l1_ratio and
    l2 = alpha·(1 − l1_ratio), against (1/2n)‖y − Xw‖².

    Reference: Zou and Hastie, JRSS-B 2005, eq. 3.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> ElasticNet(l1=0.1, l2=0.2).penalty(w)
    tensor([0.0750, 0.6000])
    """
    if l1 < 0 or l2 < 0:
        raise RequestError(f"ElasticNet(l1=…, l2=…): both must be >= 0, got l1={l1:g}, l2={l2:g}.")
    total = l1 + l2
    return Rule(name="ElasticNet", strength=total, force=MixedForce(l1 / total if total else 0.5))


def L2SP(lam: float | Tensor) -> Rule:
    """L2 toward the starting point w₀: `J = (1/n) Σ lossᵢ + (λ/2) Σ (w − w₀)²`. w₀ is copied when the rule is attached.

    Args:
        lam: canonical λ ≥ 0.

    Differs from: `L2`, which pulls toward 0. A new head should get its own rule, with `attach(…, only=…)`.

    Reference: Li, Grandvalet and Davoine, ICML 2018, eq. 2.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> L2SP(0.2).penalty(w, torch.tensor([0.5, -1.0]))
    tensor([0.0000, 0.1000])
    """
    return Rule(name="L2SP", strength=lam, anchor="initial")


def Huber(lam: float | Tensor, delta: float = 1.0) -> Rule:
    """Huber's penalty in the error: like L2 for small weights, like L1 for large ones (pull at most λ·delta).

    Objective `J = (1/n) Σ lossᵢ + λ Σ h(w)`, with `h = ½w²` up to `|w| = delta` and `delta·|w| − ½delta²` beyond;
    gradient `λ·clip(w, ±delta)`.

    Args:
        lam: canonical λ ≥ 0.
        delta: size of a weight beyond which the pull stops growing, > 0.

    Differs from: AdamHD, which applies the clipped pull outside the moments, before the step and times the learning rate.

    Reference: Huber, Annals of Mathematical Statistics 1964, for h; AdamHD, arXiv 2511.14721, for weights.

    >>> import torch
    >>> Huber(1e-3).force.pull(torch.tensor([0.5, -3.0]))
    tensor([ 0.5000, -1.0000])
    """
    _check_positive("Huber(delta=…)", delta)
    return Rule(name="Huber", strength=lam, force=HuberForce(delta))


def WeightElimination(lam: float | Tensor, scale: float = 1.0) -> Rule:
    """Weight elimination: pull small weights to 0 and leave large ones alone.

    Objective `J = (1/n) Σ lossᵢ + (λ/2) Σ w²/(1 + (w/scale)²)`, gradient `λw/(1 + (w/scale)²)²`, which for small
    weights is that of L2 with the same λ.

    Args:
        lam: canonical λ ≥ 0.
        scale: size w₀ above which a weight counts as large, > 0.

    Differs from: the article, whose penalty λ_W Σ (w/w₀)²/(1 + (w/w₀)²) has λ_W = λ·w₀²/2.

    Reference: Weigend, Rumelhart and Huberman, NIPS 1990, eq. 3; its schedule of λ is not part of the rule.

    >>> import torch
    >>> w = torch.tensor([0.5, -2.0])
    >>> WeightElimination(0.2).penalty(w)
    tensor([0.0200, 0.0800])
    """
    _check_positive("WeightElimination(scale=…)", scale)
    return Rule(name="WeightElimination", strength=lam, force=EliminationForce(scale))


def _check_positive(what: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise RequestError(f"{what}: must be > 0 and finite, got {value:g}.")
