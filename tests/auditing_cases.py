"""Models, optimizers and provocations for the tests of the audit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.auditing import Reading, audit
from shrinkage.auditing.measuring._experiments import read
from shrinkage.auditing.subjects._live import OptimizerSubject
from shrinkage.auditing.subjects._subject import without_traces


def net() -> nn.Sequential:
    """A net with weights, biases and a norm, the same each time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 4))


def matrices(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that good practice decays here."""
    return [p for p in model.parameters() if p.dim() > 1]


def rest(model: nn.Module) -> list[nn.Parameter]:
    """The others."""
    return [p for p in model.parameters() if p.dim() < 2]


def sgd(model: nn.Module, **options: Any) -> torch.optim.Optimizer:
    """SGD that decays the matrices alone."""
    groups = [{"params": matrices(model), "weight_decay": 1e-3}, {"params": rest(model)}]
    return torch.optim.SGD(groups, **{"lr": 0.1, **options})


def adamw(model: nn.Module, **options: Any) -> torch.optim.Optimizer:
    """AdamW that decays the matrices alone."""
    groups = [{"params": matrices(model), "weight_decay": 0.1}, {"params": rest(model), "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, **{"lr": 1e-3, **options})


def first_reading(
    build: Callable[[nn.Module], torch.optim.Optimizer], model: nn.Module | None = None
) -> Reading:
    """What is measured of the first parameter of the optimizer that `build` makes."""
    optimizer = build(model or net())
    with without_traces():
        subject = OptimizerSubject(optimizer, limit=256, lrs=[float(g["lr"]) for g in optimizer.param_groups])
        return read(subject)[0]


def codes(optimizer: torch.optim.Optimizer, model: nn.Module | None = None, **told: Any) -> set[str]:
    """The codes of what is found."""
    return {finding.code for finding in audit(optimizer, model, **told).findings}


def _hook(act: Callable[[Tensor], object]) -> Callable[[torch.optim.Optimizer, Any, Any], None]:
    """Does something to each parameter that has a gradient."""

    def hook(own: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        with torch.no_grad():
            for group in own.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        act(p)

    return hook


def before_each_step(
    optimizer: torch.optim.Optimizer, act: Callable[[Tensor], object]
) -> torch.optim.Optimizer:
    """The optimizer with a hook that does something to each parameter first."""
    optimizer.register_step_pre_hook(_hook(act))
    return optimizer


def after_each_step(
    optimizer: torch.optim.Optimizer, act: Callable[[Tensor], object]
) -> torch.optim.Optimizer:
    """The optimizer with a hook that does something to each parameter afterwards."""
    optimizer.register_step_post_hook(_hook(act))
    return optimizer


def trained(
    model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3, inputs: int = 12
) -> torch.optim.Optimizer:
    """The optimizer after some steps on noise."""
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, 12)).square().mean().backward()
        optimizer.step()
    return optimizer
