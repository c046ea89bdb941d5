"""What a budget of epochs, a batch and a learning rate give on tables of 100 to 500,000 rows.

    python benchmarks/budgets.py --tables iris wine --budgets 200:32:.005 100:64:.007
    python benchmarks/budgets.py --rows 100 2000          # the tables of so many rows

For each table and budget: the held-out loss of the best of five λs, and the seconds. Kept in
`benchmarks/results/budgets.json`; what is kept isn't run again. Small tables are split ten times, large ones once.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from _sized_tables import SIZED
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

import shrinkage as sh

RESULTS = Path(__file__).parent / "results" / "budgets.json"
LAMBDAS = [0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
HELD_OUT = 0.25
MOST_HELD_OUT = 20_000


def splits_of(rows: int) -> int:
    """More of a small table, whose held-out loss says little."""
    return 10 if rows <= 600 else 4 if rows <= 2_000 else 1


def measured(X: Any, y: np.ndarray, task: str, budget: str, form: str = "standard") -> tuple[float, float]:
    """(held-out loss of the best λ, seconds) of a budget EPOCHS:BATCH:RATE; the batch may be `full`."""
    epochs, batch, rate = budget.split(":")
    held_out = min(int(HELD_OUT * len(y)), MOST_HELD_OUT)
    splitter: Any = StratifiedShuffleSplit if task == "classification" else ShuffleSplit
    kind: Any = sh.MLPClassifierCV if task == "classification" else sh.MLPRegressorCV
    model = kind(
        lambdas=LAMBDAS,
        max_extensions=0,
        cv=splitter(splits_of(len(y)), test_size=held_out, random_state=0),
        inputs=form,
        search="grid",
        dtype="float32",
        max_epochs=int(epochs),
        validate_every=int(epochs),
        batch_size=len(y) if batch == "full" else int(batch),
        learning_rate_init=float(rate),
        out_of_fold=False,
        n_jobs=1,
        random_state=0,
    )
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    seconds = time.perf_counter() - start
    return float(model.path_.validation_mean.min()), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="*", default=list(SIZED))
    parser.add_argument("--rows", nargs=2, type=int, default=[0, 10**9])
    parser.add_argument("--budgets", nargs="*", default=["200:32:.005"])
    parser.add_argument("--form", default="standard")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    kept = json.loads(given.results.read_text()) if given.results.exists() else {}
    for name in given.tables:
        task, load = SIZED[name]
        X, y = load()
        if not given.rows[0] <= len(y) <= given.rows[1]:
            continue
        row = kept.setdefault(
            f"{name} ({len(y):,} rows)" + (f", {given.form}" if given.form != "standard" else ""), {}
        )
        for budget in given.budgets:
            if budget not in row:
                row[budget] = [float(f"{number:.4g}") for number in measured(X, y, task, budget, given.form)]
                given.results.write_text(json.dumps(kept, indent=1) + "\n")
        first = row[given.budgets[0]]
        print(name, len(y), f"loss {first[0]:.4g}, {first[1]:.2f} s:", end=" ")
        print(
            " | ".join(
                f"{b} {row[b][0] / first[0]:.3f} in {row[b][1] / first[1]:.2f}" for b in given.budgets[1:]
            )
        )


if __name__ == "__main__":
    main()
