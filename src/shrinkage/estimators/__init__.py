"""The λ path as scikit-learn estimators."""

from shrinkage.estimators._classifier import MLPClassifierCV
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators._onnx import export_onnx
from shrinkage.estimators._path_estimator import MLPCV, Runtime
from shrinkage.estimators._regressor import MLPRegressorCV
from shrinkage.estimators._saved_model import SavedModel, load_model, save_model

__all__ = [
    "MLPCV",
    "FittedNetworks",
    "MLPClassifierCV",
    "MLPRegressorCV",
    "Runtime",
    "SavedModel",
    "export_onnx",
    "load_model",
    "save_model",
]
