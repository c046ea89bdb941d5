"""A small network trained at any strength, and simulated sweeps whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from strength_cases import task

STEPS = 200

Build = Callable[[list[torch.nn.Parameter], float, float], Optimizer]
Penalty = Callable[[float, list[torch.nn.Parameter]], Tensor]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a convention's number trains a network under a cosine schedule."""

    convention: str
    build: Build
    lr: float
    penalty: Penalty | None = None
    dtype: torch.dtype = torch.float64
    told: dict[str, Any] = field(default_factory=dict)

    def run(self, number: float, steps: int = STEPS) -> tuple[Tensor, float]:
        """The trained weights as one float64 vector, and the root mean square of the gradients on the way."""
        problem = task()
        X, y = torch.tensor(problem.X, dtype=self.dtype), torch.tensor(problem.Y.argmax(1))
        weights = [torch.nn.Parameter(torch.tensor(w, dtype=self.dtype) / 2) for w in problem.start]
        optimizer = self.build(weights, self.lr, 0.0 if self.penalty else number)
        squares = 0.0
        for t in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = self.lr * (1 + math.cos(math.pi * t / steps)) / 2
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(torch.tanh(X @ weights[0]) @ weights[1], y)
            if self.penalty:
                loss = loss + self.penalty(number, weights)
            loss.backward()
            optimizer.step()
            squares += float(
                torch.cat([w.grad.ravel() for w in weights if w.grad is not None]).square().mean()
            )
        return torch.cat([w.detach().double().ravel() for w in weights]), math.sqrt(squares / steps)


def distance(one: Tensor, other: Tensor) -> float:
    """‖one − other‖/‖other‖."""
    return float((one - other).norm() / other.norm())


def optimizer(name: str, **options: Any) -> Build:
    """`torch.optim.<name>` at any learning rate and weight_decay."""
    return lambda weights, lr, number: getattr(torch.optim, name)(
        weights, lr=lr, weight_decay=number, **options
    )


def plain(weights: list[torch.nn.Parameter], lr: float, number: float) -> Optimizer:
    """SGD, the penalty being in the loss."""
    return torch.optim.SGD(weights, lr=lr)
