"""Tables to choose λ on: scikit-learn's, generated ones, and those that come with statsmodels.

Each gives rows to fit and rows held out of everything. Generated tables have as many of these as one likes.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn.datasets as made
from sklearn.model_selection import train_test_split

__all__ = ["Table", "search_tables"]

FITTED, HELD = 500, 3000
"""Rows of a generated table."""
MOST = 1500
"""Rows of a real one, drawn at random."""


@dataclass(frozen=True)
class Table:
    name: str
    X: Any
    y: Any
    X_held: Any
    y_held: Any
    classes: bool


def search_tables(seed: int) -> Iterator[Table]:
    """The tables, rows drawn by the seed."""
    for name, (load, classes) in REAL.items():
        X, y = load()
        y = np.asarray(y)
        if classes:
            y = np.unique(y, return_inverse=True)[1]
        rows = np.random.default_rng(seed).permutation(len(X))[:MOST]
        X, y = X.iloc[rows] if hasattr(X, "iloc") else np.asarray(X)[rows], y[rows]
        stratify = y if classes else None
        X, X_held, y, y_held = train_test_split(X, y, test_size=0.4, random_state=seed, stratify=stratify)
        yield Table(name, X, y, X_held, y_held, classes)
    for name, (make, classes) in GENERATED.items():
        X, y = make(FITTED + HELD, seed)
        yield Table(name, X[:FITTED], y[:FITTED], X[FITTED:], y[FITTED:], classes)


def _loaded(name: str) -> Callable[[], Any]:
    return lambda: getattr(made, f"load_{name}")(return_X_y=True)


def _statsmodels(
    name: str, target: str, *, sep: str = ",", drop: tuple[str, ...] = (), decimal: str = "."
) -> Callable[[], Any]:
    def load() -> Any:
        spec = importlib.util.find_spec("statsmodels")
        if spec is None or spec.submodule_search_locations is None:
            raise SystemExit("These tables come with statsmodels: pip install statsmodels.")
        folder = Path(spec.submodule_search_locations[0]) / "datasets" / name
        frame = pd.read_csv(folder / f"{name}.csv", sep=sep, quotechar="'" if name == "anes96" else '"')
        return frame.drop(columns=[target, *drop]), frame[target].to_numpy()

    return load


REAL: dict[str, tuple[Callable[[], Any], bool]] = {
    **{name: (_loaded(name), True) for name in ("iris", "wine", "breast_cancer", "digits")},
    "diabetes": (_loaded("diabetes"), False),
    "anes96": (_statsmodels("anes96", "vote", sep="\t"), True),
    "fair": (_statsmodels("fair", "rate_marriage"), True),
    "modechoice": (_statsmodels("modechoice", "choice", sep=";", drop=("individual",)), True),
    "randhie": (_statsmodels("randhie", "mdvis"), False),
    "star98": (_statsmodels("star98", "MATHTOT"), False),
    "grunfeld": (_statsmodels("grunfeld", "invest"), False),
    "engel": (_statsmodels("engel", "foodexp"), False),
    "cancer": (_statsmodels("cancer", "cancer"), False),
    "macrodata": (_statsmodels("macrodata", "infl", drop=("realint",)), False),
}


def _classes(**given: Any) -> Callable[[int, int], Any]:
    return lambda n, seed: made.make_classification(n, random_state=seed, **given)


GENERATED: dict[str, tuple[Callable[[int, int], Any], bool]] = {
    "few informative": (_classes(n_features=20, n_informative=6, flip_y=0.1), True),
    "four classes": (_classes(n_features=15, n_informative=8, n_classes=4, flip_y=0.05), True),
    "many columns": (_classes(n_features=100, n_informative=10, flip_y=0.1), True),
    "clusters": (_classes(n_features=10, n_informative=8, n_clusters_per_class=4, flip_y=0.02), True),
    "moons": (lambda n, seed: made.make_moons(n, noise=0.3, random_state=seed), True),
    "circles": (lambda n, seed: made.make_circles(n, noise=0.2, factor=0.5, random_state=seed), True),
    "quantiles": (
        lambda n, seed: made.make_gaussian_quantiles(
            n_samples=n, n_features=6, n_classes=3, random_state=seed
        ),
        True,
    ),
    "hastie": (lambda n, seed: made.make_hastie_10_2(n, random_state=seed), True),
    "friedman1": (lambda n, seed: made.make_friedman1(n, 10, noise=2.0, random_state=seed), False),
    "friedman2": (lambda n, seed: made.make_friedman2(n, noise=100.0, random_state=seed), False),
    "friedman3": (lambda n, seed: made.make_friedman3(n, noise=0.2, random_state=seed), False),
    "linear": (
        lambda n, seed: made.make_regression(n, 50, n_informative=10, noise=50.0, random_state=seed),
        False,
    ),
    "sparse": (lambda n, seed: made.make_sparse_uncorrelated(n, 10, random_state=seed), False),
    "low rank": (
        lambda n, seed: made.make_regression(
            n, 60, n_informative=20, effective_rank=8, noise=1.0, random_state=seed
        ),
        False,
    ),
}
"""From (rows, seed), X and y."""
