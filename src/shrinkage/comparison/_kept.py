"""Finished rows of a comparison on disk, one method on one outer split each, so that a killed run goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pandas.util import hash_pandas_object

from shrinkage.comparison._splits import Splitting
from shrinkage.path import Block, BlockStore
from shrinkage.tables import Problem
from shrinkage.training import Recipe

__all__ = ["KeptRows", "Row"]

Row = dict[str, Any]
"""Figures of one method on one outer split, by the names of `Runs`: numbers, and two curves."""
CURVES = ("lambdas", "path")


class KeptRows:
    """A folder with a store a method: each is known by the rows, the splits and this method's own training.

    A row depends on its split and its method alone, so methods and repeats may be added to what is kept.

    Args:
        folder: created if it is missing.
        identity: what the rows depend on besides data and recipe, as JSON values: versions.
        problem: the rows that are compared on.
        lambdas: (L,) the asked λs.
        splitting: the outer and inner folds.
        groups: (N,) number of each row's group, or None.
    """

    def __init__(
        self,
        folder: Path,
        identity: Mapping[str, Any],
        problem: Problem,
        lambdas: NDArray[np.float64],
        splitting: Splitting,
        groups: NDArray[np.int64] | None = None,
    ) -> None:
        self.folder, self.lambdas = folder, tuple(float(lam) for lam in lambdas)
        cut = {name: value for name, value in asdict(splitting).items() if name not in ("repeats", "group")}
        if groups is not None:
            cut["groups"] = hashlib.sha256(groups.tobytes()).hexdigest()
        self.identity = {
            **identity,
            **cut,
            "task": problem.task,
            "target": list(problem.target_names),
            "columns": [str(name) for name in problem.features.columns],
            "rows": len(problem.target),
            "data": _hash(problem),
            "lambdas": list(self.lambdas),
            "processor": torch.backends.cpu.get_cpu_capability(),
        }
        self._stores: dict[str, BlockStore] = {}

    def load(self, key: str, recipe: Recipe, split: int) -> Row | None:
        """The row of a method on a split, or None when it isn't here."""
        arrays = self._store(key, recipe).load(self._block(split))
        if arrays is None:
            return None
        return {name: array if name in CURVES else array.item() for name, array in arrays.items()}

    def save(self, key: str, recipe: Recipe, split: int, row: Row) -> None:
        """Keep a finished row: whole on the disk, or not there."""
        arrays = {name: np.asarray(value, dtype=np.float64) for name, value in row.items()}
        self._store(key, recipe).save(self._block(split), arrays)

    def _store(self, key: str, recipe: Recipe) -> BlockStore:
        if key not in self._stores:
            identity = self.identity | recipe.described()
            self._stores[key] = BlockStore(self.folder / key, identity)
        return self._stores[key]

    def _block(self, split: int) -> Block:
        return Block(self.lambdas, ((split, 0),))


def _hash(problem: Problem) -> str:
    """SHA-256 of all cells, with the types of the columns."""
    target = pd.DataFrame(problem.target)
    digest, rows_of = (
        hashlib.sha256(),
        cast(Any, hash_pandas_object),
    )  # loaded late by pandas, so without a type
    for frame in (problem.features, target):
        digest.update(repr([str(dtype) for dtype in frame.dtypes]).encode())
        digest.update(rows_of(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()
