"""Networks with several forms of input as one model; the members that predict are chosen on unseen rows.

Different forms of input help where more restarts don't: their mean was better than the best member on most tables
(`benchmarks/tables`). A member without hidden layers is a linear or additive model; including it costs little, and helps
if the truth is linear.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators._targets import target_scale
from shrinkage.estimators.members._members import MEMBERS, recipe_of_member
from shrinkage.evaluation import apply_temperature, losses_of_values
from shrinkage.networks import loss_named
from shrinkage.path import FittedPath, Fold, Scale
from shrinkage.tables.forms import Form
from shrinkage.training import Recipe

__all__ = ["Blend", "Forms", "blend_members", "blend_of"]

Floats = NDArray[np.float64]
TIED, TIED_ERRORS = 0.005, 1.5
"""Sets of members don't differ if their losses are within this share of the loss, or this many standard errors of the
paired difference, but never more than twice the smallest. On 61 splits of 31 tables, 1.5 standard errors were ahead of
linear models on 87 %, the best set alone on 82 %, at the same mean loss."""


@dataclass(frozen=True, kw_only=True)
class Forms:
    """The members that were trained, with their losses on unseen rows."""

    names: tuple[str, ...]
    weights: Floats
    """(M,) weight of each member in the predictions, ≥ 0, with sum 1."""
    losses: Floats
    """(M,) loss of each member alone on unseen rows: nats per row, or the loss of standardized values; with `scoring`,
    minus the score."""
    blended_loss: float
    """The same for the weighted mean of their predictions."""
    paths: tuple[FittedPath, ...]
    """The λ path of each member."""
    left_out: tuple[tuple[str, float], ...] = ()
    """Members that were left out after the first folds, and how many times the best loss they had there."""

    @property
    def main(self) -> int:
        """The best member that predicts, preferring one with hidden layers; reports show it as the model's own."""
        predicts = self.weights > 0
        deep = predicts & np.array([MEMBERS[name].hidden for name in self.names])
        return int(np.where(deep if deep.any() else predicts, self.losses, np.inf).argmin())

    def __str__(self) -> str:
        dropped = ", ".join(f"{name} ({times:.3g} times the best loss)" for name, times in self.left_out)
        dropped = f" Left out after the first folds: {dropped}." if dropped else ""
        if len(self.names) == 1:
            return f"The columns have a single form of input: {self.names[0]}.{dropped}"
        used = [name for name, weight in zip(self.names, self.weights, strict=True) if weight > 0]
        alone = ", ".join(f"{name} {loss:.3g}" for name, loss in zip(self.names, self.losses, strict=True))
        parts = ", ".join(
            f"{name} ({w:.2f})" for name, w in zip(self.names, self.weights, strict=True) if w > 0
        )
        who = f"{used[0]} alone predicts" if len(used) == 1 else f"the weighted mean of {parts} predicts"
        return (
            f"Of {len(self.names)} models, {who}: its loss over all unseen rows is {self.blended_loss:.3g} ({alone}). "
            f"Charts of a single network show {self.names[self.main]}.{dropped}"
        )

    @property
    def held_out(self) -> Floats | None:
        """(N, C) the blend's predictions for unseen rows, or None."""
        used = [(w, path.held_out) for w, path in zip(self.weights, self.paths, strict=True) if w > 0]
        if len(used) == 1:
            return used[0][1]
        return sum_of(weight * _require(held_out) for weight, held_out in used)


@dataclass(frozen=True)
class Blend:
    """The weighted mean of the predictions of several networks."""

    parts: tuple[FittedNetworks, ...]
    weights: tuple[float, ...]
    main: int = 0
    """The part whose λs `predict(lam=…)` knows."""
    temperature: float = 1.0
    """T of the probabilities, p^(1/T) over their sum; of the chosen λ alone, whose folds it was fitted to."""

    def predict(self, X: NDArray[Any], lam: float | None = None) -> Floats:
        """(n, C) probabilities or values for a matrix X (n, D) of columns; see `FittedNetworks.predict`."""
        main = self.parts[self.main]
        averaged = len(self.parts) > 1 or main.restarts is not None
        if lam is not None and (averaged or main.place(lam) != main.chosen):
            return main.predict(X, lam)
        if self.temperature != 1:
            own = (part.mean_prediction(X, part.predicting) for part in self.parts)
            return apply_temperature(
                sum_of(w * p for w, p in zip(self.weights, own, strict=True)), self.temperature
            )
        if len(self.parts) == 1:
            return main.predict(X)
        return sum_of(weight * part.predict(X) for weight, part in zip(self.weights, self.parts, strict=True))

    def mean_prediction(self, X: NDArray[Any]) -> Floats:
        """(n, C) the same, each part being the mean of all its networks: for the restarts of a fold."""
        means = (
            weight * part.mean_prediction(X) for weight, part in zip(self.weights, self.parts, strict=True)
        )
        return apply_temperature(sum_of(means), self.temperature)


def sum_of(arrays: Any) -> Floats:
    """The sum of arrays of one shape."""
    return np.sum(list(arrays), axis=0)


def _alone(paths: Mapping[str, FittedPath]) -> Forms:
    """One member, which predicts by itself."""
    (name,) = paths
    nothing = np.full(1, np.nan)
    return Forms(
        names=(name,), weights=np.ones(1), losses=nothing, blended_loss=np.nan, paths=tuple(paths.values())
    )


