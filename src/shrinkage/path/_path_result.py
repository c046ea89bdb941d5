"""What a λ path leaves behind: the curves of every (λ, fold, restart), and the choice made from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._drawing import Drawn, Plotted
from shrinkage.path._places import STANDARD, Place

__all__ = ["Choice", "PathResult"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, repr=False)
class PathResult(Plotted):
    """The curves of every net of a λ path. Axes: L λs (ascending), F folds, R restarts, E epochs,
    V of them with a score of the validation rows (all by default).

    A net whose training diverged has NaN from that epoch on.
    """

    lambdas: Floats
    """(L,) canonical strengths: `J = (1/n) Σ lossᵢ + (λ/2) Σ w²`."""
    loss_name: str
    """`cross-entropy` (nats per row) or `mean squared error` (in units of the standardized targets)."""
    metric_name: str
    """`accuracy` or `R²`."""
    train_loss: Floats
    """(L, F, R, E) mean over the epoch's training rows, each measured in the step that then used it."""
    train_metric: Floats
    """(L, F, R, E), measured the same way."""
    validated: NDArray[np.intp]
    """(V,) the epochs, counted from 1, after whose last step the validation rows were scored; E is the last."""
    validation_loss: Floats
    """(L, F, R, V) mean over the fold's validation rows."""
    validation_metric: Floats
    """(L, F, R, V), measured the same way."""
    final_train_loss: Floats
    """(L, F, R) over all training rows after the last step: the number to compare with validation."""
    final_train_metric: Floats
    """(L, F, R), measured the same way."""
    max_weight: Floats
    """(L, F, R) largest |w| among the decayed weights after the last step."""
    weight_norm: Floats
    """(L, F, R) √Σw² of the decayed weights after the last step."""
    final_penalty: Floats
    """(L, F, R) the penalty of the rule, λ included, after the last step (NaN where it has none)."""
    forms: tuple[str, ...] = ()
    """(L,) what inputs each λ's networks see; empty where all see the standard form."""
    score_name: str = ""
    """What λ was chosen by in place of the loss, such as `roc_auc`; empty for the loss."""
    validation_score: Floats | None = None
    """(L, F, R) that score on the fold's validation rows after the last step, greater being better."""
    repeats: float = 1.0
    """How often each row is held out: above 1 for repeated folds, which are not independent."""
    trace: Floats | None = None
    """(L, F, R, E) the λ of each epoch, or (L, F, R, E, T) of every pulled tensor; None where none moved."""
    refit_trace: Floats | None = None
    """(E,) or (E, T) that of the network refitted on all rows, to its last epoch."""

    def __repr__(self) -> str:
        L, F, R, E = self.train_loss.shape
        counts = f"{_count(L, 'λ')} × {_count(F, 'fold')} × {_count(R, 'restart')} × {_count(E, 'epoch')}"
        return f"PathResult({counts}; {self.loss_name})"

    def __str__(self) -> str:
        means = ["lambda", "train_loss", "validation_loss", "validation_loss_se", "validation_metric"]
        table = self.to_frame()[means].map("{:.4g}".format).to_string(index=False)
        return f"{self!r}, means over folds after the last epoch\n{table}"

    @property
    def places(self) -> tuple[Place, ...]:
        """(L,) λ and form of input of each entry of the first axis."""
        forms = self.forms or (STANDARD,) * len(self.lambdas)
        return tuple(Place(float(lam), form) for lam, form in zip(self.lambdas, forms, strict=True))

    @property
    def n_folds(self) -> int:
        return self.validation_loss.shape[1]

    @property
    def n_epochs(self) -> int:
        return self.train_loss.shape[3]

    def validation_at(self, curve: Floats, epochs: NDArray[np.intp]) -> Floats:
        """(L, F, R) of a validation curve (L, F, R, V), each λ after one of its validated epochs (L,)."""
        place = np.searchsorted(self.validated, epochs)
        return np.take_along_axis(curve, place[:, None, None, None], axis=3)[..., 0]

    def over_folds(self, curve: Floats) -> tuple[Floats, Floats]:
        """Mean and standard error over folds of a (L, F, R, …) array, restarts averaged first.

        The standard error is the folds' standard deviation (F − 1) over √F, as in glmnet; NaN for one fold. For
        repeated folds F is that of one repeat: the rows are the same, so repeats add nothing about other rows.
        """
        with np.errstate(invalid="ignore", over="ignore"):  # a diverged net has no mean, and needs no warning
            per_fold = curve.mean(axis=2)
            mean = per_fold.mean(axis=1)
            if self.n_folds < 2:
                return mean, np.full_like(mean, np.nan)
            return mean, per_fold.std(axis=1, ddof=1) / np.sqrt(self.n_folds / self.repeats)

    @cached_property
    def train_mean(self) -> Floats:
        """(L,) mean training loss after the last step."""
        return self.over_folds(self.final_train_loss)[0]

    @cached_property
    def train_se(self) -> Floats:
        """(L,) its standard error over folds."""
        return self.over_folds(self.final_train_loss)[1]

    @cached_property
    def train_folds(self) -> Floats:
        """(L, F) training loss after the last step of each fold, restarts averaged."""
        return self.final_train_loss.mean(axis=2)

    @cached_property
    def validation_mean(self) -> Floats:
        """(L,) mean validation loss after the last step."""
        return self.over_folds(self.validation_loss[..., -1])[0]

    @cached_property
    def validation_se(self) -> Floats:
        """(L,) its standard error over folds."""
        return self.over_folds(self.validation_loss[..., -1])[1]

    @cached_property
    def validation_folds(self) -> Floats:
        """(L, F) validation loss after the last step of each fold, restarts averaged."""
        return self.validation_loss[..., -1].mean(axis=2)

    def to_frame(self) -> pd.DataFrame:
        """One row per λ: the means and standard errors after the last epoch, and the size of the weights."""
        columns: dict[str, Any] = {"lambda": self.lambdas}
        for name, curve in (
            ("train_loss", self.final_train_loss),
            ("validation_loss", self.validation_loss[..., -1]),
            ("train_metric", self.final_train_metric),
            ("validation_metric", self.validation_metric[..., -1]),
        ):
            columns[name], columns[f"{name}_se"] = self.over_folds(curve)
        if self.validation_score is not None:
            columns["validation_score"], columns["validation_score_se"] = self.over_folds(
                self.validation_score
            )
        best, _ = self.over_folds(self.validation_loss)
        columns["best_epoch"] = self.validated[best_places(best)].astype(np.float64)
        columns["max_weight"] = np.mean(self.max_weight, axis=(1, 2), dtype=np.float64)
        columns["weight_norm"] = np.mean(self.weight_norm, axis=(1, 2), dtype=np.float64)
        for fold in range(self.n_folds):
            columns[f"validation_loss_fold_{fold}"] = self.validation_folds[:, fold]
        return pd.DataFrame(columns)


