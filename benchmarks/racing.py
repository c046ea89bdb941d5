"""What `fast` saves and what it costs: λs dropped in a race over folds, and halved by epochs, against the whole path.

Eleven tables × four seeds, 20 λs × 5 folds, 32 units, 80 epochs. The whole path and the fast one train in turn, at each
number of folds before the first judgement and for either way to select. Successive halving by epochs (the worse half
falls out after 20 and 40 epochs of 80) is read off the curves of the whole path. *Work* is networks × epochs of the
folds, as a share of the whole path's; *loss* is how far the mean validation loss of the λ that was chosen lies above that
of the whole path's choice, in its standard errors; *time* the processor time of the fast fit as a share of the whole one,
refit included.

Usage: python benchmarks/racing.py [--small]
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import sklearn.datasets as tables
from _measured import written
from _tables import table

import shrinkage as sh
from shrinkage.path import PathResult, choose
from shrinkage.path.search import _race

HALVING = "halving by epochs, min"
RACES = [(3, "min"), (2, "min"), (3, "1se"), (2, "1se")]
SEEDS = 4
HEAD = ["way", "same λ", "on the worst table", "loss, mean", "loss, worst", "work", "time (least–greatest)"]

Row = dict[str, float]


def data() -> Iterator[tuple[str, Any, Any, bool]]:
    """(name, X, y, whether of classes)."""
    for name in ("iris", "wine", "breast_cancer", "digits"):
        X, y = getattr(tables, f"load_{name}")(return_X_y=True)
        yield name, X, y, True
    X, y = tables.load_diabetes(return_X_y=True)
    yield "diabetes", X, y, False
    for i in range(3):
        X, y = tables.make_classification(400, 20, n_informative=6, flip_y=0.1, random_state=i)
        yield f"classes {i}", X, y, True
        X, y = tables.make_friedman1(300, 10, noise=2.0, random_state=i)
        yield f"friedman {i}", X, y, False


def fitted(X: Any, y: Any, classes: bool, **settings: Any) -> tuple[Any, float]:
    """The model, and its seconds of processor time: one process trains, whatever else the machine does."""
    kind = sh.MLPClassifierCV if classes else sh.MLPRegressorCV
    given = {"hidden_layer_sizes": (32,), "lambdas": 20, "max_epochs": 80, "cv": 5, "max_extensions": 0}
    given |= {"inputs": "standard", "search": "grid", "batch_size": 32, "learning_rate_init": 5e-3}
    start = time.process_time()
    model = kind(**given, **settings).fit(X, y)
    return model, time.process_time() - start


def halved(path: PathResult) -> tuple[int, float]:
    """(place of the λ, share of the work) of successive halving: half of the λs after ¼ and ½ of the epochs."""
    mean, _ = path.over_folds(path.validation_loss)
    left, done, work = np.arange(len(mean)), 0, 0
    for epoch in (path.n_epochs // 4, path.n_epochs // 2, path.n_epochs):
        work, done = work + len(left) * (epoch - done), epoch
        if epoch < path.n_epochs:
            left = left[np.argsort(mean[left, epoch - 1])[: -(-len(left) // 2)]]
    return int(left[mean[left, -1].argmin()]), work / mean.size


def raced(whole: Any, fast: Any) -> tuple[int, float]:
    """(place of the λ on the whole path, share of the work)."""
    n_folds, choice = whole.path_.n_folds, fast.choice_
    work = len(fast.lambdas_) * n_folds + sum(choice.dropped_after)
    return int(np.searchsorted(whole.lambdas_, fast.lambda_)), work / (len(whole.lambdas_) * n_folds)


def compared(path: PathResult, select: str, place: int, work: float) -> Row:
    choice, mean = choose(path, select, "last"), path.validation_mean
    above = (mean[place] - mean[choice.index]) / path.validation_se[choice.index]
    return {"same": float(place == choice.index), "loss": float(above), "work": work}


def of_table(X: Any, y: Any, classes: bool, seed: int) -> dict[str, Row]:
    whole, _ = fitted(X, y, classes, random_state=seed)
    rows = {HALVING: compared(whole.path_, "min", *halved(whole.path_))}
    for first, select in RACES:
        _race.FIRST = first
        whole, seconds = fitted(X, y, classes, random_state=seed, select=select)
        fast, fewer = fitted(X, y, classes, random_state=seed, select=select, fast=True)
        name = f"race, judged from {first} folds on, {select}"
        rows[name] = {**compared(whole.path_, select, *raced(whole, fast)), "time": fewer / seconds}
    return rows


def summary(way: str, by_table: dict[str, list[Row]]) -> list[str]:
    same = {name: np.mean([row["same"] for row in rows]) for name, rows in by_table.items()}
    worst = min(same, key=lambda name: same[name])
    rows = [row for some in by_table.values() for row in some]
    values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    loss, seconds = values["loss"], values.get("time")
    return [
        way,
        f"{values['same'].mean():.0%}",
        "" if same[worst] == 1 else f"{same[worst]:.0%} ({worst})",
        f"{loss.mean():.3f}",
        f"{loss.max():.2f}",
        f"{values['work'].mean():.2f}",
        "" if seconds is None else f"{np.median(seconds):.2f} ({seconds.min():.2f}–{seconds.max():.2f})",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="one fit of each of two tables; nothing is kept")
    small = parser.parse_args().small
    warnings.simplefilter("ignore")
    found: dict[str, dict[str, list[Row]]] = {}
    for name, X, y, classes in islice(data(), 2 if small else None):
        for seed in range(1 if small else SEEDS):
            for way, row in of_table(X, y, classes, seed).items():
                found.setdefault(way, {}).setdefault(name, []).append(row)
        work = {way: f"{np.mean([row['work'] for row in rows[name]]):.2f}" for way, rows in found.items()}
        print(f"{name}: work {work}", flush=True)
    print(table(HEAD, [summary(way, by_table) for way, by_table in found.items()]))
    if not small:
        print(f"written to {written('racing', {'fits': SEEDS * len(found[HALVING]), 'ways': found})}")


if __name__ == "__main__":
    main()
