"""The published demonstrations of 2013 to 2017, replayed from their descriptions: one file a demonstration."""

from shrinkage.comparison.demonstrations._demo_page import demo_page, gallery_page
from shrinkage.comparison.demonstrations._demos import DEMOS, demo
from shrinkage.comparison.demonstrations._result import DemoResult, DemoTable

__all__ = ["DEMOS", "DemoResult", "DemoTable", "demo", "demo_page", "gallery_page"]
