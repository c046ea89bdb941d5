"""Choosing λ, and the epoch, from the curves of a path."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import JobError
from shrinkage.path._path_result import Choice, Floats, PathResult, best_places

__all__ = ["Judged", "choose", "fold_losses_of", "is_sound", "judge_path", "warn_at_edge"]

BEYOND_NULL, LARGE = 1e4, 1e3
"""A net has diverged, too, when its training error is so many times that of a constant guess and its weights are so
large: with standardized inputs a net that follows every row has weights of 30."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the curves of a path say of its λs. L λs."""

    index: int
    """Place of the chosen λ."""
    index_min: int
    index_1se: int
    epochs: NDArray[np.intp]
    """(L,) the epoch at which each λ is judged, counted from 1."""
    sound: NDArray[np.bool_]
    """(L,) of which λs no net has diverged."""


def judge_path(result: PathResult, select: str, stop: str) -> Judged:
    """The λ of the smallest mean validation loss, and the largest within one standard error of it.

    Every λ is judged after its last epoch (`stop="last"`) or at the epoch at which its mean validation loss is
    smallest (`stop="best"`, early stopping and λ chosen together). A λ of which any net diverged is left out. A path with
    scores is judged by these, the greatest being the best.

    Reference: Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984, §3.4.3 (the 1-SE rule).
    """
    mean, se = result.over_folds(result.validation_loss)
    places = _judged_at(result, mean, stop)
    rows = np.arange(len(mean))
    score, error = mean[rows, places], se[rows, places]
    sound = is_sound(result, stop)
    if result.validation_score is not None:
        score, error = result.over_folds(-result.validation_score)
        sound = sound & np.isfinite(score)
    if not sound.any():
        raise JobError(
            "Every λ of the path has a net that diverged: its loss is not finite, or thousands of times that of a "
            "constant guess. Lower the learning rate, or look for extreme values in the data."
        )
    index_min = int(np.where(sound, score, np.inf).argmin())
    bound = score[index_min] + (error[index_min] if np.isfinite(error[index_min]) else 0.0)
    index_1se = int(np.flatnonzero(sound & (score <= bound)).max())
    return Judged(
        index=index_min if select == "min" else index_1se,
        index_min=index_min,
        index_1se=index_1se,
        epochs=result.validated[places],
        sound=sound,
    )


def choose(result: PathResult, select: str, stop: str, *, extended: int = 0, at_edge: bool = False) -> Choice:
    """The choice that `judge_path` makes, for the record."""
    found = judge_path(result, select, stop)
    return Choice(
        select=select,
        stop=stop,
        index=found.index,
        index_min=found.index_min,
        index_1se=found.index_1se,
        lam=float(result.lambdas[found.index]),
        lam_min=float(result.lambdas[found.index_min]),
        lam_1se=float(result.lambdas[found.index_1se]),
        form=result.places[found.index].form,
        score_name=result.score_name,
        epoch=int(found.epochs[found.index]),
        epochs=found.epochs,
        extended=extended,
        at_edge=at_edge,
        diverged=tuple(float(lam) for lam in result.lambdas[~found.sound]),
    )


def is_sound(result: PathResult, stop: str) -> NDArray[np.bool_]:
    """(L,) of which λs no net has diverged, each judged as `choose` would with that `stop`."""
    mean, _ = result.over_folds(result.validation_loss)
    places = _judged_at(result, mean, stop)
    score = mean[np.arange(len(mean)), places]
    return np.asarray(np.isfinite(score) & ~_blown_up(result, result.validated[places]))


def fold_losses_of(result: PathResult, index: int, stop: str) -> Floats:
    """(F,) validation losses of the λ at a place, judged as `choose` would with that `stop`; restarts averaged."""
    mean, _ = result.over_folds(result.validation_loss)
    return result.validation_loss[index, :, :, _judged_at(result, mean, stop)[index]].mean(axis=-1)


def _judged_at(result: PathResult, mean: Floats, stop: str) -> NDArray[np.intp]:
    """(L,) the validation by which each λ is judged."""
    return best_places(mean) if stop == "best" else np.full(len(mean), len(result.validated) - 1)


def _blown_up(result: PathResult, epochs: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(L,) True where a net's error grew beyond all use in the epoch it is judged at, though it is finite."""
    errors = [result.validation_at(result.validation_loss, epochs), result.final_train_loss]
    if result.metric_name == "R²":
        metrics = [result.validation_at(result.validation_metric, epochs), result.final_train_metric]
        errors = [_multiple(loss, metric) for loss, metric in zip(errors, metrics, strict=True)]
    grown, final = (error > BEYOND_NULL for error in errors)
    last = (epochs == result.n_epochs)[:, None, None]
    large = ~(result.max_weight <= LARGE)  # NaN is
    return np.asarray(((grown | last & final) & large).any(axis=(1, 2)))


def _multiple(loss: Floats, r2: Floats) -> Floats:
    """1 − R²: how many times the error of a constant guess. Of classes that guess costs about 1 nat as it is."""
    return np.where(np.isfinite(r2), 1 - r2, loss)


def warn_at_edge(choice: Choice) -> None:
    """Warn the caller's caller where the best λ still lies on the edge of the grid after all extensions."""
    if choice.at_edge:
        warnings.warn(
            f"The best λ, {choice.lam:g}, lies on the edge of the grid after {choice.extended} extensions: a value "
            "beyond it may be better. Raise max_extensions, or give other lambdas.",
            UserWarning,
            stacklevel=3,
        )
