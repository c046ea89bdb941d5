"""`network=` of the estimators: the user's modules in the place of the perceptron, all else as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shrinkage._errors import RequestError, called, shown, vocabulary
from shrinkage.estimators.modules._kept_form import kept_or_faster_form
from shrinkage.networks.module import Factory, ModuleKind, call, make_module, preflight, with_seed
from shrinkage.path import Fold, PathRequest
from shrinkage.training import Backprop
from shrinkage.training.modules import ModuleRecipe, ModuleTrainer, of_perceptrons, read

__all__ = ["MakeNetwork", "members_of_network", "with_network"]

MakeNetwork = Callable[[int, int], nn.Module]
PREFLIGHT_ROWS = 64


@dataclass(frozen=True)
class Sized:
    """The user's function of (inputs, outputs) for one table, in the dtype of the training."""

    make: MakeNetwork
    inputs: int
    outputs: int
    dtype: str

    def __call__(self) -> nn.Module:
        module = self.make(self.inputs, self.outputs)
        return module.to(getattr(torch, self.dtype)) if isinstance(module, nn.Module) else module

    def for_sizes(self, inputs: int, outputs: int) -> Sized:
        """For a fold whose table has other columns."""
        return replace(self, inputs=inputs, outputs=outputs)


def with_network(
    network: MakeNetwork, request: PathRequest, fold: Fold, blocks: Path | None = None
) -> ModuleRecipe:
    """The recipe with the user's modules in the place of the perceptron.

    Args:
        network: makes a module for so many inputs and outputs.
        request: of the path, with the recipe of the perceptron.
        fold: whose first training rows the preflight runs on.
        blocks: a folder for finished blocks, or None.
    """
    if isinstance(network, nn.Module) or not callable(network):
        raise RequestError(
            f"{called('network')}: must be a function of (inputs, outputs) that builds a "
            f"torch.nn.Module, got {shown(network)}."
        )
    recipe, trainer = request.recipe, request.recipe.trainer
    if not isinstance(trainer, Backprop):
        raise RequestError(
            f"{called('network')}: modules are trained by back-propagation. Use trainer='backprop'."
        )
    member = fold.member(0, recipe.dtype, recipe.device)
    rows = torch.arange(min(len(member.train), trainer.batch_size, PREFLIGHT_ROWS))
    x, y, _ = read(member.train, rows, ("preflight",))
    factory, loss = Sized(network, x.shape[1], y.shape[1], recipe.dtype), of_perceptrons(recipe.loss)
    with vocabulary({"make_module": "network"}):
        _check_outputs(factory, x, tuple(y.shape), recipe.device)
        verdict = preflight(factory, loss, x, y, device=recipe.device)
        kind = ModuleKind.of(factory, verdict, recipe.device, (x.shape[1], y.shape[1]), (loss, x, y))
        kind = kept_or_faster_form(kind, loss, x, y, len(request.lambdas), blocks)
    return ModuleRecipe(
        kind=kind,
        loss=recipe.loss,
        of_rows=loss,
        rule=recipe.rule,
        trainer=ModuleTrainer(
            optimizer=_optimizer(trainer),
            learning_rate=trainer.learning_rate,
            schedule=trainer.schedule,
            batch_size=trainer.batch_size,
        ),
        max_epochs=recipe.max_epochs,
        validate_every=recipe.validate_every,
        decay_biases=recipe.decay_biases,
        dtype=recipe.dtype,
        device=recipe.device,
        engine="torch",
    )


def _check_outputs(factory: Factory, x: torch.Tensor, wanted: tuple[int, ...], device: str) -> None:
    """Refuse a module with other outputs than the table has targets."""
    module = make_module(factory, device, "outputs")
    try:
        with torch.no_grad(), with_seed("outputs"):
            z = call(module, x)
    except Exception:  # the preflight says why
        return
    if not isinstance(z, torch.Tensor) or z.shape not in (wanted, wanted[:1] if wanted[1] == 1 else wanted):
        got = f"a tensor {tuple(z.shape)}" if isinstance(z, torch.Tensor) else f"a {type(z).__name__}"
        raise RequestError(
            f"{called('network')}: called with ({x.shape[1]}, {wanted[1]}), it must build a module that "
            f"outputs {wanted[1]} numbers per row, a tensor {wanted} for {wanted[0]} rows; got {got}."
        )


def members_of_network(inputs: object) -> tuple[str, ...]:
    """The only member of a model of the user's own modules: they see the standard form of input."""
    if inputs not in ("standard", "auto"):
        raise RequestError(
            f"{called('inputs', inputs)}: with network=…, the networks get the standardized columns. Leave "
            "inputs='standard'."
        )
    return ("standard",)


def _optimizer(trainer: Backprop) -> Any:
    if trainer.optimizer == "sgd" and trainer.momentum:
        return partial(
            torch.optim.SGD, lr=trainer.learning_rate, momentum=trainer.momentum, nesterov=trainer.nesterov
        )
    return trainer.optimizer
