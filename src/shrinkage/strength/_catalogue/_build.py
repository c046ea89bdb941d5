"""The entries that recur: L2 in an optimizer's gradient, a decay beside it, a strength that is no scalar."""

from __future__ import annotations

from shrinkage.strength._convention import Convention, linear
from shrinkage.strength._schedule import CLOCKS

__all__ = ["coupled", "decoupled", "summed", "unscaled"]


def coupled(name: str, family: str, source: str, note: str = "", default: str = "") -> Convention:
    """`g ← g + v w`, inside the optimizer: the objective's own L2 term with λ = v."""
    return Convention(
        name=name,
        formula="λ = v",
        kind="objective",
        family=family,
        source=source,
        note=note,
        default=default,
    )


def summed(name: str, family: str, source: str) -> Convention:
    """`g ← g + v w` beside a loss summed over the mini-batch."""
    return Convention(
        name=f"{name}:reduction=sum",
        formula="λ = v/B",
        kind="objective",
        family=family,
        form=linear(lambda q: 1 / q.batch()),
        needs=("batch_size",),
        summed=True,
        source=source,
        note="For a loss summed over the batch; lr is that of the summed loss. A smaller last batch decays more.",
    )


def decoupled(
    name: str,
    family: str | None,
    source: str,
    note: str = "",
    *,
    clock: str = "lr",
    default: str = "",
    first_order: bool = False,
    needs: tuple[str, ...] = (),
    joined: bool = False,
) -> Convention:
    """`w ← (1 − s_t) w` beside the optimizer's own step."""
    words = CLOCKS[clock].words
    return Convention(
        name=name,
        formula=_formula(words),
        needs=needs,
        kind="decoupled",
        clock=clock,
        family=family,
        first_order=first_order,
        source=source,
        note=note,
        default=default,
        joined=joined,
    )


def _formula(words: str) -> str:
    """s_t in symbols; what a symbol stands for follows the number."""
    factor, comma, rest = words.partition(",")
    return f"s_t = {'' if factor == '1' else f'{factor}·'}v{comma}{rest}".rstrip(",")


def unscaled(name: str, family: str, formula: str, source: str, reason: str) -> Convention:
    """A strength that depends on norms of the run; its first order is that of the decoupled form with ratio 1."""
    return Convention(
        name=name, formula=formula, kind="no scalar", family=family, source=source, note=reason, default=""
    )
