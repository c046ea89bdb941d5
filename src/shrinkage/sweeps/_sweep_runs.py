"""The runs of a sweep, from whatever holds them: scikit-learn's `cv_results_`, an Optuna study, a table of runs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shrinkage._errors import RequestError, called, shown
from shrinkage.sweeps._sweep_table import Columns, Direction, Sweep, lists_scores, numbers_tried, of_table
from shrinkage.sweeps.reading import columns_of, is_group, numbers_of

__all__ = ["Direction", "Sweep", "read_sweep"]


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
        share = _share_of_splitter(results) if test_share is None else test_share
        name = results.refit if isinstance(getattr(results, "refit", None), str) else None
        return _of_search(columns_of(results.cv_results_), score or name, direction, share)
    if hasattr(results, "trials") and hasattr(results, "directions"):
        return _of_study(results, score, direction, test_share)
    if hasattr(results, "path_"):  # an estimator of this package, or a lambda_path
        return of_table(columns_of(results.path_.to_frame()), "lambda", score, by, direction, test_share)
    columns = columns_of(results)
    if any(_SPLIT.match(name) for name in columns):
        return _of_search(columns, score, direction, test_share)
    return of_table(columns, setting, score, by, direction, test_share)


_SPLIT = re.compile(r"split(\d+)_test_(.+)")


def _share_of_splitter(search: Any) -> float | None:
    """n_test/n_train of a fitted search, where its splitter says so."""
    cv = getattr(search, "cv", None)
    size, folds = getattr(cv, "test_size", None), getattr(cv, "cvargs", {}).get("n_splits")
    if isinstance(size, float) and 0 < size < 1:
        return size / (1 - size)
    return 1 / (folds - 1) if isinstance(folds, int) and folds > 1 else None


def _of_search(columns: Columns, score: str | None, direction: str | None, share: float | None) -> Sweep:
    """scikit-learn's: one row a setting, one column a split; higher is better."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in columns:
        if match := _SPLIT.match(name):
            found.setdefault(match[2], []).append((int(match[1]), name))
    score = re.sub(r"^(mean|split\d+)_test_", "", score) if score else None
    if score is None and "score" not in found and len(found) > 1:
        raise RequestError(
            f'{called("score", of="choose")}: the search has several scores: {", ".join(found)}. Give score="NAME".'
        )
    name = score or ("score" if "score" in found else next(iter(found)))
    if name not in found:
        raise RequestError(
            f"{called('score', of='choose')}: no such score, got {shown(name)}. There are {', '.join(found)}."
        )
    splits = [column for _, column in sorted(found[name])]
    settings, last, notes = _candidates(columns), _last_round(columns), list[str]()
    if len(last) < len(settings):
        notes.append(f"Only the {len(last)} candidates of the last round of halving are compared.")
    worst = -math.inf if direction != "minimize" else math.inf
    table = np.array(
        [[worst if columns[c][i] is None else columns[c][i] for c in splits] for i in last], np.float64
    )
    if failed := int((~np.isfinite(table)).any(1).sum()):
        notes.append(f"{failed} of {len(last)} settings failed on some fold and can't be the best.")
    share = 1 / (len(splits) - 1) if share is None and len(splits) > 1 else share or 0.0
    return Sweep(
        settings=tuple(_varying([settings[i] for i in last])),
        scores=tuple(table),
        direction=direction or "maximize",
        score_name=name if name != "score" else "test score",
        blocks="fold",
        test_share=share,
        searched={},
        tried=numbers_tried({name: [s[name] for s in settings] for name in settings[0]}),
        notes=tuple(notes),
    )


def _candidates(columns: Columns) -> list[dict[str, Any]]:
    """The setting of each row: `params.…`, spread out, or `param_…`."""
    for prefix in ("params.", "param_"):
        names = [name for name in columns if name.startswith(prefix)]
        if names:
            return [
                {name.removeprefix(prefix): columns[name][i] for name in names}
                for i in range(len(columns[names[0]]))
            ]
    raise RequestError(
        f"{called('results', of='choose')}: the splits have scores, but there are no params beside them."
    )


def _last_round(columns: Columns) -> list[int]:
    """Rows of the last round of successive halving; all of another search."""
    rounds = columns.get("n_resources") or columns.get("iter")
    rows = range(len(next(iter(columns.values()))))
    return [i for i in rows if not rounds or rounds[i] == max(rounds)]


def _of_study(study: Any, score: str | None, direction: str | None, share: float | None) -> Sweep:
    """Optuna's: one value a trial; fold scores where a trial keeps a list of them among its user attributes."""
    called_values = getattr(study, "metric_names", None) or [
        f"values_{i}" for i in range(len(study.directions))
    ]
    k = _objective(score, called_values)
    trials = [t for t in study.trials if t.state.name == "COMPLETE" and t.values]
    if not trials:
        raise RequestError(
            f"{called('results', of='choose')}: none of the {len(study.trials)} trials is complete with a value. Run the "
            "study first."
        )
    names = list(dict.fromkeys(name for t in trials for name in t.params))
    columns: Columns = {name: [t.params.get(name) for t in trials] for name in names}
    columns["value"] = [float(t.values[k]) for t in trials]
    lists = [_fold_scores(t.user_attrs, float(t.values[k])) for t in trials]
    if all(lists) and len({len(values) for values in lists if values}) == 1:
        columns["value"] = [tuple(values or ()) for values in lists]
    searched = {
        name: (float(d.low), float(d.high))
        for t in trials
        for name, d in t.distributions.items()
        if hasattr(d, "low") and hasattr(d, "high")
    }
    settings = [name for name in names if not is_group(name)]
    varied = [n for n in settings if len({repr(v) for v in columns[n]}) > 1] or settings
    direction = direction or study.directions[k].name.lower()
    found = of_table(columns_of(columns), varied or None, "value", None, direction, share)
    left_out = len(study.trials) - len(trials)
    notes = (
        [f"{left_out} of {len(study.trials)} trials are not complete and are left out."] if left_out else []
    )
    tried = numbers_tried({n: [t.params.get(n) for t in study.trials] for n in varied})
    name = "value" if len(called_values) == 1 else called_values[k]
    return replace(found, searched=searched, tried=tried, notes=(*notes, *found.notes), score_name=name)


def _objective(score: str | None, names: Sequence[str]) -> int:
    """Which of a study's objectives is the score."""
    if len(names) == 1:
        return 0
    if score is None:
        raise RequestError(
            f"{called('score', of='choose')}: the study has {len(names)} objectives: {', '.join(names)}. Give "
            f'score="{names[0]}", or another of them.'
        )
    if score not in names:
        raise RequestError(
            f"{called('score', of='choose')}: no such objective, got {shown(score)}. There are {', '.join(names)}."
        )
    return names.index(score)


def _fold_scores(attributes: Mapping[str, Any], value: float) -> list[float] | None:
    """The list among a trial's attributes whose mean is its value, or that is named like scores."""
    for name, each in attributes.items():
        scores = numbers_of(each)
        close = scores is not None and math.isclose(float(np.mean(scores)), value, rel_tol=1e-6, abs_tol=1e-9)
        if scores is not None and (close or lists_scores(name)):
            return scores
    return None


def _varying(settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Settings without what is the same in all of them; all of it if there is only one."""
    names = list(dict.fromkeys(name for s in settings for name in s))
    changing = [n for n in names if len({repr(s.get(n)) for s in settings}) > 1] or names
    return [{n: s.get(n) for n in changing} for s in settings]
