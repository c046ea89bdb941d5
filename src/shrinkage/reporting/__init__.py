"""Pages that show what was found: each a self-contained HTML file that opens offline."""

from shrinkage.reporting._fit import render_fit_report, write_fit_report
from shrinkage.reporting._found import findings, fit_story, strengths_elsewhere
from shrinkage.reporting._story import ColumnSummary, FitStory, StrengthElsewhere

__all__ = [
    "ColumnSummary",
    "FitStory",
    "StrengthElsewhere",
    "findings",
    "fit_story",
    "render_fit_report",
    "strengths_elsewhere",
    "write_fit_report",
]
