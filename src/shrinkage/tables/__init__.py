"""From a file to a matrix: reading a table, saying all that is wrong with it, splitting off the target, and
turning the columns into a network's inputs, fixed on training rows alone; and the files of both ends."""

from shrinkage.tables._source_table import BUNDLED, Table, bundled_table
from shrinkage.tables._target import Problem, Task, split_target
from shrinkage.tables._write_predictions import as_csv, has_columns, predictions_file, write_predictions
from shrinkage.tables.check._check_table import check_table
from shrinkage.tables.check._date_orders import DateOrders
from shrinkage.tables.check._leaks import possible_leaks
from shrinkage.tables.check._leave_out import (
    keeping_columns,
    without_columns,
    without_missing_targets,
    without_rare_classes,
)
from shrinkage.tables.check._new_rows import NewRows, check_new_rows, notes_on_new_rows
from shrinkage.tables.check._repeats import Repeats, repeated_rows
from shrinkage.tables.check._set_apart import RowRoles, SetApart, set_apart
from shrinkage.tables.learn._columns import Column, Kind, counts_rows, is_code
from shrinkage.tables.learn._input_recipe import column_rules, input_recipe
from shrinkage.tables.learn._levels import alike_levels
from shrinkage.tables.learn._preprocessor import Preprocessor, as_numbers, as_pandas
from shrinkage.tables.learn._preprocessor_file import (
    load_preprocessor,
    preprocessor_bytes,
    preprocessor_from,
    save_preprocessor,
)
from shrinkage.tables.learn._text_advice import number_advice
from shrinkage.tables.read._read_table import read_parts, read_table
from shrinkage.tables.read._reading import Reading

__all__ = [
    "BUNDLED",
    "Column",
    "DateOrders",
    "Kind",
    "NewRows",
    "Preprocessor",
    "Problem",
    "Reading",
    "Repeats",
    "RowRoles",
    "SetApart",
    "Table",
    "Task",
    "alike_levels",
    "as_csv",
    "as_numbers",
    "as_pandas",
    "bundled_table",
    "check_new_rows",
    "check_table",
    "column_rules",
    "counts_rows",
    "has_columns",
    "input_recipe",
    "is_code",
    "keeping_columns",
    "load_preprocessor",
    "notes_on_new_rows",
    "number_advice",
    "possible_leaks",
    "predictions_file",
    "preprocessor_bytes",
    "preprocessor_from",
    "read_parts",
    "read_table",
    "repeated_rows",
    "save_preprocessor",
    "set_apart",
    "split_target",
    "without_columns",
    "without_missing_targets",
    "without_rare_classes",
    "write_predictions",
]
