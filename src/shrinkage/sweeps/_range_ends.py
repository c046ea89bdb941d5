"""The two ends of what a strength can do in one run, as numbers of a convention.

With s_t the shrink of step t, S = Σ s_t over the run's T steps, ε the tolerance and m the steps of a sudden end:

(1) weak end: S = ε. To first order the decay moves a weight by at most S of its largest size, so below this the trained
    weights are those of strength 0 to within ε. On a quadratic loss and a stable learning rate it is a bound.
(2) strong end: (1 − max s_t)^m = ε. Beyond, a weight holds no more than what the last m steps gave it. The maximum is
    over the schedule: Adagrad's own fall with 1/√t is averaged over the run, since what its first steps take off comes
    back in the many smaller ones that follow.
(3) rounding: max s_t at half the spacing of the numbers just below 1; a smaller shrink, rounded by itself, is lost.
(4) a pull of constant size, L1: λ₁ Σ η_t = ε·|w| and m·λ₁·max η_t = |w|.
(5) a solved objective with Hessian eigenvalues from a to b: λ/(a + λ) = ε and b/(b + λ) = ε, the change of a weight
    along the flattest direction and what is left along the steepest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from shrinkage.strength import CLOCKS, Convention, Quantities, find, momentum_gain, relative_rates, translate

__all__ = [
    "FEW_STEPS",
    "HALF_SPACING",
    "Ends",
    "Run",
    "by_gradients",
    "ends",
    "ends_of_shrinks",
    "is_adaptive",
]

FEW_STEPS = 10
"""m: the steps in which all but ε of a weight is gone at the strong end."""
HALF_SPACING = {"float64": 2.0**-54, "float32": 2.0**-25, "bfloat16": 2.0**-9, "float16": 2.0**-12}
"""Half the spacing of the numbers just below 1, by the format of the weights."""
FINEST = 20_000
"""Steps above which a schedule is taken as continuous."""


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The range in which a convention's number matters, from weak to strong."""

    weak: float
    strong: float
    good: tuple[float, float] | None
    """Numbers for a timescale of the run and for one of an epoch or a tenth of the run; None without a run, in a run of a
    few steps, and where rounding loses all of them."""
    rounded: float | None
    """The number below which rounding loses all of the decay; None where it is not known."""
    exact: bool
    """Whether the shrink follows the number; False where gradients or norms take part."""


def ends(entry: Convention, q: Quantities, run: Run) -> Ends:
    """The ends for an entry whose quantities are all there; see the module's equations."""
    if entry.norm == "l1":
        return _of_l1(entry, q, run)
    if run.curvature is not None:
        flat, steep = run.curvature
        weak, strong = _solve(flat, steep, run.tolerance)
        return Ends(
            weak=entry.form.back(weak, q),
            strong=entry.form.back(strong, q),
            good=None,
            rounded=None,
            exact=True,
        )
    return _of_run(entry, q, run)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Quantities that the ends depend on, besides those of a conversion."""

    steps: int
    tolerance: float
    dtype: str
    epochs: float | None = None
    """Epochs of the run where rows and batch size are known."""
    gradient_rms: float | None = None
    weight_rms: float | None = None
    curvature: tuple[float, float] | None = None

    @property
    def few_steps(self) -> int:
        """m, in a run that may be shorter."""
        return min(FEW_STEPS, self.steps)


def is_adaptive(entry: Convention) -> bool:
    """Whether the penalty passes through an update that divides by the gradients' size."""
    return entry.kind == "objective" and entry.family not in (None, "sgd", "asgd", "schedule_free_sgd")


def by_gradients(entry: Convention, run: Run) -> bool:
    """Whether gradients' sizes take part: inside an adaptive optimizer, or beside one that gradient_rms stands for."""
    beside = entry.kind == "objective" and entry.family is None and run.gradient_rms is not None
    return is_adaptive(entry) or beside


def ends_of_shrinks(
    strength: float,
    *,
    mean: float,
    peak: float,
    steps: int,
    epochs: float | None = None,
    dtype: str | None = None,
    most: float = 1.0,
    tolerance: float = 0.01,
) -> Ends:
    """The ends as multiples of a strength whose shrinks are known, as those of an optimizer that was measured.

    Args:
        strength: the number that shrinks so, > 0; the shrink is proportional to it.
        mean: mean shrink of the run's steps, > 0.
        peak: largest shrink of a step, >= mean.
        steps: of the run, >= 1.
        epochs: of the run, where known.
        dtype: format of the weights where rounding loses small shrinks; None where it does not.
        most: largest shrink of a step that good values may have; in a run so short that this leaves less than a factor
            of 2, no values are called good.
        tolerance: ε.
    """
    run = Run(steps=steps, tolerance=tolerance, dtype=dtype or "float64", epochs=epochs)

    def number(shrink: float) -> float:
        return strength * shrink / mean

    found = _by_shrinks(number, mean / peak, run, rounds=dtype is not None)
    good = found.good and (found.good[0], min(found.good[1], number(most * mean / peak)))
    return replace(found, good=good if good and 2 * good[0] <= good[1] else None)


