"""`convert`: a strength of one framework in another's convention, and where good values lie in the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from shrinkage._errors import RequestError
from shrinkage.strength import Conversion, Loss, Options, Quantities, ScheduleName, find, translate
from shrinkage.sweeps._range_words import good_words
from shrinkage.sweeps._useful_range import useful_range

__all__ = ["convert"]


def convert(
    value: float,
    source: str,
    target: str,
    *,
    lr: float | None = None,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    rows: float | None = None,
    batch_size: float | None = None,
    outputs: int | None = None,
    loss: Loss | None = None,
    noise_variance: float = 1.0,
    schedule: ScheduleName | Sequence[float] = "constant",
    steps: int | None = None,
    epochs: float | None = None,
    l1_ratio: float = 0.0,
    beta1: float = 0.9,
    gradient_rms: float = 1.0,
    start_share: float | None = None,
    approximate: bool = False,
) -> Conversion:
    """Convert a strength: return the number that means in `target` what `value` means in `source`.

    Objectives are matched by λ of `J = (1/n) Σ loss + (λ/2) Σ w²`, decays by their shrink `w ← (1 − s_t) w`, and an
    objective with a decay, for SGD, by `s_t = η_t λ (1 − d)/(1 − μ)`.

    Args:
        value: the number, in the unit of `source`: >= 0.
        source: name of a convention, such as "torch.optim.SGD"; see `conventions()`.
        target: name of a convention.
        lr: learning rate η, the peak of its schedule: > 0.
        momentum: μ of SGD, in [0, 1).
        dampening: torch's d, in [0, 1).
        nesterov: whether the momentum is Nesterov's.
        rows: training rows n, or the sum of their weights: >= 1.
        batch_size: rows per optimizer step: >= 1.
        outputs: outputs over which `loss` takes its mean: >= 1.
        loss: the loss that the number and `lr` belong to; required for regression.
        noise_variance: variance of the targets' noise, for prior precisions.
        schedule: "constant", "linear", "cosine", "one-cycle", or the learning rate at each step.
        steps: optimizer steps of the run: >= 1; without it the schedule is treated as continuous.
        epochs: passes over the data: > 0.
        l1_ratio: scikit-learn's share of L1, in [0, 1].
        beta1: first-moment coefficient, for NovoGrad.
        gradient_rms: √v̂ of an Adam-type optimizer, for approximate conversions: > 0.
        start_share: Megatron's start weight decay as a share of the end one, in [0, 1].
        approximate: return the first-order number if no scalar equivalence exists.

    Returns:
        The value, whether it is exact, and a note. If lr and the length of the run are given (steps; or epochs, rows and
        batch_size), the note also says where good values lie in the run, by `useful_range`.

    Raises:
        RequestError: a name is unknown, a quantity is missing or out of range, or no scalar equivalence exists.

    Example:
        >>> c = convert(1e-4, "torch.optim.SGD", "keras.regularizers.L2")
        >>> c.value, c.exact
        (5e-05, True)

    Differs from: reading one library's weight_decay into another's, which is off by 2, by 1/lr, by 1/(1 − μ) or by B.
    Reference: Loshchilov and Hutter, ICLR 2019, proposition 2, for plain SGD.
    """
    q = Quantities(
        lr=lr,
        momentum=momentum,
        dampening=dampening,
        nesterov=nesterov,
        rows=rows,
        batch_size=batch_size,
        outputs=outputs,
        loss=loss,
        noise_variance=noise_variance,
        schedule=schedule,
        steps=steps,
        epochs=epochs,
        l1_ratio=l1_ratio,
        beta1=beta1,
        gradient_rms=gradient_rms,
        start_share=start_share,
    )
    found = translate(value, find(source), find(target), q, approximate=approximate)
    good = _good(target, q)
    if good is None:
        return found
    return replace(found, good=good, note=f"{found.note} In this run {good_words(good)}.")


def _good(target: str, q: Quantities) -> tuple[float, float] | None:
    """Where good values of `target` lie; None where the run is not known or does not determine it."""
    if q.lr is None or (q.steps is None and (q.epochs is None or q.rows is None or q.batch_size is None)):
        return None
    run: Options = {field.name: getattr(q, field.name) for field in fields(q)}  # pyright: ignore[reportAssignmentType]
    if q.gradient_rms == 1:
        del run["gradient_rms"]  # pyright: ignore[reportTypedDictNotRequiredAccess] an assumption, not a measurement
    try:
        return useful_range(target, **run).good
    except RequestError:
        return None
