"""More epochs for one network, its optimizer going on from where it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._recipe import Recipe
from shrinkage.training._trainee import Member
from shrinkage.training.backprop._stacked_trainee import StackedBlock, permission
from shrinkage.training.engine._engine_trainee import EngineBlock

__all__ = ["OptimizerState", "further_epochs"]


@dataclass(frozen=True, kw_only=True)
class OptimizerState:
    """What the optimizer of one network of D parameters remembers."""

    moments: tuple[NDArray[np.float64], ...] = ()
    """(D,) each: Adam's two moments, SGD's velocity, or none."""
    step: int = 0
    """Steps done."""
    epoch: int = 0
    """Epochs done, which the order of the rows depends on."""


def further_epochs(
    recipe: Recipe, lam: float, member: Member, state: OptimizerState, *, seed: int
) -> tuple[NDArray[np.float64], OptimizerState]:
    """A network after the recipe's epochs, at a constant learning rate, and what its optimizer then remembers.

    Args:
        recipe: whose kind begins with the network.
        lam: canonical strength.
        member: the rows.
        state: of the optimizer before.
        seed: of the order of the rows.

    Returns:
        (D,) the network, and the state.
    """
    compiled = recipe.trainer.in_threads(recipe)
    with one_thread_flushed(*([] if compiled else [permission(recipe, member)])), torch.no_grad():
        if compiled:
            block: EngineBlock | StackedBlock = EngineBlock(recipe, [lam], [member], seed)
        else:
            # The product of a single matrix uses another routine with other rounding, so it gets a twin.
            block = StackedBlock(recipe, [lam, lam], [member], seed)
        _remember(block, state)
        done = 0
        while done < recipe.max_epochs:
            count = min(block.epochs_at_once, recipe.max_epochs - done)
            block.advance(state.epoch + done, [False] * count)
            done += count
        moments = tuple(
            torch.cat([part[0].flatten() for part in moment]).double().cpu().numpy()
            for moment in block.moments()
        )
        return (
            block.networks()[0, 0],
            OptimizerState(moments=moments, step=block.step, epoch=state.epoch + done),
        )


def _remember(block: EngineBlock | StackedBlock, state: OptimizerState) -> None:
    block.start_at(state.step)
    for moment, kept in zip(block.moments(), state.moments, strict=False):  # none before the first step
        _copy(moment, torch.from_numpy(kept))


def _copy(parts: list[Tensor], row: Tensor) -> None:
    """Set the (K, …) parts of a moment to a row (D,) for each network."""
    start = 0
    for part in parts:
        size = part[0].numel()
        part.copy_(row[start : start + size].view(part.shape[1:]))
        start += size
