"""Choosing λ, and the epoch, from the curves of a path."""

from __future__ import annotations

import numpy as np

from shrinkage._errors import JobError
from shrinkage.path._result import Choice, PathResult, best_epochs

__all__ = ["choose"]


def choose(result: PathResult, select: str, stop: str, *, extended: int = 0, at_edge: bool = False) -> Choice:
    """The λ of the smallest mean validation loss, or the largest within one standard error of it.

    Every λ is judged after its last epoch (`stop="last"`) or at the epoch at which its mean validation loss is
    smallest (`stop="best"`, early stopping and λ chosen together). A λ of which any net diverged is left out.

    Reference: Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984, §3.4.3 (the 1-SE rule).
    """
    mean, se = result.over_folds(result.validation_loss)
    last = np.full(len(mean), result.n_epochs - 1)
    epochs = best_epochs(mean) if stop == "best" else last
    rows = np.arange(len(mean))
    score, error = mean[rows, epochs], se[rows, epochs]
    sound = np.isfinite(score)
    if not sound.any():
        raise JobError(
            "Every net of the path diverged: its loss is not finite at any λ. "
            "Lower the learning rate, or look for extreme values in the data."
        )
    index_min = int(np.where(sound, score, np.inf).argmin())
    bound = score[index_min] + (error[index_min] if np.isfinite(error[index_min]) else 0.0)
    index_1se = int(np.flatnonzero(sound & (score <= bound)).max())
    index = index_min if select == "min" else index_1se
    return Choice(
        select=select,
        stop=stop,
        index=index,
        index_min=index_min,
        index_1se=index_1se,
        lam=float(result.lambdas[index]),
        lam_min=float(result.lambdas[index_min]),
        lam_1se=float(result.lambdas[index_1se]),
        epoch=int(epochs[index]) + 1,
        epochs=epochs + 1,
        extended=extended,
        at_edge=at_edge,
        diverged=tuple(float(lam) for lam in result.lambdas[~sound]),
    )
