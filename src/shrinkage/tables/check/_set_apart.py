"""Columns that say something of the rows and are no inputs: group, time, weight and ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown
from shrinkage.tables._source_table import Table, column_of
from shrinkage.tables.check._check_table import hint
from shrinkage.tables.learn._columns import flat
from shrinkage.tables.read._reading import as_read

__all__ = ["RowRoles", "SetApart", "set_apart"]


@dataclass(frozen=True, kw_only=True)
class RowRoles:
    """Names of the columns that say something of the rows."""

    group: str | None = None
    """Column whose groups of rows stay in one fold."""
    time: str | None = None
    """Column by which the rows are sorted; it stays an input."""
    weight: str | None = None
    """Column with the weight of each row."""
    ids: tuple[str, ...] = ()
    """Carried into the predictions; a column with another role may be one of them."""

    @property
    def verbatim(self) -> tuple[str, ...]:
        """Columns whose cells are kept as written."""
        ids = (name for name in self.ids if name not in (self.time, self.weight))
        return (*([] if self.group is None else [self.group]), *ids)

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """(role, column) of each that there is."""
        single = (("group", self.group), ("time", self.time), ("weight", self.weight))
        return (
            *((role, name) for role, name in single if name is not None),
            *(("id", name) for name in self.ids),
        )


@dataclass(frozen=True, kw_only=True)
class SetApart:
    """A table without the columns that are no inputs, and what these say of its n rows."""

    table: Table
    """In the order of time, where a column of time was named."""
    groups: NDArray[np.int64] | None = None
    """(n,) number of the group of each row."""
    ranks: NDArray[np.int64] | None = None
    """(n,) place of each row's moment among the different ones, ascending."""
    weight: NDArray[np.float64] | None = None
    """(n,) ≥ 0"""


def set_apart(
    table: Table, roles: RowRoles, *, targets: tuple[str, ...] = (), keep_time: bool = True
) -> SetApart:
    """Take the columns out of a table that say something of its rows.

    Args:
        table: the table.
        roles: the names of the columns.
        targets: the names of the target columns, which can be none of them.
        keep_time: whether the column of time stays an input.

    Raises:
        RequestError: a column is not there, is a target or has two roles; a group, moment or weight is missing; a
            moment is no date or number; a weight is negative, or all are 0.
    """
    if problems := list(_wrong_roles(table, roles, targets)):
        raise RequestError(problems)
    problems = list[str]()
    groups = None if roles.group is None else _groups(table, roles.group, problems)
    ranks = None if roles.time is None else _ranks(table, roles.time, problems)
    weight = None if roles.weight is None else _weights(table, roles.weight, problems)
    if problems:
        raise RequestError(problems)
    if ranks is not None:
        order = np.argsort(ranks, kind="stable")
        table = _in_order(table, order)
        ranks = ranks[order]
        groups = None if groups is None else groups[order]
        weight = None if weight is None else weight[order]
    gone = {name for role, name in roles.named if role != "time" or not keep_time}
    return SetApart(
        table=replace(table, frame=table.frame.drop(columns=list(gone))),
        groups=groups,
        ranks=ranks,
        weight=weight,
    )


def _wrong_roles(table: Table, roles: RowRoles, targets: tuple[str, ...]) -> Iterator[str]:
    columns = [str(name) for name in table.frame.columns]
    taken = dict.fromkeys(targets, "target")
    for role, name in roles.named:
        option = called(role, name)
        if name not in columns:
            yield f"{option}: {table.name} has no column {shown(name)}{hint(name, columns)}"
        elif name in taken and not (role == "id" and taken[name] in ("group", "time", "weight")):
            yield f"{option}: column {shown(name)} is already the {taken[name]}; name another column."
        taken.setdefault(name, role)


def _in_order(table: Table, order: NDArray[np.int64]) -> Table:
    frame = table.frame.iloc[order].reset_index(drop=True)
    frame.attrs = table.frame.attrs
    lines = order + 1 if table.lines is None else table.lines[order]
    return replace(table, frame=frame, lines=lines, unit="row" if table.lines is None else table.unit)


def _groups(table: Table, name: str, problems: list[str]) -> NDArray[np.int64] | None:
    values = column_of(table.frame, name)
    problems += _missing(table, "group", name, values.isna().to_numpy())
    return pd.factorize(values)[0].astype(np.int64)


def _weights(table: Table, name: str, problems: list[str]) -> NDArray[np.float64] | None:
    values = column_of(table.frame, name)
    option = called("weight", name)
    if not pd.api.types.is_numeric_dtype(values.dtype):
        held = values.dropna()
        first = "" if held.empty else f", such as {shown(held.iloc[0])} in {table.where(int(held.index[0]))}"
        problems.append(
            f"{option}: the column contains values that are not numbers{first}; a weight is a number >= 0."
        )
        return None
    weight = values.to_numpy(dtype=np.float64, na_value=np.nan)
    problems += _missing(table, "weight", name, np.isnan(weight))
    wrong = np.flatnonzero((weight < 0) | np.isinf(weight))
    if len(wrong):
        problems.append(
            f"{option}: {table.where(int(wrong[0]))} has the weight {weight[wrong[0]]:g}; it must be finite and >= 0."
        )
    elif (weight > 0).sum() < 2:
        problems.append(f"{option}: fewer than two rows have a weight above 0.")
    return weight


def _ranks(table: Table, name: str, problems: list[str]) -> NDArray[np.int64] | None:
    moments = _moments(table, name)
    if moments is None:
        problems.append(f"{called('time', name)}: the column holds neither dates nor numbers to sort by.")
        return None
    problems += _missing(table, "time", name, moments.isna().to_numpy())
    return moments.rank(method="dense").fillna(1).to_numpy(dtype=np.int64) - 1


def _moments(table: Table, name: str) -> pd.Series | None:
    """What a column is sorted by; None for words."""
    form, values = flat(column_of(table.frame, name))
    rule = table.readings.get(name)
    if form in ("text", "mixed") and rule is not None and rule.form != "text":
        form, values = rule.form, as_read(rule, values.map(str, na_action="ignore"))[0]
    return values if form in ("number", "date", "time") else None


def _missing(table: Table, role: str, name: str, gone: NDArray[np.bool_]) -> Iterator[str]:
    rows = np.flatnonzero(gone)
    if len(rows):
        yield (
            f"{called(role, name)}: the {role} is missing in {len(rows):,} of {len(gone):,} rows, first in "
            f"{table.where(int(rows[0]))}. Fill it in, or remove these rows."
        )
