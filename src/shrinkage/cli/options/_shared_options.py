"""The options that `fit` and `compare` share, each defined once, and the panels of the help in which options stand.

An option of one command alone is written where that command is, as `in_net(help=…)` and the like.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

__all__ = [
    "Bundled",
    "Data",
    "DayFirst",
    "Decimal",
    "Drop",
    "DropMissingTarget",
    "DropRareClasses",
    "Encoding",
    "Escape",
    "Jobs",
    "KeepColumns",
    "Na",
    "NoHeader",
    "Overwrite",
    "Quiet",
    "Resume",
    "Seed",
    "Sep",
    "Target",
    "Task",
    "Text",
    "Thousands",
    "in_net",
    "in_run",
    "in_table",
    "rare_in_table",
]

in_table = partial(typer.Option, rich_help_panel="The table")
rare_in_table = partial(in_table, hidden=True)
in_net = partial(typer.Option, rich_help_panel="The network")
in_run = partial(typer.Option, rich_help_panel="The run")

Data = Annotated[
    str | None,
    typer.Argument(help="CSV, Excel or Parquet file, or -; else bundled data.", show_default=False),
]
Target = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", help="Column to predict; repeatable.", show_default=False),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the results in --out.")]

Task = Annotated[str, in_table(help="classification or regression.")]
Bundled = Annotated[str, rare_in_table(help="Bundled table to use when DATA is left out.")]
Sep = Annotated[str | None, rare_in_table(help="Separator of a CSV file, or a regular expression.")]
Encoding = Annotated[str | None, rare_in_table(help="Encoding of a CSV file.")]
Na = Annotated[list[str] | None, rare_in_table(help="Text that means missing; repeatable.")]
Decimal = Annotated[str | None, rare_in_table(help="Decimal point, . or ,")]
Thousands = Annotated[str | None, rare_in_table(help="Thousands separator, one of . , ' _ space")]
Drop = Annotated[
    list[str] | None, in_table("--drop", "--ignore-columns", help="Column to leave out; repeatable.")
]
DayFirst = Annotated[
    bool | None,
    rare_in_table(
        "--day-first/--month-first",
        help="How to read 01/02/2020.",
        show_default="inferred from the column",
    ),
]
Text = Annotated[
    list[str] | None, rare_in_table(help="Column to treat as text, whatever it looks like; repeatable.")
]
Escape = Annotated[
    str | None, rare_in_table(help="Character before a quote inside a quoted cell, such as \\.")
]
NoHeader = Annotated[
    bool,
    rare_in_table("--no-header", help="The file has no header: name the columns 'column 1', 'column 2', …"),
]
KeepColumns = Annotated[
    list[str] | None,
    rare_in_table(
        help="Column to use although it looks like a row number, or as a number although it looks like a code or a "
        "date; repeatable."
    ),
]
DropMissingTarget = Annotated[
    bool, rare_in_table("--drop-missing-target", help="Leave out rows without a target.")
]
DropRareClasses = Annotated[
    bool, rare_in_table("--drop-rare-classes", help="Leave out classes with fewer rows than folds.")
]


def _seed(number: int) -> int:
    if not 0 <= number < 2**32:
        raise typer.BadParameter(f"must be from 0 to {2**32 - 1}, got {number}.")
    return number


Seed = Annotated[int, in_run(callback=_seed, help="Seed of all random numbers.")]
Jobs = Annotated[str, in_run(hidden=True, help="Processes: auto, a number, or -1 for all cores.")]
Quiet = Annotated[bool, in_run("--quiet", "-q", help="Hide the progress bar.")]
