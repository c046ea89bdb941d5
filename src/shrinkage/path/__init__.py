"""The λ path: λs × folds × restarts, trained in blocks, kept, and judged; then the chosen net on all rows."""

from shrinkage.path._block_store import BlockStore
from shrinkage.path._blocks import Block, cut, trained
from shrinkage.path._fit_path import FittedPath, PathRequest, fit_path
from shrinkage.path._fold import ALL_ROWS, Fold, Scale, fitted_scale
from shrinkage.path._held_out import held_out_predictions, predictions
from shrinkage.path._lambda_grid import checked_lambdas, default_lambdas, extension
from shrinkage.path._path_choice import choose
from shrinkage.path._path_result import Choice, PathResult
from shrinkage.path._run_blocks import Progress, run_blocks

__all__ = [
    "ALL_ROWS",
    "Block",
    "BlockStore",
    "Choice",
    "FittedPath",
    "Fold",
    "PathRequest",
    "PathResult",
    "Progress",
    "Scale",
    "checked_lambdas",
    "choose",
    "cut",
    "default_lambdas",
    "extension",
    "fit_path",
    "fitted_scale",
    "held_out_predictions",
    "predictions",
    "run_blocks",
    "trained",
]
