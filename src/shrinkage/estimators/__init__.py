"""The λ path as scikit-learn estimators."""

from shrinkage.estimators._classifier import MLPClassifierCV
from shrinkage.estimators._column_effects import column_effects
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators._path_estimator import MLPCV
from shrinkage.estimators._regressor import MLPRegressorCV
from shrinkage.estimators.given._presets import PRESETS
from shrinkage.estimators.given._rows_of_folds import time_folds
from shrinkage.estimators.given._runtime import Runtime
from shrinkage.estimators.modules import LambdaPath, lambda_path, network_from_file
from shrinkage.estimators.saved._matrix_columns import preprocessor_of
from shrinkage.estimators.saved._onnx import export_onnx
from shrinkage.estimators.saved._save_model import save_model
from shrinkage.estimators.saved._saved_model import SavedModel, load_model

__all__ = [
    "MLPCV",
    "PRESETS",
    "FittedNetworks",
    "LambdaPath",
    "MLPClassifierCV",
    "MLPRegressorCV",
    "Runtime",
    "SavedModel",
    "column_effects",
    "export_onnx",
    "lambda_path",
    "load_model",
    "network_from_file",
    "preprocessor_of",
    "save_model",
    "time_folds",
]
