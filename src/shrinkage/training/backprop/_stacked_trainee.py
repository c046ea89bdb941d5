"""Back-propagation of a block as one stack: every operation is one call of torch for all networks.

Axes: K = G·L networks, member by member and λ by λ within it; B rows of a batch; C outputs.
It is what the compiled engine is held against, and it trains what that one doesn't: on a GPU, under any rule.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from shrinkage.networks import Layout, StackedKind, loss_named
from shrinkage.rules import Reading
from shrinkage.training._draws import initial_rows, orders
from shrinkage.training._pull import Pull
from shrinkage.training._recipe import Recipe
from shrinkage.training._rows import Batch, Rows, chunks
from shrinkage.training._score import Score
from shrinkage.training._strengths import Strengths
from shrinkage.training._trainee import EpochByEpoch, Member
from shrinkage.training.backprop._backprop_settings import backprop_of, learning_rate
from shrinkage.training.backprop._optimizers import SGD, Adam, Optimizer
from shrinkage.training.backprop._products import permission_for

__all__ = ["StackedBlock", "permission", "stacked_networks"]

SCORED_ELEMENTS = 1 << 18
"""Linear outputs kept for scoring, and hidden units computed for validation, at a time."""
KEPT_ELEMENTS = 1 << 20
"""Inputs of a set of rows that are kept as they are fed to the stack."""
CACHED_PARAMETERS = 1 << 17
"""Parameters of a stack whose weights, gradients and moments stay in a core's cache (2 MB in float32)."""
HELD_ACTIVATIONS = 1 << 22
"""Numbers of one layer and batch that a stack may hold."""
NETWORKS_ON_A_DEVICE, ACTIVATIONS_ON_A_DEVICE = 1024, 1 << 28
"""The same limits on a GPU, which wants many networks at once: a choice, not a measurement."""


