"""The charts of a fit's report, each with its data as a table."""

from shrinkage.reporting.figures._epoch_figures import epoch_figures, epoch_table, map_figure, map_table
from shrinkage.reporting.figures._judged import Curve, Judged, judge
from shrinkage.reporting.figures._lambda_axis import LambdaAxis
from shrinkage.reporting.figures._loss_figures import (
    gap_figure,
    gap_table,
    loss_figure,
    loss_unit,
    path_table,
)
from shrinkage.reporting.figures._weight_figures import (
    Histograms,
    histograms,
    weight_figures,
    weight_slider,
    weight_tables,
)

__all__ = [
    "Curve",
    "Histograms",
    "Judged",
    "LambdaAxis",
    "epoch_figures",
    "epoch_table",
    "gap_figure",
    "gap_table",
    "histograms",
    "judge",
    "loss_figure",
    "loss_unit",
    "map_figure",
    "map_table",
    "path_table",
    "weight_figures",
    "weight_slider",
    "weight_tables",
]
