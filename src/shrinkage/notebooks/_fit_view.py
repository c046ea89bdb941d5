"""Fitted estimators, paths and choices in notebooks."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import estimator_html_repr

from shrinkage.estimators import column_effects, preprocessor_of, save_model
from shrinkage.notebooks._charts import Charts, plotted_chart
from shrinkage.pages import Table, frame, number, strength
from shrinkage.path import Choice, PathResult, choose
from shrinkage.reporting import (
    charts_of,
    findings,
    note_on_skew,
    path_charts,
    path_rows,
    story_of,
    write_fit_report,
)

__all__ = ["figure_of", "html_of", "save", "write_report"]

KEYS = (("validation", "validation loss"), ("training", "training loss"))


def html_of(result: Any) -> str:
    """A frame; of an estimator with scikit-learn's diagram below."""
    if isinstance(result, PathResult):
        return _path(result)
    if isinstance(result, Choice):
        return _choice(result)
    story = story_of(result)
    title = f"{type(result).__name__}: {strength(story.choice.lam)} after {story.choice.epoch:,} epochs"
    diagram = f"<details><summary>parameters</summary>{estimator_html_repr(result)}</details>"
    charts = charts_of(story)
    return frame(title, findings(story)[:3], figure=charts["loss"](), keys=KEYS, more=diagram)


def figure_of(result: Any, chart: str | None, scheme: str) -> Any:
    """A Plotly figure."""
    return plotted_chart(_charts(result), chart, scheme)


def write_report(result: Any, path: str | os.PathLike[str], X: Any, y: Any, sample_weight: Any) -> None:
    """The report of a fitted estimator; with its rows also which columns it uses, with targets a linear model."""
    effects = None if X is None else column_effects(result, X)
    read = [] if getattr(result, "preprocessor_", None) is None else result.preprocessor_.notes
    story = story_of(result, effects=effects, notes=read)
    if X is not None and y is not None and story.linear is None:
        text = note_on_skew(result, X, y, sample_weight)
        notes = [*story.notes, text] if text else story.notes
        story = replace(story, linear=result.linear_path(X, y, sample_weight), notes=notes)
    write_fit_report(story, path)


def save(result: Any, folder: Path) -> None:
    """The files of a fitted estimator."""
    preprocessor = preprocessor_of(result)
    folder.mkdir(parents=True, exist_ok=True)
    save_model(result, preprocessor, result.target_names_, folder)


def _charts(result: Any) -> Charts:
    if isinstance(result, PathResult):
        return path_charts(result, choose(result, "min", "last"))
    return charts_of(story_of(result))


def _path(path: PathResult) -> str:
    choice = choose(path, "min", "last")
    lambdas = "1 λ" if len(path.lambdas) == 1 else f"{len(path.lambdas)} λs"
    shape = f"{lambdas} × {path.n_folds} folds × {path.n_epochs:,} epochs"
    return frame(
        f"λ path: {shape}",
        [f"The mean validation loss after the last epoch is lowest at {strength(choice.lam)}."],
        figure=path_charts(path, choice)["loss"](),
        keys=KEYS,
        tables=[path_rows(path, choice)],
    )


def _choice(choice: Choice) -> str:
    how = choice.best if choice.select == "min" else "one-standard-error rule"
    rows: list[list[Any]] = [
        ["chosen λ", number(choice.lam), f"by the {how}"],
        [f"λ of the {choice.best}", number(choice.lam_min), ""],
        ["λ of the one-standard-error rule", number(choice.lam_1se), ""],
        [
            "epochs",
            f"{choice.epoch:,}",
            "the last one" if choice.stop == "last" else "the best one of each λ",
        ],
        ["extensions of the grid", f"{choice.extended:,}", "still on its edge" if choice.at_edge else ""],
    ]
    for name, lambdas in (("diverged", choice.diverged), ("dropped on the way", choice.dropped)):
        if lambdas:
            rows.append([name, f"{len(lambdas):,}", ", ".join(number(lam) for lam in np.asarray(lambdas))])
    table = Table(caption="the choice", head=["", "", ""], rows=rows, folded=False)
    return frame(f"Choice: {strength(choice.lam)}", tables=[table])