def stacked_networks(recipe: Recipe, layout: Layout, n: int) -> int:
    """Number of networks per stack."""
    activations = min(backprop_of(recipe).batch_size, n) * layout.widest
    if torch.device(recipe.device).type != "cpu":
        return max(1, min(NETWORKS_ON_A_DEVICE, ACTIVATIONS_ON_A_DEVICE // activations))
    by_cache = min(256, max(2, CACHED_PARAMETERS // layout.n_parameters))
    return max(1, min(by_cache, HELD_ACTIVATIONS // activations))


def permission(recipe: Recipe, member: Member) -> str:
    """Whether the block's products may take the routine that is permitted to round, and doesn't."""
    layout, n = member.layout(recipe.kind), len(member.train)
    at_a_time = scored_at_a_time(recipe, layout, n)
    scored = {n: at_a_time, 0 if member.validation is None else len(member.validation): at_a_time}
    return permission_for(
        layout,
        _sizes(n, backprop_of(recipe).batch_size),
        {size for rows, piece in scored.items() for size in _sizes(rows, piece)},
        member.train.X.dtype,
        member.train.X.device,
    )


def scored_at_a_time(recipe: Recipe, layout: Layout, n: int) -> int:
    """Rows scored at a time, by the workload alone: a loss is summed piece by piece, to the same bits in every block."""
    return max(1, SCORED_ELEMENTS // (layout.widest * stacked_networks(recipe, layout, n)))


def _sizes(n: int, size: int) -> set[int]:
    """The lengths of consecutive pieces of at most `size` of n."""
    return {stop - start for start, stop in chunks(n, size)}


class StackedBlock(EpochByEpoch):
    """K networks as one stack of torch tensors; arguments as in `Recipe.train`."""

    def __init__(
        self, recipe: Recipe, lambdas: Sequence[float], members: Sequence[Member], seed: int
    ) -> None:
        self.recipe, self.settings, self.seed, self.members = recipe, backprop_of(recipe), seed, members
        self.n_lambdas = len(lambdas)
        self.loss = loss_named(recipe.loss)
        first = members[0].train
        self.n = len(first)
        self.layout = members[0].layout(recipe.kind)
        rows = (
            initial_rows(recipe.kind, self.layout, members, seed)
            .to(first.X)
            .repeat_interleave(len(lambdas), 0)
        )
        assert isinstance(recipe.kind, StackedKind)
        self.stack = recipe.kind.stack(self.layout, rows, self.loss)
        width = self.stack.x_width
        self.train = [m.train.contiguous_rows(width) for m in members]
        self.validation = [m.validation.contiguous_rows(width) for m in members if m.validation is not None]
        lr = self.settings.learning_rate
        self.strengths = Strengths(recipe.rule, lambdas, len(members), lr=lr, like=first.X)
        self.optimizer = self._make_optimizer()
        self.pull = Pull(
            self.strengths,
            self.stack,
            decay_biases=recipe.decay_biases,
            second_moments=self._second_moments if self.settings.optimizer == "adam" else None,
        )
        self._kept: dict[tuple[bool, int, int], Batch] = {}
        self.steps = -(-self.n // self.settings.batch_size)
        self.step = 0

    def train_epoch(self, epoch: int) -> np.ndarray:
        """Train one epoch; (2, G, L) loss and metric over its batches, each from before its update."""
        score, order = Score(self.loss), self._order(epoch)
        B, K = self.settings.batch_size, self.stack.n_networks
        inputs, outputs = self.stack.x_width, self.stack.z_width
        copies = K if len(self.members) > 1 else 1
        at_a_time = max(1, SCORED_ELEMENTS // (B * max(K * outputs, copies * inputs))) * B
        whole = self.n // B * B
        for start, stop in (*chunks(whole, at_a_time), *chunks(self.n - whole, B)):
            first = start if stop - start >= B else whole
            self._steps(order[:, first : first + stop - start], min(B, stop - start), score)
        return self._by_member(score.loss, score.metric)

    def validate(self) -> np.ndarray | None:
        if not self.validation:
            return None
        score = self._score(self.validation)
        return self._by_member(score.loss, score.metric)

    def networks(self) -> np.ndarray:
        rows = self.stack.rows()
        return rows.view(len(self.members), self.n_lambdas, -1).cpu().numpy()

    def start_at(self, step: int) -> None:
        """Count the optimizer's steps from here on."""
        self.step = step
        self.optimizer.start_at(step)

    def moments(self) -> list[list[Tensor]]:
        """Views of the optimizer's moments, each as the (K, …) tensors of the networks."""
        return [self.stack.views(each) for each in self.optimizer.moments]

    def judge(self) -> np.ndarray:
        score = self._score(self.train)
        return self._by_member(score.loss, score.metric, self.pull.penalty().double())

    def _by_member(self, *of_networks: Tensor) -> np.ndarray:
        """(·, G, L) of numbers a network (K,)."""
        return torch.stack(of_networks).view(len(of_networks), -1, self.n_lambdas).cpu().numpy()

    def _steps(self, positions: Tensor, B: int, score: Score) -> None:
        """A step for every B of the positions (G, S·B)."""
        one_batch = self.steps == 1
        batch = self._read_once(self.train, 0, self.n) if one_batch else self._read(self.train, positions)
        pieces = positions.shape[1] // B
        z = self.stack.flat.new_empty(pieces, self.stack.n_networks, B, self.stack.z_width)
        for s in range(pieces):
            self._one_step(batch.part(s * B, (s + 1) * B), z[s])
        self._add_to(score, z[..., : self.layout.outputs], batch)

    def _one_step(self, batch: Batch, z_out: Tensor) -> None:
        lr = learning_rate(self.settings, self.step, self.steps * self.recipe.max_epochs)
        now = Reading(lr, self.settings.learning_rate)
        self.stack.gradient_(batch.X, batch.Y, batch.weight, z_out)
        self.pull.add_gradient()
        self.pull.before_step(now)
        self.optimizer.step(lr)
        self.pull.after_step(now)
        self.step += 1

    def _score(self, rows: list[Rows]) -> Score:
        score = Score(self.loss)
        for start, stop in chunks(len(rows[0]), scored_at_a_time(self.recipe, self.layout, self.n)):
            batch = self._read_once(rows, start, stop)
            self._add_to(score, self.stack.outputs(batch.X)[None], batch)
        return score

    def _add_to(self, score: Score, z: Tensor, batch: Batch) -> None:
        """Add outputs z (S, K, B, C) of S pieces of the batch."""

        def cut(x: Tensor) -> Tensor:
            x = x.unsqueeze(0) if x.dim() == 2 else x
            return x.unflatten(1, (len(z), -1)).transpose(0, 1)

        score.add(z, cut(batch.Y), None if batch.weight is None else cut(batch.weight))

    def _order(self, epoch: int) -> Tensor:
        """(G, n) the order of the training rows; as they lie when one batch holds them all."""
        if self.steps == 1:
            return torch.arange(self.n, device=self.stack.flat.device).expand(len(self.members), -1)
        return orders(self.members, self.n, self.seed, epoch).to(self.stack.flat.device)

    def _read(self, rows: list[Rows], positions: Tensor) -> Batch:
        """The members' rows at positions (G, S·B), shared by all networks when G is 1, else (K, ·, ·)."""
        batches = [each.read(order) for each, order in zip(rows, positions, strict=True)]
        if len(batches) == 1:
            return batches[0]

        def stack(parts: Sequence[Tensor]) -> Tensor:
            return torch.stack(list(parts)).repeat_interleave(self.n_lambdas, 0)

        weights = [batch.weight for batch in batches if batch.weight is not None]
        X, Y = stack([batch.X for batch in batches]), stack([batch.Y for batch in batches])
        return Batch(X, Y, stack(weights) if weights else None)

    def _read_once(self, rows: list[Rows], start: int, stop: int) -> Batch:
        """Rows start to stop in their order, kept when they are few: they are read again in every epoch."""
        key = (rows is self.train, start, stop)
        if key in self._kept:
            return self._kept[key]
        positions = torch.arange(start, stop, device=self.stack.flat.device)
        batch = self._read(rows, positions.expand(len(rows), -1))
        if batch.X.numel() <= KEPT_ELEMENTS:
            self._kept[key] = batch
        return batch

    def _second_moments(self) -> list[Tensor]:
        """Adam's v̂ of the step that is about to be made, (K, …) for each tensor of the stack."""
        assert isinstance(self.optimizer, Adam)
        beta2, grad = self.optimizer.betas[1], self.stack.flat_grad
        v = (beta2 * self.optimizer.v + (1 - beta2) * grad.square()) / (1 - beta2 ** (self.step + 1))
        return self.stack.views(v)

    def _make_optimizer(self) -> Optimizer:
        w, grad, settings = self.stack.flat, self.stack.flat_grad, self.settings
        if settings.optimizer == "sgd":
            return SGD(w, grad, momentum=settings.momentum, nesterov=settings.nesterov)
        return Adam(w, grad)
