"""Losses by their keys, as recipes and saved models name them."""

from __future__ import annotations

import re
from functools import lru_cache

from shrinkage._errors import RequestError, called, shown
from shrinkage.networks._losses import LogisticCrossEntropy, Loss, MultilabelCrossEntropy, SoftmaxCrossEntropy
from shrinkage.networks._value_losses import (
    AbsoluteError,
    Huber,
    PoissonDeviance,
    Quantile,
    Quantiles,
    SquaredError,
)

__all__ = ["LOSSES", "is_loss", "loss_named", "quantile_key"]

LOSSES: dict[str, Loss] = {
    "softmax": SoftmaxCrossEntropy(),
    "logistic": LogisticCrossEntropy(),
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "quantile": Quantile(0.5),
    "poisson": PoissonDeviance(),
    "multilabel": MultilabelCrossEntropy(),
}
"""By key; other quantiles have their levels behind a colon: `quantile:0.9`, `quantile:0.1,0.5,0.9`."""


def quantile_key(*levels: float) -> str:
    """The key of the loss of one quantile, or of several together."""
    return "quantile" if levels == (0.5,) else f"quantile:{','.join(map(repr, levels))}"


def is_loss(key: object) -> bool:
    """Whether there is a loss of this key."""
    try:
        return isinstance(key, str) and bool(loss_named(key).name)
    except RequestError:
        return False


@lru_cache(maxsize=64)
def loss_named(key: str) -> Loss:
    """The loss of a key.

    Raises:
        RequestError: there is none.
    """
    if isinstance(key, str) and key in LOSSES:
        return LOSSES[key]
    name, _, text = str(key).partition(":")
    if name == "quantile" and re.fullmatch(r"[0-9.e+-]+(,[0-9.e+-]+)*", text):
        levels = [float(level) for level in text.split(",")]
        return Quantile(*levels) if len(levels) == 1 else Quantiles(levels)
    known = ", ".join(LOSSES)
    raise RequestError(f"{called('loss')}: must be one of {known}, or quantile:LEVEL, got {shown(key)}.")
