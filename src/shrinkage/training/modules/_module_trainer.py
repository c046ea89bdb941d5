"""How a block of modules is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from shrinkage._errors import JobError, RequestError, called
from shrinkage.networks import Layout
from shrinkage.networks.module import ModuleKind, ModuleLayout, first_line
from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._recipe import Recipe, seconds_of_stack
from shrinkage.training._trainee import BlockResult, Member, recorded
from shrinkage.training.modules._block_size import modules_a_block
from shrinkage.training.modules._module_block import ModuleBlock
from shrinkage.training.modules._module_settings import ModuleSettings

__all__ = ["ModuleTrainer"]


@dataclass(frozen=True, kw_only=True)
class ModuleTrainer(ModuleSettings):
    """Training of any modules by back-propagation."""

    def check(self, recipe: Recipe) -> None:
        if recipe.controller is not None:
            raise RequestError(
                f"{called('network')}: a module keeps its λ while it trains; controllers move only the λs "
                "of the package's own perceptrons. Give λs, or leave out the network."
            )

    def error_name(self, recipe: Recipe) -> str:
        return recipe.loss_name

    def in_threads(self, recipe: Recipe) -> bool:
        return False

    def admits(self, recipe: Recipe, lam: float) -> bool:
        return recipe.rule.admits(lam, self.learning_rate)

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
        taken = [recipe.max_epochs] * len(lambdas) if epochs is None else epochs
        report = None if after_epochs is None else _EpochReport(after_epochs)
        try:
            with one_thread_flushed(), torch.no_grad(), _failing_in_words():
                block = ModuleBlock(recipe, lambdas, members, seed)
                return recorded(block, taken, len(members), recipe.validated, report)
        except JobError:
            if report is not None and report.error is not None:
                raise report.error from None  # of the user's own progress function
            raise

    def networks_a_block(self, recipe: Recipe, layout: Layout, n: int) -> int:
        assert isinstance(layout, ModuleLayout)
        return modules_a_block(layout, recipe.device)

    def seconds_an_epoch(self, recipe: Recipe, layout: Layout, n: int, networks: int) -> float:
        kind = recipe.kind
        if isinstance(kind, ModuleKind) and kind.seconds_a_step > 0:
            return -(-n // self.batch_size) * networks * kind.seconds_a_step
        return seconds_of_stack(recipe, layout, n, networks)

    def work_an_epoch(self, recipe: Recipe, layout: Layout, n: int) -> tuple[float, float]:
        return -(-n // self.batch_size), recipe.kind.work(layout) * n


class _EpochReport:
    """Calls a function after epochs, and keeps what it raises apart from what training raises."""

    def __init__(self, function: Callable[[int], object]) -> None:
        self._function = function
        self.error: Exception | None = None

    def __call__(self, epochs: int) -> object:
        try:
            return self._function(epochs)
        except Exception as error:
            self.error = error
            raise


@contextmanager
def _failing_in_words() -> Iterator[None]:
    """Within it whatever the user's module, loss or optimizer raises becomes one sentence."""
    try:
        yield
    except (RequestError, JobError):
        raise
    except Exception as error:
        raise JobError(
            f"{called('make_module')}: training failed: {type(error).__name__}: {first_line(error)}."
        ) from error
