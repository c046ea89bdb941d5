"""Losses by their keys, as recipes and saved models name them."""

from __future__ import annotations

import re
from functools import lru_cache

from shrinkage._errors import RequestError, called, shown
from shrinkage.networks._losses import LogisticCrossEntropy, Loss, SoftmaxCrossEntropy
from shrinkage.networks._value_losses import AbsoluteError, Huber, PoissonDeviance, Quantile, SquaredError

__all__ = ["LOSSES", "is_loss", "loss_named", "quantile_key"]

LOSSES: dict[str, Loss] = {
    "softmax": SoftmaxCrossEntropy(),
    "logistic": LogisticCrossEntropy(),
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(),
    "quantile": Quantile(0.5),
    "poisson": PoissonDeviance(),
}
"""By key; that of another quantile has its level behind a colon: `quantile:0.9`."""


def quantile_key(level: float) -> str:
    """The key of a quantile's loss."""
    return "quantile" if level == 0.5 else f"quantile:{level!r}"


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
    name, _, level = str(key).partition(":")
    if name == "quantile" and re.fullmatch(r"[0-9.e+-]+", level):
        return Quantile(float(level))
    known = ", ".join(LOSSES)
    raise RequestError(f"{called('loss')}: must be one of {known}, or quantile:LEVEL, got {shown(key)}.")
