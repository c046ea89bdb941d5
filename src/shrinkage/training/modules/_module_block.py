"""A block of modules in training: λs × members, a member being one (fold, restart).

Axes: G members, L λs, K = G·L modules, member by member and λ by λ within it; B rows of a batch.
The modules of one member see the same batches and draw the same random numbers, whatever their λ: neighbours on the
path differ by λ alone. Members share a stack where nothing random is drawn in it, else each has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from shrinkage.networks.module import (
    ModuleKind,
    ModuleStack,
    OneByOne,
    StackedModules,
    copy_modules,
    generators,
    leaves,
    map_tree,
    quiet_fallback,
    replay,
    seed_generators,
)
from shrinkage.rules import Reading
from shrinkage.training._draws import orders
from shrinkage.training._recipe import Recipe
from shrinkage.training._rows import chunks
from shrinkage.training._trainee import EpochByEpoch, Member
from shrinkage.training.modules._module_recipe import module_parts
from shrinkage.training.modules._module_rows import read
from shrinkage.training.modules._module_score import ModuleScore
from shrinkage.training.modules._module_updates import update_of

__all__ = ["ModuleBlock"]

SCORED_ROWS, SCORED_NUMBERS = 256, 1 << 18
"""Rows scored at a time: at least a batch, and otherwise no more than this, nor than so many numbers of input."""


class ModuleBlock(EpochByEpoch):
    """K modules in training; arguments as in `Recipe.train`."""

    def __init__(
        self, recipe: Recipe, lambdas: Sequence[float], members: Sequence[Member], seed: int
    ) -> None:
        kind, _, _ = module_parts(recipe)
        verdict = kind.verdict
        together = verdict.stacked and verdict.together and not verdict.is_random
        groups = [list(members)] if together else [[member] for member in members]
        self.n_lambdas, self.G = len(lambdas), len(members)
        self.lanes = [Lane(recipe, lambdas, group, seed) for group in groups]

    def train_epoch(self, epoch: int) -> np.ndarray:
        return self._join([lane.train_epoch(epoch) for lane in self.lanes])

    def validate(self) -> np.ndarray | None:
        found = [lane.score(validation=True) for lane in self.lanes]
        return None if any(each is None for each in found) else self._join(found)

    def networks(self) -> np.ndarray:
        rows = torch.cat([lane.stack.rows() for lane in self.lanes])
        return rows.view(self.G, self.n_lambdas, -1).numpy()

    def judge(self) -> np.ndarray:
        scores = [lane.score(validation=False) for lane in self.lanes]
        penalties = [lane.update.penalty().double().cpu()[None] for lane in self.lanes]
        return self._join(
            [
                torch.cat([score, penalty])
                for score, penalty in zip(scores, penalties, strict=True)
                if score is not None
            ]
        )

    def _join(self, of_lanes: Sequence[Any]) -> np.ndarray:
        """(·, G, L) of the lanes' (·, K)."""
        joined = torch.cat(list(of_lanes), dim=1)
        return joined.view(len(joined), self.G, self.n_lambdas).numpy()