def blend_of(
    members: Forms, all_rows: Fold, forms: Mapping[str, Form], recipe: Recipe, predict_by: str
) -> Blend:
    """The networks refitted on all rows, with the forms that all rows fitted.

    Args:
        members: the members that were trained.
        all_rows: the fold of all rows.
        forms: what all rows fitted, by member.
        recipe: of the members with hidden layers.
        predict_by: `restarts` if the mean over all refits of the chosen λ is to predict, not the best one alone.
    """
    used = [m for m, weight in enumerate(members.weights) if weight > 0]
    parts = []
    for m in used:
        name, path = members.names[m], members.paths[m]
        parts.append(
            FittedNetworks(
                layout=path.layout,
                kind=recipe_of_member(recipe, name).kind,
                loss=recipe.loss,
                lambdas=path.refit_lambdas,
                rows=path.networks,
                chosen=path.chosen,
                restarts=path.restart_networks if predict_by == "restarts" else None,
                form=forms[name],
                x_scale=all_rows.inputs[name].scale,
                y_scale=all_rows.y_scale,
            )
        )
    weights = tuple(float(members.weights[m]) for m in used)
    return Blend(tuple(parts), weights, used.index(members.main))


def blend_members(
    paths: Mapping[str, FittedPath],
    Y: Floats,
    loss: str,
    weight: Floats | None,
    score: Callable[[Floats], float] | None = None,
) -> Forms:
    """Weigh the members by the loss of the mean prediction of each set of them on rows that were held out.

    The prediction is the mean over all sets that these rows can't tell from the best one. A member that helps in many of
    them has much weight, one that is in no good set has none. With a few hundred rows, the best set alone, or weights
    that are fitted freely, would follow the noise.

    Args:
        paths: by member; each with its predictions of held-out rows.
        Y: (N, C) the targets as the networks learn them, in their own units.
        loss: the key of the loss.
        weight: (N,) of the rows, or None.
        score: of predictions (N, C), greater being better, in place of the loss.
    """
    if len(paths) == 1:
        return _alone(paths)
    names = tuple(paths)
    held = [_require(path.held_out) for path in paths.values()]
    sets = [
        some for size in range(1, len(names) + 1) for some in itertools.combinations(range(len(names)), size)
    ]
    means = (sum_of(held[m] for m in some) / len(some) for some in sets)
    if score is None:
        judged = _Judged.by_loss(means, Y, loss, weight)
    else:
        judged = _Judged(np.array([-score(mean) for mean in means]), None, None)
    tied = [sets[i] for i in judged.ties()]
    weights = np.zeros(len(names))
    for some in tied:
        weights[list(some)] += 1 / (len(some) * len(tied))
    mean = sum_of(w * p for w, p in zip(weights, held, strict=True) if w > 0)
    blended_loss = -score(mean) if score else float(_Judged.by_loss([mean], Y, loss, weight).losses[0])
    return Forms(
        names=names,
        weights=weights,
        losses=judged.losses[: len(names)],
        blended_loss=blended_loss,
        paths=tuple(paths.values()),
    )


@dataclass(frozen=True)
class _Judged:
    """What predictions of rows that were held out came to."""

    losses: Floats
    """(S,) the mean loss, or minus the score, of each prediction; infinite for a model that diverged."""
    rows: Floats | None
    """(S, n) the losses of the rows, or None with a score, which has none."""
    weight: Floats | None
    """(n,) of these rows."""

    @classmethod
    def by_loss(cls, predicted: Iterable[Floats], Y: Floats, loss: str, weight: Floats | None) -> _Judged:
        """Judge predictions (N, C); rows without one, which no fold held out, don't count."""
        all_predicted = list(predicted)
        known = np.isfinite(all_predicted).all(axis=2).any(axis=0)
        y, s = Y[known], np.ones(known.sum()) if weight is None else weight[known]
        of_classes = loss_named(loss).of_classes
        scale = None if of_classes else target_scale(loss, y, np.arange(len(y)), s)
        rows = np.array([_row_losses(each[known], y, loss, scale) for each in all_predicted])
        means = np.average(rows, axis=1, weights=s) if len(y) else np.full(len(rows), np.inf)
        return cls(np.where(np.isfinite(means), means, np.inf), rows, s)

    def ties(self) -> NDArray[np.int64]:
        """The predictions that these rows can't distinguish from the best one."""
        losses = np.where(np.isfinite(self.losses), self.losses, np.inf)
        best = int(losses.argmin())
        within = np.full(len(losses), TIED * abs(losses[best]))
        if self.rows is not None and self.weight is not None and np.isfinite(losses[best]):
            share = self.weight / self.weight.sum()
            with np.errstate(invalid="ignore", over="ignore"):  # of a diverged model
                apart = self.rows - self.rows[best]
                apart = (apart - (apart @ share)[:, None]) * share
                errors = np.sqrt(np.square(apart).sum(axis=1))
            within = np.fmax(within, np.fmin(TIED_ERRORS * errors, losses[best]))
        return np.flatnonzero(losses <= losses[best] + within)


def _row_losses(predicted: Floats, y: Floats, loss: str, scale: Scale | None) -> Floats:
    """(n,) the losses of predictions (n, C), as reports have them, values in units of the targets' scale."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not loss_named(loss).of_classes:
            return losses_of_values(loss, predicted, y, scale)
        right = (
            np.where(y > 0.5, predicted, 1 - predicted)[:, 0]
            if loss == "logistic"
            else (predicted * y).sum(axis=1)
        )
        return -np.log(np.maximum(right, 1e-15))


def _require(held_out: Floats | None) -> Floats:
    assert held_out is not None, "a member without predictions for held-out rows can't be compared"
    return held_out
