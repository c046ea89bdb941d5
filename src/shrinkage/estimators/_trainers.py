"""From an estimator's parameters to the λs and the recipe that its path trains with.

`lambdas="evidence"` is one run, in which λ moves to the strength that makes the training rows likeliest.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called, shown, vocabulary
from shrinkage.networks import PerceptronKind
from shrinkage.path import checked_lambdas
from shrinkage.rules import Controller, Evidence, MixedForce, Rule, rule_named
from shrinkage.training import Backprop, Budget, ParticleSwarms, Recipe, Swarm, Trainer, budget_of

__all__ = ["TRAINERS", "budget_for", "check_moving", "recipe_of", "rule_of", "starting_lambdas"]

_CALLED = {
    "optimizer": "solver",
    "epochs": "max_epochs",
    "learning_rate": "learning_rate_init",
    "schedule": "learning_rate",
    "nesterov": "nesterovs_momentum",
}
"""What a setting of the training is called in an estimator, which keeps to scikit-learn's names."""

SWARM_EPOCHS = 200
OF_MODULES = {"max_epochs": 200, "batch_size": 32, "learning_rate_init": 5e-3}
"""What is `auto` for modules of the user's own, of which nothing was measured."""
EVIDENCE = "evidence"
STARTS_AT = 1e-3
"""λ before the first update; a strength of any usual size comes to the same end."""
LIKELIHOODS = ("softmax", "logistic", "squared_error")


def budget_for(given: Mapping[str, Any], n: int) -> Budget:
    """Epochs, batch and learning rate, with what is `auto` chosen for n rows of positive weight.

    Args:
        given: the estimator's parameters by name.
        n: rows of positive weight.
    """
    if given["network"] is not None:
        known = {name: given[name] if given[name] != "auto" else usual for name, usual in OF_MODULES.items()}
        given = {**given, **known}
    with vocabulary(_CALLED):
        budget = budget_of(
            n,
            epochs=given["max_epochs"],
            batch_size=given["batch_size"],
            learning_rate=given["learning_rate_init"],
            optimizer=given["solver"],
        )
    if given["trainer"] == "swarm":  # its epochs are iterations, and it has no batch and no learning rate
        epochs = SWARM_EPOCHS if "epochs" in budget.chosen else budget.epochs
        return replace(budget, epochs=epochs, batch_size=n, chosen=())
    return budget


def recipe_of(given: Mapping[str, Any], loss: str, budget: Budget) -> Recipe:
    """What the path trains with: the network and its loss, the rule, and the trainer that `trainer` names.

    Args:
        given: the estimator's parameters by name.
        loss: the key of the loss its targets ask for.
        budget: how long it trains, and in what steps.
    """
    rule = rule_of(given["rule"])
    with vocabulary(_CALLED):
        return Recipe(
            kind=PerceptronKind(
                hidden_layer_sizes=tuple(int(units) for units in np.atleast_1d(given["hidden_layer_sizes"])),
                activation=given["activation"],
                initialization=given["initialization"],
            ),
            loss=loss,
            rule=rule,
            trainer=TRAINERS[given["trainer"]](given, budget),
            max_epochs=budget.epochs,
            validate_every=given["validate_every"],
            decay_biases=given["decay_biases"],
            controller=controller_of(given, rule, loss),
            strengths=given["strengths"],
            dtype=given["dtype"],
            device=given["device"],
        )


def _backprop(given: Mapping[str, Any], budget: Budget) -> Trainer:
    if callable(given["error"]) or given["error"] != "loss":
        raise RequestError(
            f"{called('error', given['error'])}: back-propagation needs the gradient of what it minimizes, "
            "so it minimizes the loss. Leave error='loss', or use trainer='swarm'."
        )
    sgd = given["solver"] == "sgd"
    return Backprop(
        optimizer=given["solver"],
        learning_rate=budget.learning_rate,
        schedule=given["learning_rate"],
        momentum=given["momentum"] if sgd else 0.0,
        nesterov=given["nesterovs_momentum"] and sgd,
        batch_size=budget.batch_size,
    )


def _swarm(given: Mapping[str, Any], budget: Budget) -> Trainer:
    trainer = ParticleSwarms(error=given["error"])
    if given["swarm"] is None:
        return trainer
    swarm = (
        given["swarm"]
        if isinstance(given["swarm"], Swarm)
        else replace(trainer.swarm, variant=given["swarm"])
    )
    return replace(trainer, swarm=swarm)


