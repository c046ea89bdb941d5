"""The named rules: each is one composition along the axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from torch import Tensor

from shrinkage._errors import RequestError, shown
from shrinkage.rules._clocks import Clock
from shrinkage.rules._forces import L1Force, MixedForce
from shrinkage.rules._rule import Rule

__all__ = [
    "CATALOGUE",
    "L1",
    "L2",
    "L2SP",
    "Cautious",
    "Decoupled",
    "ElasticNet",
    "WeightDecay",
    "rule_named",
]

# Named as classes are: to their users they are the kinds of rule there are.
# ruff: noqa: N802


def L2(lam: float | Tensor) -> Rule:
    """L2 regularization: the penalty is in the error, its gradient λw goes through the optimizer.

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

    Reference: Tibshirani, JRSS-B 1996, eq. 1.
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
    """
    if l1 < 0 or l2 < 0:
        raise RequestError(f"ElasticNet(l1=…, l2=…): both must be >= 0, got l1={l1:g}, l2={l2:g}.")
    total = l1 + l2
    return Rule(name="ElasticNet", strength=total, force=MixedForce(l1 / total if total else 0.5))


def L2SP(lam: float | Tensor) -> Rule:
    """L2 toward the starting point: `J = (1/n) Σ lossᵢ + (λ/2) Σ (w − w₀)²`, w₀ the weights when it is attached.

    Args:
        lam: canonical λ ≥ 0.

    Reference: Li, Grandvalet and Davoine, ICML 2018, eq. 2.
    """
    return Rule(name="L2SP", strength=lam, anchor="initial")


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

    Reference: Loshchilov and Hutter, ICLR 2019, algorithms 1 and 2; Defazio, arXiv 2506.02285, for `corrected`.
    """
    return Rule(name="Decoupled", strength=lam, entry="before", clock=clock)


def Cautious(rule: Rule) -> Rule:
    """`rule`, applied only where its pull and the optimizer's update agree: `(w_old − w_new)·F(w_old) ≥ 0`.

    Args:
        rule: a rule that shrinks before or after the step (`Decoupled`, `WeightDecay`).

    Reference: Chen et al., "Cautious Weight Decay", arXiv 2510.12402, algorithm 1.
    """
    if rule.entry == "loss":
        raise RequestError(
            f"Cautious({rule.name}(…)): a penalty in the error has no step of its own to hold back. "
            "Use Cautious(Decoupled(…)) or Cautious(WeightDecay(…))."
        )
    return replace(rule, name=f"Cautious({rule.name})", modulation="cautious")


CATALOGUE: dict[str, Callable[[float], Rule]] = {
    "l2": L2,
    "l1": L1,
    "elastic_net": lambda lam: ElasticNet(lam / 2, lam / 2),
    "l2_sp": L2SP,
    "weight_decay": WeightDecay,
    "weight_decay_original": lambda rate: WeightDecay(rate, of="original"),
    "decoupled": Decoupled,
    "decoupled_schedule": lambda lam: Decoupled(lam, clock="schedule"),
    "decoupled_constant": lambda lam: Decoupled(lam, clock="constant"),
    "decoupled_corrected": lambda lam: Decoupled(lam, clock="corrected"),
    "cautious": lambda lam: Cautious(Decoupled(lam)),
}
"""Every rule by the name that `rule=` takes, as a function of its strength: the rows of the contract suite."""


def rule_named(name: str) -> Rule:
    """The rule called `name` in the catalogue, with strength 0; a λ path sets the strengths."""
    if name not in CATALOGUE:
        raise RequestError(f"rule=…: there is no rule {shown(name)}. Known: {', '.join(CATALOGUE)}.")
    return CATALOGUE[name](0.0)
