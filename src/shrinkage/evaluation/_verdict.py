"""Did regularization matter? The chosen λ held against what could have been had without it, paired over the folds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shrinkage._paired import Interval, paired_difference
from shrinkage.path import Choice, PathResult

__all__ = ["Against", "Verdict", "fold_losses", "verdict"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Against:
    """The chosen λ against one rival on the same folds. Losses are means over the F validation folds."""

    loss: float
    """Of the rival."""
    chosen_loss: float
    """Of the chosen λ."""
    gain: Interval
    """Rival minus chosen, fold by fold, with the 95 % interval of the corrected resampled t-test that `compare` uses;
    above 0 where the chosen λ is better."""

    @property
    def share(self) -> float:
        """How far the chosen λ lies below the rival, as a share of the rival's loss."""
        return self.gain.value / self.loss if self.loss > 0 else math.nan

    @property
    def is_better(self) -> bool:
        """The chosen λ is better by more than chance explains."""
        return self.gain.is_known and self.gain.excludes_zero and self.gain.value > 0

    @property
    def is_worse(self) -> bool:
        return self.gain.is_known and self.gain.excludes_zero and self.gain.value < 0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """All that the chosen λ is held against."""

    weakest: int
    """Place of the weakest λ that was trained in the chosen form of input: 0, where it was asked for."""
    best_epoch: int
    """The epoch at which the mean validation loss of the weakest λ is smallest."""
    stopped: Against | None
    """Against the weakest λ at `best_epoch`, the fair rival; None where it diverged from the start."""
    to_the_end: Against | None
    """Against the weakest λ after the last epoch; None where that diverged."""
    constant: Against | None = None
    """Against the constant with the smallest loss on the training rows; None where it was not measured."""
    guess: str = ""
    """That constant in words: `the mean`, `the median`, `the class shares`, …"""
    blend: Against | None = None
    """Of a model of several members, their mean prediction against the best of them alone; it then stands for the chosen
    λ against the constant and the linear model too."""
    linear: Against | None = None
    """Against a linear model of its own best strength, on the same folds and inputs; None where it was not measured."""

    @property
    def is_useful(self) -> bool:
        """Whether the chosen λ is worth recommending: it beats a constant guess by more than chance explains, as far as
        that is known."""
        against = self.constant
        return against is None or (against.is_better if against.gain.is_known else against.gain.value > 0)

    @property
    def loses_to_constant(self) -> bool:
        """Whether a constant guess has no larger loss than the chosen λ."""
        return self.constant is not None and self.constant.gain.value <= 0


def verdict(
    path: PathResult,
    choice: Choice,
    *,
    constant: Floats | None = None,
    linear: Floats | None = None,
    blend: Floats | None = None,
    guess: str = "",
) -> Verdict:
    """Hold the chosen λ against the weakest one, and against other models' losses on the same folds.

    Args:
        path: the curves.
        choice: made from them.
        constant: (F,) validation losses of a constant guess.
        linear: (F,) validation losses of a linear model.
        blend: (F,) validation losses of the mean prediction of several members, of which the path is the best one's.
        guess: the constant in words.
    """
    chosen = fold_losses(path, choice.index, choice.epoch)
    weakest = min(
        (i for i, place in enumerate(path.places) if place.form == choice.form), key=lambda i: path.lambdas[i]
    )
    mean = path.over_folds(path.validation_loss)[0][weakest]
    finite = np.isfinite(mean)
    best = int(path.validated[np.where(finite, mean, np.inf).argmin()]) if finite.any() else path.n_epochs

    def against(losses: Floats | None, own: Floats = chosen) -> Against | None:
        return None if losses is None else _against(losses, own, path)

    model = chosen if blend is None else blend

    return Verdict(
        weakest=weakest,
        best_epoch=best,
        stopped=against(fold_losses(path, weakest, best)),
        to_the_end=against(fold_losses(path, weakest, path.n_epochs)),
        constant=against(constant, model),
        blend=None if blend is None else against(chosen, blend),
        guess=guess or ("the mean" if path.metric_name == "R²" else "the class shares"),
        linear=against(linear, model),
    )


def fold_losses(path: PathResult, index: int, epoch: int) -> Floats:
    """(F,) validation losses of one λ after a validated epoch, in the mean over restarts."""
    place = int(np.searchsorted(path.validated, epoch))
    with np.errstate(invalid="ignore", over="ignore"):  # a diverged network
        return path.validation_loss[index, :, :, place].mean(axis=1)


def _against(losses: Floats, chosen: Floats, path: PathResult) -> Against | None:
    if not np.isfinite(losses).all() or not np.isfinite(chosen).all():
        return None
    gain = paired_difference(losses, chosen, _validation_share(path))
    return Against(loss=float(losses.mean()), chosen_loss=float(chosen.mean()), gain=gain)


def _validation_share(path: PathResult) -> float:
    """n_validation/n_train of F folds in `repeats` rounds; NaN where one split holds out what others don't train on."""
    folds = path.n_folds / path.repeats
    return 1 / (folds - 1) if folds > 1 else math.nan
