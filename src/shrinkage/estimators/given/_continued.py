"""Training that goes on from the networks of a fit, at the λ that its path chose."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight
from torch import Tensor

from shrinkage._errors import RequestError, called, shown
from shrinkage._random import hashed_seed
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators._trainers import recipe_of
from shrinkage.estimators.members._blend import Blend
from shrinkage.networks import Layout, PerceptronKind
from shrinkage.path import ALL_ROWS, Fold, standard_inputs
from shrinkage.training import Backprop, OptimizerState, Recipe, further_epochs

__all__ = ["Continued", "continue_training", "one_hot"]


@dataclass(frozen=True, kw_only=True)
class _Started(PerceptronKind):
    """A perceptron that begins where another one ended."""

    start: NDArray[Any] = field(default_factory=lambda: np.empty(0), compare=False)
    """(D,) its parameters."""

    def initial(self, layout: Layout, generator: torch.Generator) -> Tensor:
        return torch.from_numpy(self.start.astype(np.float64))


class Continued:
    """The part of an estimator that goes on training: `partial_fit` and `warm_start`."""

    @abstractmethod
    def _encode_targets(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """(n, C) y as the outputs of the fitted networks learn it."""

    def _continue(self, X: Any, y: Any, sample_weight: Any, epochs: int, *, anew: bool = False) -> Any:
        """More epochs over some rows, at the λ of the path; the results of the folds stay as `fit` left them.

        The optimizers go on from the call before. They begin `anew` in each `fit` of a warm start, as in scikit-learn's
        nets, and after a `fit`, whose learning rate has fallen to its end.
        """
        model: Any = self
        if model.predict_by_ != "refit":
            raise RequestError(
                f"partial_fit, warm_start: continue with the network refitted on all rows, but with "
                f"{called('predict_by', model.predict_by_)} the mean over several networks predicts. Fit again, or use "
                f"{called('predict_by', 'refit')}."
            )
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        y = model._checked_y(X, y)
        rows = model._rows_of(X)
        columns = rows if model.preprocessor_ is None else model.preprocessor_.transform(rows)
        if len(columns) != len(y):
            raise ValueError(f"X and y must have the same number of rows, got {len(columns)} and {len(y)}.")
        recipe = recipe_of(model.get_params(deep=False), model.networks_.loss, model.budget_)
        done = getattr(model, "epochs_continued_", 0)
        states = None if anew else getattr(model, "optimizer_states_", None)
        states = states or [OptimizerState(epoch=done)] * len(model.blend_.parts)
        model.blend_, model.optimizer_states_ = continue_training(
            model.blend_,
            states,
            recipe,
            columns,
            self._encode_targets(y),
            weight,
            epochs=epochs,
            seed=hashed_seed(model.seed_, "continued"),
        )
        model.networks_ = model.blend_.parts[model.blend_.main]
        model.epochs_continued_ = done + epochs
        return self


def continue_training(
    blend: Blend,
    states: Sequence[OptimizerState],
    recipe: Recipe,
    X: NDArray[Any],
    Y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    *,
    epochs: int,
    seed: int,
) -> tuple[Blend, list[OptimizerState]]:
    """The networks that predict after more epochs over some rows, λ and the scales of inputs and targets kept.

    The learning rate is constant.

    Args:
        blend: the networks.
        states: of their optimizers.
        recipe: how they are trained, by back-propagation.
        X: (n, D) columns.
        Y: (n, C) targets as the networks learn them, in their own units.
        weight: (n,) of the rows, or None.
        epochs: passes over the rows, ≥ 1.
        seed: of the order of the rows.

    Raises:
        RequestError: the networks were not trained by back-propagation, or are modules of `network=`.
    """
    if not isinstance(recipe.trainer, Backprop):
        raise RequestError(
            "partial_fit, warm_start: continue with back-propagation, but a swarm trained these networks. "
            "Fit again, or use trainer='backprop'."
        )
    trainer = replace(recipe.trainer, schedule="constant", batch_size=min(recipe.trainer.batch_size, len(X)))
    own = replace(
        recipe,
        trainer=trainer,
        max_epochs=epochs,
        validate_every=epochs,
        controller=None,
        strengths="network",
    )
    further = [
        _further(part, state, own, X, Y, weight, seed)
        for part, state in zip(blend.parts, states, strict=True)
    ]
    return replace(blend, parts=tuple(part for part, _ in further)), [state for _, state in further]


def _further(
    part: FittedNetworks,
    state: OptimizerState,
    recipe: Recipe,
    X: NDArray[Any],
    Y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    seed: int,
) -> tuple[FittedNetworks, OptimizerState]:
    X = part.form(X)
    fold = Fold(
        number=ALL_ROWS,
        inputs=standard_inputs(X, part.x_scale, part.embedded_columns),
        Y=Y,
        weight=weight,
        train=np.arange(len(X)),
        validation=None,
        y_scale=part.y_scale,
    )
    kind = _Started(
        hidden_layer_sizes=part.perceptron.hidden_layer_sizes,
        activation=part.perceptron.activation,
        initialization=part.perceptron.initialization,
        embedding=part.perceptron.embedding,
        start=part.rows[part.chosen],
    )
    member = fold.member(0, recipe.dtype, recipe.device)
    lam = float(part.lambdas[part.chosen])
    rows = part.rows.copy()
    rows[part.chosen], state = further_epochs(
        replace(recipe, kind=kind, loss=part.loss), lam, member, state, seed=seed
    )
    return replace(part, rows=rows), state


def one_hot(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.float64]:
    """(n, C) of the classes of a fit, one column for two of them.

    Raises:
        ValueError: a class that the fit did not have.
    """
    if len(unknown := np.setdiff1d(y, classes)):
        raise ValueError(
            f"y has the class {shown(unknown[0])}, which fit did not have: {', '.join(map(str, classes))}."
        )
    found = (y[:, None] == classes).astype(np.float64)
    return found[:, 1:] if len(classes) == 2 else found
