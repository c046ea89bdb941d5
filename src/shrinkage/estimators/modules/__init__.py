"""The λ path of any torch module: `lambda_path`, and `network=` of the estimators."""

from shrinkage.estimators.modules._lambda_path import lambda_path
from shrinkage.estimators.modules._module_path import LambdaPath
from shrinkage.estimators.modules._network_recipe import MakeNetwork, members_of_network, with_network

__all__ = ["LambdaPath", "MakeNetwork", "lambda_path", "members_of_network", "with_network"]
