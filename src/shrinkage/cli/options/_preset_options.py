"""The options of `fit` that set what predicts, and several options at once."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

__all__ = ["PredictBy", "Preset", "folds_of"]

_in_path = partial(typer.Option, rich_help_panel="The λ path")
_PREDICT_BY = "What predicts: the refit, or the mean over its restarts, or over the folds' networks."
_PRESET = "fast, default or best: sets several options at once."

PredictBy = Annotated[str, _in_path(help=_PREDICT_BY, hidden=True)]
Preset = Annotated[str, _in_path(help=_PRESET, show_default=False)]


def folds_of(preset: str, folds: int, usual: int) -> int:
    """The number of folds: what was given, or where that is the default what the preset sets."""
    if preset == "default" or folds != usual:
        return folds
    from shrinkage.estimators import PRESETS  # loads torch, which takes seconds

    return PRESETS.get(preset, {}).get("cv", folds)
