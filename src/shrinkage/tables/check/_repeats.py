"""Columns whose values repeat as those of a person, a day or a place do: rows that folds should not part."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from shrinkage._errors import shown
from shrinkage.tables._source_table import column_of
from shrinkage.tables.check._quick_error import FOLDS, column_numbers, target_numbers, trees_error
from shrinkage.tables.learn._columns import flat
from shrinkage.tables.read._reading import readings_of

__all__ = ["Repeats", "repeated_rows"]

Floats = NDArray[np.float64]

FEWEST = 5
"""Groups: with fewer no default folds could keep them together."""
MOST_ROWS_EACH = 50
"""Rows a group on average; a value that repeats more often is rather a category."""
ROWS = 2000
"""At most so many rows, in whole groups drawn with a fixed seed, are predicted."""
TRIED = 3
REPORTED = 2
LOWER = 0.1
"""The share of the error from which on folds that part the groups look better."""
_NAME = re.compile(
    r"id|uuid|guid|code|key|person|people|patient|subject|participant|respondent|proband|user|customer|client|member|player"
    r"|student|pupil|teacher|employee|worker|household|family|animal|mouse|rat|dog|session|device|machine|sensor|vehicle"
    r"|driver|account|store|shop|branch|site|station|location|place|hospital|clinic|school|farm|plot|batch|author|speaker"
    r"|date|day|timestamp",
)


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """A column with one value for several rows each."""

    name: str
    groups: int
    """Different values."""
    rows: int
    is_date: bool
    together: float | None
    """Error of trees on unseen rows in folds of whole groups, the column left out; None where it was not measured."""
    parted: float | None
    """The same in folds that split the groups, with the column among the inputs."""

    @property
    def lower(self) -> float:
        """Share by which the error is lower in folds that split the groups."""
        return 0.0 if not self.together or self.parted is None else 1 - self.parted / self.together

    def __str__(self) -> str:
        name, option = shown(self.name), shlex.quote(self.name)
        seen = ""
        if self.together is not None:
            seen = (
                f", by {100 * self.lower:.0f} % for a quick forest"
                if self.lower >= LOWER
                else ", though a quick forest shows no difference here"
            )
        ways = (
            f"--time {option} validates on what follows, --group {option} keeps each day in one fold"
            if self.is_date
            else f"--group {option} keeps them in one fold"
        )
        return (
            f"Column {name} has {self.groups:,} different values in {self.rows:,} rows. If rows with the "
            f"same {name} are similar and new rows will have other values, the loss on unseen rows looks "
            f"lower than it will be{seen}: {ways}."
        )


def repeated_rows(features: pd.DataFrame, target: NDArray[Any], task: str) -> list[Repeats]:
    """Columns that name what several rows have in common, those first that make the loss look lowest.

    A column named like a person, a day or a place is always reported; another one on whose values further columns
    depend only if trees show a difference.

    Args:
        features: the columns, and the rules by which their text is read.
        target: (n,) classes or numbers, or (n, k) numbers.
        task: `classification` or `regression`.
    """
    found = [
        (_measure(features, target, task, name, codes, is_date), named)
        for name, codes, is_date, named in list(_candidates(features))[:TRIED]
    ]
    reported = [repeats for repeats, named in found if named or repeats.lower >= LOWER]
    return sorted(reported, key=lambda repeats: -repeats.lower)[:REPORTED]


def _candidates(features: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.int64], bool, bool]]:
    """(name, number of the value of each row, is a date, is called so), those that are called so first."""
    rules = readings_of(features)
    coded: dict[str, tuple[NDArray[np.int64], bool]] = {}
    for name in features.columns:
        form, values = flat(column_of(features, name))
        if form == "number" and not _whole(values):
            continue
        if form in ("number", "date", "text", "category"):
            codes = pd.factorize(values)[0].astype(np.int64)
            is_date = form == "date" or (name in rules and rules[name].form == "date")
            coded[name] = (codes, is_date)
    repeating = {name: codes for name, (codes, _) in coded.items() if _repeats(codes)}
    called = [name for name in repeating if _is_called_so(name)]
    others = [
        name
        for name in repeating
        if name not in called and any(_fixes(codes, repeating[name]) for codes, _ in coded.values())
    ]
    for name in [*called, *others]:
        yield name, *coded[name], name in called


def _whole(values: pd.Series) -> bool:
    numbers = values.dropna().to_numpy(dtype=np.float64)
    return bool(np.isfinite(numbers).all() and (numbers == np.trunc(numbers)).all())


def _repeats(codes: NDArray[np.int64]) -> bool:
    rows, groups = len(codes), int(codes.max(initial=-1)) + 1
    return bool((codes >= 0).all()) and groups >= FEWEST and 2 * groups <= rows <= MOST_ROWS_EACH * groups


def _is_called_so(name: str) -> bool:
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower()
    return any(
        _NAME.fullmatch(word.removesuffix("s")) or _NAME.fullmatch(word)
        for word in re.split(r"[\W_\d]+", words)
    )


def _fixes(codes: NDArray[np.int64], groups: NDArray[np.int64]) -> bool:
    """Whether a column has one value in each group, and not one of its own for each group, nor one for all."""
    different = len(np.unique(codes))
    if not 1 < different < groups.max() + 1:
        return False
    return len(np.unique(groups * (codes.max() + 2) + codes + 1)) == groups.max() + 1


def _measure(
    features: pd.DataFrame,
    target: NDArray[Any],
    task: str,
    name: str,
    codes: NDArray[np.int64],
    is_date: bool,
) -> Repeats:
    together, parted = _errors(features, target, task, name, codes) or (None, None)
    groups = int(codes.max()) + 1
    return Repeats(
        name=name, groups=groups, rows=len(codes), is_date=is_date, together=together, parted=parted
    )


def _errors(
    features: pd.DataFrame, target: NDArray[Any], task: str, name: str, codes: NDArray[np.int64]
) -> tuple[float, float] | None:
    """Errors of trees in folds of whole groups and in folds that part them; None where there is nothing to predict by."""
    order = np.random.default_rng(0).permutation(int(codes.max()) + 1)
    ends = np.cumsum(np.bincount(codes)[order])
    drawn = order[: max(FOLDS, int(np.searchsorted(ends, ROWS, side="right")))]
    rows = np.flatnonzero(np.isin(codes, drawn))
    y = target_numbers(target[rows] if target.ndim == 1 else target[rows, 0], task)
    rules = readings_of(features)
    inputs = {
        column: found[0]
        for column in features.columns
        if (found := column_numbers(column, column_of(features, column), rows, rules)) is not None
    }
    others = [x for column, x in inputs.items() if column != name]
    if y is None or not others or name not in inputs:
        return None
    fold_of = np.empty(len(order), dtype=np.int64)
    fold_of[drawn] = np.arange(len(drawn)) % FOLDS
    parting = np.random.default_rng(1).permutation(len(rows)) % FOLDS
    together = trees_error(_fill(others), y, fold_of[codes[rows]], task)
    return together, trees_error(_fill([*others, inputs[name]]), y, parting, task)


def _fill(columns: list[Floats]) -> Floats:
    """(n, D ≥ 2): of several columns a forest is grown, which one alone does not get."""
    return np.column_stack(columns if len(columns) > 1 else [*columns, np.zeros(len(columns[0]))])
