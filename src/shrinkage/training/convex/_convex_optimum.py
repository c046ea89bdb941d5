"""The trainer of networks without hidden layers: it finds the minimum, so that epochs, batches and rates have no say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from shrinkage._errors import RequestError
from shrinkage.networks import Layout, PerceptronKind, loss_named
from shrinkage.rules import Rule
from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._recipe import Recipe
from shrinkage.training._rows import Rows
from shrinkage.training._score import Score
from shrinkage.training._trainee import BlockResult, Member
from shrinkage.training.convex._ridge import ridge_path
from shrinkage.training.convex._smooth_losses import smooth_path

__all__ = ["ConvexOptimum", "has_one_minimum"]

NETWORKS_A_BLOCK = 64
SECONDS_A_NETWORK = 0.01
"""A rough estimate for a small table."""


def has_one_minimum(kind: object, rule: Rule, *, loss: str, decay_biases: bool) -> bool:
    """Whether this trainer takes a network: without hidden layers, under L2 on the weights alone, and a loss whose
    slope has no jumps."""
    linear = isinstance(kind, PerceptronKind) and not kind.hidden_layer_sizes
    return linear and rule.name == "L2" and not decay_biases and loss_named(loss).is_smooth


@dataclass(frozen=True)
class ConvexOptimum:
    """Networks without hidden layers at the minimum of `J = (1/n) Σ lossᵢ + (λ/2) Σ w²`.

    The curves are of one epoch: training has no others.
    """

    def check(self, recipe: Recipe) -> None:
        if not has_one_minimum(recipe.kind, recipe.rule, loss=recipe.loss, decay_biases=recipe.decay_biases):
            raise RequestError(
                f"trainer=…: a network with hidden layers, under {recipe.rule.name} or with {recipe.loss_name} as its "
                "loss has no single minimum to find. Train it by back-propagation."
            )
        if recipe.max_epochs != 1:
            raise RequestError(f"max_epochs=…: the minimum is found in 1 epoch, got {recipe.max_epochs}.")

    def described(self) -> dict[str, str]:
        return {"trainer": "minimum"}

    def error_name(self, recipe: Recipe) -> str:
        return recipe.loss_name

    def in_threads(self, recipe: Recipe) -> bool:
        return False

    def admits(self, recipe: Recipe, lam: float) -> bool:
        return True

    def train(
        self,
        recipe: Recipe,
        lambdas: Sequence[float],
        members: Sequence[Member],
        *,
        seed: int,
        epochs: Sequence[int] | None = None,
        after_epochs: Callable[[int], object] | None = None,
    ) -> BlockResult:
        # SciPy's L-BFGS sums long vectors in parts, one for each of its own threads.
        with one_thread_flushed(), _blas().limit(limits=1), torch.no_grad():
            found = [_optima(recipe, lambdas, member) for member in members]
        if after_epochs is not None:
            after_epochs(1)
        numbers = {name: np.array([each[name] for each in found]) for name in found[0]}
        once = {name: numbers[name][..., None] for name in numbers if name in _CURVES}
        return BlockResult(**{**numbers, **once})

    def networks_a_block(self, recipe: Recipe, layout: Layout, n: int) -> int:
        return NETWORKS_A_BLOCK

    def seconds_an_epoch(self, recipe: Recipe, layout: Layout, n: int, networks: int) -> float:
        return networks * SECONDS_A_NETWORK

    def work_an_epoch(self, recipe: Recipe, layout: Layout, n: int) -> tuple[float, float]:
        return 1.0, recipe.kind.work(layout) * n


@cache
def _blas() -> ThreadpoolController:
    """The linear algebra libraries of this process, SciPy's among them; to find them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")


_CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric")


def _optima(recipe: Recipe, lambdas: Sequence[float], member: Member) -> dict[str, np.ndarray]:
    """The numbers of one member's networks, (L, …) each."""
    batch = member.train.read(torch.arange(len(member.train), device=member.train.X.device))
    X, Y = batch.X.double(), batch.Y.double()
    s = X.new_ones(len(X)) if batch.weight is None else batch.weight.double().flatten()
    s = s / s.mean()
    loss = loss_named(recipe.loss)
    if recipe.loss == "squared_error":
        W, b = ridge_path(X, Y, s, lambdas)
    else:
        W, b = smooth_path(X, Y, s, lambdas, loss)
    rows = torch.cat([W.flatten(1), b], 1).to(batch.X)
    train = _score(recipe, rows, member.train)
    validation = [np.full(len(lambdas), np.nan)] * 2
    if member.validation is not None:
        validation = _score(recipe, rows, member.validation)
    lam = torch.tensor(list(lambdas), dtype=torch.float64)
    penalty = lam / 2 * rows[:, : W[0].numel()].double().square().sum(1)
    return {
        "train_loss": train[0],
        "train_metric": train[1],
        "validation_loss": validation[0],
        "validation_metric": validation[1],
        "final_train_loss": train[0],
        "final_train_metric": train[1],
        "final_penalty": penalty.cpu().numpy(),
        "networks": rows.cpu().numpy(),
    }


def _score(recipe: Recipe, networks: torch.Tensor, rows: Rows) -> list[np.ndarray]:
    """Loss and metric, (L,) each."""
    batch = rows.read(torch.arange(len(rows), device=rows.X.device))
    layout = recipe.layout(batch.X.shape[1], batch.Y.shape[1])
    z = recipe.kind.outputs(layout, networks, batch.X)
    score = Score(loss_named(recipe.loss))
    weight = None if batch.weight is None else batch.weight[None, None]
    score.add(z[None], batch.Y[None, None], weight)
    return [score.loss.cpu().numpy(), score.metric.cpu().numpy()]
