"""The published demonstrations of 2013 to 2017, replayed from their descriptions: published, as printed, and correct."""

from shrinkage.comparison._demo import DemoResult, DemoTable, Mean
from shrinkage.comparison._demos import DEMOS, demo

__all__ = ["DEMOS", "DemoResult", "DemoTable", "Mean", "demo"]
