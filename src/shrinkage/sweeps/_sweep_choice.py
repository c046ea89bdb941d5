"""`choose`: the best setting of a sweep, those that its scores can't distinguish from it, and what to run next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Unpack

import numpy as np

from shrinkage._errors import RequestError, called, vocabulary
from shrinkage.strength import Options, checked
from shrinkage.sweeps._sweep_result import Edge, SweepResult
from shrinkage.sweeps._sweep_runs import Sweep, read_sweep
from shrinkage.sweeps._sweep_ties import Judged, judge_settings
from shrinkage.sweeps._sweep_words import next_words, sentences
from shrinkage.sweeps._useful_range import UsefulRange, useful_range
from shrinkage.sweeps.reading import falls, is_strength, key_of, log_base

__all__ = ["SweepChoice", "choose"]

NEAR_EDGE = 0.05
"""Share of a sampler's range, in logarithms, that counts as its edge."""


class SweepChoice(SweepResult):
    """The result of `choose`; `print` summarizes it, `report(path)` writes a page."""

    def __str__(self) -> str:
        return "\n".join(sentences(self))

    def print(self) -> None:
        """Print what the sweep says."""
        print(self)

    def plot(self) -> Any:
        """The scores against the strength, or by setting, as a Plotly figure."""
        from shrinkage.sweeps._sweep_page import plotly_figure

        return plotly_figure(self)

    def report(self, path: str | Path) -> Path:
        """Write a self-contained page and return its path."""
        from shrinkage._files import write_atomic
        from shrinkage.sweeps._sweep_page import render_sweep

        write_atomic(path, render_sweep(self).encode())
        return Path(path)


@vocabulary({"useful_range": "choose"})
def choose(
    results: Any,
    *,
    setting: str | Sequence[str] | None = None,
    score: str | None = None,
    by: str | None = None,
    direction: Literal["maximize", "minimize"] | None = None,
    test_share: float | None = None,
    convention: str | None = None,
    **run: Unpack[Options],
) -> SweepChoice:
    """Choose from the runs of a sweep: the best setting, those that tie with it, and what to run next.

    Two settings differ if their means differ by more than `q/√2·√(2σ²(1/J + c))`: σ² is the variance left after the
    levels of settings and folds, q the 95 % quantile of the studentized range over all pairs, c the correction for
    shared training rows. Noise is therefore called a difference in less than 5 % of sweeps, however many settings there
    are.

    Args:
        results: a fitted search or its `cv_results_`, an Optuna study (a list of fold scores among a trial's user
            attributes is used), or a table of runs: a data frame, a dictionary of columns, a list of dictionaries, or a
            CSV, Excel, JSON or Parquet file. Runs that are listed as failed or running are left out.
        setting: columns of a table that were varied; by default recognized by name.
        score: column of the scores, or objective of a study; by default recognized by name.
        by: column that the settings share, such as "fold" or "seed"; by default recognized by name.
        direction: "maximize" or "minimize"; by default taken from the kind of results or the name of the score.
        test_share: n_test/n_train of the folds; 1/(folds − 1) by default, 0 for seeds.
        convention: what the strength's number means, such as "torch.optim.AdamW", to check whether it could act.
        run: lr, steps and the other keywords of `useful_range`, for the convention.

    Returns:
        The choice: `.best`, `.tied`, `.one_se`, `.at_edge`, `.next`, `print()`, `plot()`, `report(path)`.

    Raises:
        RequestError: the kind of results is unknown, or a column can't be recognized.

    Example:
        >>> runs = {"weight_decay": [0.01, 0.01, 0.1, 0.1], "seed": [1, 2, 1, 2], "val_loss": [0.5, 0.7, 0.4, 0.7]}
        >>> choice = choose(runs)
        >>> choice.best, len(choice.tied)
        ({'weight_decay': 0.1}, 2)

    Differs from: `best_params_` and `study.best_params`, which name a winner regardless of noise.
    Reference: Tukey's range over pairs; Nadeau and Bengio, Machine Learning 2003, for the correction; Breiman et al.,
    Classification and Regression Trees, 1984, for one standard error.
    """
    sweep = read_sweep(
        results, setting=setting, score=score, by=by, direction=direction, test_share=test_share
    )
    checked("choose", "test_share", sweep.test_share, ">= 0 and finite")
    sign = 1.0 if sweep.direction == "maximize" else -1.0
    found = judge_settings(
        [sign * x for x in sweep.scores], paired=sweep.blocks is not None, test_share=sweep.test_share
    )
    if not np.isfinite(found.means).any():
        raise RequestError(
            f"{called('results', of='choose')}: no setting has finite scores. Find out why the runs diverged."
        )
    strength = _strength(sweep)
    one_se = _one_se(sweep, found, strength)
    edges = () if found.all_equal else _edges(sweep, sweep.settings[found.best])
    rules = _range(sweep, sweep.settings[found.best], strength, convention, run)
    order = sorted(found.tied, key=lambda i: (i != found.best, -found.means[i]))
    return SweepChoice(
        best=sweep.settings[found.best],
        score=sign * float(found.means[found.best]),
        tied=tuple(sweep.settings[i] for i in order),
        one_se=None if one_se is None else sweep.settings[one_se],
        at_edge=edges,
        known=found.known,
        noise=found.noise,
        margin=found.margin,
        range=rules,
        strength=strength,
        next=next_words(sweep, found, strength, edges, rules),
        sweep=sweep,
        judged=found,
    )


