"""`useful_range`: the range in which a strength has any effect in a run, in the framework's own numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any, Literal, Unpack

import numpy as np

from shrinkage._errors import RequestError, called, shown, vocabulary
from shrinkage.strength import CLOCKS, Convention, Options, Quantities, asked_for, checked, find, short
from shrinkage.sweeps._range_ends import HALF_SPACING, Ends, Run, ends, is_adaptive
from shrinkage.sweeps._range_words import next_words, why_words

__all__ = ["Dtype", "UsefulRange", "useful_range"]

Dtype = Literal["float64", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True)
class UsefulRange:
    """The range in which a strength acts in one run; `print` gives it, and what to try next."""

    convention: str
    """The convention whose numbers these are."""
    low: float
    """The smallest number that acts."""
    high: float
    """The largest number that acts."""
    weak: float
    """The weak end: `low`, or `high` if the strength falls as the number rises, as with C."""
    strong: float
    """The other end."""
    good: tuple[float, float] | None
    """The range of good values: a timescale from one epoch (at most a tenth of the run) to the whole run; None for a
    solver and for L1, for which the run does not determine it, in a run of a few steps, and where rounding to the
    format of the weights loses all of them."""
    exact: bool
    """Whether the shrink follows from the number alone; False if gradients, norms or momentum matter."""
    why: str
    """What happens at both ends, in sentences."""
    next: str
    """What to try next, and why."""
    values: tuple[float, ...] = ()
    """The values of the given sweep."""
    acting: tuple[float, ...] = ()
    """The `values` that can act; for a range, the ends of the part that can."""

    def acts(self, value: float) -> bool:
        """Return whether a number is in the range."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        good = ""
        if self.good:
            good = f" Good values lie between {short(min(self.good))} and {short(max(self.good))}."
        head = f"{self.convention} acts between {short(self.low)} and {short(self.high)} in this run.{good}"
        return "\n".join((head, self.why, self.next))


@vocabulary({"convert": "useful_range"})
def useful_range(
    convention: str,
    *,
    values: Sequence[float] | None = None,
    between: tuple[float, float] | None = None,
    dtype: Dtype | object = "float32",
    weight_rms: float | None = None,
    curvature: tuple[float, float] | None = None,
    tolerance: float = 0.01,
    **run: Unpack[Options],
) -> UsefulRange:
    """Find the range in which a strength has any effect in this run.

    Below the weak end, all steps together remove less than `tolerance` of a weight, `Σ s_t < ε`, or the decay is lost
    to rounding. Beyond the strong end, 1 − ε of a weight is gone within 10 steps, `(1 − s)¹⁰ = ε`. Outside the range,
    the trained weights equal those of strength 0 to within ε, or consist only of the last few updates.

    Args:
        convention: name of a convention, such as "torch.optim.AdamW"; see `conventions()`.
        values: the numbers of a sweep, to see which can act.
        between: the two ends of a sweep, to see which part can act.
        dtype: format of the weights: "float64", "float32", "bfloat16" or "float16", or torch's own.
        weight_rms: root mean square of the weights, > 0; for L1.
        curvature: smallest and largest eigenvalue of the loss's Hessian, > 0; for objectives that a solver minimizes.
        tolerance: ε, in (0, 0.5].
        run: lr, steps (or epochs, rows and batch_size), schedule, momentum and the other keywords of `convert`;
            gradient_rms, the root mean square of the gradient's entries, has no default here.

    Returns:
        The two ends in the unit of the convention, the reasons, and what to try next.

    Raises:
        RequestError: a name is unknown, or quantities are out of range or missing; lists all of them.

    Example:
        >>> r = useful_range("torch.optim.AdamW", lr=1e-3, steps=10_000, schedule="cosine")
        >>> round(r.low, 6), round(r.high), r.acts(1e-4)
        (0.002, 369, False)

    Differs from: advice on numbers alone: 0.01 acts in a long run with a large learning rate, but not in a short one.
    Reference: Wang and Aitchison, arXiv 2405.13698, for the timescale against the length of the run.
    """
    entry = find(convention, "useful_range")
    gradient_rms = run.pop("gradient_rms", None)
    weights = _format(dtype)
    _check_options(weights, tolerance, curvature, gradient_rms, weight_rms)
    if unknown := sorted(set(run) - {each.name for each in fields(Quantities)}):
        raise RequestError(f"useful_range({unknown[0]}=…): there is no such quantity of a run; see convert.")
    q = Quantities(**run)
    if q.steps is not None and q.steps % 1:
        raise RequestError(
            f"{called('steps', of='useful_range')}: must be a whole number, got {shown(q.steps)}."
        )
    if q.steps is not None:
        q = replace(q, steps=int(q.steps))
    steps, epochs = _steps(q)
    q = replace(q, epochs=q.epochs or epochs, lr=q.lr or _peak(q))
    _ask(entry, q, steps, gradient_rms, weight_rms, curvature)
    if curvature is not None and entry.kind != "objective":
        raise RequestError(
            f"{called('curvature', of='useful_range')}: is for objectives that a solver minimizes, but "
            f"{entry.name} is a decay in a training run. Give lr and steps."
        )
    run_given = Run(
        steps=steps or 1,
        tolerance=tolerance,
        dtype=weights,
        epochs=epochs,
        gradient_rms=gradient_rms,
        weight_rms=weight_rms,
        curvature=curvature,
    )
    return _result(
        entry,
        ends(entry, q, run_given),
        run_given,
        _strengths_given(values, between),
        is_range=between is not None,
    )


