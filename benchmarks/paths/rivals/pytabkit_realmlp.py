"""pytabkit's RealMLP_TD with its vectorised folds, its extras off: the same network as far as it allows."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import pytabkit  # installed by hand, without what it pulls
from numpy.typing import NDArray

from ..nets import metric_of
from ..outcome import Outcome, Rival
from ..workers import CORES, everywhere
from ..workloads import Workload

__all__ = ["RIVAL"]

PLAIN: dict[str, Any] = {
    "act": "relu",
    "use_parametric_act": False,
    "num_emb_type": "none",
    "add_front_scale": False,
    "block_str": "w-b-a",
    "p_drop": 0.0,
    "weight_param": "ntk",
    "weight_init_mode": "normal",
    "bias_init_mode": "zeros",
    "bias_lr_factor": 1.0,
    "wd_sched": "constant",
    "lr_sched": "constant",
    "sq_mom": 0.999,
    "tfms": ["one_hot", "median_center", "robust_scale"],
    "verbosity": 0,
    "device": "cpu",
    "random_state": 0,
}
"""RealMLP without what a plain multilayer perceptron doesn't have."""


def train(workload: Workload, lambdas: list[float]) -> list[NDArray[np.float64]]:
    """(F,) metrics of each λ, its folds as one stack."""
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")
    table, splits = workload.table, workload.splits
    fewest = min(len(held) for _, held in splits)  # its folds are of one size; a row or two change sides
    n = len(table.X) - fewest
    settings = {
        **PLAIN,
        **({"use_ls": False} if workload.is_classifier else {"clamp_output": False}),
        "hidden_sizes": list(workload.hidden),
        "n_epochs": workload.epochs,
        "batch_size": workload.batch_of(n),
        "lr": workload.learning_rate,
        "n_cv": workload.n_folds,
        "n_threads": 1,
    }
    results = []
    for lam in lambdas:
        make = pytabkit.RealMLP_TD_Classifier if workload.is_classifier else pytabkit.RealMLP_TD_Regressor
        model: Any = make(**settings, wd=lam)
        model.fit(table.X, table.y, val_idxs=np.stack([held[:fewest] for _, held in splits]))
        if workload.is_classifier:
            z = model.predict_proba_ensemble(table.X)
        else:
            z = model.predict_ensemble(table.X).reshape(workload.n_folds, -1, 1)
        folds = [
            metric_of(workload, z[f : f + 1, held], table.y[held])[0] for f, (_, held) in enumerate(splits)
        ]
        results.append(np.array(folds))
    return results


def fit(workload: Workload) -> Outcome:
    lambdas = workload.lambdas
    parts = [lambdas[core::CORES] for core in range(CORES)]
    metric = np.empty((len(lambdas), workload.n_folds))
    for core, values in enumerate(everywhere(train, [(workload, part) for part in parts])):
        metric[core::CORES] = values
    return Outcome(metric, lambdas[int(metric.mean(1).argmax())])


RIVAL = Rival(
    name="pytabkit RealMLP_TD",
    form="one λ at a time with its folds vectorised, a process a core; embeddings, scales, dropout and smoothing off; "
    "decoupled decay, the epoch picked by validation, the last part of an epoch dropped, no refit",
    fit=fit,
    packages=("pytabkit",),
    same_network=False,
)
