"""The λ path: λs × folds × restarts, trained in blocks, kept, and judged; then the chosen net on all rows."""

from shrinkage.path._fit_path import FittedPath, PathRequest, fit_path, losses_at
from shrinkage.path._fold import ALL_ROWS, Fold, Inputs, Scale, fitted_scale, standard_inputs
from shrinkage.path._held_out import held_out_predictions, predictions
from shrinkage.path._path_choice import choose, fold_losses_of, warn_at_edge
from shrinkage.path._path_result import Choice, PathResult
from shrinkage.path._places import STANDARD, Net, Place
from shrinkage.path.blocks._block_store import BlockStore
from shrinkage.path.blocks._blocks import Block, cut, train_block
from shrinkage.path.blocks._run_blocks import Progress, run_blocks
from shrinkage.path.search import SEARCHES, Round, Search, Seen, checked_lambdas, default_lambdas, extension

__all__ = [
    "ALL_ROWS",
    "SEARCHES",
    "STANDARD",
    "Block",
    "BlockStore",
    "Choice",
    "FittedPath",
    "Fold",
    "Inputs",
    "Net",
    "PathRequest",
    "PathResult",
    "Place",
    "Progress",
    "Round",
    "Scale",
    "Search",
    "Seen",
    "checked_lambdas",
    "choose",
    "cut",
    "default_lambdas",
    "extension",
    "fit_path",
    "fitted_scale",
    "fold_losses_of",
    "held_out_predictions",
    "losses_at",
    "predictions",
    "run_blocks",
    "standard_inputs",
    "train_block",
    "warn_at_edge",
]
