"""The blocks of a workload, as its estimator cuts them, to be trained one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from paths.rivals.ours import model
from paths.workloads import Workload

from shrinkage.estimators._trainers import recipe_of
from shrinkage.path import ALL_ROWS, Block, Fold, Place, cut, fitted_scale, standard_inputs
from shrinkage.training import Recipe, budget_of

__all__ = ["blocks_of"]


def blocks_of(workload: Workload) -> tuple[list[Block], dict[int, Fold], Recipe]:
    """The path's blocks and its folds by number, that of the refit on all rows among them."""
    rows, classes = workload.table, workload.is_classifier
    kind = "softmax" if classes else "squared_error"
    given = model(workload).get_params(deep=False)
    budget = budget_of(
        len(rows.X),
        epochs=given["max_epochs"],
        batch_size=given["batch_size"],
        learning_rate=given["learning_rate_init"],
        optimizer=given["solver"],
    )
    recipe = recipe_of(given, kind, budget)
    shape: Any = np.arange(int(rows.y.max()) + 1) if classes else None
    Y = (rows.y[:, None] == shape if classes else rows.y[:, None]).astype(np.float64)

    def fold(number: int, train: Any, held: Any) -> Fold:
        return Fold(
            number=number,
            Y=Y,
            weight=None,
            train=train,
            validation=held,
            inputs=standard_inputs(rows.X, fitted_scale(rows.X, train, None)),
            y_scale=None,
        )

    folds = [fold(number, train, held) for number, (train, held) in enumerate(workload.splits)]
    every = fold(ALL_ROWS, np.arange(len(rows.X)), None)
    blocks = cut([Place(lam) for lam in workload.lambdas], folds, 1, recipe)
    return blocks, {each.number: each for each in (*folds, every)}, recipe
