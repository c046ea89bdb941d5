"""`rescale`: a strength for a different batch size, number of rows, learning rate or run length."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Unpack

from shrinkage._errors import RequestError, called, shown, vocabulary
from shrinkage.strength import (
    CLOCKS,
    Convention,
    Conversion,
    Options,
    Quantities,
    asked_for,
    checked,
    find,
    translate,
)

__all__ = ["Keep", "rescale"]

Keep = Literal["timescale", "prior", "run"]


@vocabulary({"convert": "rescale"})
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
    """Adjust a strength to a changed run: "what if I double the batch size?".

    `keep="timescale"` keeps `τ = B/(n s)` epochs, `keep="run"` the total decay `τ/epochs` of the run, and
    `keep="prior"` the prior precision `δ = n λ`.

    Args:
        value: the number of the old run, in the unit of `convention`.
        convention: name of a convention; see `conventions()`.
        new_batch_size: rows per step of the new run.
        new_rows: training rows of the new run.
        new_lr: learning rate of the new run.
        new_epochs: epochs of the new run.
        keep: the quantity to keep.
        approximate: return the first-order number if no scalar equivalence exists.
        quantities: the old run, in the keywords of `convert`.

    Returns:
        The conversion from the old number to the new one, both in `convention`.

    Raises:
        RequestError: as in `convert`, or nothing changes.

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
    kept = _kept_convention(keep)
    _ask(entry, keep, changes, old)
    there = translate(value, entry, kept, old, approximate=approximate)
    factor = new.get("epochs") / old.get("epochs") if keep == "run" and "epochs" in changes else 1.0
    back = translate(there.value * factor, kept, entry, new, approximate=approximate)
    changed = ", ".join(f"{name} = {number:.6g}" for name, number in changes.items())
    note = f"For {changed}, keeping {_words(keep)} at {there.value * factor:.6g}{' epochs' if keep != 'prior' else ''}."
    return replace(back, given=float(value), source=entry.name, exact=there.exact and back.exact, note=note)


def _kept_convention(keep: str) -> Convention:
    if keep not in ("timescale", "prior", "run"):
        raise RequestError(
            f'{called("keep", of="rescale")}: must be "timescale", "prior" or "run", got {shown(keep)}.'
        )
    return find("prior_precision" if keep == "prior" else "timescale_epochs")


def _ask(entry: Convention, keep: str, changes: dict[str, float], old: Quantities) -> None:
    """Ask for everything that is missing, at once and by name."""
    needed = set(changes) - ({"epochs"} if keep != "run" else set()) | {"rows", *entry.needs}
    if keep != "prior":
        needed |= {"batch_size", *(["lr"] if CLOCKS[entry.clock].power else [])}
    known = dict.fromkeys(("lr", "rows", "batch_size", "epochs", *entry.needs))
    missing = [name for name in known if name in needed and getattr(old, name) is None]
    if missing:
        raise RequestError(asked_for(missing, "a quantity of the old run", of="rescale"))


def _words(keep: str) -> str:
    return {
        "timescale": "the timescale",
        "prior": "the prior precision",
        "run": "the timescale, as a share of the run,",
    }[keep]
