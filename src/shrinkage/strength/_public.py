"""`convert` and `rescale`: the two questions a person asks about a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Unpack

from shrinkage._errors import RequestError, called, shown
from shrinkage.strength._checks import checked
from shrinkage.strength._convention import Convention
from shrinkage.strength._quantities import Loss, Options, Quantities, ScheduleName, asked_for
from shrinkage.strength._registry import find
from shrinkage.strength._translation import Conversion, translate

__all__ = ["Keep", "convert", "rescale"]

Keep = Literal["timescale", "prior", "run"]


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
    """The number that means in `target` what `value` means in `source`.

    Objectives are matched on λ of `J = (1/n) Σ loss + (λ/2) Σ w²`, decays on their shrink `w ← (1 − κ_t) w`, and one
    on the other, for SGD, by `κ_t = η_t λ (1 − d)/(1 − μ)`.

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
        loss: the loss beside which the number is typed and to which `lr` belongs; for regression it must be said.
        noise_variance: variance of the targets' noise, for prior precisions.
        schedule: "constant", "linear", "cosine", "one-cycle", or the learning rate at each step.
        steps: optimizer steps of the run: >= 1; without it a schedule is taken as continuous.
        epochs: passes over the data: > 0.
        l1_ratio: scikit-learn's share of L1, in [0, 1].
        beta1: first-moment coefficient, for NovoGrad.
        gradient_rms: √v̂ of an Adam-type optimizer, for approximate conversions: > 0.
        start_share: Megatron's start weight decay as a share of the end one, in [0, 1].
        approximate: give the first-order number where no scalar equivalence exists.

    Returns:
        The value, whether it is exact, and a note.

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
    return translate(value, find(source), find(target), q, approximate=approximate)


def rescale(
    value: float,
    convention: str,
    *,
    new_batch_size: float | None = None,
    new_rows: float | None = None,
    new_lr: float | None = None,
    new_epochs: float | None = None,
    keep: Keep = "timescale",
    approximate: bool = False,
    **quantities: Unpack[Options],
) -> Conversion:
    """The number to type when the run changes: "what if I double the batch?".

    `keep="timescale"` keeps `τ = B/(n κ)` epochs, `keep="run"` the total decay `τ/epochs` of the run, and
    `keep="prior"` the prior precision `δ = n λ`.

    Args:
        value: the number of the old run, in the unit of `convention`.
        convention: name of a convention; see `conventions()`.
        new_batch_size: rows per step of the new run.
        new_rows: training rows of the new run.
        new_lr: learning rate of the new run.
        new_epochs: epochs of the new run.
        keep: what stays.
        approximate: give the first-order number where no scalar equivalence exists.
        quantities: the old run, in the keywords of `convert`.

    Returns:
        The conversion from the old number to the new one, both in `convention`.

    Raises:
        RequestError: as `convert`, and where nothing changes.

    Example:
        >>> round(rescale(0.1, "torch.optim.AdamW", rows=50_000, batch_size=128, new_batch_size=256, lr=1e-3).value, 9)
        0.2

    Reference: Wang and Aitchison, arXiv 2405.13698, for the timescale in epochs.
    """
    changes = {"batch_size": new_batch_size, "rows": new_rows, "lr": new_lr, "epochs": new_epochs}
    changes = {name: number for name, number in changes.items() if number is not None}
    for name, number in changes.items():
        checked("rescale", f"new_{name}", number, "> 0 and finite")
    if not changes:
        raise RequestError(
            f"{called('rescale(…)')}: nothing changes. Give new_batch_size, new_rows, new_lr or new_epochs."
        )
    entry, old = find(convention, "rescale"), Quantities(**quantities)
    new = replace(old, **changes)
    kept = _kept(keep)
    _ask(keep, changes, old)
    there = translate(value, entry, kept, old, approximate=approximate)
    factor = new.get("epochs") / old.get("epochs") if keep == "run" and "epochs" in changes else 1.0
    back = translate(there.value * factor, kept, entry, new, approximate=approximate)
    told = ", ".join(f"{name} = {number:.6g}" for name, number in changes.items())
    note = f"For {told}, keeping {_words(keep)} at {there.value * factor:.6g}{' epochs' if keep != 'prior' else ''}."
    return replace(back, given=float(value), source=entry.name, exact=there.exact and back.exact, note=note)


def _kept(keep: str) -> Convention:
    if keep not in ("timescale", "prior", "run"):
        raise RequestError(
            f'{called("keep", of="rescale")}: must be "timescale", "prior" or "run", got {shown(keep)}.'
        )
    return find("prior_precision" if keep == "prior" else "timescale_epochs")


def _ask(keep: str, changes: dict[str, float], old: Quantities) -> None:
    needed = set(changes) - ({"epochs"} if keep != "run" else set()) | {"rows"}
    if keep != "prior":
        needed |= {"batch_size"}
    missing = [
        name
        for name in ("lr", "rows", "batch_size", "epochs")
        if name in needed and getattr(old, name) is None
    ]
    if missing:
        raise RequestError(asked_for(missing, "what the run was before", of="rescale"))


def _words(keep: str) -> str:
    return {
        "timescale": "the timescale",
        "prior": "the prior precision",
        "run": "the timescale, as a share of the run,",
    }[keep]