class Lane:
    """The modules of one stack with their rows, their optimizer and their chance."""

    def __init__(self, recipe: Recipe, lambdas: Sequence[float], members: list[Member], seed: int) -> None:
        self.recipe, self.members, self.seed = recipe, members, seed
        kind, self.loss, self.trainer = module_parts(recipe)
        self.kind = kind.of_layout(members[0].layout(kind))
        self.shared, self.n_lambdas = len(members) == 1, len(lambdas)
        untrained = [self.kind.make(seed, m.fold, m.restart, "weights") for m in members]
        modules = [module for module in untrained for _ in lambdas]
        self.stack = self._stack(self.kind, modules)
        self.update = update_of(
            self.trainer.optimizer,
            recipe.rule,
            torch.tensor(list(lambdas), dtype=torch.float64).repeat(len(members)),
            self.trainer.learning_rate,
            self.stack,
            modules[0],
            decay_biases=recipe.decay_biases,
        )
        self.n = len(members[0].train)
        self.batches = batches(self.n, self.trainer.batch_size, whole=_is_of_batches(modules[0]))
        self.step = 0

    def train_epoch(self, epoch: int) -> Tensor:
        """(2, K) loss and metric over the epoch's batches, each from before its update."""
        score, order = ModuleScore(self.loss, self.stack.K), self._order(epoch)
        steps = len(self.batches) * self.recipe.max_epochs
        with self._quietly():
            for start, stop in self.batches:
                x, y, s = self._read(order[:, start:stop], ("rows", self.step), validation=False)
                if self.kind.verdict.is_random:
                    seed_generators(
                        self.seed, self.members[0].fold, self.members[0].restart, "noise", self.step
                    )
                with self.trainer.cast(self.recipe.device):
                    losses, hits = self.stack.gradient_(x, y, s, shared=self.shared)
                self._clip()
                rate = self.trainer.rate(self.step, steps)
                self.update.step(Reading(rate, self.trainer.learning_rate))
                score.add(losses, hits, y, s, shared=self.shared)
                self.step += 1
        return torch.stack([score.loss, score.metric]).cpu()

    def score(self, *, validation: bool) -> Tensor | None:
        """(2, K) loss and metric of the validation or the training rows, in evaluation mode."""
        rows = self._rows(validation)
        if any(each is None for each in rows):
            return None
        score, n = ModuleScore(self.loss, self.stack.K), len(rows[0])
        with self._quietly():
            for start, stop in chunks(n, self._scored_at_a_time(rows[0])):
                chance = ("validation" if validation else "training", start)
                positions = torch.arange(start, stop).expand(len(self.members), -1)
                x, y, s = self._read(positions, chance, validation=validation)
                if self.kind.verdict.is_random:
                    seed_generators(self.seed, self.members[0].fold, self.members[0].restart, *chance)
                with self.trainer.cast(self.recipe.device):
                    losses, hits = self.stack.scores(x, y, shared=self.shared)
                score.add(losses, hits, y, s, shared=self.shared)
        return torch.stack([score.loss, score.metric]).cpu()

    def _stack(self, kind: ModuleKind, modules: list[nn.Module]) -> ModuleStack:
        if kind.verdict.stacked:
            return StackedModules(modules, kind.module_layout, self.loss, kind.verdict.scoring)
        own = [copy_modules([module])[0] for module in modules]
        verdict = kind.verdict
        return OneByOne(
            own, kind.module_layout, self.loss, is_random=verdict.is_random, writes=verdict.writes
        )

    def _read(self, positions: Tensor, chance: tuple[int | str, ...], *, validation: bool) -> Any:
        """A batch for all modules, or K of them along the first axis; positions (G, B)."""
        parts = [
            read(rows, where, (self.seed, member.fold, member.restart, *chance))
            for rows, where, member in zip(self._rows(validation), positions, self.members, strict=True)
        ]
        if self.shared:
            return parts[0]
        return tuple(_join_trees([part[i] for part in parts], self.n_lambdas) for i in range(3))

    def _rows(self, validation: bool) -> list[Any]:
        return [member.validation if validation else member.train for member in self.members]

    def _order(self, epoch: int) -> Tensor:
        """(G, n) the order of the training rows; as they lie when one batch holds them all."""
        if len(self.batches) == 1:
            return torch.arange(self.n).expand(len(self.members), -1)
        return orders(self.members, self.n, self.seed, epoch)

    def _clip(self) -> None:
        """Shorten each module's gradient, as torch.nn.utils.clip_grad_norm_ does for one."""
        limit = self.trainer.max_grad_norm
        if limit is None:
            return
        grads = list(self.stack.flat_grads.values())
        squares = [grad.abs().square().sum(1, dtype=torch.float64) for grad in grads]
        factor = (limit / (torch.stack(squares).sum(0).sqrt() + 1e-6)).clamp_max(1.0)
        for grad in grads:
            grad.mul_(factor[:, None].to(grad.dtype))

    def _scored_at_a_time(self, rows: Any) -> int:
        x, _, _ = read(rows, torch.zeros(1, dtype=torch.int64), ("size",))
        numbers = sum(leaf.numel() for leaf in leaves(x))
        return max(self.trainer.batch_size, min(SCORED_ROWS, SCORED_NUMBERS // max(1, numbers)))

    def _quietly(self) -> AbstractContextManager[Any]:
        return _Quiet(self.kind.verdict.is_random)


class _Quiet:
    """Within it no warning of operations that torch loops is repeated; the user's generators go on "
    "afterwards as before."""

    def __init__(self, is_random: bool) -> None:
        self._states = generators() if is_random else None
        self._quiet = quiet_fallback()

    def __enter__(self) -> None:
        self._quiet.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._quiet.__exit__(*error)
        if self._states is not None:
            replay(self._states)


def _is_of_batches(module: nn.Module) -> bool:
    """Whether a batch of one row would be too few."""
    normalizes = any(isinstance(part, _BatchNorm) for part in module.modules())
    return normalizes or next(module.buffers(), None) is not None


def batches(n: int, size: int, *, whole: bool) -> list[tuple[int, int]]:
    """(start, stop) of an epoch's batches.

    Args:
        n: rows.
        size: of a batch; the last may be smaller.
        whole: let a single last row join the batch before it, for modules that keep statistics of a batch.
    """
    found = list(chunks(n, size))
    if whole and len(found) > 1 and found[-1][1] - found[-1][0] == 1:
        (start, _), (_, stop) = found[-2:]
        found = [*found[:-2], (start, stop)]
    return found


def _join_trees(parts: Sequence[Any], repeats: int) -> Any:
    """Parts of G members as one tree whose tensors have a first axis K."""
    if parts[0] is None:
        return None
    columns: list[Iterator[Any]] = [leaves(part) for part in parts]
    stacked = iter(
        [torch.stack(list(each)).repeat_interleave(repeats, 0) for each in zip(*columns, strict=True)]
    )
    return map_tree(lambda _: next(stacked), parts[0])