def _result(
    entry: Convention, found: Ends, run: Run, values: tuple[float, ...], *, is_range: bool
) -> UsefulRange:
    low, high = sorted((found.weak, found.strong))
    acting = tuple(v for v in values if low <= v <= high)
    if is_range:
        inside = (max(values[0], low), min(values[1], high))
        acting = inside if inside[0] < inside[1] or inside == values else ()
    return UsefulRange(
        convention=entry.name,
        low=low,
        high=high,
        weak=found.weak,
        strong=found.strong,
        good=found.good,
        exact=found.exact,
        why=why_words(entry, found, run),
        next=next_words(entry, found, values, acting, is_range=is_range),
        values=values,
        acting=acting,
    )


def _steps(q: Quantities) -> tuple[int | None, float | None]:
    """Optimizer steps of the run and its epochs, each from the other where rows and batch size are there."""
    steps = q.steps if isinstance(q.schedule, str) else q.steps or len(q.schedule)
    if q.rows is None or q.batch_size is None:
        return steps, q.epochs
    an_epoch = math.ceil(q.rows / q.batch())
    if steps is None and q.epochs is not None:
        steps = max(round(q.epochs * an_epoch), 1)
    return steps, steps / an_epoch if steps else q.epochs


def _format(dtype: object) -> Any:
    """The name of a format of numbers: also of torch's and numpy's own, and the short ones."""
    name = str(getattr(dtype, "__name__", dtype)).removeprefix("torch.")
    return _FORMATS.get(name, name if name in HALF_SPACING else dtype)


_FORMATS = {"bf16": "bfloat16", "fp16": "float16", "half": "float16", "fp32": "float32", "fp64": "float64"}


def _peak(q: Quantities) -> float | None:
    """The largest of the learning rates of a schedule that lists them."""
    listed = [] if isinstance(q.schedule, str) else q.schedule
    rates = [float(rate) for rate in listed if isinstance(rate, Real)]
    return max((rate for rate in rates if 0 < rate < math.inf), default=None)


def _ask(
    entry: Convention,
    q: Quantities,
    steps: int | None,
    gradient_rms: float | None,
    weight_rms: float | None,
    curvature: tuple[float, float] | None,
) -> None:
    """Ask for everything that is missing, at once and by name."""
    missing = [name for name in entry.needs if getattr(q, name) is None]
    if entry.solved and curvature is None:
        missing.append("curvature")
    if curvature is None and not entry.solved:
        missing += [] if steps else ["steps"]
        by_lr = entry.kind == "objective" or CLOCKS[entry.clock].power or entry.after
        missing += ["lr"] if by_lr and q.lr is None else []
        missing += ["gradient_rms"] if is_adaptive(entry) and gradient_rms is None else []
    missing += ["weight_rms"] if entry.norm == "l1" and weight_rms is None else []
    missing += ["outputs"] if q.loss in ("mse", "bce") and entry.beside != "any" and q.outputs is None else []
    if missing:
        raise RequestError(
            asked_for(list(dict.fromkeys(missing)), f"the range of {entry.name}", of="useful_range")
        )


def _strengths_given(
    values: Sequence[float] | None, between: tuple[float, float] | None
) -> tuple[float, ...]:
    if values is not None and between is not None:
        raise RequestError(
            f"{called('values')}, {called('between')}: give a list of values or the ends of a range, not both."
        )
    if between is not None:
        if not isinstance(between, Sequence | np.ndarray) or len(between) != 2:
            raise RequestError(
                f"{called('between', of='useful_range')}: must be two numbers, got {shown(between)}."
            )
        low, high = (checked("useful_range", "between", v, ">= 0 and finite") for v in between)
        return (min(low, high), max(low, high))
    listed = [] if values is None else np.atleast_1d(np.asarray(values, dtype=object)).tolist()
    return tuple(checked("useful_range", "values", v, ">= 0 and finite") for v in listed)


def _check_options(
    dtype: object,
    tolerance: float,
    curvature: tuple[float, float] | None,
    gradient_rms: float | None,
    weight_rms: float | None,
) -> None:
    if dtype not in HALF_SPACING:
        raise RequestError(
            f"{called('dtype', of='useful_range')}: must be one of {', '.join(HALF_SPACING)}, got {shown(dtype)}."
        )
    if not 0 < checked("useful_range", "tolerance", tolerance, "> 0 and finite") <= 0.5:
        raise RequestError(
            f"{called('tolerance', of='useful_range')}: must lie in (0, 0.5], got {shown(tolerance)}."
        )
    for name, value in (("gradient_rms", gradient_rms), ("weight_rms", weight_rms)):
        if value is not None:
            checked("useful_range", name, value, "> 0 and finite")
    if curvature is not None:
        if not isinstance(curvature, Sequence | np.ndarray) or len(curvature) != 2:
            raise RequestError(
                f"{called('curvature', of='useful_range')}: must be two numbers, got {shown(curvature)}."
            )
        flat, steep = (checked("useful_range", "curvature", c, "> 0 and finite") for c in curvature)
        if flat > steep:
            raise RequestError(
                f"{called('curvature', of='useful_range')}: the smallest comes first, got {shown(curvature)}."
            )
