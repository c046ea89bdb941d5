"""The options of `fit` that say what is minimized."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from shrinkage._errors import RequestError
from shrinkage.cli.options._shared_options import in_net

__all__ = ["Loss", "Quantile", "objective_of"]

_LOSS = "For numbers: squared_error, absolute_error, huber, poisson or quantile."

Loss = Annotated[str | None, in_net(help=_LOSS)]
Quantile = Annotated[float | None, in_net(help="Level of --loss quantile, such as 0.9.", hidden=True)]


class Asked(Protocol):
    """The options as they were given."""

    @property
    def loss(self) -> str | None: ...
    @property
    def quantile(self) -> float | None: ...


def objective_of(asked: Asked, *, classes: bool) -> dict[str, Any]:
    """Those that were given, as the estimator of this task takes them."""
    if classes and (asked.loss is not None or asked.quantile is not None):
        raise RequestError(
            "--loss: chooses the loss of a regression; the target holds classes, whose loss is the cross-entropy. Leave "
            "it out, or use --task regression."
        )
    if asked.quantile is not None and asked.loss != "quantile":
        raise RequestError("--quantile: is the level of --loss quantile. Add that, or leave --quantile out.")
    given = {"loss": asked.loss, "quantile": asked.quantile}
    return {name: value for name, value in given.items() if value is not None}
