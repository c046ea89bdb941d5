"""The λ path of any torch module: `lambda_path`, and `network=` of the estimators."""

from shrinkage.estimators.modules._lambda_path import lambda_path
from shrinkage.estimators.modules._module_path import LambdaPath
from shrinkage.estimators.modules._network_file import NetworkFile, network_from_file
from shrinkage.estimators.modules._network_recipe import MakeNetwork, Sized, members_of_network, with_network

__all__ = [
    "LambdaPath",
    "MakeNetwork",
    "NetworkFile",
    "Sized",
    "lambda_path",
    "members_of_network",
    "network_from_file",
    "with_network",
]
