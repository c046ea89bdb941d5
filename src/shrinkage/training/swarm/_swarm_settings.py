"""The settings of training by particle swarms."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import CodeType
from typing import ClassVar

from shrinkage._errors import RequestError, called, check_choice, shown
from shrinkage.networks import PerceptronKind
from shrinkage.training._recipe import Recipe
from shrinkage.training.swarm._swarm_error import ErrorOfNetworks
from shrinkage.training.swarm._swarms import Swarm

__all__ = ["SwarmSettings", "perceptron_of", "swarms_of"]


@dataclass(frozen=True, kw_only=True)
class SwarmSettings:
    """How particle swarms train: everything but who does it. An epoch is `iterations_an_epoch` iterations, each of
    which reads all rows.

    A rule in the error adds its penalty to the error of every particle. A rule that shrinks acts on the positions,
    between the move and the evaluation, with the learning rate 1.
    """

    swarm: Swarm = field(default_factory=lambda: Swarm(max_velocity=0.1))
    """Size, movement and stopping of each swarm."""
    error: str | ErrorOfNetworks = "loss"
    """What is minimized besides the penalty: the `loss`; `accuracy` (as the share of wrong rows); or a function of
    predictions (K, n, C) and targets (n, C) that gives the errors (K,) of K networks."""
    start_range: float = 1.0
    """Particles start uniformly in ± this, > 0."""
    bound: float | None = 10.0
    """Positions are clamped to ± this, > 0; None for no bound."""
    iterations_an_epoch: int = 5
    """Iterations after which the curves get a point, ≥ 1."""

    ERRORS: ClassVar[tuple[str, ...]] = ("loss", "accuracy")

    def __post_init__(self) -> None:
        if not callable(self.error):
            check_choice("error", self.error, self.ERRORS)
        for name, number in (("start_range", self.start_range), ("bound", self.bound)):
            if number is not None and not 0 < number < float("inf"):
                raise RequestError(f"{called(name)}: must be > 0 and finite, got {shown(number)}.")
        if self.iterations_an_epoch < 1:
            raise RequestError(
                f"{called('iterations_an_epoch')}: must be >= 1, got {shown(self.iterations_an_epoch)}."
            )

    def check(self, recipe: Recipe) -> None:
        """Raise for a rule, a kind or a loss that swarms can't serve."""
        if self.error == "accuracy" and not recipe.metric_name.endswith("accuracy"):
            raise RequestError("error='accuracy': a regression has no accuracy. Use 'loss' or a function.")
        if not isinstance(recipe.kind, PerceptronKind):
            raise RequestError(
                "trainer='swarm': particle swarms train multilayer perceptrons only. Use trainer='backprop'."
            )
        if recipe.kind.embedding != "none":
            raise RequestError(
                "trainer='swarm': particle swarms train no embedding of numbers. Use another form of input, or "
                "trainer='backprop'."
            )
        if recipe.controller is not None:
            raise RequestError(
                f"{called('trainer', 'swarm')}: a swarm remembers its best errors, which include the λ of "
                f"their time, so no controller can move λ. Use {called('trainer', 'backprop')}."
            )
        rule = recipe.rule
        if rule.anchor == "initial":
            raise RequestError(
                f"{called('rule', rule.name)}: it pulls toward the weights at the start of training, but "
                "each particle of a swarm starts elsewhere. Use a rule that pulls toward 0."
            )
        if not rule.stateless:
            raise RequestError(
                f"{called('rule', rule.name)}: it needs the gradient, but a swarm has none. Use "
                f"{called('rule', 'l2')} or another penalty."
            )

    def described(self) -> dict[str, str]:
        settings = {name: str(getattr(self, name)) for name in self.__dataclass_fields__}
        if callable(self.error):
            code = getattr(self.error, "__code__", None)
            text = "" if code is None else hashlib.sha256(_function_text(code).encode()).hexdigest()
            settings["error"] = f"{_name_of(self.error)}, {text}"
        return settings

    def error_name(self, recipe: Recipe) -> str:
        if callable(self.error):
            return _name_of(self.error)
        return recipe.loss_name if self.error == "loss" else "share of wrong rows"


def swarms_of(recipe: Recipe) -> SwarmSettings:
    """The settings of a recipe that trains by particle swarms."""
    assert isinstance(recipe.trainer, SwarmSettings)
    return recipe.trainer


def perceptron_of(recipe: Recipe) -> PerceptronKind:
    """Its kind, which `check` has held to be a perceptron."""
    assert isinstance(recipe.kind, PerceptronKind)
    return recipe.kind


def _name_of(error: ErrorOfNetworks) -> str:
    return getattr(error, "__name__", type(error).__name__).replace("_", " ")


def _function_text(code: CodeType) -> str:
    """A function as text: its instructions, and the names and constants that they refer to by position."""
    constants = []
    for each in code.co_consts:
        if isinstance(each, CodeType):
            constants.append(_function_text(each))
        else:
            # A set's order changes from process to process.
            constants.append(repr(sorted(each, key=repr) if isinstance(each, frozenset) else each))
    return repr((code.co_code, code.co_names, constants))
