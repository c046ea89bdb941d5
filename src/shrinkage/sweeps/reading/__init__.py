"""Reading the runs of a sweep from what a tracker, a search or a spreadsheet holds."""

from shrinkage.sweeps.reading._finished_runs import drop_unfinished, last_of_each_run, moving_columns
from shrinkage.sweeps.reading._run_columns import columns_of, consecutive, is_number, numbers_of
from shrinkage.sweeps.reading._run_names import (
    direction_of,
    falls,
    is_config,
    is_group,
    is_hyperparameter,
    is_progress,
    is_run_id,
    is_seed,
    is_spread_of,
    is_strength,
    is_summary,
    key_of,
    log_base,
    may_be_setting,
    score_column,
)

__all__ = [
    "columns_of",
    "consecutive",
    "direction_of",
    "drop_unfinished",
    "falls",
    "is_config",
    "is_group",
    "is_hyperparameter",
    "is_number",
    "is_progress",
    "is_run_id",
    "is_seed",
    "is_spread_of",
    "is_strength",
    "is_summary",
    "key_of",
    "last_of_each_run",
    "log_base",
    "may_be_setting",
    "moving_columns",
    "numbers_of",
    "score_column",
]
