"""The runs of a sweep, from whatever holds them: scikit-learn's `cv_results_`, an Optuna study, a table of runs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown

__all__ = ["STRENGTHS", "Direction", "Sweep", "read_sweep"]

Direction = str
Setting = tuple[tuple[str, Any], ...]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STRENGTHS = _set("""
weight_decay weightdecay wd l2 l1 lam lambda lambda_ alpha reg_lambda reg_alpha decay reg
regularization penalty c
""")
"""Names of a strength, in lower case; the last part of a dotted name counts."""
_GROUPS = _set("""
fold split cv_fold seed random_seed random_state restart replicate repeat trial_seed
""")

_LOWER = _set("""
loss error rmse mse mae nll perplexity ppl deviance logloss brier wer cer
""")

_HIGHER = _set("""
acc accuracy auc f1 score r2 map bleu iou precision recall kappa reward
""")

_ASIDE = _set("""
id name state status created created_at runtime duration user notes tags group _timestamp _step
_runtime step epoch number sweep hostname run run_id time
""")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Scores of m settings, higher or lower being better as `direction` says."""

    settings: tuple[dict[str, Any], ...]
    """m settings, each a dictionary of what varied."""
    scores: tuple[NDArray[np.float64], ...]
    """The scores of each setting: one a block where `blocks` is named, in the same order."""
    direction: Direction
    """"maximize" or "minimize"."""
    score_name: str
    blocks: str | None
    """What the settings share, "fold" or "seed"; None if their runs share nothing."""
    test_share: float
    """n_test/n_train of the folds; 0 for seeds, which share no split."""
    searched: dict[str, tuple[float, float]]
    """The range that a sampler drew each number from, where it is known."""
    notes: tuple[str, ...] = ()


def read_sweep(
    results: Any,
    *,
    setting: str | Sequence[str] | None = None,
    score: str | None = None,
    by: str | None = None,
    direction: str | None = None,
    test_share: float | None = None,
) -> Sweep:
    """The runs in `results`; see `choose` for what it may be.

    Raises:
        RequestError: the results are of no known kind, a column is missing or ambiguous, or no run has a score.
    """
    if direction not in (None, "maximize", "minimize"):
        raise RequestError(
            f'{called("direction", of="choose")}: must be "maximize" or "minimize", got {shown(direction)}.'
        )
    if hasattr(results, "cv_results_"):
        results = results.cv_results_
    if hasattr(results, "trials") and (hasattr(results, "direction") or hasattr(results, "directions")):
        return _of_study(results, direction, test_share)
    columns = _columns(results)
    if "params" in columns and any(_SPLIT.match(name) for name in columns):
        return _of_search(columns, score, direction, test_share)
    return _of_table(columns, setting, score, by, direction, test_share)


_SPLIT = re.compile(r"split(\d+)_test_(.+)")


def _columns(results: Any) -> dict[str, list[Any]]:
    if isinstance(results, Mapping):
        return {str(k): list(v) for k, v in results.items()}
    if hasattr(results, "to_dict") and hasattr(results, "columns"):  # pandas, polars
        return {str(name): list(results[name]) for name in results.columns}
    if (
        isinstance(results, Sequence)
        and not isinstance(results, str)
        and results
        and isinstance(results[0], Mapping)
    ):
        names = list(dict.fromkeys(name for row in results for name in row))
        return {str(name): [row.get(name) for row in results] for name in names}
    raise RequestError(
        f"{called('results', of='choose')}: must be a cv_results_, an Optuna study, or a table of runs (a data "
        f"frame, or a list of dictionaries), got {shown(type(results).__name__)}. `shrinkage choose "
        "FILE` reads a CSV file."
    )


