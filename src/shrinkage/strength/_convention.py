"""What one convention is: a name, how its number becomes λ or a shrink, what that takes, and where it is written."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from shrinkage._errors import RequestError, called
from shrinkage.strength._quantities import Quantities

__all__ = ["Beside", "Convention", "Form", "Kind", "Norm", "half_life", "linear", "reciprocal", "same"]

Kind = Literal["objective", "decoupled", "shrink", "no scalar"]
Norm = Literal["l2", "l1"]
Beside = Literal["any", "likelihood", "regression"]


@dataclass(frozen=True)
class Form:
    """A number's way to the canonical strength and back."""

    to: Callable[[float, Quantities], float]
    back: Callable[[float, Quantities], float]


def linear(scale: Callable[[Quantities], float]) -> Form:
    """strength = value · scale."""
    return Form(lambda value, q: value * scale(q), lambda strength, q: strength / _usable(scale(q)))


def reciprocal(scale: Callable[[Quantities], float]) -> Form:
    """strength = scale / value, as scikit-learn's C and the timescales have it; no strength is an infinite value."""

    def flip(x: float, q: Quantities) -> float:
        return scale(q) / x if x else math.inf

    return Form(flip, flip)


def _usable(scale: float) -> float:
    if scale == 0:
        raise RequestError(
            f"{called('l1_ratio', of='convert')}: with this share the target has no penalty of this kind. "
            "Choose another."
        )
    return scale


same = Form(lambda value, q: value, lambda strength, q: strength)
half_life = Form(
    lambda value, q: -math.expm1(-math.log(2) / value) if value else 1.0,
    lambda shrink, q: _half_life(shrink),
)


def _half_life(shrink: float) -> float:
    if shrink >= 1:
        raise RequestError(
            f"{called('convert(…)')}: a shrink of {shrink:.6g} per step leaves nothing: it has no half-life."
        )
    return -math.log(2) / math.log1p(-shrink) if shrink else math.inf


@dataclass(frozen=True, kw_only=True)
class Convention:
    """One meaning of a strength that a user types.

    The strength that `form` gives is λ for an objective, and for a decay the factor in `s_t = strength · clock`.
    """

    name: str
    """The dotted public class, or plain words; a suffix `:argument=value` where one class has several meanings."""
    formula: str
    """λ or the shrink s_t in symbols, the number being v."""
    kind: Kind
    """objective: λ beside a loss; decoupled: a shrink outside the gradient; shrink: a shrink, whatever the optimizer;
    no scalar: the strength depends on the weights or gradients themselves."""
    form: Form = same
    """How the number becomes the strength."""
    clock: str = "lr"
    """Name of the clock; an objective's shrink in SGD runs with the learning rate."""
    family: str | None = None
    """The optimizer whose update it lives in; None for a bare penalty or a bare shrink."""
    needs: tuple[str, ...] = ()
    """The quantities that the form cannot do without."""
    beside: Beside = "any"
    """The loss it stands beside: any, the likelihood's own (a sum or mean of −log p), or ½ Σⱼ rⱼ² of a row."""
    summed: bool = False
    """Whether the loss is summed over the mini-batch, so that the learning rate multiplies a sum."""
    after: bool = False
    """Whether the shrink also hits the step: `(w + Δ)(1 − s)`, which is decay before the step at lr·(1 − s)."""
    first_order: bool = False
    """Whether the shrink follows the formula only once the first steps are forgotten, and to first order."""
    norm: Norm = "l2"
    """The penalty's norm: ½ Σ w² or Σ |w|."""
    solved: bool = False
    """Whether a solver minimizes the objective, so that there is no learning rate and no number of steps."""
    joined: bool = False
    """Whether the decay joins the update, or a carried remainder, before the weight is rounded: rounding then loses no
    decay by itself."""
    default: str = ""
    """The suffix that the bare name stands for."""
    source: str
    """Where the formula is written."""
    note: str = ""
    """One line a user should know before typing the number."""
