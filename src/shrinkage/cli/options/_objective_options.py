"""The options of `fit` that say what is minimized."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

from shrinkage._errors import RequestError
from shrinkage.cli.options._shared_options import in_net

__all__ = ["ClassWeight", "Loss", "Quantile", "Scoring", "objective_of"]

_LOSS = "Loss of a regression: squared_error, absolute_error, huber, poisson or quantile."

Loss = Annotated[str | None, in_net(help=_LOSS, hidden=True)]
Quantile = Annotated[
    str | None, in_net(help="Level of --loss quantile, such as 0.9, or several, 0.1,0.5,0.9.", hidden=True)
]

ClassWeight = Annotated[
    str | None, in_net(help="Class weights: balanced, or such as yes=5,no=1.", hidden=True)
]
Scoring = Annotated[
    str | None, in_net(help="Score that chooses λ instead of the loss, such as roc_auc.", hidden=True)
]


class Asked(Protocol):
    """The options as they were given."""

    @property
    def loss(self) -> str | None: ...
    @property
    def quantile(self) -> str | None: ...
    @property
    def class_weight(self) -> str | None: ...
    @property
    def scoring(self) -> str | None: ...


def objective_of(asked: Asked, task: str, classes: Sequence[Any] | None) -> dict[str, Any]:
    """The options given, as parameters of this task's estimator.

    Args:
        asked: the options.
        task: `classification` or `regression`.
        classes: of one target column, or None.
    """
    if classes is None and asked.class_weight is not None:
        what = "numbers, not classes" if task == "regression" else "several labels per row, not one class"
        raise RequestError(f"--class-weight: the target contains {what}. Leave it out.")
    if task == "classification" and (asked.loss is not None or asked.quantile is not None):
        raise RequestError(
            "--loss: chooses the loss of a regression, but the target contains classes, whose loss is the "
            "cross-entropy. Leave it out, or use --task regression in place of --task classification."
        )
    if asked.quantile is not None and asked.loss != "quantile":
        raise RequestError("--quantile: is the level of --loss quantile. Add that, or leave --quantile out.")
    quantile = None if asked.quantile is None else _levels(asked.quantile)
    given = {"loss": asked.loss, "quantile": quantile, "scoring": asked.scoring}
    if asked.class_weight is not None and classes is not None:
        given["class_weight"] = _weights(asked.class_weight, classes)
    return {name: value for name, value in given.items() if value is not None}


def _levels(text: str) -> float | list[float]:
    """`0.9`, or several with commas."""
    try:
        levels = [float(part) for part in text.split(",")]
    except ValueError:
        raise RequestError(
            f"--quantile {text}: must be a number between 0 and 1, such as 0.9, or several with commas, such as "
            "0.1,0.5,0.9."
        ) from None
    return levels if len(levels) > 1 else levels[0]


def _weights(text: str, classes: Sequence[Any]) -> dict[Any, float] | str:
    """`balanced`, or `yes=5,no=1` by the class's own label."""
    if text == "balanced":
        return text
    labels, weights = {str(label): label for label in classes}, dict[Any, float]()
    for part in text.split(","):
        name, _, number = part.rpartition("=")
        try:
            weights[labels.get(name, name)] = float(number)
        except ValueError:
            raise RequestError(
                f"--class-weight {text}: must be balanced, or CLASS=WEIGHT with commas, such as yes=5,no=1."
            ) from None
    return weights
