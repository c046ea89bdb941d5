"""A model that was fitted on a matrix of numbers, as one of a table whose columns are x0, x1, …"""

from __future__ import annotations

from typing import Any

import numpy as np

from shrinkage._errors import RequestError, shown
from shrinkage.estimators._estimator_inputs import column_names
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators._path_estimator import MLPCV
from shrinkage.tables import Preprocessor
from shrinkage.tables.forms import Bounded, Piecewise

__all__ = ["preprocessor_of"]

FAR = 1e4
"""Spreads from 0 at which a number that becomes a float32 has an error of a thousandth of its spread."""


def preprocessor_of(model: MLPCV) -> Preprocessor:
    """What turns a table into the inputs of a fitted model, the model's own where it has one.

    Raises:
        RequestError: a column of the matrix lies so far from 0 that float32 would cut its digits.
    """
    if model.preprocessor_ is not None:
        return model.preprocessor_
    names = [str(name) for name in getattr(model, "feature_names_in_", column_names(len(model.medians_)))]
    spread = _spread(model.networks_)
    if spread is not None:
        far = np.flatnonzero(np.abs(model.medians_) > FAR * spread)
        if len(far):
            raise RequestError(
                f"save: column {shown(names[far[0]])} lies "
                f"{abs(model.medians_[far[0]]) / spread[far[0]]:,.0f} times its spread from 0, but files "
                "keep only 7 digits of a matrix. Fit on a data frame, which is centred, or subtract the "
                "mean."
            )
    return Preprocessor.of_numbers(names, model.medians_)


def _spread(networks: FittedNetworks) -> Any:
    """(D,) of the columns, as the networks' inputs were scaled by; None where they weren't."""
    form: Any = networks.form
    if isinstance(form, Piecewise):
        form = form.bounded
    if isinstance(form, Bounded):
        return form.scale
    return None if networks.x_scale is None else networks.x_scale.scale
