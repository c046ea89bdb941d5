"""Optimizers, a small model with a fixed stream of data, and a training loop with each rule written out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from rules_cases import ROWS, Moment, Row

Factory = Callable[[Any], Optimizer]
SetLr = Callable[[Optimizer, int], None]

OPTIMIZERS: dict[str, Factory] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05),
    "SGD momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.1),
    "SGD nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "SGD foreach": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, foreach=True),
    "SGD fused": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, fused=True),
    "SGD maximize": lambda p: torch.optim.SGD(p, lr=0.01, maximize=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01, foreach=False),
    "Adam foreach": lambda p: torch.optim.Adam(p, lr=0.01, foreach=True),
    "Adam fused": lambda p: torch.optim.Adam(p, lr=0.01, fused=True),
    "Adam amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "Adam tensor lr": lambda p: torch.optim.Adam(p, lr=torch.tensor(0.01, dtype=torch.float64)),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0, foreach=False),
    "AdamW foreach": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0, foreach=True),
    "AdamW fused": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0, fused=True),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "NAdam decoupled": lambda p: torch.optim.NAdam(p, lr=0.01, decoupled_weight_decay=True),
    "RAdam": lambda p: torch.optim.RAdam(p, lr=0.01),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05),
    "Adadelta": lambda p: torch.optim.Adadelta(p, lr=0.5),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.01),
    "ASGD": lambda p: torch.optim.ASGD(p, lr=0.05),
    "Adafactor": lambda p: torch.optim.Adafactor(p, lr=0.01),
    "Rprop": lambda p: torch.optim.Rprop(p, lr=0.01),
    "Muon": lambda p: torch.optim.Muon(p, lr=0.01, weight_decay=0),
}

ADAM_LIKE = ("Adam", "AdamW", "NAdam", "RAdam")


def make_model(
    dtype: torch.dtype = torch.float64, *, seed: int = 0, bias: bool = True, size: float = 0.4
) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(5, 7, bias=bias), nn.Tanh(), nn.Linear(7, 3, bias=bias)).to(dtype)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(size * torch.randn(p.shape, generator=generator, dtype=dtype))
    return model


def loss_at(model: nn.Module, step: int) -> Tensor:
    """The loss on the rows of this step, the same for every model."""
    generator = torch.Generator().manual_seed(1000 + step)
    dtype = next(model.parameters()).dtype
    x = torch.randn(16, 5, generator=generator, dtype=dtype)
    y = torch.randn(16, 3, generator=generator, dtype=dtype)
    return (model(x) - y).square().mean()


def train(
    model: nn.Module, optimizer: Optimizer, steps: int, *, start: int = 0, set_lr: SetLr | None = None
) -> list[Tensor]:
    """Plain training; a rule that is attached to `optimizer` does its work."""
    for t in range(start, start + steps):
        (set_lr or decay_lr)(optimizer, t)
        optimizer.zero_grad()
        loss_at(model, t).backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def decay_lr(optimizer: Optimizer, step: int) -> None:
    """A schedule: after the third step the learning rate is 0.7 of what it was at the start."""
    if step == 3:
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * 0.7


def through_zero(peak: float) -> SetLr:
    """A schedule that starts, passes and ends at a learning rate of 0, in a tensor where the optimizer has one."""

    def set_lr(optimizer: Optimizer, step: int) -> None:
        value = peak * (0.0, 0.5, 1.0, 0.0, 0.7, 0.0)[step % 6]
        for group in optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(value)
            else:
                group["lr"] = value

    return set_lr


def train_twin(
    model: nn.Module, optimizer: Optimizer, row: Row, steps: int, *, set_lr: SetLr | None = None
) -> list[Tensor]:
    """Training with the rule of `row` written out by hand; only matrices are pulled."""
    pulled = [p for g in optimizer.param_groups for p in g["params"] if p.ndim > 1]
    starts = {p: p.detach().clone() for p in pulled}
    memories: dict[Tensor, dict[str, Any]] = {p: {} for p in pulled}
    lr_max = float(optimizer.param_groups[0]["lr"])
    moments = SecondMoments(optimizer)
    for t in range(steps):
        (set_lr or decay_lr)(optimizer, t)
        optimizer.zero_grad()
        loss_at(model, t).backward()
        with torch.no_grad():
            olds = {p: p.detach().clone() for p in pulled}
            sign = -1.0 if optimizer.param_groups[0].get("maximize") else 1.0
            grads = {p: sign * _grad(p).clone() for p in pulled}
            everywhere = {
                "grad_norm": float(torch.stack([g.norm() for g in grads.values()]).norm()),
                "norm": float(torch.stack([p.norm() for p in pulled]).norm()),
                "v_hat_mean": moments.mean(t + 1),
            }
            lr = float(optimizer.param_groups[0]["lr"])

            def moment(
                p: Tensor, olds: Any = olds, grads: Any = grads, lr: float = lr, everywhere: Any = everywhere
            ) -> Moment:
                return Moment(p, olds[p], grads[p], starts[p], lr, lr_max, memories[p], everywhere)

            for p in pulled:
                if row.acts == "gradient":
                    p.grad = sign * row.twin(moment(p))
                if row.acts == "before":
                    p.copy_(row.twin(moment(p)))
            optimizer.step()
            for p in pulled:
                if row.acts == "after":
                    p.copy_(row.twin(moment(p)))
    return [p.detach().clone() for p in model.parameters()]


class SecondMoments:
    """Adam's v̂ kept by hand, for all parameters of the optimizer."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._params = [p for g in optimizer.param_groups for p in g["params"]]
        self._v = {p: torch.zeros_like(p) for p in self._params}

    def mean(self, step: int) -> float:
        total, count = 0.0, 0
        for p in self._params:
            self._v[p] = 0.999 * self._v[p] + 0.001 * _grad(p).square()
            total += float(self._v[p].sum()) / (1 - 0.999**step)
            count += p.numel()
        return total / count


def _grad(p: Tensor) -> Tensor:
    assert p.grad is not None
    return p.grad


def optimizer_for(name: str, model: nn.Module) -> Optimizer:
    """The optimizer called `name` over the parameters of `model` (of Muon: over its matrices)."""
    params = [p for p in model.parameters() if name != "Muon" or p.ndim == 2]
    return OPTIMIZERS[name](params)


def fitting(rule_names: Iterable[str], optimizer_names: Iterable[str]) -> list[tuple[str, str]]:
    """All pairs, but for rules that read Adam's second moment and optimizers that keep none."""
    pairs = product(rule_names, optimizer_names)
    return [(r, o) for r, o in pairs if not is_adam_only(r) or o.split()[0] in ADAM_LIKE]


def is_adam_only(rule_name: str) -> bool:
    return ROWS[rule_name.removesuffix(" by hook")].adam_only
