"""The options of `fit` that set what predicts, and several options at once."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

__all__ = ["PredictBy"]

_in_path = partial(typer.Option, rich_help_panel="The λ path")
_PREDICT_BY = "What predicts: the refit, or the mean over its restarts, or over the folds' networks."

PredictBy = Annotated[str, _in_path(help=_PREDICT_BY, hidden=True)]
