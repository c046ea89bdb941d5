"""Pages that show what was found: each a self-contained HTML file that opens offline."""

from shrinkage.reporting._fit import render_fit_report, write_fit_report
from shrinkage.reporting._story import ColumnSummary, FitStory, StrengthElsewhere

__all__ = ["ColumnSummary", "FitStory", "StrengthElsewhere", "render_fit_report", "write_fit_report"]
