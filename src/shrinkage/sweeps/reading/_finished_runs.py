"""Of a table, the runs that finished, and of a log with many rows a run, the row that counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shrinkage._errors import RequestError, called
from shrinkage.sweeps.reading._run_columns import is_number
from shrinkage.sweeps.reading._run_names import (
    UNFINISHED,
    is_hyperparameter,
    is_progress,
    is_run_id,
    is_strength,
    key_of,
)

__all__ = ["drop_unfinished", "last_of_each_run", "moving_columns"]

Columns = dict[str, list[Any]]


def drop_unfinished(columns: Columns) -> tuple[Columns, list[str]]:
    """Without runs that a tracker lists as failed, stopped or still running."""
    state = next((c for c in columns if key_of(c) in ("state", "status")), None)
    if state is None:
        return columns, []
    left = [i for i, v in enumerate(columns[state]) if str(v).lower().rpartition(".")[2] not in UNFINISHED]
    total = len(columns[state])
    if not left:
        raise RequestError(
            f"{called('results', of='choose')}: none of the {total} runs is finished, by {state}."
        )
    notes = (
        [f"{total - len(left)} of {total} runs are not finished and are left out."]
        if len(left) < total
        else []
    )
    return {name: [values[i] for i in left] for name, values in columns.items()}, notes


def last_of_each_run(
    columns: Columns, names: Sequence[str], groups: Sequence[str], score: str
) -> tuple[Columns, list[str]]:
    """Of a log with a row an epoch, the last row of each run at which scores were taken.

    A log may have rows between, without a score. A run whose own last such row has none diverged there, and keeps none.
    """
    progress = _progress(columns, (*names, *groups))
    if progress is None:
        return columns, []
    at, scores = columns[progress], columns[score]
    ids = [c for c in columns if is_run_id(c) and c not in (*names, *groups)]
    scored = {at[i] for i, v in enumerate(scores) if v is not None}
    runs: dict[Any, tuple[Any, ...]] = {}
    for i in range(len(at)):
        run = tuple(columns[c][i] for c in (*names, *groups, *ids))
        place = (at[i] in scored, at[i] if is_number(at[i]) else -1, scores[i] is not None, i)
        runs[run] = max(place, runs.get(run, place))
    left, notes = sorted(place[-1] for place in runs.values()), list[str]()
    if len(left) < len(at) and len(set(at)) > 1:
        notes.append(f"Runs have several rows, by {progress}: the last of each run counts.")
        columns = {name: [values[i] for i in left] for name, values in columns.items()}
    ends = [v for v in columns[progress] if is_number(v)]
    if max(ends) > 2 * max(min(ends), 1):
        notes.append(
            f"Runs ended at {progress} {min(ends):g} to {max(ends):g}: those stopped early are compared as if complete."
        )
    return columns, notes


def _progress(columns: Columns, others: Sequence[str]) -> str | None:
    """The column that says how far a run has come, with a number in every row or in most."""
    found = [c for c in columns if is_progress(c) and c not in others]
    counts = {c: sum(map(is_number, columns[c])) for c in found}
    full = [c for c in found if counts[c] == len(columns[c])]
    most = [c for c in found if 2 * counts[c] > len(columns[c])]
    return next(iter(full or most), None)


def moving_columns(columns: Columns, groups: Sequence[str]) -> set[str]:
    """Columns of a log that change while one run goes on, such as a learning rate that a schedule moves.

    Without names of runs, those of one strength, fold and seed are one run, and what is named like a setting is one.
    """
    progress = _progress(columns, groups)
    if progress is None:
        return set()
    ids = [c for c in columns if is_run_id(c)]
    runs: dict[Any, list[int]] = {}
    strengths = [c for c in columns if is_strength(c)]
    for i in range(len(columns[progress])):
        runs.setdefault(tuple(columns[c][i] for c in (ids or [*strengths, *groups])), []).append(i)
    return {
        name
        for name, values in columns.items()
        if (ids or not is_hyperparameter(name))
        and any(len({repr(values[i]) for i in rows}) > 1 for rows in runs.values())
    }