def _strength(sweep: Sweep) -> str | None:
    """The one numeric column that is named like a strength."""
    names = [name for name in sweep.settings[0] if is_strength(name) and _numeric(sweep, name)]
    return names[0] if len(names) == 1 else None


def _numeric(sweep: Sweep, name: str) -> bool:
    return all(
        isinstance(s.get(name), (int, float)) and not isinstance(s.get(name), bool) for s in sweep.settings
    )


def _one_se(sweep: Sweep, found: Judged, strength: str | None) -> int | None:
    """The strongest among the settings that equal the best in all but the strength."""
    error = found.errors[found.best]
    if strength is None or not math.isfinite(error):
        return None
    best = sweep.settings[found.best]
    others = {k: v for k, v in best.items() if k != strength}
    near = [
        i
        for i, s in enumerate(sweep.settings)
        if {k: v for k, v in s.items() if k != strength} == others
        and found.means[i] >= found.means[found.best] - error
    ]
    pick = min if falls(strength) else max
    return pick(near, key=lambda i: sweep.settings[i][strength])


def _edges(sweep: Sweep, best: dict[str, Any]) -> tuple[Edge, ...]:
    edges: list[Edge] = []
    for name, value in best.items():
        values = sorted(sweep.tried[name]) if _numeric(sweep, name) else []
        if len(values) < 2:
            continue
        low, high = sweep.searched.get(name, (values[0], values[-1]))
        reach = 0.0
        if name in sweep.searched and low > 0:
            reach = NEAR_EDGE * math.log(high / low)
        if value <= low * math.exp(reach):
            edges.append((name, "low"))
        elif value >= high * math.exp(-reach):
            edges.append((name, "high"))
    return tuple(edges)


def _range(
    sweep: Sweep, best: dict[str, Any], strength: str | None, convention: str | None, run: Options
) -> UsefulRange | None:
    if convention is None:
        if run:
            raise RequestError(
                f"{called(next(iter(run)), of='choose')}: has an effect only with convention=…, such as "
                "torch.optim.AdamW."
            )
        return None
    if strength is None:
        raise RequestError(
            f"{called('convention', of='choose')}: which column is the strength? Name a column "
            "weight_decay, alpha, C or lam, or leave the convention out."
        )
    base = log_base(strength)
    if base is not None and math.isnan(base):
        raise RequestError(
            f"{called('convention', of='choose')}: {strength} is a logarithm of an unknown base. Give the strengths "
            "themselves, or name the column log10_… or ln_…."
        )
    values = {float(s[strength]) for s in sweep.settings}
    if base is not None:
        values = {base**v for v in values}
    return useful_range(convention, values=sorted(values), **(_of_columns(sweep, best) | run))


def _of_columns(sweep: Sweep, best: dict[str, Any]) -> Options:
    """The learning rate and batch size that the runs themselves have: all the same one, or those of the best."""
    found: dict[str, Any] = dict(sweep.constants)
    for name, value in best.items():
        if key_of(name) in ("lr", "learning_rate") and isinstance(value, int | float):
            found["lr"] = float(value)
    return found  # pyright: ignore[reportReturnType]
