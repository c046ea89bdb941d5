"""Small modules in training: recipes, members, and the plain loop that a user would write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shrinkage import attach
from shrinkage._random import generator, hashed_seed
from shrinkage.networks.module import ModuleKind, call, module_loss, preflight
from shrinkage.rules import L2, Rule
from shrinkage.training import BlockResult
from shrinkage.training.modules import (
    ModuleMember,
    ModuleRecipe,
    ModuleRows,
    ModuleTrainer,
    Samples,
    samples_of,
)

SEED = 3


def perceptron() -> nn.Module:
    """5-6-3, tanh; drawn as the package's own perceptron draws its weights, so that both begin alike."""
    sizes = [(5, 6), (6, 3)]
    layers: list[Any] = [nn.utils.skip_init(nn.Linear, *each, dtype=torch.float64) for each in sizes]
    for layer, (fan_in, fan_out) in zip(layers, sizes, strict=True):
        limit = (6 / (fan_in + fan_out)) ** 0.5
        draw = torch.rand(fan_in * fan_out, dtype=torch.float64)
        layer.weight.data = (draw * 2 * limit - limit).view(fan_in, -1).T.clone()
        layer.bias.data.zero_()
    return nn.Sequential(layers[0], nn.Tanh(), layers[1])


def table(n: int = 23, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(n, 5) inputs and three classes."""
    g = torch.Generator().manual_seed(seed)
    X = torch.randn(n, 5, generator=g, dtype=torch.float64)
    return X, torch.randint(0, 3, (n,), generator=g)


def member(
    samples: Samples, n_train: int, *, fold: int = 0, restart: int = 0, weight: Tensor | None = None
) -> ModuleMember:
    """The first rows to train on, the others to validate with."""
    index = np.arange(len(samples))

    def rows(part: Any) -> ModuleRows:
        own = None if weight is None else weight[torch.from_numpy(part)]
        own = None if own is None else own / own.mean()
        return ModuleRows(samples=samples, index=part, weight=own, device="cpu", dtype=None)

    return ModuleMember(fold, restart, rows(index[:n_train]), rows(index[n_train:]))


def recipe(
    factory: Callable[[], nn.Module],
    samples: Samples,
    *,
    loss: Any = "cross_entropy",
    rule: Rule | None = None,
    stacked: bool | str = True,
    max_epochs: int = 3,
    device: str = "cpu",
    **settings: Any,
) -> ModuleRecipe:
    """A recipe for what the factory makes; plain SGD in batches of 5 unless told otherwise."""
    x, y = samples.take(np.arange(min(8, len(samples))), device, None)
    verdict = preflight(factory, module_loss(loss), x, y, stacked=stacked, device=device)
    kind: Any = ModuleKind.of(factory, verdict, device)
    given: dict[str, Any] = {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "schedule": "constant",
        "batch_size": 5,
    }
    return ModuleRecipe(
        kind=kind,
        loss="any",
        of_rows=module_loss(loss),
        rule=L2(0.0) if rule is None else rule,
        trainer=ModuleTrainer(**(given | settings)),
        max_epochs=max_epochs,
        device=device,
    )


def plain_loop(
    factory: Callable[[], nn.Module],
    samples: Samples,
    n_train: int,
    make_optimizer: Callable[[Any], torch.optim.Optimizer],
    rule: Rule,
    *,
    loss: Any = "cross_entropy",
    epochs: int = 3,
    batch_size: int = 5,
    clip: float | None = None,
    fold: int = 0,
    restart: int = 0,
) -> nn.Module:
    """One module trained as its user would: an optimizer, `attach`, and a loop over shuffled batches."""
    torch.manual_seed(hashed_seed(SEED, fold, restart, "weights"))
    module = factory()
    optimizer = make_optimizer([p for p in module.parameters() if p.requires_grad])
    attach(optimizer, rule, model=module, lower=False)
    step = 0
    for epoch in range(epochs):
        order = torch.randperm(n_train, generator=generator(SEED, fold, restart, "order", epoch)).numpy()
        for start in range(0, n_train, batch_size):
            x, y = samples.take(order[start : start + batch_size], "cpu", None)
            torch.manual_seed(hashed_seed(SEED, fold, restart, "noise", step))
            optimizer.zero_grad()
            module_loss(loss).of_rows(call(module, x), y).mean().backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(module.parameters(), clip)
            optimizer.step()
            step += 1
    return module


def last_module(result: BlockResult, recipe: ModuleRecipe, lam: int, of_member: int = 0) -> dict[str, Tensor]:
    """The tensors of one module of a block."""
    kind: Any = recipe.kind
    return dict(kind.module_layout.tensors(torch.from_numpy(result.networks[of_member, lam])))


def classes(n: int = 23) -> Samples:
    return samples_of(*table(n))
