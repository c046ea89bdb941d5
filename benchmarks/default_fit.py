"""The default fit against what it was, a linear model, CatBoost and RealMLP: held-out loss and time, in one table.

    python benchmarks/default_fit.py --ways now before linear CatBoost
    python benchmarks/default_fit.py --tables mixed "teacher 100,000" --threads 2

Every way fits the same rows of a table, in turn, and is judged on the same held-out rows: mean squared error over the
targets' variance, or nats a row. Kept in `benchmarks/results/default_fit.json`; what is kept isn't run again. CatBoost
and pytabkit are installed by hand: `pip install catboost`, `pip install --no-deps pytabkit`.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _sized_tables import SIZED
from sklearn.model_selection import train_test_split
from tables.collection import TABLES

import shrinkage as sh

RESULTS = Path(__file__).parent / "results" / "default_fit.json"
Fit = Callable[[str, pd.DataFrame, np.ndarray, int], Any]


def ours(**settings: Any) -> Fit:
    def fit(task: str, X: pd.DataFrame, y: np.ndarray, threads: int) -> Any:
        kind: Any = sh.MLPClassifierCV if task == "classification" else sh.MLPRegressorCV
        return kind(random_state=0, n_jobs=threads, **settings).fit(X, y)

    return fit


def before(task: str, X: pd.DataFrame, y: np.ndarray, threads: int) -> Any:
    """The defaults of 0.1: 200 epochs at 32 rows, the whole grid, the standard form, plain numbers in float64."""
    numbers = all(pd.api.types.is_numeric_dtype(column) for column in X.dtypes) and not X.isna().any(
        axis=None
    )
    settings = {
        "inputs": "standard",
        "search": "grid",
        "max_epochs": 200,
        "batch_size": len(y) if len(y) <= 128 else 32,
        "learning_rate_init": 5e-3,
        "dtype": "float64" if numbers else "float32",
    }
    return ours(**settings)(task, X, y, threads)


def catboost(task: str, X: pd.DataFrame, y: np.ndarray, threads: int) -> Any:
    import catboost

    words = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
    kind = catboost.CatBoostClassifier if task == "classification" else catboost.CatBoostRegressor
    model: Any = kind(
        verbose=0, random_seed=0, thread_count=threads, allow_writing_files=False, cat_features=words
    )
    return model.fit(worded(X), y)


def worded(X: pd.DataFrame) -> pd.DataFrame:
    """Categories as text without gaps, as CatBoost asks for."""
    words = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
    return X.assign(**{str(name): X[name].astype(object).fillna("missing").astype(str) for name in words})


def realmlp(task: str, X: pd.DataFrame, y: np.ndarray, threads: int) -> Any:
    import pytabkit

    kind = f"RealMLP_TD_{'Classifier' if task == 'classification' else 'Regressor'}"
    return getattr(pytabkit, kind)(random_state=0, device="cpu", n_threads=threads).fit(X, y)


WAYS: dict[str, Fit] = {
    "now": ours(),
    "before": before,
    "standard": ours(inputs="standard", search="grid"),
    "bracket": ours(inputs="standard", search="bracket"),
    "forms": ours(inputs="auto", search="bracket"),
    "linear": ours(inputs="linear"),
    "CatBoost": catboost,
    "RealMLP-TD": realmlp,
}


def table(name: str) -> tuple[str, pd.DataFrame, np.ndarray]:
    """The task, columns and targets of a table of either collection, at most 2,000 rows of the small ones."""
    task, load = SIZED[name] if name in SIZED else TABLES[name]
    given, y = load()
    X = given if isinstance(given, pd.DataFrame) else pd.DataFrame(np.asarray(given)).add_prefix("x")
    y = np.asarray(y, float) if task == "regression" else pd.factorize(np.asarray(y), sort=True)[0]
    if task == "classification":
        common = np.isin(y, np.flatnonzero(np.bincount(y) >= 12))
        X, y = X[common], y[common]
        y = np.unique(y, return_inverse=True)[1]
    return task, pd.DataFrame(X).reset_index(drop=True), y


def judged(name: str, way: str, threads: int, split: int = 0) -> list[float]:
    """(loss on a quarter of the rows, 20,000 at most, seconds of the fit)."""
    task, X, y = table(name)
    held_out = min(len(y) // 4, 20_000)
    stratify = y if task == "classification" else None
    rows, new = train_test_split(np.arange(len(y)), test_size=held_out, random_state=split, stratify=stratify)
    X, X_new = X.iloc[rows].reset_index(drop=True), X.iloc[new].reset_index(drop=True)
    y, y_new = y[rows], y[new]
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = WAYS[way](task, X, y, threads)
        seconds = time.perf_counter() - start
        X_new = worded(X_new) if way == "CatBoost" else X_new
        predicted = model.predict(X_new) if task == "regression" else model.predict_proba(X_new)
        loss = held_out_loss(task, predicted, y_new)
    return [float(f"{loss:.4g}"), float(f"{seconds:.3g}")]


def held_out_loss(task: str, predicted: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error over the targets' variance, or nats a row; of values (n,) or probabilities (n, C)."""
    if task == "regression":
        return float(np.mean((y - np.ravel(predicted)) ** 2) / np.var(y))
    return float(-np.log(np.clip(predicted[np.arange(len(y)), y], 1e-7, 1)).mean())


def kept_results(
    path: Path, tables: list[str], ways: list[str], judge: Callable[[str, str], Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each table with its results by way; what the file at `path` has isn't run again, and what is run is added."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    for name in tables:
        row = kept.setdefault(name, {})
        for way in ways:
            if way not in row:
                row[way] = judge(name, way)
                path.write_text(json.dumps(kept, indent=1) + "\n")
        yield name, row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="*", default=[*TABLES, *SIZED])
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--split", type=int, default=0, help="which rows are held out; with a --results of its own"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    kept = {}
    judge = partial(judged, threads=given.threads, split=given.split)
    for name, row in kept_results(given.results, given.tables, given.ways, judge):
        kept[name] = row
        print(name, *(f"| {way} {row[way][0]:.4g} in {row[way][1]:.3g} s" for way in given.ways), flush=True)
    first = given.ways[0]
    print(f"against | wins of {first} | ratio of losses | worst | ratio of times")
    for way in given.ways[1:]:
        some = np.array([[*kept[name][first], *kept[name][way]] for name in given.tables])
        ratio = np.maximum(some[:, 0], 1e-6) / np.maximum(some[:, 2], 1e-6)
        times = np.exp(np.log(some[:, 1] / some[:, 3]).mean())
        print(
            f"{way} | {(ratio < 1).sum()} of {len(some)} | {np.exp(np.log(ratio).mean()):.3f} | "
            f"{ratio.max():.2f} ({given.tables[int(ratio.argmax())]}) | {times:.2f}"
        )


if __name__ == "__main__":
    main()
