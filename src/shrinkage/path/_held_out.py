"""Each row as predicted by the networks that had not seen it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shrinkage.networks import Kind, Layout, loss_named
from shrinkage.path._fold import Fold
from shrinkage.path._places import STANDARD, Net
from shrinkage.training import Recipe, chunks

__all__ = ["held_out_predictions", "predictions", "score_nets"]

Arrays = dict[str, NDArray[Any]]
"""The curves and numbers of one network."""
_NUMBERS_AT_A_TIME = 1 << 22


def predictions(
    kind: Kind, layout: Layout, loss: str, networks: NDArray[Any], X: NDArray[Any]
) -> NDArray[np.float64]:
    """(R, n, C) probabilities or values of R networks, rows (R, D), for standardized inputs X (n, D)."""
    rows = torch.from_numpy(np.ascontiguousarray(networks))
    result = np.empty((len(networks), len(X), layout.outputs))
    size = max(1, _NUMBERS_AT_A_TIME // (layout.widest * len(networks)))
    with torch.no_grad():
        for start, stop in chunks(len(X), size):
            z = kind.outputs(layout, rows, torch.from_numpy(X[start:stop]).to(rows))
            result[:, start:stop] = loss_named(loss).predict(z).numpy()
    return result


def score_nets(
    nets: Mapping[Net, Arrays],
    recipe: Recipe,
    folds: Mapping[int, Fold],
    score: Callable[[Fold, NDArray[np.float64]], float],
    *,
    keep: bool,
) -> dict[Net, Arrays]:
    """The arrays of trained networks with the score of each on the rows that its fold held out.

    Args:
        nets: that were kept.
        recipe: of them.
        folds: by number.
        score: of a fold and predictions (n, C).
        keep: keep the networks beside their scores.
    """
    found = {}
    for net, arrays in nets.items():
        fold, form = folds[net.fold], net.place.form
        assert fold.validation is not None
        X, layout = fold.inputs[form].standardize(fold.validation), fold.layout(recipe.kind, form)
        predicted = predictions(recipe.kind, layout, recipe.loss, arrays["networks"][None], X)[0]
        if fold.y_scale is not None:
            predicted = fold.y_scale.restore(predicted)
        others = {name: array for name, array in arrays.items() if keep or name != "networks"}
        found[net] = others | {"validation_score": np.array(score(fold, predicted))}
    return found


def held_out_predictions(
    recipe: Recipe, folds: Sequence[Fold], networks: Sequence[NDArray[Any]], form: str = STANDARD
) -> NDArray[np.float64]:
    """(N, C) probabilities, or values in the targets' units, averaged over restarts and repeated folds.

    Rows that no fold held out are NaN.

    Args:
        recipe: the network and its training.
        folds: F folds.
        networks: for each fold the rows (R, D) of its restarts.
        form: what inputs they see.
    """
    total = np.zeros((len(folds[0].Y), folds[0].Y.shape[1]))
    count = np.zeros(len(total))
    for fold, rows in zip(folds, networks, strict=True):
        if fold.validation is None:
            continue
        X = fold.inputs[form].standardize(fold.validation)
        layout = fold.layout(recipe.kind, form)
        predicted = predictions(recipe.kind, layout, recipe.loss, rows, X).mean(axis=0)
        if fold.y_scale is not None:
            predicted = fold.y_scale.restore(predicted)
        total[fold.validation] += predicted
        count[fold.validation] += 1
    with np.errstate(invalid="ignore"):
        return total / count[:, None]
