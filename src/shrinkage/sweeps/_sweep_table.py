"""A table of runs, one row each or one column a fold, as the scores of settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown
from shrinkage.sweeps.reading import (
    consecutive,
    direction_of,
    drop_unfinished,
    is_config,
    is_group,
    is_hyperparameter,
    is_number,
    is_seed,
    is_spread_of,
    is_strength,
    is_summary,
    key_of,
    last_of_each_run,
    may_be_setting,
    moving_columns,
    numbers_of,
    score_column,
)

__all__ = ["Columns", "Direction", "Sweep", "lists_scores", "numbers_tried", "of_table"]

Direction = str
Setting = tuple[tuple[str, Any], ...]
Columns = dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Scores of m settings, higher or lower being better as `direction` says."""

    settings: tuple[dict[str, Any], ...]
    """m settings, each a dictionary of what varied."""
    scores: tuple[NDArray[np.float64], ...]
    """The scores of each setting: one a block where `blocks` is named, in the same order; NaN for one that wasn't run."""
    direction: Direction
    """"maximize" or "minimize"."""
    score_name: str
    blocks: str | None
    """What the settings share, "fold" or "seed"; None if their runs share nothing."""
    test_share: float
    """n_test/n_train of the folds; 0 for seeds, which share no split."""
    searched: dict[str, tuple[float, float]]
    """The range that a sampler drew each number from, where it is known."""
    tried: Mapping[str, frozenset[float]]
    """The numbers that each column had in any run, also those that failed or dropped out."""
    notes: tuple[str, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    """Numbers that are the same in all runs, by what they mean, such as `lr`."""


def lists_scores(name: str) -> bool:
    return bool({"fold", "folds", "split", "splits", "cv", "scores", "losses"} & set(key_of(name).split("_")))


def of_table(
    columns: Columns,
    setting: str | Sequence[str] | None,
    score: str | None,
    by: str | None,
    direction: str | None,
    share: float | None,
) -> Sweep:
    """One row a run."""
    tried, (columns, notes) = columns, drop_unfinished(columns)
    runs = len(next(iter(columns.values())))
    columns, score, own_block = _long(columns, score)
    score = (
        _find_column(columns, score, "score")
        if score
        else score_column(columns, lambda c: any(_score(v) is not None for v in columns[c]))
    )
    groups = [_find_column(columns, by, "by")] if by else [c for c in columns if is_group(c) and c != score]
    columns, more = _drop_summaries(columns, groups)
    notes += more
    runs = min(runs, len(columns[score]))
    groups = [g for g in groups if len(set(columns[g])) > 1 or by] or groups[:1]
    names = [setting] if isinstance(setting, str) else list(setting or ())
    names = [_find_column(columns, name, "setting") for name in names] or _setting_columns(
        columns, score, groups, runs
    )
    columns, more = last_of_each_run(columns, names, groups, score)
    notes += more
    direction = direction or direction_of(score if own_block is None else own_block, columns)
    rows = [
        (
            {name: columns[name][i] for name in names},
            tuple(columns[g][i] for g in groups) if groups else i,
            _score(columns[score][i]),
        )
        for i in range(len(columns[score]))
    ]
    kept, more = _drop_unscored(rows, score)
    of_folds = [g for g in groups if not is_seed(g)]
    kind = None if not groups else "fold" if of_folds else "seed"
    settings, scores, shared, missing = _in_blocks(kept, kind is not None)
    folds = len({columns[of_folds[0]][i] for i in range(len(columns[score]))}) if of_folds else 0
    default = 1 / (folds - 1) if shared and folds > 1 else 0.0
    return Sweep(
        settings=tuple(settings),
        scores=tuple(scores),
        direction=direction,
        score_name=score if own_block is None else own_block,
        blocks=kind if shared else None,
        test_share=default if share is None else share,
        searched={},
        tried=numbers_tried({name: tried.get(name, columns[name]) for name in names}),
        notes=(*notes, *_unused(columns, score, settings), *more, *missing),
        constants=_constants(columns),
    )


def _drop_summaries(columns: Columns, groups: Sequence[str]) -> tuple[Columns, list[str]]:
    """Without rows whose fold or seed is called `mean`, which the others give."""
    total = len(next(iter(columns.values())))
    left = [i for i in range(total) if not any(is_summary(columns[g][i]) for g in groups)]
    if not left or len(left) == total:
        return columns, []
    note = f"{total - len(left)} of {total} rows are means over the others and are left out."
    return {name: [values[i] for i in left] for name, values in columns.items()}, [note]


def _long(columns: Columns, score: str | None) -> tuple[Columns, str | None, str | None]:
    """A table with one score a row, if it has a column for each fold or lists of scores; the name that they share."""
    stems = consecutive(columns, lambda stem: is_group(stem) or _named_scores(stem))
    stem = score if score in stems else None
    if stem is None and score is None and len(stems) == 1 and not any(is_group(c) for c in columns):
        stem = next(iter(stems))
    if stem is not None:
        parts = stems[stem]
        lists = [tuple(columns[c][i] for c in parts) for i in range(len(columns[parts[0]]))]
        rest = {name: values for name, values in columns.items() if name not in parts}
        return _spread(rest, stem, lists), _ROW_SCORE, stem
    named = [score] if score else [c for c in columns if lists_scores(c) or _named_scores(c)]
    for name in named:
        lists = [numbers_of(v) for v in columns.get(name, [])]
        if lists and all(lists) and len({len(each) for each in lists if each}) == 1:
            rest = {each: values for each, values in columns.items() if each != name}
            return _spread(rest, name, [tuple(each or ()) for each in lists]), _ROW_SCORE, name
    return columns, score, None


_ROW_SCORE, _ROW_BLOCK = "score of a fold", "fold"


def _spread(columns: Columns, name: str, lists: Sequence[tuple[Any, ...]]) -> Columns:
    k = len(lists[0])
    spread = {each: [v for v in values for _ in range(k)] for each, values in columns.items()}
    block = "seed" if is_seed(name) else _ROW_BLOCK
    return spread | {
        block: [j for _ in lists for j in range(k)],
        _ROW_SCORE: [v for row in lists for v in row],
    }


def _named_scores(name: str) -> bool:
    try:
        direction_of(name)
    except RequestError:
        return False
    return not is_strength(name) and not is_config(name)


Row = tuple[dict[str, Any], Any, float | None]


def _drop_unscored(rows: list[Row], score: str) -> tuple[list[Row], list[str]]:
    """Without rows that have no score, and without settings that have one in fewer than half of their runs."""
    if all(row[2] is None for row in rows):
        raise RequestError(
            f"{called('score', score, of='choose')}: no run has a number there. Name the column of the scores."
        )
    failed: dict[Setting, list[bool]] = {}
    for setting, _, value in rows:
        failed.setdefault(tuple(setting.items()), []).append(value is None)
    mostly = {s for s, each in failed.items() if sum(each) > len(each) / 2}
    kept = [row for row in rows if row[2] is not None and tuple(row[0].items()) not in mostly]
    if not kept:
        kept, mostly = [row for row in rows if row[2] is not None], set[Setting]()
    without = sum(row[2] is None for row in rows)
    notes = [f"{without} of {len(rows)} runs have no score and are left out."] if without else []
    if some := [s for s in mostly if not all(failed[s])]:
        notes.append(
            f"{len(some)} of {len(failed)} settings have no score in most of their runs and are left out."
        )
    return kept, notes


def _in_blocks(
    rows: list[Row], by_block: bool
) -> tuple[list[dict[str, Any]], list[NDArray[np.float64]], bool, list[str]]:
    """The scores by setting and block, NaN where a setting misses a block; unpaired where most do."""
    cells: dict[Setting, dict[Any, list[float]]] = {}
    for setting, block, score in rows:
        cells.setdefault(tuple(setting.items()), {}).setdefault(block, []).append(float(score or 0.0))
    counts: dict[Any, int] = {}
    for found in cells.values():
        for block in found:
            counts[block] = counts.get(block, 0) + 1
    blocks = [block for block, count in counts.items() if count > 1 or len(cells) == 1]
    filled = sum(block in found for found in cells.values() for block in blocks)
    every = all(any(block in found for block in blocks) for found in cells.values())
    if by_block and len(blocks) > 1 and every and filled >= 0.6 * len(cells) * len(blocks):
        scores = [
            np.array([np.mean(found[b]) if b in found else math.nan for b in blocks], dtype=np.float64)
            for found in cells.values()
        ]
        missing = sum(bool(np.isnan(x).any()) for x in scores)
        notes = (
            [
                f"{missing} of {len(cells)} settings miss some of the {len(blocks)} blocks; "
                "their means are adjusted for it."
            ]
            if missing
            else []
        )
        return [dict(s) for s in cells], scores, True, notes
    scores = [np.array([v for values in found.values() for v in values]) for found in cells.values()]
    return [dict(s) for s in cells], scores, False, []


def _setting_columns(columns: Columns, score: str, groups: list[str], runs: int) -> list[str]:
    """The columns of strengths, and every other that varies over the runs and is neither a score, a date nor a name."""
    free = [c for c in columns if c not in (score, *groups)]
    moving = moving_columns(columns, groups)
    varied = [c for c in free if len({repr(v) for v in columns[c]}) > 1 and c not in moving]
    varied = [c for i, c in enumerate(varied) if not _repeats_strength(columns, c, varied[:i])]
    unique = {c for c in varied if len({repr(v) for v in columns[c]}) == runs}
    found = [c for c in varied if may_be_setting(c, c in unique)]
    measured = _measured(columns, found, groups)
    found = [c for c in found if c not in measured]
    if any(map(is_config, found)):
        found = [c for c in found if is_config(c)]
    found = found or [c for c in varied if may_be_setting(c, False)] or [c for c in free if is_strength(c)]
    if found:
        return found
    raise RequestError(
        f'{called("setting", of="choose")}: no column varies that could be a setting. Give setting="COLUMN".'
    )


def _repeats_strength(columns: Columns, name: str, earlier: Sequence[str]) -> bool:
    """Whether a column is a strength that an earlier one has already, such as `optimizer.wd` beside `wd`."""
    return is_strength(name) and any(is_strength(c) and columns[c] == columns[name] for c in earlier)


def _measured(columns: Columns, found: Sequence[str], groups: Sequence[str]) -> set[str]:
    """Columns of unknown names that differ over the blocks of one setting, where the known ones tell runs apart."""
    known = [c for c in found if is_hyperparameter(c)]
    settings = list(zip(*(columns[c] for c in known), strict=True)) if known and groups else []
    blocks = list(zip(*(columns[c] for c in groups), strict=True))
    if not settings or len(set(zip(settings, blocks, strict=True))) < len(settings):
        return set()
    several = len(set(settings))
    others = set(found) - set(known)
    return {c for c in others if len(set(zip(settings, map(repr, columns[c]), strict=True))) > several}


def numbers_tried(columns: Columns) -> dict[str, frozenset[float]]:
    """The different numbers of each column."""
    return {name: frozenset(filter(is_number, values)) for name, values in columns.items()}


def _unused(columns: Columns, score: str, settings: Sequence[dict[str, Any]]) -> list[str]:
    """What a table has that looks useful and is not used, and why."""
    notes: list[str] = []
    spread = [c for c in columns if is_spread_of(c, score) and _has_numbers(columns[c])]
    if spread:
        notes.append(
            f"{spread[0]} is not used: a spread doesn't say which differences are noise. Give a row for each fold or "
            "seed."
        )
    for name in filter(is_strength, settings[0]):
        missing = sum(s[name] is None for s in settings)
        if 0 < missing < len(settings):
            notes.append(
                f"{name} is missing in {missing} of {len(settings)} settings, so none is called the strongest; write 0 "
                "where there was none."
            )
    return notes


def _constants(columns: Columns) -> dict[str, float]:
    """The learning rate and the batch size of a table in which they are the same in every run."""
    found: dict[str, float] = {}
    for name, values in columns.items():
        meaning = {"learning_rate": "lr", "lr": "lr", "batch_size": "batch_size"}.get(key_of(name))
        if meaning and len(set(values)) == 1 and is_number(values[0]):
            found[meaning] = float(values[0])
    return found


def _find_column(columns: Columns, name: str, option: str) -> str:
    if name not in columns:
        raise RequestError(
            f"{called(option, of='choose')}: there is no column {shown(name)}. There are {', '.join(columns)}."
        )
    return name


def _has_numbers(values: Sequence[Any]) -> bool:
    return any(is_number(v) for v in values)


def _score(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number