def _of_search(
    columns: dict[str, list[Any]], score: str | None, direction: str | None, share: float | None
) -> Sweep:
    """scikit-learn's: one row a setting, one column a split; higher is better."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in columns:
        if match := _SPLIT.match(name):
            found.setdefault(match[2], []).append((int(match[1]), name))
    name = score or ("score" if "score" in found else next(iter(found)))
    if name not in found:
        raise RequestError(
            f"{called('score', of='choose')}: no such score, got {shown(name)}. There are {', '.join(found)}."
        )
    splits = [column for _, column in sorted(found[name])]
    table = np.array([columns[column] for column in splits], dtype=np.float64).T
    settings = [dict(params) for params in columns["params"]]
    share = 1 / (len(splits) - 1) if share is None and len(splits) > 1 else share or 0.0
    return Sweep(
        settings=tuple(_varying(settings)),
        scores=tuple(table),
        direction=direction or "maximize",
        score_name=name if name != "score" else "test score",
        blocks="fold",
        test_share=share,
        searched={},
    )


def _of_study(study: Any, direction: str | None, share: float | None) -> Sweep:
    """Optuna's: one value a trial; fold scores where a trial keeps a list of them among its user attributes."""
    trials = [t for t in study.trials if t.state.name == "COMPLETE" and t.values and len(t.values) == 1]
    if not trials:
        raise RequestError(
            f"{called('results', of='choose')}: no trial is complete with one value. Run the study first."
        )
    lists = [_fold_scores(t.user_attrs) for t in trials]
    shared = all(lists) and len({len(values) for values in lists if values}) == 1
    searched = {
        name: (float(d.low), float(d.high))
        for t in trials
        for name, d in t.distributions.items()
        if hasattr(d, "low") and hasattr(d, "high")
    }
    rows = [
        (dict(t.params), values if shared else [t.values[0]]) for t, values in zip(trials, lists, strict=True)
    ]
    grouped = _grouped([(params, value) for params, values in rows for value in values or []])
    count = len(lists[0] or []) if shared else 0
    one_each = shared and all(len(scores) == count for _, scores in grouped)
    default = 1 / (count - 1) if one_each and count > 1 else 0.0
    return Sweep(
        settings=tuple(_varying([setting for setting, _ in grouped])),
        scores=tuple(np.array(scores) for _, scores in grouped),
        direction=direction or study.directions[0].name.lower(),
        score_name="value",
        blocks="fold" if one_each else None,
        test_share=default if share is None else share,
        searched=searched,
    )


def _fold_scores(attributes: Mapping[str, Any]) -> list[float] | None:
    for value in attributes.values():
        if isinstance(value, (list, tuple)) and len(value) > 1 and all(_is_number(v) for v in value):
            return [float(v) for v in value]
    return None


def _of_table(
    columns: dict[str, list[Any]],
    setting: str | Sequence[str] | None,
    score: str | None,
    by: str | None,
    direction: str | None,
    share: float | None,
) -> Sweep:
    """One row a run."""
    score = _found(columns, score, "score") if score else _score_column(columns)
    by = _found(columns, by, "by") if by else next((c for c in columns if _last(c) in _GROUPS), None)
    names = [setting] if isinstance(setting, str) else list(setting or ())
    names = [_found(columns, name, "setting") for name in names] or _setting_columns(columns, score, by)
    rows = [
        (
            {name: _plain(columns[name][i]) for name in names},
            columns[by][i] if by else i,
            _score(columns[score][i]),
        )
        for i in range(len(columns[score]))
    ]
    kept = [row for row in rows if row[2] is not None]
    if not kept:
        raise RequestError(
            f"{called('score', score, of='choose')}: no run has a number there. Name the column of the scores."
        )
    notes = (
        [f"{len(rows) - len(kept)} of {len(rows)} runs have no score and are left out."]
        if len(kept) < len(rows)
        else []
    )
    kind = (
        None
        if by is None
        else "seed"
        if any(w in _last(by) for w in ("seed", "state", "restart", "rep"))
        else "fold"
    )
    settings, scores, shared, more = _in_blocks(kept, kind is not None)
    default = 1 / (len(scores[0]) - 1) if kind == "fold" and shared and len(scores[0]) > 1 else 0.0
    return Sweep(
        settings=tuple(settings),
        scores=tuple(scores),
        direction=direction or _direction(score),
        score_name=score,
        blocks=kind if shared else None,
        test_share=default if share is None else share,
        searched={},
        notes=(*notes, *more),
    )


