"""Back-propagation of a block: λs × members, a member being one (fold, restart).

Axes: K = G·L networks, member by member and λ by λ within it; B rows of a batch; C outputs; E epochs.
Initial weights and batches are functions of (seed, fold, restart, epoch): neighbours on the path differ by λ alone,
and a network's numbers don't depend on which others are in its block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from shrinkage._errors import RequestError
from shrinkage.networks import Layout
from shrinkage.training._block import BlockResult, Member, recorded
from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._settings import BackpropSettings
from shrinkage.training._stacked import StackedBlock, permission, stacked_networks
from shrinkage.training.engine._block import EngineBlock, engine_networks, engine_seconds, engine_takes

__all__ = ["TrainingOptions", "train_block"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(BackpropSettings):
    """Training by back-propagation: by the compiled engine where it takes the settings, else as one stack of torch's."""

    def train(
        self,
        lambdas: Sequence[float],
        members: Sequence[Member],
        *,
        seed: int,
        epochs: Sequence[int] | None = None,
        after_epochs: Callable[[int], object] | None = None,
    ) -> BlockResult:
        return train_block(self, lambdas, members, seed=seed, epochs=epochs, after_epochs=after_epochs)

    def admits(self, lam: float) -> bool:
        try:
            self.rule.at_lambda(lam, self.learning_rate)
        except RequestError:
            return False
        return True

    @property
    def in_threads(self) -> bool:
        return self.engine == "compiled" and engine_takes(self)

    def networks_a_block(self, layout: Layout, n: int) -> int:
        return engine_networks(self, layout, n) if self.in_threads else stacked_networks(self, layout, n)

    def seconds_an_epoch(self, layout: Layout, n: int, networks: int) -> float:
        if self.in_threads:
            return networks * engine_seconds(self, layout, n)
        return super().seconds_an_epoch(layout, n, networks)

    def work_an_epoch(self, layout: Layout, n: int) -> tuple[float, float]:
        return -(-n // self.batch_size), 6.0 * layout.n_parameters * n


def train_block(
    options: TrainingOptions,
    lambdas: Sequence[float],
    members: Sequence[Member],
    *,
    seed: int,
    epochs: Sequence[int] | None = None,
    after_epochs: Callable[[int], object] | None = None,
) -> BlockResult:
    """Train L λs for each of G members: K = G·L networks.

    Args:
        options: the network and its training.
        lambdas: (L,) canonical strengths.
        members: their training sets are of one shape, and so are their validation sets.
        seed: of the run.
        epochs: (L,) after how many epochs each λ's network is taken; by default after the last.
        after_epochs: told, as epochs are done, how many more.
    """
    taken = [options.max_epochs] * len(lambdas) if epochs is None else epochs
    if options.in_threads:
        with one_thread_flushed(), torch.no_grad():
            block = EngineBlock(options, lambdas, members, seed)
            return recorded(block, taken, len(members), options.validated, after_epochs)
    if len(lambdas) == len(members) == 1:
        # Of a single matrix the product is another routine, with another rounding: it gets a twin.
        twice = None if epochs is None else [*epochs, *epochs]
        pair = train_block(
            options, [*lambdas, *lambdas], members, seed=seed, epochs=twice, after_epochs=after_epochs
        )
        return BlockResult(**{name: array[:, :1] for name, array in vars(pair).items()})
    with one_thread_flushed(permission(options, members[0])), torch.no_grad():
        block = StackedBlock(options, lambdas, members, seed)
        return recorded(block, taken, len(members), options.validated, after_epochs)
