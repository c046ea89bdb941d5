"""Shrinkage's own path with the whole curve of the validation rows, as it is without settings."""

from __future__ import annotations

from functools import partial

from ..outcome import Rival
from .ours import RIVAL as ONCE
from .ours import fit

__all__ = ["RIVAL"]

RIVAL = Rival(
    name="Shrinkage, scored every epoch",
    form="validation rows are scored after every epoch, which is what the estimators do unless told otherwise",
    fit=partial(fit, validate_every=1),
    packages=ONCE.packages,
)
