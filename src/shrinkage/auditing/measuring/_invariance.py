"""Weights whose scale the outputs do not feel, found by scaling them; and where decay then takes their norm.

Decay of such a weight changes no output: it sets the angle by which a step turns it. With shrink s and updates of
RMS size u per step, independent between steps, the norm settles at ‖w‖ = u/√(2s).

Reference: Kosson, Messmer and Jaggi, arXiv 2305.17212, table 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["Invariance", "equilibrium", "invariant_names"]


@dataclass(frozen=True)
class Invariance:
    """Effect of decay on a weight whose scale does not matter."""

    norm: float
    """‖w‖ now."""
    norm_at_rest: float | None
    """‖w‖ at which decay and updates balance; None where the gradients' size decides and none is there."""
    angle: float
    """Radians by which one step turns it at that norm."""


def invariant_names(model: nn.Module, inputs: Any, names: Sequence[str]) -> list[str]:
    """The parameters (2 axes or more) that can be halved and doubled without a change in any output.

    Args:
        model: run in training mode, as the optimizer meets it; its buffers and random states are left as they were.
        inputs: one batch: a tensor, a tuple of arguments, or a dict of keyword arguments.
        names: parameters to try.
    """
    own = dict(model.named_parameters())
    with _training(model), torch.no_grad():
        reference = _outputs(model, inputs, {})
        return [
            name
            for name in names
            if name in own
            and own[name].dim() > 1
            and all(_same(_outputs(model, inputs, {name: own[name] * k}), reference) for k in (0.5, 2.0))
        ]


def equilibrium(
    norm: float, shrink: float, elements: int, *, lr: float, beta: float, reach: float | None
) -> Invariance:
    """The norm at rest ‖w‖ = u/√(2s) and the angle √(2s(1 − β)/(1 + β)) of one step.

    Args:
        norm: ‖w‖ now.
        shrink: fraction removed per step, > 0.
        elements: number of elements.
        lr: learning rate of an adaptive optimizer, whose update is lr an element.
        beta: momentum, in [0, 1).
        reach: long-run length of the update at the present norm, for an optimizer that is not adaptive;
            it falls as 1/‖w‖. None for an adaptive one, NaN where no gradient tells it.
    """
    angle = math.sqrt(2 * shrink * (1 - beta) / (1 + beta))
    if reach is None:
        return Invariance(norm, lr * math.sqrt(elements / (2 * shrink)), angle)
    if math.isnan(reach) or not norm:
        return Invariance(norm, None, angle)
    return Invariance(norm, math.sqrt(reach * norm / math.sqrt(2 * shrink)), angle)


def _outputs(model: nn.Module, inputs: Any, changed: dict[str, Tensor]) -> list[Tensor]:
    args, kwargs = _as_call(inputs)
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return list(_tensors(functional_call(model, {**buffers, **changed}, args, kwargs)))


def _as_call(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, dict):
        return (), inputs
    return (tuple(inputs), {}) if isinstance(inputs, tuple | list) else ((inputs,), {})


def _tensors(outputs: Any) -> Iterator[Tensor]:
    if isinstance(outputs, Tensor):
        yield outputs
    elif isinstance(outputs, dict):
        yield from (t for value in outputs.values() for t in _tensors(value))
    elif isinstance(outputs, list | tuple):
        yield from (t for value in outputs for t in _tensors(value))


def _same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(
        bool((x - y).abs().max() <= 1e-3 * y.abs().max())
        for x, y in zip(a, b, strict=True)
        if y.is_floating_point()
    )


@contextmanager
def _training(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in modes:
            module.training = True
        yield
    finally:
        for module, mode in modes:
            module.training = mode