def _count(number: int, noun: str) -> str:
    """`1 fold`, `5 folds`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def best_places(mean_curve: Floats) -> NDArray[np.intp]:
    """(L,) where a mean validation loss (L, V) is smallest; the last place for a row of NaN."""
    finite = np.where(np.isfinite(mean_curve), mean_curve, np.inf)
    best = finite.argmin(axis=1)
    best[~np.isfinite(finite.min(axis=1))] = mean_curve.shape[1] - 1
    return best


@dataclass(frozen=True, kw_only=True, repr=False)
class Choice(Drawn):
    """The chosen λ and epoch, and how they were chosen."""

    select: str
    """`min` or `1se`."""
    stop: str
    """`last`: every λ is judged after its last epoch; `best`: at the epoch of its smallest mean validation loss."""
    index: int
    """Place of the chosen λ in `PathResult.lambdas`."""
    index_min: int
    """Place of the λ with the smallest mean validation loss."""
    index_1se: int
    """Place of the largest λ within one standard error of that minimum."""
    lam: float
    lam_min: float
    lam_1se: float
    form: str = STANDARD
    """What inputs the chosen networks see."""
    epoch: int
    """Epochs the chosen net is trained for, counted from 1."""
    epochs: NDArray[np.intp]
    """(L,) the same for every λ of the path."""
    extended: int
    """How often the grid was extended because the best λ lay on its edge."""
    at_edge: bool
    """True when the best λ still lies on the edge of the extended grid."""
    diverged: tuple[float, ...]
    """λs left out of the choice because a net of theirs diverged."""
    dropped: tuple[float, ...] = ()
    """λs that a fast path dropped on the way, ascending; they are not in `PathResult.lambdas`."""
    dropped_after: tuple[int, ...] = ()
    """After how many folds each of them was dropped."""
    score_name: str = ""
    """The score that chose, greater being better, where the text above says loss; empty for the validation loss."""
    skipped: tuple[float, ...] = ()
    """λs of the grid that the search had no need to train, ascending; they are not in `PathResult.lambdas`."""

    def __repr__(self) -> str:
        why = self.best if self.select == "min" else f"largest λ within one standard error of the {self.best}"
        other = (
            f"1-SE λ = {self.lam_1se:.3g}" if self.select == "min" else f"minimum at λ = {self.lam_min:.3g}"
        )
        return f"Choice(λ = {self.lam:.3g}, {_count(self.epoch, 'epoch')}: {why}; {other})"

    @property
    def best(self) -> str:
        """What `lam_min` has: `smallest mean validation loss`, or of a score `best mean validation roc_auc`."""
        return (
            f"best mean validation {self.score_name}" if self.score_name else "smallest mean validation loss"
        )
