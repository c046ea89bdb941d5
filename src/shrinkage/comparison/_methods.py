"""The ways to keep weights small that `compare` trains side by side, each one line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shrinkage._errors import RequestError, called, check_count, shown
from shrinkage.networks import ACTIVATIONS, PerceptronKind
from shrinkage.rules import L1, L2, Decoupled, Rule, WeightDecay
from shrinkage.training import Backprop, ParticleSwarms, Recipe

__all__ = ["METHODS", "NONE", "Method", "Setting", "methods_named"]

NONE = "none"
"""The key of the method that every other is held against."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The network and its training, the same for all methods."""

    hidden_layer_sizes: tuple[int, ...] = (8,)
    """Units of each hidden layer; empty for a linear model."""
    activation: str = "tanh"
    """`tanh`, `relu`, `logistic` or `identity`."""
    epochs: int = 60
    """Passes over the training rows, ≥ 1; of a swarm, 5 iterations each."""
    batch_size: int = 32
    """Rows per step, ≥ 1."""
    learning_rate: float = 0.1
    """η of plain SGD, constant, > 0."""
    adam_learning_rate: float = 5e-3
    """η of Adam, constant, > 0."""
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise RequestError(
                f"{called('activation')}: must be one of {known}, got {shown(self.activation)}."
            )
        for units in self.hidden_layer_sizes:
            check_count("hidden_layer_sizes", units)
        for name in ("epochs", "batch_size"):
            check_count(name, getattr(self, name))
        for name in ("learning_rate", "adam_learning_rate"):
            if not 0 < (eta := getattr(self, name)) < math.inf:
                raise RequestError(f"{called(name)}: must be > 0 and finite, got {shown(eta)}.")

    def common(self, loss: str) -> dict[str, Any]:
        """Settings shared by every method's recipe."""
        kind = PerceptronKind(hidden_layer_sizes=self.hidden_layer_sizes, activation=self.activation)
        return {
            "kind": kind,
            "loss": loss,
            "max_epochs": self.epochs,
            "device": self.device,
        }


@dataclass(frozen=True, kw_only=True)
class Method:
    """One row of the comparison."""

    key: str
    """Its key in `methods=`."""
    name: str
    """Its name in tables and charts."""
    update: str
    """The update of a weight in symbols; s is the fraction removed per step."""
    recipe: Callable[[Setting, str], Recipe]
    """Its training, for a setting and a loss."""
    chooses_lambda: bool = True
    """False for a method without a penalty, whose λ is 0."""
    has_gamma: bool = False
    """Its λ is the price of a squared weight, or equals one, so γ = Σ h/(h + λ) counts what the rows determine."""
    stop: str = "last"
    """`best`: taken at the epoch of the smallest validation loss."""


def sgd(rule: Rule, setting: Setting, loss: str, *, decay_biases: bool = False, **changes: Any) -> Recipe:
    """Plain SGD in float64 at a constant learning rate, but for the `changes` to the trainer."""
    plain = {"optimizer": "sgd", "learning_rate": setting.learning_rate, "batch_size": setting.batch_size}
    trainer = Backprop(**(plain | changes))
    return Recipe(
        **setting.common(loss), dtype="float64", rule=rule, trainer=trainer, decay_biases=decay_biases
    )


def adam(rule: Rule, setting: Setting, loss: str, **changes: Any) -> Recipe:
    """Adam in float64 at a constant learning rate."""
    own = {"optimizer": "adam", "learning_rate": setting.adam_learning_rate}
    return sgd(rule, setting, loss, **(own | changes))


def swarm(rule: Rule, setting: Setting, loss: str) -> Recipe:
    """A particle swarm, in float32: what it draws at random is far above rounding."""
    return Recipe(**setting.common(loss), dtype="float32", rule=rule, trainer=ParticleSwarms())


def _by(train: Callable[..., Recipe], rule: Rule) -> Callable[[Setting, str], Recipe]:
    return lambda setting, loss: train(rule, setting, loss)


_PARTICLES = ParticleSwarms().swarm.particles
_METHODS = (
    Method(
        key=NONE,
        name="no regularization",
        update="w ← w − η g",
        recipe=_by(sgd, L2(0.0)),
        chooses_lambda=False,
    ),
    Method(
        key="l2",
        name="L2 in the error",
        update="w ← w − η (g + λ w)",
        recipe=_by(sgd, L2(0.0)),
        has_gamma=True,
    ),
    Method(
        key="decay_updated",
        name="decay after the update",
        update="w ← (1 − s)(w − η g)",
        recipe=_by(sgd, WeightDecay(0.0, of="updated")),
        has_gamma=True,
    ),
    Method(
        key="decay_original",
        name="decay of the original",
        update="w ← w − η g − s w",
        recipe=_by(sgd, WeightDecay(0.0, of="original")),
        has_gamma=True,
    ),
    Method(
        key="adam_decoupled",
        name="Adam, decoupled decay",
        update="w ← (1 − η λ) w − η Adam(g)",
        recipe=_by(adam, Decoupled(0.0)),
    ),
    Method(
        key="adam_l2",
        name="Adam, L2 in the error",
        update="w ← w − η Adam(g + λ w)",
        recipe=_by(adam, L2(0.0)),
        has_gamma=True,
    ),
    Method(key="l1", name="L1 in the error", update="w ← w − η (g + λ sgn w)", recipe=_by(sgd, L1(0.0))),
    Method(
        key="early_stopping",
        name="early stopping alone",
        update="w ← w − η g, until the validation loss is lowest",
        recipe=_by(sgd, L2(0.0)),
        chooses_lambda=False,
        stop="best",
    ),
    Method(
        key="swarm_l2",
        name="swarm, L2 in the error",
        update=f"{_PARTICLES} particles look for the smallest loss + (λ/2) Σ w²",
        recipe=_by(swarm, L2(0.0)),
        has_gamma=True,
    ),
)
METHODS: dict[str, Method] = {method.key: method for method in _METHODS}
"""By key, in the order in which they are shown."""


def methods_named(keys: str | tuple[str, ...] | list[str] | None) -> tuple[Method, ...]:
    """The methods of these keys in the order of the catalogue, no regularization always first; None for all."""
    if keys is None:
        return _METHODS
    asked = [keys] if isinstance(keys, str) else list(keys)
    if unknown := [key for key in asked if key not in METHODS]:
        raise RequestError(
            f"{called('methods')}: there is no {', '.join(shown(key) for key in unknown)}. Known: {', '.join(METHODS)}."
        )
    return tuple(method for method in _METHODS if method.key in {NONE, *asked})
