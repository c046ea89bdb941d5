"""What the folds say of a fit: what the chosen λ is held against, and what comes of rows that the nets had not seen."""

from shrinkage.evaluation._baselines import LinearPath, constant_losses, linear_path
from shrinkage.evaluation._blended import Blended, blended_by_fold
from shrinkage.evaluation._calibration import (
    Calibration,
    Reliability,
    apply_temperature,
    calibrate,
    fitted_temperature,
    log_odds,
    probabilities_of,
    reliability,
)
from shrinkage.evaluation._conformal import class_sets, cv_plus_intervals
from shrinkage.evaluation._effects import (
    Dependence,
    Effects,
    Importance,
    column_dependence,
    fold_importance,
    mean_importance,
)
from shrinkage.evaluation._losses_of_values import losses_of_values
from shrinkage.evaluation._out_of_fold import OutOfFold, out_of_fold
from shrinkage.evaluation._uncertainty import Level, Uncertainty, uncertainty
from shrinkage.evaluation._verdict import Against, Verdict, fold_losses, verdict

__all__ = [
    "Against",
    "Blended",
    "Calibration",
    "Dependence",
    "Effects",
    "Importance",
    "Level",
    "LinearPath",
    "OutOfFold",
    "Reliability",
    "Uncertainty",
    "Verdict",
    "apply_temperature",
    "blended_by_fold",
    "calibrate",
    "class_sets",
    "column_dependence",
    "constant_losses",
    "cv_plus_intervals",
    "fitted_temperature",
    "fold_importance",
    "fold_losses",
    "linear_path",
    "log_odds",
    "losses_of_values",
    "mean_importance",
    "out_of_fold",
    "probabilities_of",
    "reliability",
    "uncertainty",
    "verdict",
]