TRAINERS: dict[str, Callable[[Mapping[str, Any], Budget], Trainer]] = {
    "backprop": _backprop,
    "swarm": _swarm,
}
"""By the names that `trainer=` takes."""


def rule_of(rule: str | Rule | Callable[[float], Rule]) -> Rule:
    """`rule=` as a rule: a name of the catalogue, a rule of any strength, or a function of the strength."""
    if isinstance(rule, Rule):
        # A mix of forces can only be given with strengths of some size.
        if torch.as_tensor(rule.strength).any() and not isinstance(rule.force, MixedForce):
            warnings.warn(
                f"rule={rule.name}({rule.strength}): this strength is not used, because λ comes from the "
                f"path. Give {rule.name}(0), or lambdas=[{rule.strength}] to fit only that λ.",
                UserWarning,
                stacklevel=6,
            )
        return rule
    if isinstance(rule, str):
        return rule_named(rule)
    if callable(rule):
        made = rule(1.0)  # at strength 1, because at 0 the parts of a rule may not show
        if float(made.strength) != 1.0:
            raise RequestError(
                f"{called('rule', rule)}: a function of the strength must return a rule with that "
                f"strength; for 1.0 it returned {float(made.strength):g}."
            )
        return made.with_strength(0.0)
    raise RequestError(
        f"{called('rule')}: must be a name, a rule or a function of the strength, got {shown(rule)}."
    )


def starting_lambdas(lambdas: Any) -> NDArray[np.float64]:
    """`lambdas=` as the λs that training starts from."""
    if isinstance(lambdas, str) and lambdas == EVIDENCE:
        return np.array([STARTS_AT])
    if isinstance(lambdas, str) and lambdas != "auto":
        raise RequestError(
            f"{called('lambdas')}: must be auto, evidence, a count or a list of λs, got {shown(lambdas)}."
        )
    return checked_lambdas(lambdas)


def controller_of(given: Mapping[str, Any], rule: Rule, loss: str) -> Controller | None:
    """What moves λ, or None where it is fixed.

    Args:
        given: the estimator's parameters by name.
        rule: what pulls.
        loss: the key of the loss.
    """
    lambdas = given["lambdas"]
    if not isinstance(lambdas, str) or lambdas != EVIDENCE:
        return None
    what = called("lambdas", EVIDENCE)
    if rule.name != "L2":
        raise RequestError(
            f"{what}: the evidence assumes a Gaussian prior, which is an L2 penalty; {rule.name} is not "
            f"one. Use {called('rule', 'l2')}, or a path of λs."
        )
    if loss not in LIKELIHOODS:
        raise RequestError(
            f"{what}: the evidence needs a likelihood: the cross-entropy or the squared error. {loss} is "
            "not one: use a path of λs."
        )
    return Evidence()


def check_moving(given: Mapping[str, Any], weight: Any) -> None:
    """Raise for what a moving λ doesn't go with; `weight` are the row weights, or None."""
    lambdas = given["lambdas"]
    if not isinstance(lambdas, str) or lambdas != EVIDENCE:
        return
    what = called("lambdas", EVIDENCE)
    if given["network"] is not None:
        raise RequestError(
            f"{what}: this trains only the package's perceptrons. For your own module, attach(…, "
            "control=Evidence(…)) moves λ in a training loop."
        )
    if given["inputs"] == "periodic" or given["embedding"] == "periodic":
        raise RequestError(
            f"{what}: the evidence is not worked out for networks with a periodic embedding. Use "
            f"{called('inputs', 'bounded')}, or a path of λs."
        )
    if not isinstance(given["inputs"], str):
        raise RequestError(
            f"{what}: only one form of input is possible, because only folds can choose between several. "
            f"Use {called('inputs', 'standard')}, or a path of λs."
        )
    if weight is not None:
        raise RequestError(
            f"{what}: the evidence counts rows, and weights are not counts. Leave sample_weight out, or "
            "use a path of λs."
        )
    if given.get("class_weight") is not None:
        raise RequestError(
            f"{what}: the evidence counts rows, and weights are not counts. Leave {called('class_weight')} out, or "
            "use a path of λs."
        )
    for name, value in (("select", "1se"), ("fast", True)):
        if given[name] == value:
            raise RequestError(
                f"{what}: {called(name, value)} has no effect, because the folds choose nothing. Leave it out, or use "
                "a path of λs."
            )
