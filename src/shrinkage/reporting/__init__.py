"""Pages that show what was found: each a self-contained HTML file that opens offline."""

from shrinkage.reporting._elsewhere import strengths_elsewhere
from shrinkage.reporting._findings import findings
from shrinkage.reporting._fit import charts_of, path_charts, path_rows, render_fit_report, write_fit_report
from shrinkage.reporting._fit_story import Fitted, fit_story, story_of
from shrinkage.reporting._module_story import module_story
from shrinkage.reporting._skewed_target import note_on_skew
from shrinkage.reporting._story import ColumnSummary, FitStory, StrengthElsewhere

__all__ = [
    "ColumnSummary",
    "FitStory",
    "Fitted",
    "StrengthElsewhere",
    "charts_of",
    "findings",
    "fit_story",
    "module_story",
    "note_on_skew",
    "path_charts",
    "path_rows",
    "render_fit_report",
    "story_of",
    "strengths_elsewhere",
    "write_fit_report",
]
