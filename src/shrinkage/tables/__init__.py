"""From a file to a matrix: reading a table, saying all that is wrong with it, splitting off the target, and
turning the columns into a network's inputs, fixed on training rows alone; and the files of both ends."""

from shrinkage.tables._check import check_table
from shrinkage.tables._check_new import check_new_rows, notes_on_new_rows
from shrinkage.tables._columns import Column, Kind
from shrinkage.tables._leave_out import without_columns, without_missing_targets, without_rare_classes
from shrinkage.tables._preprocessor import Preprocessor, as_pandas
from shrinkage.tables._read import read_table
from shrinkage.tables._store import load_preprocessor, preprocessor_from, save_preprocessor
from shrinkage.tables._table import BUNDLED, Table, bundled
from shrinkage.tables._target import Problem, Task, split_target
from shrinkage.tables._write import as_csv, has_columns, write_predictions

__all__ = [
    "BUNDLED",
    "Column",
    "Kind",
    "Preprocessor",
    "Problem",
    "Table",
    "Task",
    "as_csv",
    "as_pandas",
    "bundled",
    "check_new_rows",
    "check_table",
    "has_columns",
    "load_preprocessor",
    "notes_on_new_rows",
    "preprocessor_from",
    "read_table",
    "save_preprocessor",
    "split_target",
    "without_columns",
    "without_missing_targets",
    "without_rare_classes",
    "write_predictions",
]
