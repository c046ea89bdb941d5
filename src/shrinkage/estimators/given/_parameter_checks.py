"""Which values the parameters of an estimator may have, where nothing further down knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shrinkage._errors import RequestError, called, shown
from shrinkage.estimators._trainers import TRAINERS
from shrinkage.path import SEARCHES

__all__ = ["check_parameters"]

PREDICT_BY = ("refit", "restarts", "folds")


def check_parameters(given: Mapping[str, Any]) -> None:
    """Raise for the first of an estimator's parameters, by name, that has no value it may have."""
    for name, known in (
        ("select", ("min", "1se")),
        ("stop", ("last", "best")),
        ("search", SEARCHES),
        ("trainer", TRAINERS),
        ("dtype", ("float32", "float64")),
        ("predict_by", PREDICT_BY),
    ):
        if (value := given[name]) not in known:
            raise RequestError(f"{called(name)}: must be one of {', '.join(known)}, got {shown(value)}.")
    for name, least in (("restarts", 1), ("max_extensions", 0)):
        if not isinstance(number := given[name], int | np.integer) or number < least:
            raise RequestError(f"{called(name)}: must be a whole number >= {least}, got {shown(number)}.")
    for name in ("fast", "keep_path", "out_of_fold", "standardize", "decay_biases", "nesterovs_momentum"):
        if not isinstance(flag := given[name], bool | np.bool_):
            raise RequestError(f"{called(name)}: must be True or False, got {shown(flag)}.")
    calibrate, hidden = given["calibrate"], given["hidden_layer_sizes"]
    if calibrate != "auto" and not isinstance(calibrate, bool | np.bool_):
        raise RequestError(f"{called('calibrate')}: must be 'auto', True or False, got {shown(calibrate)}.")
    units = np.atleast_1d(hidden)
    if units.size and not np.issubdtype(units.dtype, np.integer):
        raise RequestError(f"{called('hidden_layer_sizes')}: must be whole numbers, got {shown(hidden)}.")
    if given["network"] is not None and given["embedding"] not in ("auto", None):
        raise RequestError(
            f"{called('embedding', given['embedding'])}: a network of your own embeds its inputs itself. Leave "
            "embedding at auto."
        )
    if given["predict_by"] == "folds" and not given["out_of_fold"]:
        raise RequestError(
            f"{called('predict_by', 'folds')}: predicts by the networks of the folds, which out_of_fold=False does not "
            f"keep. Leave out_of_fold=True, or use {called('predict_by', 'refit')}."
        )
