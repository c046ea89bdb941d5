"""The networks of the folds and what they missed by on rows that they had not seen: all that an interval needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators.members._blend import Blend, Forms
from shrinkage.estimators.members._members import recipe_of_member
from shrinkage.evaluation import OutOfFold, class_sets, cv_plus_intervals
from shrinkage.networks import loss_named
from shrinkage.path import Fold
from shrinkage.tables import Preprocessor
from shrinkage.tables.forms import Form
from shrinkage.training import Recipe

__all__ = ["FoldModels", "both_classes", "fold_blends", "fold_models", "held_out_of"]


@dataclass(frozen=True, kw_only=True)
class FoldModels:
    """F folds, n rows that a fold held out, k targets (1 for classes)."""

    networks: tuple[Blend, ...]
    """One a fold: the restarts of the chosen λs, trained without the rows that the fold held out."""
    encoders: tuple[Preprocessor | None, ...]
    """One a fold: what makes its inputs of a table; None for a matrix of numbers."""
    fold: NDArray[np.intp]
    """(n,) the fold that held each row out."""
    scores: NDArray[np.float64]
    """(n, k) |error| in the targets' units, or 1 − the probability of the row's own class."""

    def predicted(self, X: Any) -> NDArray[np.float64]:
        """(F, m, C) what each fold's networks predict for m rows of a matrix or frame, averaged over restarts."""
        return np.stack(
            [
                networks.mean_prediction(X if encoder is None else encoder.transform(X))
                for networks, encoder in zip(self.networks, self.encoders, strict=True)
            ]
        )

    def mean_prediction(self, X: Any) -> NDArray[np.float64]:
        """(m, C) the mean over the folds of what their networks predict."""
        return self.predicted(X).mean(axis=0)

    def intervals(self, X: Any, alpha: float) -> NDArray[np.float64]:
        """(m, k, 2) lower and upper ends; of counts none is below 0."""
        self._check_one_value()
        predicted = self.predicted(X)
        ends = [
            cv_plus_intervals(predicted[:, :, j], self.scores[:, j], self.fold, alpha)
            for j in range(predicted.shape[2])
        ]
        found = np.stack(ends, axis=1)
        return np.maximum(found, 0.0) if self.networks[0].parts[0].loss == "poisson" else found

    def _check_one_value(self) -> None:
        """Raise for a model whose outputs are not one value, or the classes of one."""
        loss = loss_named(self.networks[0].parts[0].loss)
        if loss.levels:
            raise RequestError(
                "Intervals were requested, but the model predicts several quantiles, which are intervals themselves: "
                "about 90 % of the rows lie between those at 0.05 and 0.95. For intervals with a guarantee, fit one "
                "quantile or the mean."
            )
        if loss.of_labels:
            raise RequestError(
                "Sets of classes were requested, but they are for one class per row, and this model predicts several "
                "labels per row. Use their probabilities."
            )

    def class_sets(self, X: Any, alpha: float, predicted: NDArray[np.intp]) -> NDArray[np.bool_]:
        """(m, C) which classes are in the set of each row, those `predicted` among them."""
        self._check_one_value()
        return class_sets(both_classes(self.predicted(X)), self.scores[:, 0], self.fold, alpha, predicted)


def fold_blends(
    members: Forms, folds: Sequence[Fold], forms: Sequence[Mapping[str, Form]], recipe: Recipe
) -> list[Blend]:
    """For each fold the networks of the chosen λs, restarts together, of the members that predict.

    Args:
        members: fitted, the networks of the folds kept.
        folds: F folds.
        forms: for each the forms of input that its training rows fitted, by member.
        recipe: of the members with hidden layers.
    """
    used = [m for m, weight in enumerate(members.weights) if weight > 0]
    weights = tuple(float(members.weights[m]) for m in used)
    blends = []
    for number, (fold, fitted) in enumerate(zip(folds, forms, strict=True)):
        parts = []
        for m in used:
            name, path = members.names[m], members.paths[m]
            assert path.fold_networks is not None
            kind, rows = recipe_of_member(recipe, name).kind, path.fold_networks[number]
            parts.append(
                FittedNetworks(
                    layout=fold.layout(kind, name),
                    kind=kind,
                    loss=recipe.loss,
                    lambdas=np.full(len(rows), path.choice.lam),
                    rows=rows,
                    chosen=0,
                    form=fitted[name],
                    x_scale=fold.inputs[name].scale,
                    y_scale=fold.y_scale,
                )
            )
        blends.append(Blend(tuple(parts), weights, used.index(members.main)))
    return blends


def held_out_of(blend: Blend, members: Forms, fold: Fold) -> NDArray[np.float64]:
    """(n, C) what the networks of a fold predict for the rows that it held out; none where it held out none."""
    if fold.validation is None:
        return np.empty((0, fold.Y.shape[1]))
    names = [name for name, weight in zip(members.names, members.weights, strict=True) if weight > 0]
    total = np.zeros((len(fold.validation), fold.Y.shape[1]))
    for name, part, weight in zip(names, blend.parts, blend.weights, strict=True):
        X = fold.inputs[name].standardize(fold.validation)
        total += weight * part.mean_of_standardized(X, part.rows)
    return total


def fold_models(
    blends: Sequence[Blend], encoders: Sequence[Preprocessor | None], unseen: OutOfFold, temperature: float
) -> FoldModels:
    """The networks of the folds, with the scores of the rows that they had not seen."""
    fold, scores = _scores(unseen, temperature)
    networks = tuple(replace(blend, temperature=temperature) for blend in blends)
    return FoldModels(networks=networks, encoders=tuple(encoders), fold=fold, scores=scores)


def _scores(unseen: OutOfFold, temperature: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """(n,) folds and (n, k) scores of the rows that some fold held out: in the first such fold, restarts averaged."""
    first = unseen.first_fold()
    predicted, Y = unseen.predictions(temperature), unseen.Y
    if unseen.of_classes:
        predicted, Y = both_classes(predicted), both_classes(Y)
    own = unseen.fold == first[unseen.row]
    total, count = np.zeros((unseen.n_rows, Y.shape[1])), np.zeros((unseen.n_rows, 1))
    np.add.at(total, unseen.row[own], predicted[own])
    np.add.at(count, unseen.row[own], 1)
    truth = np.zeros_like(total)
    truth[unseen.row] = Y
    known = first >= 0
    mean, truth = total[known] / count[known], truth[known]
    if not unseen.of_classes:
        return first[known], np.abs(mean - truth)
    return first[known], 1 - (mean * truth).sum(axis=1, keepdims=True)


def both_classes(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """(…, C) probabilities of all classes: a single column is that of the second of two."""
    return np.concatenate([1 - p, p], axis=-1) if p.shape[-1] == 1 else p
