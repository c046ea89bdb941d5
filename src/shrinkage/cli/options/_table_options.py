"""The table that a command was asked to learn from, without what it was asked to leave out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shrinkage._errors import RequestError

if TYPE_CHECKING:
    from shrinkage.tables import Table

__all__ = ["TableOptions", "asked_table", "task_of"]


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """The options that say which table, as they were given to `fit` or `compare`."""

    data: str | None
    target: list[str] | None
    task: str
    bundled: str
    sep: str | None
    encoding: str | None
    na: list[str] | None
    decimal: str | None
    thousands: str | None
    day_first: bool | None
    text: list[str] | None
    escape: str | None
    no_header: bool
    drop: list[str] | None
    keep_columns: list[str] | None
    drop_missing_target: bool
    drop_rare_classes: bool
    folds: int
    """A class with fewer rows than these is rare."""

    @property
    def checks(self) -> dict[str, Any]:
        """How `check_table` checks the table."""
        counts = getattr(self, "loss", None) == "poisson"
        return {"task": self.task, "folds": self.folds, "counts": counts}


def task_of(task: str, loss: str | None) -> str:
    """The given task; a loss is of a regression, so that counts with few values are one with `--loss poisson`."""
    return "regression" if task == "auto" and loss is not None else task


def asked_table(asked: TableOptions, verbatim: Sequence[str] = ()) -> tuple[Table, list[str]]:
    """The table and the names of its targets; columns that are `verbatim` are kept as they are written."""
    from shrinkage.tables import (
        keeping_columns,
        without_columns,
        without_missing_targets,
        without_rare_classes,
    )

    if both := [name for name in asked.drop or () if name in (asked.target or ())]:
        raise RequestError(f"--drop {both[0]}: this is the target; name another column.")
    if both := [name for name in asked.drop or () if name in (asked.keep_columns or ())]:
        raise RequestError(f"--drop {both[0]}: --keep-columns names it too; leave out one of the two.")
    table, target = _read(asked, verbatim)
    if asked.drop:
        table = without_columns(table, asked.drop)
    if asked.keep_columns:
        table = keeping_columns(table, asked.keep_columns)
    if asked.drop_missing_target:
        table = without_missing_targets(table, target)
    if asked.drop_rare_classes:
        table = without_rare_classes(table, target, task=asked.task, folds=asked.folds)
    return table, target


def _read(asked: TableOptions, verbatim: Sequence[str]) -> tuple[Table, list[str]]:
    from shrinkage.tables import BUNDLED, bundled_table, read_table

    if asked.data is None:
        return bundled_table(asked.bundled), asked.target or list(BUNDLED[asked.bundled])
    if not asked.target:
        raise RequestError("--target: name the column to predict, such as --target price.")
    table = read_table(
        asked.data,
        sep=asked.sep,
        encoding=asked.encoding,
        na=asked.na or (),
        decimal=asked.decimal,
        thousands=asked.thousands,
        day_first=asked.day_first,
        text=asked.text or (),
        escape=asked.escape,
        header=not asked.no_header,
        verbatim=[name for name in verbatim if name not in asked.target],
        columns=asked.target,
    )
    return table, asked.target