def _in_blocks(
    rows: list[tuple[dict[str, Any], Any, float | None]], by_block: bool
) -> tuple[list[dict[str, Any]], list[NDArray[np.float64]], bool, list[str]]:
    """The scores by setting and block; settings that miss a block are left out where most have all of them."""
    cells: dict[Setting, dict[Any, list[float]]] = {}
    for setting, block, score in rows:
        cells.setdefault(tuple(setting.items()), {}).setdefault(block, []).append(float(score or 0.0))
    blocks = list(dict.fromkeys(block for found in cells.values() for block in found))
    whole = {s: found for s, found in cells.items() if len(found) == len(blocks)}
    if by_block and len(blocks) > 1 and len(whole) >= max(2, len(cells) / 2):
        left = len(cells) - len(whole)
        notes = [f"{left} settings miss some of the {len(blocks)} blocks and are left out."] if left else []
        scores = [np.array([np.mean(found[b]) for b in blocks], dtype=np.float64) for found in whole.values()]
        return [dict(s) for s in whole], scores, True, notes
    scores = [np.array([v for values in found.values() for v in values]) for found in cells.values()]
    return [dict(s) for s in cells], scores, False, []


def _grouped(rows: list[tuple[dict[str, Any], float]]) -> list[tuple[dict[str, Any], list[float]]]:
    cells: dict[Setting, list[float]] = {}
    for setting, score in rows:
        cells.setdefault(tuple(setting.items()), []).append(float(score))
    return [(dict(s), scores) for s, scores in cells.items()]


def _varying(settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Settings without what is the same in all of them; all of it if there is only one."""
    names = list(dict.fromkeys(name for s in settings for name in s))
    changing = [n for n in names if len({repr(s.get(n)) for s in settings}) > 1] or names
    return [{n: s.get(n) for n in changing} for s in settings]


def _score_column(columns: dict[str, list[Any]]) -> str:
    """The one column that names a score, those of validation first, then of test."""
    known = [c for c in columns if _words(c) & (_LOWER | _HIGHER) and any(_is_number(v) for v in columns[c])]
    for wanted in ({"val", "valid", "validation", "eval", "dev"}, {"test"}, set()):
        found = [c for c in known if not wanted or _words(c) & wanted]
        if len(found) == 1:
            return found[0]
        if found:
            known = found
    what = f"several look like one: {', '.join(known)}" if known else "no column looks like one"
    raise RequestError(
        f'{called("score", of="choose")}: which column is the score? {what[0].upper()}{what[1:]}. Give score="COLUMN".'
    )


def _setting_columns(columns: dict[str, list[Any]], score: str, by: str | None) -> list[str]:
    """The columns of strengths, and every other that varies and is neither a score, a date nor a name."""
    scores = _LOWER | _HIGHER
    free = [c for c in columns if c not in (score, by) and _last(c) not in _ASIDE and _last(c) not in _GROUPS]
    free = [c for c in free if _last(c) in STRENGTHS or not _words(c) & scores]
    varied = [c for c in free if len({repr(v) for v in columns[c]}) > 1]
    whole = [
        c for c in varied if _last(c) in STRENGTHS or len({repr(v) for v in columns[c]}) < len(columns[c])
    ]
    if found := whole or varied or [c for c in free if _last(c) in STRENGTHS]:
        return found
    raise RequestError(
        f'{called("setting", of="choose")}: no column varies that could be a setting. Give setting="COLUMN".'
    )


def _direction(score: str) -> Direction:
    words = _words(score)
    if words & {"neg", "negative"}:
        return "maximize"
    if bool(words & _LOWER) == bool(words & _HIGHER):
        raise RequestError(
            f"{called('direction', of='choose')}: is a higher {shown(score)} better? Give "
            'direction="maximize" or "minimize".'
        )
    return "minimize" if words & _LOWER else "maximize"


def _found(columns: dict[str, list[Any]], name: str, option: str) -> str:
    if name not in columns:
        raise RequestError(
            f"{called(option, of='choose')}: there is no column {shown(name)}. There are {', '.join(columns)}."
        )
    return name


def _words(name: str) -> set[str]:
    return {word for word in re.split(r"[^a-z0-9]+", name.lower()) if word}


def _last(name: str) -> str:
    """The last part of a dotted, slashed or doubly underscored name: `config.optim/weight_decay` is `weight_decay`."""
    return re.split(r"[./]|__", name.lower())[-1]


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float, np.number))
        and not isinstance(value, bool)
        and not math.isnan(float(value))
    )


def _score(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
