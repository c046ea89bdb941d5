"""The λ path as scikit-learn estimators."""

from shrinkage.estimators._base import Runtime
from shrinkage.estimators._classifier import MLPClassifierCV
from shrinkage.estimators._network import FittedNetworks
from shrinkage.estimators._regressor import MLPRegressorCV

__all__ = ["FittedNetworks", "MLPClassifierCV", "MLPRegressorCV", "Runtime"]
