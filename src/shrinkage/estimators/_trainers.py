"""From an estimator's parameters to the recipe that its path trains with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from shrinkage._errors import RequestError, check_count, shown
from shrinkage.networks import PerceptronKind
from shrinkage.rules import Rule, rule_named
from shrinkage.training import Backprop, ParticleSwarms, Recipe, Swarm, Trainer

if TYPE_CHECKING:
    from shrinkage.estimators._path_estimator import MLPCV

__all__ = ["TRAINERS", "recipe_of"]

FULL_BATCH_UP_TO = 128
AUTO_BATCH = 32


def recipe_of(model: MLPCV, loss: str, n: int, dtype: str) -> Recipe:
    """What the path trains with: the network and its loss, the rule, and the trainer that `model.trainer` names.

    Args:
        model: the estimator.
        loss: the key of the loss its targets ask for.
        n: rows of positive weight.
        dtype: of X, taken where the estimator has none of its own.
    """
    chosen: Any = dtype if model.dtype == "auto" else model.dtype
    return Recipe(
        kind=PerceptronKind(
            hidden_layer_sizes=tuple(int(units) for units in np.atleast_1d(model.hidden_layer_sizes)),
            activation=model.activation,
            initialization=model.initialization,
        ),
        loss=loss,
        rule=_rule(model.rule),
        trainer=TRAINERS[model.trainer](model, n),
        max_epochs=model.max_epochs,
        validate_every=model.validate_every,
        decay_biases=model.decay_biases,
        dtype=chosen,
        device=model.device,
    )


def _backprop(model: MLPCV, n: int) -> Trainer:
    if callable(model.error) or model.error != "loss":
        raise RequestError(
            f"error={shown(model.error)}: back-propagation minimizes the loss, of which it needs the gradient. "
            "Leave error='loss', or use trainer='swarm'."
        )
    if model.batch_size != "auto":
        check_count("batch_size", model.batch_size)
    sgd = model.solver == "sgd"
    auto = n if n <= FULL_BATCH_UP_TO else AUTO_BATCH
    return Backprop(
        optimizer=model.solver,
        learning_rate=model.learning_rate_init,
        schedule=model.learning_rate,
        momentum=model.momentum if sgd else 0.0,
        nesterov=model.nesterovs_momentum and sgd,
        batch_size=min(auto if model.batch_size == "auto" else int(model.batch_size), n),
    )


def _swarm(model: MLPCV, n: int) -> Trainer:
    trainer = ParticleSwarms(error=model.error)
    if model.swarm is None:
        return trainer
    swarm = model.swarm if isinstance(model.swarm, Swarm) else replace(trainer.swarm, variant=model.swarm)
    return replace(trainer, swarm=swarm)


TRAINERS: dict[str, Callable[[MLPCV, int], Trainer]] = {
    "backprop": _backprop,
    "swarm": _swarm,
}
"""By the names that `trainer=` takes."""


def _rule(rule: str | Rule | Callable[[float], Rule]) -> Rule:
    """`rule=` as a rule: a name of the catalogue, a rule of any strength, or a function of the strength."""
    if isinstance(rule, Rule):
        return rule
    if isinstance(rule, str):
        return rule_named(rule)
    if callable(rule):
        made = rule(1.0)  # at 1, since what a rule of strength 0 is made of may not show
        if float(made.strength) != 1.0:
            raise RequestError(
                f"rule={shown(rule)}: a function of the strength must give a rule of that strength; for 1.0 it gave "
                f"{float(made.strength):g}."
            )
        return made.with_strength(0.0)
    raise RequestError(f"rule=…: must be a name, a rule or a function of the strength, got {shown(rule)}.")
