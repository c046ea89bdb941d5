"""Checking a table before anything is trained or written: all that is wrong with it, at once."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from shrinkage._errors import RequestError, called, shown
from shrinkage.tables._source_table import Table, column_of
from shrinkage.tables._target import inferred_task, split_target, target_names, wrong_labels
from shrinkage.tables._target_moments import MomentTarget, moment_target
from shrinkage.tables.check._cells import mixed_cells, negative_counts, not_numbers, wrong_values
from shrinkage.tables.check._header_rows import names_below, second_header
from shrinkage.tables.check._leaks import possible_leaks
from shrinkage.tables.check._totals import note_on_totals
from shrinkage.tables.learn._columns import describe_column
from shrinkage.tables.learn._levels import alike_levels

__all__ = ["check_table", "hint", "list_in_words"]

MOST_CLASSES = 1_000
"""A target of more different values, such as the hour of each row, would train for hours and distinguish none."""


def check_table(
    table: Table, target: str | Sequence[str], *, task: str = "auto", folds: int = 5, counts: bool = False
) -> tuple[str, ...]:
    """Find all that keeps a table from being learned from, and say it at once.

    Args:
        table: the table.
        target: the name of the target column, or several for a regression with several outputs or several labels.
        task: `classification`, `regression` or `auto`.
        folds: how many parts the rows are cut into, >= 2.
        counts: whether the targets must be >= 0.

    Returns:
        Notes that stop nothing: how dates and gaps are read, a column that may leak the target, or tells nothing.

    Raises:
        RequestError: with one sentence a problem in `.problems`: what, where, what to do.

    Example:
        >>> from shrinkage.tables import bundled_table
        >>> try:
        ...     check_table(bundled_table(), "Target")
        ... except RequestError as error:
        ...     print(error)
        bundled:breast_cancer: no column 'Target'; did you mean 'target'?
    """
    names = target_names(target)
    if set(names) <= set(table.frame.columns) and (text := second_header(table)):
        raise RequestError(text)
    problems = list(_wrong_names(table, names))
    known = [name for name in dict.fromkeys(names) if name in table.frame.columns]
    problems += _wrong_size(table, known, folds)
    problems += wrong_values(table, known)
    if known and len(table.frame):
        problems += _wrong_targets(table, known, task, folds)
        problems += [text for name in known if counts for text in negative_counts(table, name)]
    if problems:
        raise RequestError(problems)
    return tuple(_notes(table, known, task))


def _wrong_names(table: Table, names: Sequence[str]) -> Iterator[str]:
    columns = [str(column) for column in table.frame.columns]
    if not names:
        yield f"{table.name}: no target column was named: --target COLUMN."
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"--target names {shown(name)} more than once: name each target column once."
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        yield f"{table.name}: column name {shown(column)} appears more than once: rename or remove one."
    for name in names:
        if name not in columns:
            yield f"{table.name}: no column {shown(name)}{names_below(table, name) or hint(name, columns)}"


def hint(name: str, columns: list[str]) -> str:
    sep = next((s for s in ";\t|," if len(columns) == 1 and s in columns[0]), None)
    if sep:
        return f"; the file looks separated by {sep!r}: --sep {'tab' if sep == chr(9) else repr(sep)}."
    if len(columns) == 1 and set(name.split()) < set(columns[0].split()):
        return "; the file looks separated by white space: --sep '\\s+'."
    if (
        len(columns) == 1
        and name in (parts := re.split(r"[^\w\s]|[\x00-\x1f]", columns[0]))
        and len(parts) > 1
    ):
        mark = columns[0][len(parts[0])]
        typed = shlex.quote(mark) if mark.isprintable() else f"'\\x{ord(mark):02x}'"
        return f"; the file looks separated by {mark!r}: --sep {typed}."
    several = [part.strip() for part in name.split(",")]
    if len(several) > 1 and set(several) <= set(columns):
        return f"; several targets are named one by one: {' '.join(f'--target {shlex.quote(each)}' for each in several)}."
    folded = {column.casefold(): column for column in reversed(columns)}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {shown(folded[near[0]])}?"
    return f". The columns are {list_in_words(columns)}."


def _wrong_size(table: Table, targets: Sequence[str], folds: int) -> Iterator[str]:
    n, columns = table.frame.shape
    if folds < 2:
        yield f"{called('folds', folds)}: must be at least 2, so that each row is held out once."
    elif n < 2 * folds:
        yield f"{table.name}: {folds} folds need at least {2 * folds} rows, found {n}. Use fewer folds (--folds)."
    if targets and columns == len(targets):
        yield (
            f"{table.name}: there is no column besides the target, so there is nothing to learn from"
            f"{_cut_by_blanks(table)}."
        )


def _cut_by_blanks(table: Table) -> str:
    """What is added where the one column of a table holds several, with white space between them."""
    cells = table.frame.iloc[:20, 0].dropna()
    parts = {len(cell.split()) if isinstance(cell, str) else 1 for cell in cells}
    if table.frame.shape[1] > 1 or len(parts) != 1 or parts == {1}:
        return ""
    return "; if white space separates the columns, use --sep '\\s+'"


def _wrong_targets(table: Table, targets: Sequence[str], task: str, folds: int) -> Iterator[str]:
    columns = [table.frame.loc[:, table.frame.columns == name].iloc[:, 0] for name in targets]
    for name, column in zip(targets, columns, strict=True):
        yield from _missing_target(table, name, column)
    if task == "auto" and (moments := list(_moments(table, targets, columns))):
        yield from moments
        return
    try:
        chosen, _ = inferred_task(columns, task)
    except RequestError as error:
        yield from error.problems
        return
    has_labels = chosen == "classification" and len(targets) > 1
    if has_labels:
        yield from wrong_labels(table, columns)
    for name, column in zip(targets, columns, strict=True):
        values = column.dropna()
        if task != "classification" and (problems := list(mixed_cells(table, name, column))):
            yield from problems
        elif values.nunique() == 1:
            yield (
                f"{table.name}: target {shown(name)} has one value ({shown(_plain(values.iloc[0]))}): "
                "there is nothing to learn."
            )
        elif chosen == "classification" and not has_labels:
            yield from _rare_classes(table, name, values, folds)
        elif chosen == "regression":
            yield from not_numbers(table, name, column)


def _moments(table: Table, targets: Sequence[str], columns: Sequence[pd.Series]) -> Iterator[str]:
    """Targets that are typed as dates, times of day or durations, which are values only with `--task regression`."""
    for name, column in zip(targets, columns, strict=True):
        found = moment_target(column, None)
        if found is not None:
            yield (
                f"{table.name}: target {shown(name)} holds {found.what}, which are neither numbers nor classes. "
                f"{_as_values(found)}, or --task classification if each is a class."
            )


def _as_values(found: MomentTarget) -> str:
    return f"Use --task regression to predict them in {found.unit}"


def _missing_target(table: Table, name: str, column: pd.Series) -> Iterator[str]:
    rows = np.flatnonzero(column.isna().to_numpy())
    if len(rows) and len(rows) == len(column):
        yield f"{table.name}: target {shown(name)} is missing in every row: name another column."
    elif len(rows):
        places = ", ".join(table.where(int(row)) for row in rows[:3])
        yield (
            f"{table.name}: target {shown(name)} is missing in {len(rows):,} of {len(column):,} rows "
            f"({places}{', …' if len(rows) > 3 else ''}{_words_for_missing(table, name)}): fill them in, or leave "
            "these rows out with --drop-missing-target."
        )


def _words_for_missing(table: Table, name: str) -> str:
    """What is added where words in the target were read as missing."""
    reading = table.readings.get(name)
    return (
        f"; {list_in_words(reading.missing)} read as missing"
        if reading is not None and reading.missing
        else ""
    )


def _why_text(table: Table, name: str) -> str:
    """The note on a target that holds numbers too, or numbers that would lose something."""
    reading = table.readings.get(name)
    return (
        ""
        if reading is None or reading.form != "text" or reading.missing or not reading.note
        else f"{reading.note} "
    )


def _rare_classes(table: Table, name: str, values: pd.Series, folds: int) -> Iterator[str]:
    counts = values.value_counts(sort=False)
    if len(counts) > MOST_CLASSES:
        yield (
            f"{table.name}: target {shown(name)} has {len(counts):,} different values: more than {MOST_CLASSES:,} are "
            f"not classes. {_if_numbers(values)}{_why_text(table, name)}Name another target."
        )
        return
    rare = [(_plain(label), int(count)) for label, count in counts.items() if count < folds]
    if not rare:
        return
    rule = table.readings.get(name)
    if (found := moment_target(values, rule)) is not None:
        yield (
            f"{table.name}: target {shown(name)} holds {found.what} ({len(counts):,} different ones), which are neither "
            f"numbers nor classes with at least {folds} rows each. {_as_values(found)}, or name another target."
        )
        return
    if pd.api.types.is_numeric_dtype(values.dtype) and len(rare) > 10:
        yield (
            f"{table.name}: target {shown(name)} has {len(counts):,} different numbers, most in fewer than "
            f"{folds} rows: these are not classes. Use --task regression."
        )
        return
    listed = ", ".join(f"{shown(label)} ({count})" for label, count in rare[:5])
    if len(rare) == len(counts) > 2:
        yield (
            f"{table.name}: target {shown(name)} has {len(counts):,} different values, each in fewer than {folds} rows: "
            f"{listed}{', …' if len(rare) > 5 else ''}. These are not classes. "
            f"{_if_numbers(values)}{_why_text(table, name)}Name another target."
        )
        return
    yield (
        f"{table.name}: target {shown(name)} has {'a class' if len(rare) == 1 else f'{len(rare)} classes'} with fewer "
        f"rows than the {folds} folds: {listed}{', …' if len(rare) > 5 else ''}. "
        f"{_if_numbers(values)}{_why_text(table, name)}Add rows, merge the class with another, leave it out with "
        "--drop-rare-classes, or use "
        "fewer folds (--folds)."
    )


def _if_numbers(values: pd.Series) -> str:
    numbers = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    return "If the numbers count or measure something, use --task regression. " if numbers else ""


def _notes(table: Table, targets: Sequence[str], task: str) -> Iterator[str]:
    for name in table.frame.columns.difference(list(targets), sort=False):
        column = column_of(table.frame, name)
        if column.dtype == object and column.map(pd.api.types.is_list_like).any():
            continue  # left out when the columns are learned, with its reason
        if column.isna().all():
            yield f"Column {shown(name)} has no value in any row and is left out."
        elif _is_constant(column):
            yield f"Column {shown(name)} has one value in all rows and carries no information."
        else:
            yield from (
                f"Column {shown(name)} determines the target {shown(target)} exactly: a possible leak."
                for target in targets
                if _same_information(column, column_of(table.frame, target))
            )
    yield from filter(None, [note_on_totals(table), *_alike_levels(table, targets)])
    for name, rule in table.readings.items():
        is_value = task == "regression" and rule.form in ("date", "time")
        if rule.of_feature and rule.note and (is_value or name not in targets):
            yield rule.note
        elif name in targets and rule.form == "text" and rule.missing:
            words = list_in_words(rule.missing)
            yield (
                f"Target {shown(name)} has the class {words}: if that means missing, use --na "
                f"{shlex.quote(rule.missing[0])} --drop-missing-target."
            )
    if len(targets) > 1:
        task, _ = inferred_task([column_of(table.frame, target) for target in targets], task)
    for target in targets:
        problem = split_target(table, target, task)
        features = problem.features.drop(columns=[name for name in targets if name != target])
        for leak in possible_leaks(features, problem.target, problem.task, target):
            if not _same_information(column_of(table.frame, leak.name), column_of(table.frame, target)):
                yield f"{leak} --drop {shlex.quote(leak.name)} does that."


def _alike_levels(table: Table, targets: Sequence[str]) -> Iterator[str]:
    """Notes on levels, and classes, that differ by their spelling alone."""
    for name, values in table.frame.items():
        rule = table.readings.get(str(name))
        if rule is None or rule.form != "text":
            continue
        if name in targets:
            yield alike_levels(f"Target {shown(name)}", values)
        elif describe_column(str(name), "text", values).kind == "category":
            yield alike_levels(f"Column {shown(name)}", values)


def _is_constant(column: pd.Series) -> bool:
    first = column.iloc[0]
    return not pd.isna(first) and bool((column == first).all())


def _same_information(column: pd.Series, target: pd.Series) -> bool:
    """Whether two columns are equal, or the same classes under other names."""
    if column.dtype.kind in "iuf" and target.dtype.kind in "iuf" and np.array_equal(column, target):
        return True
    if column.dtype.kind == "f" or target.dtype.kind == "f":
        return False  # measurements are not class names
    classes = target.nunique()
    if 2 * classes > len(target) or column.nunique() != classes:
        return False
    codes, _ = pd.factorize(column)
    expected, _ = pd.factorize(target)
    return bool(np.array_equal(codes, expected))


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def list_in_words(names: Iterable[object]) -> str:
    names = [shown(name) for name in names]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