def _of_run(entry: Convention, q: Quantities, run: Run) -> Ends:
    number, peak_share = _number(entry, q, run)
    found = _by_shrinks(number, peak_share, run, rounds=entry.kind != "objective" and not entry.joined)
    with_gradients = is_adaptive(entry) or entry.kind == "no scalar"
    return replace(found, exact=not (with_gradients or (q.momentum and entry.kind == "objective")))


def _by_shrinks(number: Callable[[float], float], peak_share: float, run: Run, *, rounds: bool) -> Ends:
    """The ends, from the number that has a given mean shrink."""
    strong = number(-math.expm1(math.log(run.tolerance) / run.few_steps) * peak_share)  # (2)
    weak, rounded = number(run.tolerance / run.steps), None  # (1)
    rising = weak < strong
    if rounds:
        rounded = number(HALF_SPACING[run.dtype] * peak_share)  # (3)
        weak = _stronger(weak, rounded, rising=rising)
    shortest = min(run.steps / run.epochs, run.steps / 10) if run.epochs else run.steps / 10
    longest_lived = _stronger(number(1 / run.steps), weak, rising=rising)
    shortest_lived = _stronger(number(1 / max(shortest, 1.0)), strong, rising=not rising)
    ordered = (longest_lived < shortest_lived) == rising and longest_lived != shortest_lived
    good = (longest_lived, shortest_lived) if ordered else None
    return Ends(weak=weak, strong=strong, good=good, rounded=rounded, exact=True)


def _number(entry: Convention, q: Quantities, run: Run) -> tuple[Callable[[float], float], float]:
    """The number whose mean shrink over the run is given, and mean over largest shrink of the schedule's clock."""
    q = replace(q, steps=run.steps if run.steps <= FINEST else None)
    factors = [CLOCKS[entry.clock].shape(s, u, q) for s, u in relative_rates(q)]
    peak_share = math.fsum(factors) / len(factors) / max(factors)
    q = _with_damping(entry, q, run)
    scale = 1.0
    if is_adaptive(entry):
        q = replace(q, gradient_rms=run.gradient_rms)
    elif by_gradients(entry, run):
        # The shrink is lr·λ/rms in place of SGD's lr·λ·G.
        scale = (run.gradient_rms or 1.0) * momentum_gain(q.momentum, q.dampening)

    def number(shrink: float) -> float:
        return translate(shrink * scale, find("shrink"), entry, q, approximate=True).value

    return number, peak_share


def _with_damping(entry: Convention, q: Quantities, run: Run) -> Quantities:
    """The quantities with the schedule as it acts: Adagrad divides by the root of the steps so far, too."""
    if entry.kind == "objective" and entry.family == "adagrad":
        places = relative_rates(q)
        lr, stride = q.get("lr"), run.steps / len(places)
        return replace(q, schedule=[lr * s / math.sqrt(1 + i * stride) for i, (s, _) in enumerate(places)])
    return q


def _of_l1(entry: Convention, q: Quantities, run: Run) -> Ends:
    size = run.weight_rms or 0.0
    if run.curvature is not None:
        flat, steep = run.curvature
        weak, strong = run.tolerance * flat * size, steep * size / run.tolerance
    else:
        gain = 1 / run.gradient_rms if run.gradient_rms else momentum_gain(q.momentum, q.dampening)
        rates = [s for s, _ in relative_rates(replace(q, steps=min(run.steps, FINEST)))]
        lr = q.get("lr") * gain
        weak = run.tolerance * size / (lr * math.fsum(rates) / len(rates) * run.steps)  # (4)
        strong = size / (run.few_steps * lr * max(rates))
    numbers = [entry.form.back(strength, q) for strength in (weak, strong)]
    return Ends(weak=numbers[0], strong=numbers[1], good=None, rounded=None, exact=False)


def _solve(flat: float, steep: float, tolerance: float) -> tuple[float, float]:
    """(5)"""
    return flat * tolerance / (1 - tolerance), steep * (1 - tolerance) / tolerance


def _stronger(one: float, other: float, *, rising: bool) -> float:
    """The number of the stronger decay: the larger one where the strength rises with the number."""
    return max(one, other) if rising else min(one, other)
