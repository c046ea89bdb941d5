"""The options that `fit` and `compare` share, each said once, and the panels of the help in which options stand.

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
    "DropMissingTarget",
    "DropRareClasses",
    "Encoding",
    "Escape",
    "IgnoreColumns",
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
]

in_table = partial(typer.Option, rich_help_panel="The table")
in_net = partial(typer.Option, rich_help_panel="The network")
in_run = partial(typer.Option, rich_help_panel="The run")

Data = Annotated[
    str | None,
    typer.Argument(help="CSV, Excel or Parquet file, or -; without it, a bundled table.", show_default=False),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target", "-t", help="Column to predict; repeat it for several of them.", show_default=False
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the results in --out.")]

Task = Annotated[str, in_table(help="auto, classification or regression.")]
Bundled = Annotated[str, in_table(help="Which bundled table, when no DATA is given.")]
Sep = Annotated[str | None, in_table(help="Separator of a CSV file, or a regular expression.")]
Encoding = Annotated[str | None, in_table(help="Its encoding.")]
Na = Annotated[list[str] | None, in_table(help="A word that means missing; repeatable.")]
Decimal = Annotated[str | None, in_table(help="Its decimal point, . or ,")]
Thousands = Annotated[str | None, in_table(help="Its mark of thousands, one of . , ' _ space")]
IgnoreColumns = Annotated[list[str] | None, in_table(help="A column to leave out; repeatable.")]
DayFirst = Annotated[
    bool | None,
    in_table(
        "--day-first/--month-first",
        help="How 01/02/2020 is read.",
        show_default="as the column shows",
    ),
]
Text = Annotated[
    list[str] | None, in_table(help="A column that is words, whatever it looks like; repeatable.")
]
Escape = Annotated[str | None, in_table(help="Character before a quote inside a quoted cell, such as \\.")]
NoHeader = Annotated[bool, in_table("--no-header", help="The columns are 'column 1', 'column 2', …")]
KeepColumns = Annotated[
    list[str] | None, in_table(help="A column of numbers to use though it numbers the rows.")
]
DropMissingTarget = Annotated[
    bool, in_table("--drop-missing-target", help="Leave out rows without a target.")
]
DropRareClasses = Annotated[
    bool, in_table("--drop-rare-classes", help="Leave out classes with fewer rows than folds.")
]


def _seed(number: int) -> int:
    if not 0 <= number < 2**32:
        raise typer.BadParameter(f"must be from 0 to {2**32 - 1}, got {number}.")
    return number


Seed = Annotated[int, in_run(callback=_seed, help="Of splits, initial weights and batches.")]
Jobs = Annotated[str, in_run(help="Processes: auto, or a number (-1: a core each).")]
Quiet = Annotated[bool, in_run("--quiet", "-q", help="No progress.")]
