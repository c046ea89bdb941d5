"""What `predict_by` and the presets cost and are worth: held-out loss and time against the default, in one table.

    python benchmarks/presets.py
    python benchmarks/presets.py --ways default "10 folds" "bounded, 3 folds" --split 1 --results /tmp/again.json

"bounded, 3 folds" is `preset="fast"`, and "10 folds" predicted by `folds` is `preset="best"`. Every way fits the same
rows of a table, in turn, on one core, and predicts the same held-out quarter: mean squared error over the targets'
variance, or nats a row. One fit predicts in all three ways, which differ in nothing else. Kept in
`benchmarks/results/presets.json`; what is kept isn't run again.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from default_fit import held_out_loss, kept_results, table
from sklearn.model_selection import train_test_split
from tables.collection import TABLES

import shrinkage as sh

RESULTS = Path(__file__).parent / "results" / "presets.json"
PREDICT_BY = ("refit", "restarts", "folds")
WAYS: dict[str, dict[str, Any]] = {
    "default": {},
    "bounded, 3 folds": {"inputs": "bounded", "cv": 3},
    "bounded, 3 folds, fast": {"inputs": "bounded", "cv": 3, "fast": True},
    "3 restarts": {"restarts": 3},
    "10 folds": {"cv": 10},
    "3 folds": {"cv": 3},
    "3 folds, fast": {"cv": 3, "fast": True},
    "piecewise, 3 folds": {"inputs": "piecewise", "cv": 3},
    "bounded and piecewise, 3 folds": {"inputs": ("bounded", "piecewise"), "cv": 3},
    "piecewise and linear, 3 folds": {"inputs": ("piecewise", "linear"), "cv": 3},
}
"""What each sets besides the defaults."""


def predicted(model: Any, predict_by: str, X: pd.DataFrame) -> np.ndarray:
    """What a model fitted with `predict_by="restarts"` predicts in one of the three ways."""
    blend, model.predict_by_ = model.blend_, predict_by
    if predict_by == "refit":
        model.blend_ = replace(blend, parts=tuple(replace(part, restarts=None) for part in blend.parts))
    found = model.predict_proba(X) if hasattr(model, "classes_") else model.predict(X)
    model.blend_ = blend
    return found


def judged(name: str, way: str, split: int) -> dict[str, float]:
    """The loss of each way to predict, the seconds of the fit and those of the predictions."""
    task, X, y = table(name)
    stratify = y if task == "classification" else None
    rows, new = train_test_split(
        np.arange(len(y)), test_size=len(y) // 4, random_state=split, stratify=stratify
    )
    X_new, y_new = X.iloc[new].reset_index(drop=True), y[new]
    kind: Any = sh.MLPClassifierCV if task == "classification" else sh.MLPRegressorCV
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        model = kind(random_state=0, n_jobs=1, predict_by="restarts", **WAYS[way])
        model.fit(X.iloc[rows].reset_index(drop=True), y[rows])
        found = {"seconds": time.perf_counter() - start}
        for predict_by in PREDICT_BY:
            start = time.perf_counter()
            p = predicted(model, predict_by, X_new)
            found[f"seconds to predict by {predict_by}"] = time.perf_counter() - start
            found[predict_by] = held_out_loss(task, p, y_new)
    return {key: float(f"{value:.4g}") for key, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="*", default=list(TABLES))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--split", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    kept = {}
    judge = partial(judged, split=given.split)
    for name, row in kept_results(given.results, given.tables, given.ways, judge):
        kept[name] = row
        print(
            name, {way: [row[way][key] for key in (*PREDICT_BY, "seconds")] for way in given.ways}, flush=True
        )
    print("way | predicts by | loss, of default | better on | worst | time, of default")
    for way in given.ways:
        for predict_by in PREDICT_BY:
            ratio = _of_default(kept, given.tables, way, predict_by)
            times = _of_default(kept, given.tables, way, "seconds", "seconds")
            print(
                f"{way} | {predict_by} | {_mean(ratio):.3f} | {(ratio < 1).sum()} of {len(ratio)} | "
                f"{ratio.max():.2f} ({given.tables[int(ratio.argmax())]}) | {_mean(times):.2f}"
            )


def _of_default(kept: Any, tables: list[str], way: str, key: str, of: str = "refit") -> np.ndarray:
    return np.array([max(kept[n][way][key], 1e-6) / max(kept[n]["default"][of], 1e-6) for n in tables])


def _mean(ratio: np.ndarray) -> float:
    """The geometric mean."""
    return float(np.exp(np.log(ratio).mean()))


if __name__ == "__main__":
    main()
