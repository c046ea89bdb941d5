"""Shrinkage's own path."""

from __future__ import annotations

from typing import Any

from ..outcome import Outcome, Rival
from ..workloads import Workload

__all__ = ["RIVAL", "model"]


def model(workload: Workload, **other: Any) -> Any:
    """The estimator with the settings of the workload."""
    import shrinkage as sh

    settings = {
        "lambdas": workload.lambdas,
        "cv": workload.splitter,
        "max_epochs": workload.epochs,
        "validate_every": workload.epochs,  # once, as the others do
        "batch_size": workload.batch_of(len(workload.table.X)),
        "learning_rate_init": workload.learning_rate,
        "learning_rate": "constant",
        "initialization": "glorot",
        "max_extensions": 0,
        "dtype": "float32",
        "inputs": "standard",
        "search": "grid",
        "n_jobs": -1,
        "random_state": 0,
    }
    make = sh.MLPClassifierCV if workload.is_classifier else sh.MLPRegressorCV
    return make(workload.hidden, **(settings | other))


def fit(workload: Workload, **other: Any) -> Outcome:
    table = workload.table
    fitted = model(workload, **other).fit(table.X, table.y)
    return Outcome(fitted.path_.validation_metric[..., -1].mean(axis=2), fitted.lambda_)


RIVAL = Rival(
    name="Shrinkage",
    form="a thread a core; validation rows are scored after the last epoch, training rows in every one",
    fit=fit,
    packages=("torch", "numpy", "joblib"),
)
