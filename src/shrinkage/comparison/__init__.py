"""Ways to keep weights small, side by side on one table; and the published demonstrations of 2013 to 2017, replayed."""

from shrinkage._paired import Interval, corrected_se, paired_difference
from shrinkage.comparison._compare import compare, compare_table
from shrinkage.comparison._means import Mean
from shrinkage.comparison._methods import METHODS, Method, Setting
from shrinkage.comparison._nested import Runs
from shrinkage.comparison._pairs import Pair
from shrinkage.comparison._splits import Splitting
from shrinkage.comparison.demonstrations import DEMOS, DemoResult, DemoTable, demo, demo_page, gallery_page
from shrinkage.comparison.page._comparison_charts import comparison_charts, comparison_tables
from shrinkage.comparison.page._comparison_findings import findings as comparison_findings
from shrinkage.comparison.page._shown_comparison import Comparison

__all__ = [
    "DEMOS",
    "METHODS",
    "Comparison",
    "DemoResult",
    "DemoTable",
    "Interval",
    "Mean",
    "Method",
    "Pair",
    "Runs",
    "Setting",
    "Splitting",
    "compare",
    "compare_table",
    "comparison_charts",
    "comparison_findings",
    "comparison_tables",
    "corrected_se",
    "demo",
    "demo_page",
    "gallery_page",
    "paired_difference",
]
