"""A race of λs over the folds: after each fold those that are found worse than the leading one fall out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, stdtrit

from shrinkage.path._path_result import Floats, best_places

__all__ = ["judged_losses", "laps", "leading", "still_racing"]

T = TypeVar("T")

FIRST = 3
"""Folds before anything is judged; of three folds and fewer, one less than there are."""
ALPHA = 0.05
"""Level of each test. The leading λ is the best of those there by these very losses, so that of λs which are as good
more fall out than that: by simulation 10 % of two and 22 % of twenty after three folds."""


def laps(folds: Sequence[T]) -> list[list[T]]:
    """The folds in pieces, after each of which but the last is judged; all at once where there is nothing to judge."""
    first = min(FIRST, len(folds) - 1)
    if first < 2:
        return [list(folds)]
    return [list(folds[:first]), *([fold] for fold in folds[first:])]


def judged_losses(curves: Floats, stop: str) -> Floats:
    """(L, F) the validation losses by which `choose` would judge, of validation curves (L, F, V), restarts averaged."""
    if stop != "best":
        return curves[..., -1]
    with np.errstate(invalid="ignore", over="ignore"):  # a diverged net has no mean
        places = best_places(curves.mean(axis=1))
    return np.take_along_axis(curves, places[:, None, None], axis=2)[..., 0]


def leading(losses: Floats) -> int | None:
    """Which λ has the smallest mean of these losses (L, F), of those that are finite; None where none is."""
    finite = np.isfinite(losses).all(axis=1)
    with np.errstate(invalid="ignore", over="ignore"):  # of a diverged net
        return int(np.where(finite, losses.mean(axis=1), np.inf).argmin()) if finite.any() else None


def still_racing(losses: Floats, select: str, *, repeats: float = 1.0) -> NDArray[np.bool_]:
    """(L,) which λs may still be chosen, by their losses in the folds so far.

    With ℓᵢ the loss of fold i, ℓ*ᵢ that of the leading λ (the smallest mean), dᵢ = ℓᵢ − ℓ*ᵢ and F folds, a λ stays while

        mean(d) ≤ t(1−α; F−1) · sd(d)/√F + a,    a = √((F−1)/χ²(α; F−1)) · sd(ℓ*)/√F for `1se` and a stronger λ, else 0,

    α = 0.05. This is the one-sided paired t-test of being worse than the best: folds differ in difficulty more than λs
    do. The one-standard-error rule takes the strongest λ within one standard error of the best, so that a stronger λ
    has to be worse than that too; as few folds know their own spread badly, it is the upper end of the standard error
    that counts, at the same α. Every judgement has that α for itself, so that of equally good λs some fall out; between
    those it matters little. The leading λ stays, any other with a loss that is not finite falls out; where none is
    finite all stay.

    Args:
        losses: (L, F) validation losses, restarts averaged, λ ascending.
        select: `min` or `1se`.
        repeats: how often a row is held out by these folds. Of repeated folds F counts those of one repeat, as in
            `PathResult.over_folds`; where that leaves no degree of freedom, only what isn't finite falls out.

    Reference: Maron and Moore, Hoeffding races, NIPS 6, 1993; Birattari, Stützle, Paquete and Varrentrapp, A racing
    algorithm for configuring metaheuristics, GECCO 2002.
    """
    leader = leading(losses)
    if leader is None:
        return np.ones(len(losses), bool)
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.isfinite(losses).all(axis=1)
        independent = losses.shape[1] / repeats
        freedom = independent - 1
        behind = losses - losses[leader]
        allowed = stdtrit(freedom, 1 - ALPHA) * behind.std(axis=1, ddof=1) / np.sqrt(independent)
        if select == "1se":
            upper = np.sqrt(freedom / chdtri(freedom, 1 - ALPHA))  # chdtri counts the probability from above
            allowed[leader + 1 :] += upper * losses[leader].std(ddof=1) / np.sqrt(independent)
        return np.asarray(finite & ~(behind.mean(axis=1) > allowed))
