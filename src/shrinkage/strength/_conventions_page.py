"""The documentation page of the conventions, from the registry: `python -m shrinkage.strength._conventions_page`."""

from __future__ import annotations

import sys

from shrinkage.strength._convention import Convention
from shrinkage.strength._registry import conventions

__all__ = ["page"]

_HEAD = """\
# What a strength means, convention by convention

This page is generated from the registry: `python -m shrinkage.strength._conventions_page > docs/conventions.md`.

The canonical strength is λ of `J = (1/n) Σ loss + (λ/2) Σ w²`; the shrink s_t is the fraction of a weight removed in
step t, `w ← (1 − s_t) w`. In each row v is the number you type.

Symbols: η_t learning rate at step t (η_ref, η_max its reference and peak), n training rows, B rows per optimizer step,
E epochs, T steps, σ² noise variance, Δ the optimizer's own step, u its update without the learning rate, λ₁ the
strength of Σ |w|.

How strengths are converted:

1. Objective to objective: through λ, exactly. A loss that is c times another has c times its λ. For regression, name the
   loss: ½ Σⱼ rⱼ² (`half_squared_error`, c = 1), its mean over k outputs without the ½ (`mse`, c = 2/k), or its sum
   without the ½ (`squared_error`, c = 2).
2. Objective to decay, for SGD: s_t = η_t·λ·(1 − d)/(1 − μ). Without momentum every step is the same. With momentum μ
   and dampening d the stationary point is the same, and the shrink agrees to first order.
3. Decay to decay: the total decay Σ s_t of the run agrees. If both follow the same clock, every step agrees too.
4. A rule that also shrinks the update, (w + Δ)(1 − s), equals decay before the step at learning rate η·(1 − s).
5. Some conversions have no single number: between L2 inside an Adam-type update and decoupled decay, between decays
   that accompany different updates, and for strengths that norms rescale. These are refused with the reason;
   `approximate=True` gives the first-order number.
"""

_TITLES = {
    "objective": "Objectives: the number is a λ",
    "decoupled": "Decays: the number is a shrink, applied next to the optimizer's own step",
    "shrink": "The shrink itself, in other units",
    "no scalar": "Strengths that no single number describes",
}


def page() -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for kind, title in _TITLES.items():
        rows = [_row(c) for c in conventions() if c.kind == kind]
        parts.append("\n".join([f"## {title}\n", *_TABLE_HEAD, *rows]) + "\n")
    return "\n".join(parts)


_TABLE_HEAD = ("| convention | meaning of v | needs | note | source |", "|---|---|---|---|---|")


def _row(c: Convention) -> str:
    name = f"`{c.name}`" + (f" (also `{c.name}:{c.default}`)" if c.default else "")
    needs = ", ".join(f"`{need}`" for need in c.needs)
    cells = (name, c.formula, needs, c.note, c.source)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(page())
