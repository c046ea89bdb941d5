"""The λ path against scikit-learn's GridSearchCV over MLPClassifier: same grid, folds, epochs and batches.

Digits, 64-64-10, batch 32, 20 λs × 5 folds, 20 epochs, Adam, float32; both sides use every core and score the
validation rows once, after the last epoch. Ours takes a third turn in which it scores them after every epoch, as it does
without settings. Prints the ratios of times, turn by turn, and the best validation accuracies, which must agree within
half a point.

Usage: python benchmarks/path_vs_gridsearch.py [PAIRS]
"""

from __future__ import annotations

import sys
import warnings
from functools import partial
from typing import Any

import numpy as np
from _measured import in_turn, spread, written
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import shrinkage as sh

LAMBDAS = [0.0, *np.logspace(-5, 0, 19)]
FOLDS, EPOCHS, BATCH, HIDDEN = StratifiedKFold(5, shuffle=True, random_state=0), 20, 32, (64,)


def ours(X: Any, y: Any, validate_every: int) -> float:
    model = sh.MLPClassifierCV(
        HIDDEN,
        inputs="standard",
        search="grid",
        lambdas=LAMBDAS,
        cv=FOLDS,
        max_epochs=EPOCHS,
        validate_every=validate_every,
        batch_size=BATCH,
        learning_rate_init=1e-3,
        learning_rate="constant",
        max_extensions=0,
        n_jobs=-1,
        random_state=0,
    ).fit(X, y)
    return float(model.path_.over_folds(model.path_.validation_metric[..., -1])[0].max())


def theirs(X: Any, y: Any) -> float:
    batch: Any = BATCH  # annotated as text in scikit-learn, for "auto"
    net = MLPClassifier(
        HIDDEN, batch_size=batch, max_iter=EPOCHS, n_iter_no_change=EPOCHS, tol=0.0, random_state=0
    )
    grid = {
        "mlpclassifier__alpha": [lam * BATCH for lam in LAMBDAS]
    }  # scikit-learn divides alpha by the batch
    search = GridSearchCV(make_pipeline(StandardScaler(), net), grid, cv=FOLDS, n_jobs=-1)
    search.fit(X, y)
    return float(search.best_score_)


def main(pairs: int) -> None:
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    # Both sides refit the chosen net on all rows, and both are asked for exactly EPOCHS epochs.
    warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iterations")
    sides = {
        "ours": partial(ours, X, y, EPOCHS),
        "scikit-learn": partial(theirs, X, y),
        "ours, scored every epoch": partial(ours, X, y, 1),
    }
    seconds, accuracy = in_turn(sides, pairs)
    ratios = {
        name: spread([b / a for a, b in zip(values, seconds["scikit-learn"], strict=True)])
        for name, values in seconds.items()
        if name != "scikit-learn"
    }
    result = {
        "workload": "digits, 64-64-10, batch 32, 20 λs × 5 folds, 20 epochs, Adam, refit included",
        "pairs": pairs,
        **{f"ratio scikit-learn / {name}": ratio for name, ratio in ratios.items()},
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "best validation accuracy": accuracy,
    }
    path = written("path_vs_gridsearch", result)
    for name, ratio in ratios.items():
        print(
            f"scikit-learn / {name}: {ratio['median']:.1f}× "
            f"(from {ratio['min']:.1f} to {ratio['max']:.1f}, {pairs} pairs)"
        )
    print("best validation accuracy: " + ", ".join(f"{name} {value:.4f}" for name, value in accuracy.items()))
    print(f"written to {path}")
    assert max(accuracy.values()) - min(accuracy.values()) <= 0.005, "the sides did not do the same work"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
